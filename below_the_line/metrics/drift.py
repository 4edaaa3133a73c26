"""Drift: compares the metric tables with a fresh computation from the base tables, read-only.

Each part is compared in one snapshot of the database. In a snapshot a row is right, or its article,
day or reporter is marked for the next run. Marked ones are left out, and counted. So the comparison
takes no lock and does not wait, and every difference is a fault.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from below_the_line.database.connections import require_idle
from below_the_line.metrics import statements
from below_the_line.metrics.definitions import ARTICLE_TABLES, definitions
from below_the_line.metrics.units import site_time_zone
from below_the_line.resources import sql
from below_the_line.settings import from_environment

MAX_PER_SNAPSHOT: Final = 1_000
"""Articles, reporters or days of sections that one snapshot compares."""
MAX_SAMPLED_DAYS: Final = 31
"""Days of sections that are compared with a sample of articles: each costs counting the people of a
day.
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure, or a whole row, that differs from a fresh computation."""

    table: str
    """Name of the table, in schema metrics."""
    key: Mapping[str, Any]
    """Primary key of the row. Times and days are ISO 8601."""
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


@dataclass(slots=True)
class Tally:
    """What was compared, and what was not: a run has yet to compute what is marked."""

    articles: int = 0
    days: int = 0
    """Days of sections."""
    reporters: int = 0
    marked_articles: list[str] = field(default_factory=list)
    """Articles that were left out, each once."""
    marked_days: int = 0
    marked_reporters: int = 0

    @property
    def vouches(self) -> bool:
        """Whether an article was compared, or there was none to compare."""
        return bool(self.articles or not self.marked_articles)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, and how much was compared for that."""

    differences: Sequence[Difference]
    tally: Tally


def compared(
    connection: psycopg.Connection, sample: int | None, *, time_zone: str | None = None
) -> Comparison:
    """Compare about ``sample`` random articles, with their days and reporters; None: everything.

    ``time_zone`` is the site's, if the database has none (None: BTL_SITE_TIMEZONE). Needs an idle
    connection of a role that computes metrics. Writes and locks nothing; may run beside anything.
    """
    statement, parameters = (
        ("metrics/drift/everything.sql", {})
        if sample is None
        else ("metrics/drift/sample.sql", {"half": -(-sample // 2)})
    )
    require_idle(connection)
    with _snapshot(connection):
        articles = [row[0] for row in connection.execute(sql(statement), parameters)]
    return _compared(connection, articles, sample is None, time_zone)


def compared_articles(
    connection: psycopg.Connection, articles: Sequence[str], *, time_zone: str | None = None
) -> Comparison:
    """Compare these articles, with their days and reporters; see ``compared``."""
    return _compared(connection, list(dict.fromkeys(articles)), False, time_zone)


def drift(
    connection: psycopg.Connection, sample: int | None, *, time_zone: str | None = None
) -> list[Difference]:
    """Return the differences alone; see ``compared``."""
    return list(compared(connection, sample, time_zone=time_zone).differences)


def drift_of(
    connection: psycopg.Connection, articles: Sequence[str], *, time_zone: str | None = None
) -> list[Difference]:
    """Return the differences alone; see ``compared_articles``."""
    return list(compared_articles(connection, articles, time_zone=time_zone).differences)


def _compared(
    connection: psycopg.Connection,
    articles: Sequence[str],
    is_everything: bool,
    time_zone: str | None,
) -> Comparison:
    tally = Tally()
    differences = list(_differing(connection, articles, is_everything, time_zone, tally))
    return Comparison(differences, tally)


def _differing(
    connection: psycopg.Connection,
    articles: Sequence[str],
    is_everything: bool,
    time_zone: str | None,
    tally: Tally,
) -> Iterator[Difference]:
    require_idle(connection)
    with connection.transaction():
        zone = site_time_zone(
            connection, from_environment().site_timezone if time_zone is None else time_zone
        )
    statements.prepare(connection)
    for start in range(0, len(articles), MAX_PER_SNAPSHOT):
        with _snapshot(connection):
            part = articles[start : start + MAX_PER_SNAPSHOT]
            yield from _of_articles(connection, part, zone, tally)
    of = None if is_everything else articles
    reporters = _Part("metrics/drift/reporters.sql", {"articles": of}, _of_reporters)
    yield from reporters.differing(connection)
    limit = None if is_everything else MAX_SAMPLED_DAYS
    days = _Part("metrics/drift/days.sql", {"articles": of}, _of_days, limit)
    yield from days.differing(connection)
    tally.reporters, tally.marked_reporters = reporters.compared, reporters.marked
    tally.days, tally.marked_days = days.compared, days.marked


@contextmanager
def _snapshot(connection: psycopg.Connection) -> Iterator[None]:
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        yield


@dataclass(slots=True)
class _Part:
    """Reporters, or days: the statement that names them, each with whether it is marked, and how
    they are compared.
    """

    statement: str
    parameters: Mapping[str, Any]
    compare: Callable[[psycopg.Connection, Sequence[tuple[Any, ...]]], Iterator[Difference]]
    limit: int | None = None
    """The most that are compared, by chance; None: all."""
    compared: int = 0
    marked: int = 0

    def differing(self, connection: psycopg.Connection) -> Iterator[Difference]:
        """Compare those that are not marked, and count both."""
        with _snapshot(connection):
            asked, marked = self._unmarked(connection)
            self.marked = marked
            if self.limit is not None and len(asked) > self.limit:
                asked = random.sample(asked, self.limit)
            if len(asked) <= MAX_PER_SNAPSHOT:
                self.compared = len(asked)
                yield from self.compare(connection, asked)
                return
        for start in range(0, len(asked), MAX_PER_SNAPSHOT):
            with _snapshot(connection):
                # Each snapshot asks again which of them are not marked: marks come and go.
                right = set(self._unmarked(connection)[0])
                bucket = asked[start : start + MAX_PER_SNAPSHOT]
                still = [each for each in bucket if each in right]
                self.compared += len(still)
                self.marked += len(bucket) - len(still)
                yield from self.compare(connection, still)

    def _unmarked(self, connection: psycopg.Connection) -> tuple[list[tuple[Any, ...]], int]:
        """Return the keys of those that are not marked, and the number of the others."""
        rows = connection.execute(sql(self.statement), self.parameters).fetchall()
        unmarked = [key for *key, is_marked in rows if not is_marked]
        return [tuple(key) for key in unmarked], len(rows) - len(unmarked)


def _of_articles(
    connection: psycopg.Connection, articles: Sequence[str], time_zone: str, tally: Tally
) -> Iterator[Difference]:
    asked = {"articles": list(articles)}
    unmarked = [
        row[0] for row in connection.execute(sql("metrics/drift/unmarked_articles.sql"), asked)
    ]
    right = set(unmarked)
    tally.articles += len(unmarked)
    tally.marked_articles += [each for each in articles if each not in right]
    statements.tune(connection)
    statements.stage_bucket(connection, unmarked, time_zone)
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
    """Compare the table with computed_<table>, for the rows that the computation is about."""
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
    for stored, computed in sorted(
        rows, key=lambda row: [str((row[0] or row[1])[name]) for name in described.key]
    ):
        yield from _described(table, described.key, stored, computed)


def _weights(connection: psycopg.Connection, articles: Sequence[str]) -> Iterator[Difference]:
    """Compare the weights of open reports with the accuracy of their reporters.

    Leaves out comments with a marked reporter.
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
                    select from ingest.dirty_reporters as mark
                    where mark.user_id = any(kept.signed_in_reporters)
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
        yield from _described("open_reports", definitions("open_reports").key, stored, computed)


def _described(
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
