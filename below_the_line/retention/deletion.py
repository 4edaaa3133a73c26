"""Deletes what is old enough, in small transactions beside running consumers and DAGs.

A transaction deletes one chunk. It waits for no lock longer than a moment, and consumers wait for
none of its locks: what they still write is too young to go. Killed anywhere, the chunks before are
done, and the next run goes on there.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from below_the_line.database.connections import require_idle
from below_the_line.database.locks import lock
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql
from below_the_line.retention.rules import RULES, Rule
from below_the_line.settings import Settings

RETENTION_LOCK: Final = "retention"
"""Every chunk holds it: two runs at once do not fold the same lines."""
ROLE: Final = "btl_retention"
CHUNK_ROWS: Final = 5_000
_LOCK_SECONDS = 2
_TRIES = 5
_RETRIED = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a rule has deleted."""

    rule: Rule
    rows: int
    chunks: int
    """Transactions that deleted something."""


def delete_old(
    connection: psycopg.Connection,
    settings: Settings,
    now: datetime,
    rules: tuple[Rule, ...] = RULES,
    *,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[Deleted]:
    """Delete what is old enough by these rules, and yield what each has deleted.

    Needs an idle connection in autocommit, of the owner, or of a role that may become
    btl_retention. Safe to repeat, at any time, by two at once. Raises BelowTheLineError if a chunk
    meets locks of others again and again: what was deleted before stays deleted.
    """
    require_idle(connection)
    for rule in rules:
        before = rule.before(settings, now)
        deleted = () if before is None else _delete(connection, rule, before, chunk_rows)
        rows = [each for each in deleted if each]
        yield Deleted(rule, sum(rows), len(rows))


def _delete(
    connection: psycopg.Connection, rule: Rule, before: datetime, chunk_rows: int
) -> Iterator[int]:
    """Delete chunk by chunk; yields how many rows each has deleted."""
    # Two at least: a line is folded into the one before it.
    parameters = {"before": before, "chunk_rows": max(chunk_rows, 2)}
    if rule.name != "ledger":
        yield from _until_none(connection, rule, "delete", parameters)
        return
    yield from _fold(connection, rule, parameters)
    yield from _until_none(connection, rule, "fold_redrives", parameters)


def _until_none(
    connection: psycopg.Connection, rule: Rule, statement: str, parameters: Mapping[str, Any]
) -> Iterator[int]:
    while (deleted := _chunk(connection, rule, statement, parameters)[0]) > 0:
        yield deleted


def _fold(
    connection: psycopg.Connection, rule: Rule, parameters: Mapping[str, Any]
) -> Iterator[int]:
    """Fold the ledger, partition by partition in order of its offsets."""
    with connection.transaction(), connection.cursor() as cursor:
        _become(connection)
        partitions = cursor.execute(sql("retention/ledger/partitions.sql"), parameters).fetchall()
        names = [column.name for column in cursor.description or ()]
    for partition in partitions:
        place = {**parameters, **dict(zip(names, partition, strict=True)), "from_offset": 0}
        seen = parameters["chunk_rows"]
        # The last line of a chunk may be the first one of what the next chunk folds.
        while seen == parameters["chunk_rows"]:
            deleted, seen, place["from_offset"] = _chunk(connection, rule, "fold", place)
            yield deleted


def _chunk(
    connection: psycopg.Connection, rule: Rule, statement: str, parameters: Mapping[str, Any]
) -> tuple[Any, ...]:
    """Run a statement in a transaction of its own; tries again where others hold locks."""
    for attempt in range(1, _TRIES + 1):
        try:
            with connection.transaction():
                _become(connection)
                connection.execute(f"set local lock_timeout = '{_LOCK_SECONDS}s'".encode())
                lock(connection, RETENTION_LOCK)
                found = connection.execute(
                    sql(f"retention/{rule.name}/{statement}.sql"), parameters
                ).fetchone()
        except _RETRIED as error:
            if attempt == _TRIES:
                raise BelowTheLineError(
                    f"{rule.table} is held by others, {_TRIES} times for {_LOCK_SECONDS} s: rule"
                    f" {rule.name} has stopped.",
                    "Nothing is lost: run it again later. pg_locks and pg_stat_activity say who"
                    " holds it.",
                ) from error
            time.sleep(0.1 * 2**attempt)
        else:
            return found or (0,)
    raise AssertionError(statement)


def _become(connection: psycopg.Connection) -> None:
    """Take the role of retention for this transaction; the owner may do all of it without it."""
    # Who created the role, as the owner may have, is a member of it and may not become it: since
    # Postgres 16 these are two rights.
    right = "set" if connection.info.server_version >= 160_000 else "member"
    (may,) = connection.execute(
        "select pg_has_role(current_user, %s, %s)", [ROLE, right]
    ).fetchone() or (False,)
    if may:
        connection.execute(f"set local role {ROLE}".encode())
