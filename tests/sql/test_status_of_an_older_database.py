"""What `btl status` says between a new installation and `btl up`: one plain line."""

from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest

from below_the_line.database.connections import connect
from below_the_line.settings import Settings
from btl.stack import checks
from btl.stack.checks import Notice, System, notices

pytestmark = pytest.mark.stack


@pytest.fixture
def older(database_url: str) -> str:
    """A database without what a later migration and its routines made."""
    with connect(database_url, application_name="test", autocommit=True) as connection:
        connection.execute(
            "drop table below_the_line.settings cascade;"
            " drop function ingest.selected_dead_letters cascade"
        )
        connection.execute("delete from below_the_line.files where name like 'migrations/%'")
    return database_url


@pytest.mark.parametrize("upgrade", ["btl up", "btl migrate"])
def test_an_older_database_is_one_plain_line_with_the_command_that_helps(
    older: str, upgrade: str
) -> None:
    settings = Settings.model_validate({"database_url": older})
    with closing(System(settings, datetime.now(UTC), upgrade=upgrade)) as system:
        assert notices(system) == [
            Notice(
                "postgres",
                "the database is of an older release and must be brought up to date",
                upgrade,
            )
        ]


def test_what_the_server_says_of_a_statement_is_not_repeated(
    older: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "CHECKS", (checks.dead_letters,))
    settings = Settings.model_validate({"database_url": older})
    with closing(System(settings, datetime.now(UTC))) as system:
        (notice,) = notices(system)
    assert notice.sentence.startswith("not all could be looked at: function ingest.selected")
    assert "LINE" not in notice.sentence
    assert "HINT" not in notice.sentence


def test_a_check_that_needs_no_table_still_looks(
    older: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        checks, "CHECKS", (checks.up_to_date, checks.figures, lambda _: [Notice("x", "was seen")])
    )
    settings = Settings.model_validate({"database_url": older})
    with closing(System(settings, datetime.now(UTC))) as system:
        assert [each.subject for each in notices(system)] == ["postgres", "x"]


def test_a_database_that_is_up_to_date_is_nothing_to_speak_of(
    database_url: str, connection: psycopg.Connection
) -> None:
    assert connection.execute("select from below_the_line.settings").fetchall() is not None
    settings = Settings.model_validate({"database_url": database_url})
    with closing(System(settings, datetime.now(UTC))) as system:
        assert list(checks.up_to_date(system)) == []
