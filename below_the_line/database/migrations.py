"""Migrations: the files of sql/migrations, forward only, each in a transaction of its own.

Why not a library: see docs/adr/0002-migrations.md.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg

from below_the_line import resources
from below_the_line.database.connections import connect, describe
from below_the_line.errors import BelowTheLineError

_LOCK = (
    0x62746C6D  # "btlm": one migrator at a time, whoever else uses advisory locks in this database
)
_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

_CREATE_HISTORY = """
create schema if not exists below_the_line;
comment on schema below_the_line is 'Which migrations were applied';
create table if not exists below_the_line.migrations (
    number integer primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default clock_timestamp()
);
comment on table below_the_line.migrations is 'One row per migration applied to this database';
comment on column below_the_line.migrations.number is 'Its number';
comment on column below_the_line.migrations.name is 'Its file name';
comment on column below_the_line.migrations.sha256 is 'Digest of its text when it was applied';
comment on column below_the_line.migrations.applied_at is 'When it was applied';
grant usage on schema below_the_line to public;
grant select on below_the_line.migrations to public;
"""


@dataclass(frozen=True)
class Migration:
    """One file of sql/migrations."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Digest of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def available(folder: Path | None = None) -> list[Migration]:
    """The migrations that this version of the software knows, in order, numbered from 1 without a
    gap.
    """
    found = []
    for path in sorted((folder or resources.SQL / "migrations").glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name}: a migration is named 0001_words.sql")
        found.append(Migration(int(match[1]), path.name, path.read_text(encoding="utf-8")))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError("migrations are not numbered from 1 without a gap")
    return found


def pending(known: list[Migration], applied: dict[int, str], database: str) -> list[Migration]:
    """What is left to apply, given the digests of what was applied by number.

    Raises BelowTheLineError when the database is newer than this software, or when an applied
    migration was edited.
    """
    newer = sorted(set(applied) - {migration.number for migration in known})
    if newer:
        raise BelowTheLineError(
            f"The database {database} is newer than this software: it has migration"
            f" {newer[-1]:04d}, the last one known here is {len(known):04d}.",
            "Run the version that wrote it, or a later one.",
        )
    for migration in known:
        if migration.number in applied and applied[migration.number] != migration.sha256:
            raise BelowTheLineError(
                f"Migration {migration.name} was applied to {database} with another text than the"
                " one here.",
                "Migrations are never edited: restore the file, and write the change as a new"
                " migration.",
            )
    return [migration for migration in known if migration.number not in applied]


def migrate(url: str, folder: Path | None = None) -> list[str]:
    """Bring the database up to date and return the names of the migrations applied, in order.

    Safe to run twice and by two at once: the second waits for the first and finds nothing to do.
    Each migration is one transaction, recorded in it, so that an interrupted run resumes where it
    stopped. Raises BelowTheLineError.
    """
    with connect(url, application_name="btl migrate", autocommit=True) as connection:
        try:
            return _migrate(connection, available(folder), describe(url))
        except psycopg.errors.InsufficientPrivilege as error:
            raise BelowTheLineError(
                f"No permission to migrate {describe(url)}: {error.diag.message_primary}.",
                "Migrate as the database's owner, with the right to create roles; services run as"
                " btl_ingest and so on.",
            ) from None


def require_current(url: str) -> None:
    """Return if the database has all migrations. Raises BelowTheLineError if some are missing, or
    it is newer.
    """
    with connect(url, application_name="btl", autocommit=True) as connection:
        todo = pending(available(), _applied(connection), describe(url))
    if todo:
        raise BelowTheLineError(
            f"The database {describe(url)} is not up to date: {todo[0].name} is missing.",
            "Run `btl migrate`.",
        )


def _applied(connection: psycopg.Connection) -> dict[int, str]:
    if connection.execute("select to_regclass('below_the_line.migrations') is null").fetchone() == (
        True,
    ):
        return {}
    return dict(
        connection.execute("select number, sha256 from below_the_line.migrations").fetchall()
    )


def _migrate(connection: psycopg.Connection, known: list[Migration], database: str) -> list[str]:
    connection.execute("select pg_advisory_lock(%s)", [_LOCK])
    if connection.execute("select to_regclass('below_the_line.migrations') is null").fetchone() == (
        True,
    ):
        connection.execute(_CREATE_HISTORY)
    todo = pending(known, _applied(connection), database)
    for migration in todo:
        try:
            with connection.transaction():
                connection.execute(migration.text.encode())
                connection.execute("reset role")
                connection.execute(
                    "insert into below_the_line.migrations (number, name, sha256) values (%s,"
                    " %s, %s)",
                    [migration.number, migration.name, migration.sha256],
                )
        except psycopg.errors.InsufficientPrivilege:
            raise
        except psycopg.Error as error:
            raise BelowTheLineError(
                f"Migration {migration.name} failed on {database}:"
                f" {error.diag.message_primary or error}.",
                "Nothing of it was kept. Mend the cause and run `btl migrate` again.",
            ) from error
    connection.execute("select pg_advisory_unlock(%s)", [_LOCK])
    return [migration.name for migration in todo]
