"""Closing rules: lists them, adds them, and finds what a new one would change.

Rules are append-only. A new rule marks the windows that it may concern; the next closing run, or
``apply_now``, applies it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import class_row

from below_the_line.closing.barrier import database_clock
from below_the_line.closing.windows import ClosingSummary, apply_barrier
from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from below_the_line.resources import sql
from below_the_line.times import FORMS, parse_duration, parse_time

MAX_HOURS = 87_600
"""The longest window: ten years."""
BUCKET = 2_000
"""Articles per statement of a dry run."""

Beginning = Literal["-infinity"]
"""``valid_from`` of a rule for all articles, however old."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it is in the table. ``valid_from`` None: from the beginning; ``valid_until`` None:
    without end.
    """

    rule_id: int
    scope: str
    site: str | None
    section: str | None
    window_hours: int
    reactions_window_hours: int
    valid_from: datetime | None
    valid_until: datetime | None
    created_at: datetime
    created_by: str
    note: str | None
    retroactive: bool
    standing: str
    """``in force``, ``superseded`` (in force for no article), ``superseded for later articles``, or
    ``not yet in force``.
    """

    @property
    def whom(self) -> str:
        """Return in words which articles the rule is for."""
        return in_words(self.site, self.section)


@dataclass(frozen=True, slots=True)
class NewRule:
    """A rule to add. ``valid_from`` None: from the time at which it is added."""

    site: str | None
    section: str | None
    window_hours: int
    reactions_window_hours: int
    valid_from: datetime | Beginning | None
    created_by: str
    note: str | None
    retroactive: bool

    def __post_init__(self) -> None:
        if self.retroactive and self.valid_from is None:
            raise BelowTheLineError(
                "A retroactive rule needs the time from which it holds.",
                "Give --valid-from, or leave out --retroactive.",
            )
        if self.retroactive and not (self.note or "").strip():
            raise BelowTheLineError("A retroactive rule needs a reason.", "Give it with --note.")

    def starts_before(self, now: datetime) -> bool:
        """Return whether it would hold for articles that are published already."""
        return self.valid_from is not None and (
            self.valid_from == "-infinity" or self.valid_from < now
        )

    @property
    def scope(self) -> str:
        """Return ``all``, ``site`` or ``section``."""
        return "section" if self.section is not None else "site" if self.site is not None else "all"


@dataclass(frozen=True, slots=True)
class Barrier:
    """A barrier that has passed: everything produced before ``cut_off`` is in the tables."""

    barrier_id: int
    cut_off: datetime
    applied: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What a rule would change."""

    cut_off: datetime
    """The time for which discussions count as open or closed: the cut-off of the last barrier
    passed, else the present.
    """
    articles: int = 0
    """Articles for which it would be the rule in force."""
    moved: int = 0
    """Articles whose window, or time for reactions, would change."""
    closed: int = 0
    """Discussions open at the cut-off that would be closed."""
    reopened: int = 0
    """Discussions closed at the cut-off that would be open."""
    become_late: int = 0
    """Comments that are in time and would be late."""
    become_in_time: int = 0
    """Comments that are late and would be in time."""


def parse_window(text: str, min_hours: int = 1) -> int:
    """Return the hours of a window written as ``48h``, ``14d`` or ``2w``. Raises
    BelowTheLineError.
    """
    length = parse_duration(text)
    hours, rest = divmod(length, timedelta(hours=1)) if length is not None else (-1, timedelta())
    if rest or not min_hours <= hours <= MAX_HOURS:
        raise BelowTheLineError(
            f"{text!r} is not a window.",
            f"Write whole hours, days or weeks: 48h, 14d, 2w; at least {min_hours}h, at most"
            f" {MAX_HOURS // 24:,}d.",
        )
    return hours


def parse_valid_from(text: str, zone: ZoneInfo) -> datetime | Beginning:
    """Return a time as ``parse_time`` reads it, or ``beginning``. Raises BelowTheLineError."""
    if text == "beginning":
        return "-infinity"
    try:
        return parse_time(text, "--valid-from", zone=zone)
    except BelowTheLineError as error:
        raise BelowTheLineError(error.message, f"Write beginning, or {FORMS}.") from None


def duration(hours: int) -> str:
    """Return hours in words, as days where they are whole days."""
    count, unit = (hours // 24, "day") if hours and hours % 24 == 0 else (hours, "hour")
    return counted(count, unit)


def in_words(site: str | None, section: str | None) -> str:
    """Return in words the articles of a scope."""
    if section is None:
        return "all articles" if site is None else f"site {site}"
    return f"section {section} of {'every site' if site is None else site}"


def all_rules(connection: psycopg.Connection) -> list[Rule]:
    """Return all rules, by scope from wide to narrow, then by precedence."""
    with connection.cursor(row_factory=class_row(Rule)) as cursor:
        return cursor.execute(sql("rules/list.sql")).fetchall()


def add_rule(connection: psycopg.Connection, new: NewRule) -> Rule:
    """Add a rule, which marks the windows that it may change. Commits, in autocommit.

    Raises BelowTheLineError if the rule would hold for the past and is not retroactive.
    """
    rule_id = _insert(connection, new)
    return next(rule for rule in all_rules(connection) if rule.rule_id == rule_id)


def has_articles(connection: psycopg.Connection, new: NewRule) -> bool:
    """Return whether any article of the rule's site and section is known."""
    row = connection.execute(
        sql("rules/of_scope.sql"), {"site": new.site, "section": new.section}
    ).fetchone()
    return row == (True,)


def dry_run(connection: psycopg.Connection, new: NewRule, *, bucket: int = BUCKET) -> Effect:
    """Return what a rule would change: add it, compute the windows with and without it, and roll
    back.

    Needs an idle connection. A closing run that is due meanwhile waits. Counts only articles whose
    window a closing run has computed before. Raises BelowTheLineError as ``add_rule``.
    """
    with connection.transaction(force_rollback=True):
        # One snapshot with and without the rule: what is ingested meanwhile is not its effect.
        connection.execute("set transaction isolation level repeatable read")
        connection.execute("set local jit = off")
        barrier = last_barrier(connection)
        cut_off = barrier.cut_off if barrier else database_clock(connection)
        with connection.transaction(force_rollback=True):
            rule_id = _insert(connection, new)
            concerned = list(_concerned(connection, rule_id, bucket))
            after = dict(_outlooks(connection, concerned, cut_off, bucket))
        counts = dict.fromkeys(("moved", "closed", "reopened", "become_late", "become_in_time"), 0)
        for article, (fingerprint, accepted, late) in _outlooks(
            connection, concerned, cut_off, bucket
        ):
            fingerprint_then, accepted_then, late_then = after[article]
            counts["moved"] += fingerprint != fingerprint_then
            counts["closed"] += accepted and not accepted_then
            counts["reopened"] += accepted_then and not accepted
            # A rule moves the end of an article's window, earlier or later, so the lateness of its
            # comments changes in one direction only.
            counts["become_late"] += max(0, late_then - late)
            counts["become_in_time"] += max(0, late - late_then)
    return Effect(cut_off, len(concerned), **counts)


def last_barrier(connection: psycopg.Connection) -> Barrier | None:
    """Return the last barrier that has passed; None: no barrier has passed yet."""
    with connection.cursor(row_factory=class_row(Barrier)) as cursor:
        return cursor.execute(sql("rules/last_barrier.sql")).fetchone()


def apply_now(connection: psycopg.Connection) -> ClosingSummary:
    """Apply windows up to the cut-off of the last barrier passed, and no further: later events may
    not be in the tables yet.

    Needs an idle connection and commits on it. Raises BelowTheLineError if no barrier has passed
    yet.
    """
    barrier = last_barrier(connection)
    if barrier is None:
        raise BelowTheLineError(
            "No barrier has passed yet: it is not known up to when everything is ingested.",
            "Let the DAG close_discussions run once; it also applies the rules.",
        )
    return apply_barrier(connection, barrier.barrier_id)


def _insert(connection: psycopg.Connection, new: NewRule) -> int:
    row = connection.execute(sql("rules/add.sql"), asdict(new) | {"scope": new.scope}).fetchone()
    if row is None:
        start = (
            f"{new.valid_from:%F %T} UTC"
            if isinstance(new.valid_from, datetime)
            else "the beginning"
        )
        raise BelowTheLineError(
            f"A rule from {start} on would hold for articles that are published already.",
            "If it must, give --retroactive and the reason with --note. --dry-run counts what would"
            " change.",
        )
    return int(row[0])


def _concerned(connection: psycopg.Connection, rule_id: int, bucket: int) -> Iterator[str]:
    after = ""
    while True:
        rows = connection.execute(
            sql("rules/concerned.sql"),
            {"rule_id": rule_id, "after": after, "bucket": bucket},
        ).fetchall()
        yield from (article for article, is_in_force in rows if is_in_force)
        if len(rows) < bucket:
            return
        after = rows[-1][0]


def _outlooks(
    connection: psycopg.Connection, articles: Sequence[str], cut_off: datetime, bucket: int
) -> Iterator[tuple[str, tuple[bytes, bool, int]]]:
    for start in range(0, len(articles), bucket):
        for article, fingerprint, accepted, late in connection.execute(
            sql("rules/outlook.sql"),
            {"articles": articles[start : start + bucket], "cut_off": cut_off},
        ):
            yield article, (bytes.fromhex(fingerprint), accepted, late)
