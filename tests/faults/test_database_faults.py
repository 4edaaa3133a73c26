"""A database that is read-only, full, out of connections or locked: waited for in plain sight, and
nothing is bad data.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from btl.stack.stack import Stack
from consumers.core.observer import Cause
from tests.databases import with_database
from tests.faults.outages import watched
from tests.pipeline import Pipeline

pytestmark = pytest.mark.stack


@pytest.fixture
def database(database_url: str) -> sql.Identifier:
    return sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))


def end_consumers(connection: psycopg.Connection) -> None:
    """End the sessions of consumers of this database: they must open others."""
    connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name = 'btl consume'"
    )


@pytest.mark.parametrize(
    "whole_server", [False, True], ids=["new sessions of the database", "the whole server"]
)
def test_a_database_that_is_read_only_is_waited_for(
    pipeline: Pipeline, connection: psycopg.Connection, database: sql.Identifier, whole_server: bool
) -> None:
    connection.execute("set default_transaction_read_only = off")
    setting = sql.SQL("default_transaction_read_only")
    target = sql.SQL("system") if whole_server else sql.SQL("database {}").format(database)

    def alter(change: str) -> None:
        connection.execute(sql.SQL("alter {} " + change).format(target, setting))
        connection.execute("select pg_reload_conf()")

    with watched(pipeline, connection) as outage:
        alter("set {} = on")
        try:
            if not whole_server:
                end_consumers(connection)
            outage.send(500)
            outage.wait_until_reported(Cause.DATABASE)
            assert "read-only transaction" in pipeline.consumer_logs()
        finally:
            alter("reset {}")
        outage.consume(500)
        outage.assert_visible(Cause.DATABASE, Cause.GROUP)


def test_a_server_that_has_no_connection_left_is_waited_for(
    pipeline: Pipeline, ingest_url: str, connection: psycopg.Connection, database: sql.Identifier
) -> None:
    # A superuser always gets in.
    pipeline.environment["BTL_DATABASE_URL"] = ingest_url
    with watched(pipeline, connection) as outage:
        connection.execute(sql.SQL("alter database {} connection limit 0").format(database))
        end_consumers(connection)
        outage.send(500)
        outage.wait_until_reported(Cause.DATABASE)
        assert "too many connections" in pipeline.consumer_logs()
        connection.execute(sql.SQL("alter database {} connection limit -1").format(database))
        outage.consume(500)
        outage.assert_visible(Cause.DATABASE, Cause.GROUP)


@pytest.mark.parametrize(
    "locking",
    [
        "lock table discussion.comments in access exclusive mode",
        "select from ingest.partition_offsets for update",
    ],
    ids=["a table", "the positions"],
)
def test_a_lock_that_somebody_else_holds_is_waited_for_and_left_to_them(
    database_url: str, pipeline: Pipeline, connection: psycopg.Connection, locking: str
) -> None:
    with watched(pipeline, connection) as outage:
        with psycopg.connect(database_url) as holder:
            holder.execute(locking.encode())
            outage.send(500)
            outage.wait_until_reported(Cause.DATABASE)
            assert "lock timeout" in pipeline.consumer_logs()
            # The holder is not a consumer that was left behind: they may finish what they do.
            holder.commit()
        outage.consume(500)
        outage.assert_visible(Cause.DATABASE, Cause.GROUP)


SMALL_BYTES = 64 * 1024 * 1024


@pytest.fixture
def small_disk(stack: Stack) -> Iterator[Path | None]:
    """A file system of its own for a tablespace; None where this process may not mount one."""
    # Where Postgres' user comes to, wherever the stack is.
    folder = stack.layout.postgres / "small"
    folder.mkdir(exist_ok=True)
    mount = shutil.which("mount")
    mounted = mount is not None and os.geteuid() == 0
    if mounted:
        done = subprocess.run(
            [
                str(mount),
                "-t",
                "tmpfs",
                "-o",
                f"size={SMALL_BYTES},mode=0700",
                "tmpfs",
                str(folder),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        # As root in a container without that right, too.
        mounted = done.returncode == 0
    try:
        if mounted:
            owner = stack.layout.postgres_data.stat()
            os.chown(folder, owner.st_uid, owner.st_gid)
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


@contextmanager
def in_tablespace(
    connection: psycopg.Connection, database_url: str, folder: Path
) -> Iterator[None]:
    """The test's database on that file system, the staging tables of the consumers included."""
    name = conninfo_to_dict(database_url)["dbname"]
    connection.close()
    with psycopg.connect(with_database(database_url, "postgres"), autocommit=True) as server:
        space, database = sql.Identifier(f"small_{name}"), sql.Identifier(str(name))
        server.execute(
            sql.SQL("create tablespace {} location {}").format(space, sql.Literal(str(folder)))
        )
        try:
            server.execute(sql.SQL("alter database {} set tablespace {}").format(database, space))
            yield
        finally:
            server.execute(sql.SQL("alter database {} set tablespace pg_default").format(database))
            server.execute(sql.SQL("drop tablespace {}").format(space))


class FullDisk:
    """Fills the disk up and makes room again: a real one, or, without the right to mount one, by
    the server's own error.
    """

    def __init__(self, folder: Path | None, connection: psycopg.Connection) -> None:
        self._filler = folder and folder / "filler"
        self._connection = connection

    def fill(self) -> None:
        if self._filler is None:
            self._connection.execute(
                "create function full_disk() returns trigger language plpgsql as $$ begin raise"
                " exception 'could not extend file: No space left on device' using errcode ="
                " 'disk_full'; end $$; create trigger full_disk before insert on"
                " discussion.comments execute function full_disk()"
            )
            return
        with self._filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                return

    def empty(self) -> None:
        if self._filler is None:
            self._connection.execute("drop function full_disk cascade")
        else:
            self._filler.unlink()


def test_a_disk_that_is_full_is_waited_for(
    pipeline: Pipeline, connection: psycopg.Connection, database_url: str, small_disk: Path | None
) -> None:
    if small_disk is None:
        fill_up(pipeline, connection, FullDisk(None, connection))
        return
    with (
        in_tablespace(connection, database_url, small_disk),
        psycopg.connect(database_url, autocommit=True) as inside,
    ):
        fill_up(pipeline, inside, FullDisk(small_disk, inside))


def fill_up(pipeline: Pipeline, connection: psycopg.Connection, disk: FullDisk) -> None:
    with watched(pipeline, connection) as outage:
        disk.fill()
        outage.send(20_000)
        outage.wait_until_reported(Cause.DATABASE)
        assert "No space left on device" in pipeline.consumer_logs()
        # A new connection finds no room either, not even for the staging tables.
        end_consumers(connection)
        outage.wait_until_reported(Cause.DATABASE, times=4)
        disk.empty()
        outage.consume(500)
        outage.assert_visible(Cause.DATABASE, Cause.GROUP)
