"""The input of the contracts, a record, and their output: an event or a rejection."""

from collections.abc import Sequence
from hashlib import sha256 as _sha256
from typing import Any, NamedTuple


class Record(NamedTuple):
    """A record as Kafka delivered it."""

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
    """CloudEvents type with version, for example ``comment.posted.v1``. If the event was converted
    (``conversions``), the type after the conversion.
    """
    id: str
    source: str
    occurred_at: int
    """The CloudEvents ``time`` in microseconds since 1970, truncated."""
    article_id: str
    """Empty if the event names none: its key is another member (``Topic.key_of``)."""
    data: Any
    """The members of ``data`` as the struct of its type (``data_types``). Members that are absent
    or null have their default, or are None, also in nested objects. Times are aware ``datetime`` in
    UTC, truncated to microseconds. All others are as sent. Members that the contract does not know
    are not kept; they count in the digest.
    """
    digest: bytes
    """32 bytes: SHA-256 of type, newline, occurred_at, newline, canonical ``data``, all as sent."""
    version: bytes
    """The order key (``order_key``)."""


class Rejection(NamedTuple):
    """Why a record is not a valid event. It becomes a dead letter."""

    stage: str
    """``decode``, ``envelope``, ``contract`` or ``database``."""
    code: str
    """One of ``codes.STAGES``."""
    pointer: str | None
    """JSON pointer into the structured form; None if no single place is wrong."""
    message: str
    """One sentence for the producer: what was expected, what was found. Never the whole payload."""
    schema_version: str | None = None
    """The event type whose contract rejected the record; None if no contract was reached."""


def content_digest(event_type: str, occurred_at: int, canonical_data: bytes) -> bytes:
    """Return the SHA-256 (32 bytes) of type, time (microseconds since 1970) and ``data``, which is
    written by ``strict_json.canonical``.
    """
    return _sha256(f"{event_type}\n{occurred_at}\n".encode() + canonical_data).digest()


def order_key(occurred_at: int, event_id: str, source: str, digest: bytes) -> bytes:
    """Return the version of an event as bytes.

    They sort like (occurred_at, event_id, source, digest).
    The form: eight bytes of occurred_at (microseconds since 1970, offset by 2**63, big endian); id
    and source in UTF-8, each followed by a zero byte, which valid texts don't contain; the digest.
    The columns in Postgres are ``bytea`` of the same form.
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
    """Return the parts of an order key: occurred_at in microseconds, id, source, digest."""
    event_id, source = version[8:-33].split(b"\0")
    return (
        int.from_bytes(version[:8], "big") - (1 << 63),
        event_id.decode(),
        source.decode(),
        version[-32:],
    )
