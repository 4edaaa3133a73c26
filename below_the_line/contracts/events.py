"""What goes into the contracts and what comes out: a record, and an event or the reason why it is
none.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Record(NamedTuple):
    """A record as Kafka handed it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since 1970, set by the broker (LogAppendTime)."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    """Names that are not UTF-8 carry their bytes as surrogate escapes (PEP 383)."""


class Event(NamedTuple):
    """A valid event."""

    type: str
    """Full CloudEvents type with version, for example ``comment.posted.v1``; of one that was
    converted, the type that it was converted to (``conversions``).
    """
    id: str
    source: str
    occurred_at: int
    """Microseconds since 1970 of the CloudEvents ``time``, truncated."""
    article_id: str
    data: Mapping[str, Any]
    """The members of ``data``: those that are null removed, those with a default filled in (nested
    ones too), times as aware ``datetime`` in UTC truncated to microseconds; all others, unknown
    ones too, as sent.
    """
    digest: bytes
    """SHA-256 of type, newline, occurred_at, newline, canonical ``data``, all as sent: 32 bytes."""
    version: bytes
    """Order key: see ``order_key``."""


class Rejection(NamedTuple):
    """Why a record is no valid event: it becomes a dead letter."""

    stage: str
    """``decode``, ``envelope``, ``contract`` or ``database``."""
    code: str
    """One of the closed list of docs/dead-letters.md."""
    pointer: str | None
    """JSON pointer into the structured form, where there is one."""
    message: str
    """One sentence for the producer: what was expected, what was found. Never the whole payload."""
    schema_version: str | None = None
    """The event type whose contract judged it; None if it did not come that far."""


def order_key(occurred_at: int, event_id: str, source: str, digest: bytes) -> bytes:
    """The version of an event as bytes, whose byte order is that of (occurred_at, event_id, source,
    digest).

    Eight bytes of occurred_at (microseconds since 1970, offset by 2**63, big endian), then id and
    source in UTF-8, each ended by a zero byte (which no valid text contains), then the digest. The
    same form in SQL is ``bytea``.
    """
    return b"".join(
        (
            (occurred_at + (1 << 63)).to_bytes(8, "big"),
            event_id.encode(),
            b"\0",
            source.encode(),
            b"\0",
            digest,
        )
    )


def read_order_key(version: bytes) -> tuple[int, str, str, bytes]:
    """The parts of an order key: occurred_at (microseconds since 1970), id, source and digest. The
    inverse of ``order_key``.
    """
    event_id, source = version[8:-33].split(b"\0")
    return (
        int.from_bytes(version[:8], "big") - (1 << 63),
        event_id.decode(),
        source.decode(),
        version[-32:],
    )
