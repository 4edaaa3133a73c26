"""What a comment counts as and how reports ended, in words."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from below_the_line.plurals import counted

_OUTCOMES = (
    ("open_reports", "open"),
    ("upheld", "upheld"),
    ("dismissed", "dismissed"),
    ("other_outcomes", "settled otherwise"),
)


def standing_in_words(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what readers see of a comment of a thread, with rich styles; nothing if all of it.

    A comment may be late, rejected, deleted and erased: all of it is said.
    """
    if is_rejected(row):
        yield "rejected", "red"
    if is_late(row):
        by = row["late_by_seconds"]
        yield (
            "late" if by is None else f"late by {length_in_words(timedelta(seconds=by))}",
            "yellow",
        )
    if row["status"] not in ("visible", "late", "rejected", "erased"):
        yield row["status"], "yellow"
    if is_erased(row):
        yield "erased", "yellow"
    if row["edited_at"] is not None:
        yield "edited", "dim"


def is_late(row: Mapping[str, Any]) -> bool:
    """Return whether a comment of a thread came after its discussion had closed, deleted or not."""
    return row["status"] == "late" or row["late_by_seconds"] is not None


def is_erased(row: Mapping[str, Any]) -> bool:
    """Return whether a comment of a thread is erased, whatever else holds for it."""
    return row["erased_at"] is not None


def is_rejected(row: Mapping[str, Any]) -> bool:
    """Return whether the last decision about a comment of a thread rejected it."""
    return bool(row["decision"] == "rejected")


def reports_in_words(row: Mapping[str, Any]) -> str:
    """Return how the reports of a comment of a thread ended; they are at least one."""
    parts = [f"{row[name]:,} {word}" for name, word in _OUTCOMES if row[name]]
    return f"{counted(row['reports'], 'report')}: {', '.join(parts)}"


def outcomes_in_words(outcomes: Mapping[str, int]) -> str:
    """Return the numbers of rounds by outcome, such as ``1 open, 2 upheld``."""
    return ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items())


def length_in_words(length: timedelta) -> str:
    """Return a length of time in its greatest unit: ``3 days``, ``5 hours``, ``12 minutes``."""
    seconds = int(length.total_seconds())
    for unit, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= unit:
            return counted(seconds // unit, word)
    return counted(max(seconds, 0), "second")
