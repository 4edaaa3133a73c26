"""What is said about an error of Postgres: never the values that it rejected."""

from types import SimpleNamespace

import psycopg
import pytest

from below_the_line.database.errors import reason
from consumers.adapters.postgres import StoreError
from consumers.core.failures import Failure


def error(sqlstate: str, message: str | None, **more: str) -> psycopg.Error:
    class Failed(psycopg.Error):
        diag = SimpleNamespace(  # type: ignore[assignment]
            sqlstate=sqlstate,
            message_primary=message,
            **{"constraint_name": None, "table_name": None, "column_name": None, **more},
        )

    return Failed(f"{message}\nDETAIL:  Failing row contains (secret).\nCONTEXT:  COPY secret")


@pytest.mark.parametrize(
    ("sqlstate", "message", "more", "said"),
    [
        (
            "22P02",
            'invalid input syntax for type uuid: "a "secret" text\nof two lines"',
            {},
            'invalid input syntax for type uuid: "…" (SQLSTATE 22P02)',
        ),
        (
            "23514",
            'new row for relation "comments" violates check constraint "x"',
            {"constraint_name": "x", "table_name": "comments"},
            'new row for relation "…" (constraint x, table comments, SQLSTATE 23514)',
        ),
        ("42703", 'column "x" does not exist', {}, 'column "x" does not exist'),
        (
            "54000",
            "index row size 2800 exceeds",
            {},
            "index row size 2800 exceeds (SQLSTATE 54000)",
        ),
    ],
)
def test_rejected_values_are_left_out(
    sqlstate: str, message: str, more: dict[str, str], said: str
) -> None:
    cause = error(sqlstate, message, **more)
    assert reason(cause) == said
    failed = StoreError(Failure.DATA, cause)
    assert failed.reason == said
    assert str(failed) == f"data: {said}"
