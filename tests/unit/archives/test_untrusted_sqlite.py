import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.untrusted_sqlite import Expected, untrusted_database

EXPECTED = Expected("Isso", {"threads": {"id"}}, set())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a b?#.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "create table threads (id integer primary key, uri text);"
            "insert into threads values (1, '/harbour/');"
            "create table preferences (key text, value text);"
            "insert into preferences values ('session-key', 'secret');"
        )
    return path


def test_the_expected_tables_are_read(path: Path) -> None:
    with untrusted_database(path, path.name, EXPECTED) as connection:
        assert connection.execute("select uri from threads order by id").fetchall() == [
            ("/harbour/",)
        ]


@pytest.mark.parametrize(
    "statement",
    [
        "select value from preferences",
        "select * from sqlite_master",
        "select upper(uri) from threads",
        "select * from pragma_table_info('threads')",
        "pragma query_only = off",
        "attach ':memory:' as other",
        "insert into threads values (2, '/')",
        "create temp table threads (id)",
        "begin",
    ],
)
def test_nothing_else_is(path: Path, statement: str) -> None:
    with (
        pytest.raises(BelowTheLineError, match=r"not authorized|prohibited"),
        untrusted_database(path, path.name, EXPECTED) as connection,
    ):
        connection.execute(statement).fetchall()
