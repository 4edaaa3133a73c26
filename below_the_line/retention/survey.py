"""What is old enough to go now, and what stays."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from below_the_line.database.connections import require_idle
from below_the_line.resources import sql
from below_the_line.retention.rules import (
    ANNOUNCED_DAYS,
    OPEN_DEAD_LETTERS,
    RULES,
    Rule,
    next_due,
)
from below_the_line.settings import NEVER, Days, Settings


@dataclass(frozen=True, slots=True)
class Due:
    """What a rule would delete now."""

    rule: Rule
    days: Days
    rows: int
    """Rows that would go: at most, since what is in use at this moment stays."""
    bytes: int
    """Their share of the table and its indexes. Postgres uses the room again; it does not give it
    back to the disk.
    """
    oldest_kept: datetime | None
    """The time of the oldest row that is not old enough."""
    next: datetime | None
    """When that row goes; None: never."""


def survey(
    connection: psycopg.Connection,
    settings: Settings,
    now: datetime,
    rules: tuple[Rule, ...] = RULES,
) -> list[Due]:
    """Return what each rule would delete, in the order of the rules. Needs an idle connection.

    It reads whole tables, and changes nothing.
    """
    require_idle(connection)
    with connection.transaction():
        return [_due(connection, rule, settings, now) for rule in rules]


def _due(connection: psycopg.Connection, rule: Rule, settings: Settings, now: datetime) -> Due:
    # A rule that never deletes still says since when its rows are there.
    before = rule.before(settings, now) or "-infinity"
    rows, size, oldest = connection.execute(
        sql(f"retention/{rule.name}/due.sql"), {"before": before}
    ).fetchone() or (0, 0, None)
    return Due(rule, rule.days(settings), rows, size, oldest, next_due(rule, settings, oldest))


@dataclass(frozen=True, slots=True)
class Announcement:
    """Open dead letters that go soon."""

    letters: int
    first: datetime
    """When the first of them goes."""
    days: int
    """Days within which they go."""

    def __str__(self) -> str:
        what = "open one goes" if self.letters == 1 else "open ones go"
        return (
            f"{self.letters:,} {what} within {self.days} days, the first on"
            f" {self.first:%Y-%m-%d}: nobody redrove or discarded them"
        )


def announcement(
    connection: psycopg.Connection, settings: Settings, now: datetime, days: int = ANNOUNCED_DAYS
) -> Announcement | None:
    """Return which open dead letters are deleted within ``days``; None: none are."""
    kept = OPEN_DEAD_LETTERS.days(settings)
    if kept == NEVER:
        return None
    parameters = {"now": now, "kept_days": kept, "within_days": days}
    with connection.transaction():
        letters, first = connection.execute(
            sql("retention/open_dead_letters/announced.sql"), parameters
        ).fetchone() or (0, None)
    return Announcement(letters, first, days) if letters else None
