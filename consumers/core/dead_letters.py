"""Dead letters as data: how a record is stored and restored, byte for byte, and how dead letters
are selected.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

from below_the_line.contracts.codes import STAGES
from below_the_line.contracts.events import Record
from below_the_line.contracts.times import EPOCH
from below_the_line.errors import BelowTheLineError
from below_the_line.times import parse_time

STATUSES = ("open", "redriven", "discarded")
CAN_BE_REDRIVEN = ("open", "discarded")
"""Statuses of dead letters that a redrive takes."""

ERASED_MESSAGE = "The record is erased."
"""The message of a dead letter of which nothing may be kept."""
_LAST_MILLISECOND = 253_402_300_799_000
"""Of the year 9999. Where producers set the timestamps, a topic may hold any number."""


def stored_headers(record: Record) -> list[bytes | None]:
    """Return a record's headers as they are stored: name, value, name, value …, all as bytes."""
    kept: list[bytes | None] = []
    for name, value in record.headers:
        kept += [name.encode("utf-8", "surrogateescape"), value]
    return kept


def stored_timestamp(record: Record) -> datetime:
    """Return a record's timestamp as it is stored. What ``timestamptz`` cannot hold becomes 1970 or
    9999, with the same result when it is decoded.
    """
    return EPOCH + timedelta(milliseconds=min(max(record.timestamp, 0), _LAST_MILLISECOND))


class Letter(NamedTuple):
    """A dead letter as a redrive reads it: the record as Kafka returned it, and its code."""

    topic_id: UUID
    record: Record
    code: str

    @classmethod
    def kept(
        cls,
        topic_id: UUID,
        topic: str,
        partition: int,
        offset: int,
        timestamp: datetime,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[bytes | None],
        code: str,
    ) -> Self:
        """Restore a record from the columns of ``ingest.dead_letters``.

        The inverse of ``stored_headers`` and ``stored_timestamp``.
        """
        milliseconds = (timestamp - EPOCH) // timedelta(milliseconds=1)
        rebuilt = [
            ((name or b"").decode("utf-8", "surrogateescape"), content)
            for name, content in zip(headers[::2], headers[1::2], strict=True)
        ]
        return cls(
            topic_id, Record(topic, partition, offset, milliseconds, key, value, rebuilt), code
        )


@dataclass(frozen=True)
class Selection:
    """Selects the dead letters that match every filter given here."""

    codes: tuple[str, ...] = ()
    """Any of these; empty: all."""
    topic: str | None = None
    article: str | None = None
    """The record's key."""
    since: datetime | None = None
    """The record's timestamp is at or after this aware time."""
    until: datetime | None = None
    """The record's timestamp is before this aware time."""
    statuses: tuple[str, ...] = ("open",)
    source: str | None = None
    """CloudEvents source that the record gives."""
    event_type: str | None = None
    event_id: str | None = None

    @classmethod
    def parse(
        cls,
        codes: Iterable[str] = (),
        topic: str | None = None,
        article: str | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        statuses: Iterable[str] = (),
        source: str | None = None,
        event_type: str | None = None,
        event_id: str | None = None,
    ) -> Self:
        """Return the selection that a person wrote; an empty filter is not applied.

        Raises BelowTheLineError for an unknown code or status, or an invalid time.
        """
        return cls(
            _known("code", codes, tuple(STAGES)),
            topic or None,
            article or None,
            parse_time(since, "since") if since else None,
            parse_time(until, "until") if until else None,
            _known("status", statuses, STATUSES) or ("open",),
            source or None,
            event_type or None,
            event_id or None,
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether there is a filter besides the status."""
        return bool(self.codes) or any(
            each is not None
            for each in (
                *(self.topic, self.article, self.since, self.until),
                *(self.source, self.event_type, self.event_id),
            )
        )

    def require_redrivable(self) -> None:
        """Raise BelowTheLineError if this selects dead letters that were redriven."""
        if not set(self.statuses) <= set(CAN_BE_REDRIVEN):
            raise BelowTheLineError(
                "Dead letters that were redriven are in the tables.",
                f"Choose the status {', '.join(CAN_BE_REDRIVEN)}, or both.",
            )

    def parameters(self) -> Mapping[str, Any]:
        """Return the filters as parameters of the SQL files in ingest/dead_letters."""
        return {
            "statuses": list(self.statuses),
            "codes": list(self.codes),
            "topic": self.topic,
            "record_key": None
            if self.article is None
            else self.article.encode("utf-8", "surrogateescape"),
            "since": self.since,
            "until": self.until,
            "source": self.source,
            "event_type": self.event_type,
            "event_id": self.event_id,
        }


def _known(what: str, given: Iterable[str], known: tuple[str, ...]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(given))
    unknown = [each for each in chosen if each not in known]
    if unknown:
        raise BelowTheLineError(
            f"{', '.join(map(repr, unknown))} is not a {what} of dead letters.",
            f"Choose from {', '.join(known)}.",
        )
    return chosen
