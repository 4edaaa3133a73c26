"""Migrations: the same database as sql/schema.sql, once however often and by however many, and
never backwards.
"""

import os
import re
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from below_the_line.database.migrations import (
    Migration,
    available,
    migrate,
    pending,
    require_current,
)
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import SQL
from btl.stack.postgres import binaries
from tests.conftest import with_database

pytestmark = pytest.mark.stack


@pytest.fixture
def empty_database(server_url: str) -> Iterator[str]:
    name = f"btl_empty_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield with_database(server_url, name)
        finally:
            server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def dumped(url: str) -> str:
    """The schema as pg_dump writes it, less what differs by name only and the history of
    migrations.
    """
    parts = conninfo_to_dict(url)
    environment = os.environ | {"PGPASSWORD": str(parts.get("password", ""))}
    done = subprocess.run(
        [
            str(binaries() / "pg_dump"),
            *("--schema-only", "--exclude-schema", "below_the_line"),
            *("--host", str(parts["host"]), "--port", str(parts["port"])),
            *("--username", str(parts["user"]), str(parts["dbname"])),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)


def test_the_readable_schema_and_the_migrations_make_the_same_database(
    database_url: str, empty_database: str
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute((SQL / "schema.sql").read_bytes())
    assert dumped(empty_database).splitlines() == dumped(database_url).splitlines()


def test_migrating_twice_applies_nothing_the_second_time(empty_database: str) -> None:
    assert migrate(empty_database) == [migration.name for migration in available()]
    assert migrate(empty_database) == []
    require_current(empty_database)


def test_two_at_once_apply_each_migration_once(empty_database: str) -> None:
    applied: list[list[str]] = []
    both = [
        threading.Thread(target=lambda: applied.append(migrate(empty_database))) for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(applied, key=len) == [[], [migration.name for migration in available()]]


def test_a_migration_that_fails_leaves_nothing_and_the_next_run_resumes_there(
    empty_database: str, tmp_path: Path
) -> None:
    (tmp_path / "0001_good.sql").write_text("create table good ();")
    (tmp_path / "0002_bad.sql").write_text("create table half (); select 1 / 0;")
    with pytest.raises(BelowTheLineError, match=r"0002_bad\.sql failed .* division by zero"):
        migrate(empty_database, tmp_path)
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("select to_regclass('good'), to_regclass('half')").fetchone() == (
            "good",
            None,
        )
    (tmp_path / "0002_bad.sql").write_text("create table half ();")
    assert migrate(empty_database, tmp_path) == ["0002_bad.sql"]


def test_a_database_that_is_newer_than_the_software_is_refused(
    empty_database: str, tmp_path: Path
) -> None:
    for number in (1, 2):
        (tmp_path / f"000{number}_table.sql").write_text(f"create table t{number} ();")
    migrate(empty_database, tmp_path)
    (tmp_path / "0002_table.sql").unlink()
    with pytest.raises(BelowTheLineError, match="newer than this software"):
        migrate(empty_database, tmp_path)


def test_an_applied_migration_that_was_edited_is_refused() -> None:
    with pytest.raises(BelowTheLineError, match="another text"):
        pending(
            [Migration(1, "0001_a.sql", "select 2")],
            {1: Migration(1, "0001_a.sql", "select 1").sha256},
            "db",
        )


def test_an_old_database_is_named_with_its_cure(empty_database: str) -> None:
    with pytest.raises(BelowTheLineError, match="btl migrate"):
        require_current(empty_database)


def test_every_table_and_column_has_a_comment(connection: psycopg.Connection) -> None:
    bare = connection.execute("""
        select c.relname, a.attname
        from pg_class as c
        inner join pg_namespace as n on n.oid = c.relnamespace
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where n.nspname in ('discussion', 'ingest', 'metrics', 'below_the_line')
            and c.relkind in ('r', 'v', 'm', 'p')
            and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)
        """).fetchall()
    assert bare == []
