"""What is said of a row that Postgres rejects: in its own log, and where an error is logged."""

import os
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from below_the_line.database.connections import connect
from tests.pipeline import wait_until

BODY = "a-text-that-nobody-but-its-reader-knows"
_TABLE = "create temporary table kept (body text check (length(body) < 5), number integer)"


def by_parameter(connection: psycopg.Connection) -> None:
    connection.execute("insert into kept values (%s, 1)", [BODY])


def by_literal(connection: psycopg.Connection) -> None:
    connection.execute(f"insert into kept values ('{BODY}', 1)")


def by_copy(connection: psycopg.Connection) -> None:
    with connection.cursor().copy("copy kept from stdin") as copy:
        copy.write_row((BODY, 1))


WAYS = pytest.mark.parametrize("insert", [by_parameter, by_literal, by_copy])


@WAYS
def test_an_error_that_is_logged_says_nothing_of_the_row(
    database_url: str, insert: Callable[[psycopg.Connection], None]
) -> None:
    def fail() -> None:
        with connect(database_url, application_name="test") as connection:
            connection.execute(_TABLE)
            insert(connection)

    with pytest.raises(psycopg.errors.CheckViolation) as raised:
        fail()
    said = "".join(traceback.format_exception(raised.value))
    assert "constraint kept_body_check" in said
    assert BODY not in said


@WAYS
def test_the_servers_log_says_nothing_of_the_row(
    database_url: str, insert: Callable[[psycopg.Connection], None]
) -> None:
    name = f"{insert.__name__} {uuid.uuid4().hex[:8]}"
    with connect(database_url, application_name=name, autocommit=True) as connection:
        connection.execute("set log_min_duration_statement = 0")
        connection.execute("select length(%s)", [BODY])
        connection.execute("set log_min_duration_statement = -1")
        connection.execute(_TABLE)
        with pytest.raises(psycopg.errors.CheckViolation):
            insert(connection)
    log = Path(os.environ["BTL_TEST_HOME"]) / "logs" / "postgres.log"

    def lines() -> list[str]:
        return [each for each in log.read_text(encoding="utf-8").splitlines() if name in each]

    # The supervisor writes what the server says a moment later.
    wait_until(lambda: any("23514: ERROR" in line for line in lines()), 30)
    assert any("select length($1)" in line for line in lines())
    assert not [line for line in lines() if BODY in line]
