"""Do the metric tables say what a fresh computation from the base tables says? Compares, and writes
nothing.

A part is compared in one snapshot of the database: in it a row is either right, or what it is made
of is marked for the next run. What is marked is left out. So there is nothing to wait for and
nothing to lock, and any difference is a fault.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from below_the_line.database.connections import require_idle
from below_the_line.metrics import statements
from below_the_line.metrics.definitions import ARTICLE_TABLES, definitions
from below_the_line.resources import sql
from below_the_line.settings import from_environment

BUCKET: Final = 1_000
"""Articles, reporters or days of sections per snapshot."""
SAMPLED_DAYS: Final = 31
"""So many days of sections are compared with a sample of articles: each costs the comments of a
day.
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure, or a whole row, that is not what a fresh computation gives."""

    table: str
    """Of schema metrics."""
    key: Mapping[str, Any]
    """The row: its primary key. Times and days are ISO 8601."""
    column: str | None
    """None: the whole row is missing (``stored`` is None) or should not be there (``computed`` is
    None).
    """
    stored: Any
    computed: Any

    def __str__(self) -> str:
        row = ", ".join(f"{name} {value!r}" for name, value in self.key.items())
        if self.column is not None:
            return (
                f"metrics.{self.table} ({row}): {self.column} is {self.stored!r}, computed"
                f" {self.computed!r}"
            )
        return f"metrics.{self.table} ({row}): " + (
            "is missing" if self.stored is None else "should not be there"
        )


def drift(
    connection: psycopg.Connection, sample: int | None, *, time_zone: str | None = None
) -> list[Difference]:
    """Compare about ``sample`` articles, chosen by chance, and what they are part of; None:
    everything.

    Empty: all is as it must be. ``time_zone`` is the site's (None: as BTL_SITE_TIMEZONE says).
    Needs an idle connection of a role that computes metrics; writes nothing, locks nothing, may run
    beside anything.
    """
    if sample is None:
        return list(_compare(connection, "metrics/drift/everything.sql", {}, True, time_zone))
    return list(
        _compare(
            connection, "metrics/drift/sample.sql", {"half": -(-sample // 2)}, False, time_zone
        )
    )


def drift_of(
    connection: psycopg.Connection, articles: Sequence[str], *, time_zone: str | None = None
) -> list[Difference]:
    """The same for these articles."""
    statement = "metrics/drift/unmarked_articles.sql"
    return list(_compare(connection, statement, {"articles": list(articles)}, False, time_zone))


def _compare(
    connection: psycopg.Connection,
    statement: str,
    parameters: Mapping[str, Any],
    is_everything: bool,
    time_zone: str | None,
) -> Iterator[Difference]:
    require_idle(connection)
    zone = from_environment().site_timezone if time_zone is None else time_zone
    statements.prepare(connection)
    with _snapshot(connection):
        articles = [row[0] for row in connection.execute(sql(statement), parameters)]
    for start in range(0, len(articles), BUCKET):
        with _snapshot(connection):
            yield from _of_articles(connection, articles[start : start + BUCKET], zone)
    of = None if is_everything else articles
    most = None if is_everything else SAMPLED_DAYS
    # Which of them are right to compare is asked again in each snapshot: marks come and go.
    yield from _in_parts(connection, "metrics/drift/reporters.sql", {"articles": of}, _of_reporters)
    yield from _in_parts(
        connection, "metrics/drift/days.sql", {"articles": of, "most": most}, _of_days
    )


@contextmanager
def _snapshot(connection: psycopg.Connection) -> Iterator[None]:
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        yield


def _in_parts(
    connection: psycopg.Connection,
    statement: str,
    parameters: Mapping[str, Any],
    compare: Callable[[psycopg.Connection, Sequence[tuple[Any, ...]]], Iterator[Difference]],
) -> Iterator[Difference]:
    with _snapshot(connection):
        asked = connection.execute(sql(statement), parameters).fetchall()
        if len(asked) <= BUCKET:
            yield from compare(connection, asked)
            return
    every = {**parameters, "most": None}
    for start in range(0, len(asked), BUCKET):
        with _snapshot(connection):
            right = set(connection.execute(sql(statement), every).fetchall())
            yield from compare(
                connection, [each for each in asked[start : start + BUCKET] if each in right]
            )


def _of_articles(
    connection: psycopg.Connection, articles: Sequence[str], time_zone: str
) -> Iterator[Difference]:
    asked = {"articles": list(articles)}
    unmarked = [
        row[0] for row in connection.execute(sql("metrics/drift/unmarked_articles.sql"), asked)
    ]
    statements.tune(connection)
    statements.stage_bucket(connection, unmarked)
    parameters = {"articles": unmarked, "time_zone": time_zone}
    for table in ARTICLE_TABLES:
        statements.compute(connection, table, parameters)
        yield from _differences(connection, table, parameters)
    yield from _weights(connection, unmarked)


def _of_reporters(
    connection: psycopg.Connection, reporters: Sequence[tuple[Any, ...]]
) -> Iterator[Difference]:
    parameters = {"user_ids": [user_id for (user_id,) in reporters]}
    statements.tune(connection)
    statements.compute(connection, "reporter_accuracy", parameters)
    yield from _differences(connection, "reporter_accuracy", parameters)


def _of_days(
    connection: psycopg.Connection, days: Sequence[tuple[Any, ...]]
) -> Iterator[Difference]:
    if not days:
        return
    parameters = statements.day_parameters(days)
    statements.tune(connection)
    statements.stage_days(connection, parameters)
    for table in statements.DAY_TABLES:
        statements.compute(connection, table, parameters)
        yield from _differences(connection, table, parameters)


def _differences(
    connection: psycopg.Connection, table: str, parameters: Mapping[str, Any]
) -> Iterator[Difference]:
    """What of the rows that a computation is about is not what computed_<table> says."""
    described = definitions(table)
    names = [
        name for name in (*described.figures, "metric_version") if name not in statements.WEIGHED
    ]
    rows = connection.execute(
        statements.composed(
            """
            select to_jsonb(kept), to_jsonb(found)
            from (select {kept} from metrics.{table} as kept where {scope}) as kept
            full join (select {found} from computed_{table} as found) as found on {same_key}
            where kept is distinct from found
            """,
            table=table,
            kept=statements.listed("kept", names),
            found=statements.listed("found", names),
            scope=statements.scope(table),
            same_key=statements.same_key(table),
        ),
        parameters,
    )
    for stored, computed in rows:
        yield from _told(table, described.key, stored, computed)


def _weights(connection: psycopg.Connection, articles: Sequence[str]) -> Iterator[Difference]:
    """What waits for moderators with another weight than its reporters' accuracy gives; not where
    one of them is marked.
    """
    connection.execute("set local enable_nestloop = on")
    rows = connection.execute(
        statements.composed(
            """
            select to_jsonb(kept), to_jsonb(found)
            from ({statement}) as found
            inner join (
                select {kept} from metrics.open_reports as kept
                where not exists (
                    select from ingest.dirty_reporters as mark where mark.user_id = any(kept.signed_in_reporters)
                )
            ) as kept on {same_key}
            where (kept.weight, kept.urgency_key) is distinct from (found.weight, found.urgency_key)
            """,
            statement=sql("metrics/open_reports/weights.sql").decode(),
            kept=statements.listed("kept", (*definitions("open_reports").key, *statements.WEIGHED)),
            same_key=statements.same_key("open_reports"),
        ),
        {"articles": list(articles), "user_ids": []},
    )
    for stored, computed in rows:
        yield from _told("open_reports", definitions("open_reports").key, stored, computed)


def _told(
    table: str,
    key: Sequence[str],
    stored: Mapping[str, Any] | None,
    computed: Mapping[str, Any] | None,
) -> Iterator[Difference]:
    row = stored or computed or {}
    named = {name: row[name] for name in key}
    if stored is None or computed is None:
        yield Difference(table, named, None, stored, computed)
        return
    for name in stored:
        if stored[name] != computed[name]:
            yield Difference(table, named, name, stored[name], computed[name])
