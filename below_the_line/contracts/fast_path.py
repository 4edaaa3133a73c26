"""Reads the usual event in one go: structured mode, known attributes, no numbers, nothing deeply
nested.

That is nearly every record. What is anything else, good or bad, is left to ``parsing`` and
``envelope``, which say exactly what is wrong; what is read here they would read alike.
"""

from typing import Annotated, Literal

import msgspec

from below_the_line.contracts.envelope import MAX_NAME_BYTES, Envelope
from below_the_line.contracts.strict_json import canonical, has_escaped_nul_or_colon
from below_the_line.contracts.times import instant

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_BYTES)]
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Setting = _Text | None | msgspec.UnsetType
_Plain = str | bool | None


class _Usual(msgspec.Struct, gc=False):
    """The attributes that are looked at. Others are skipped, and then missed when what was read is
    compared.
    """

    specversion: Literal["1.0"]
    id: _Name
    source: _Name
    type: _Text
    time: str
    data: dict[str, _Plain | list[str] | dict[str, _Plain]] | None
    subject: _Setting = msgspec.UNSET
    datacontenttype: _Setting = msgspec.UNSET
    dataschema: _Setting = msgspec.UNSET


_decode = msgspec.json.Decoder(_Usual).decode
_encode = msgspec.json.Encoder().encode
_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_new = tuple.__new__
"""Makes a named tuple three times as fast as its name does."""


def read_usual(raw: bytes) -> Envelope | None:
    """What ``read_envelope`` would make of a record's value in structured mode; None for whatever
    is not the usual.

    Not for texts over MAX_BYTES.
    """
    try:
        event = _decode(raw)
    except _FAULTS:
        return None
    data, event_id, source, time = event.data, event.id, event.source, event.time
    if data is None or not _is_short(event_id) or not _is_short(source):
        return None
    occurred_at = instant(time)
    if occurred_at is None:
        return None
    canonical_data = canonical(data)
    event.data = None
    if not _is_all(raw, _encode(event), canonical_data):
        return None
    return _new(
        Envelope, (event.type, event_id, source, time, occurred_at, data, canonical_data, False)
    )


def _is_short(name: str) -> bool:
    return name.isascii() or len(name.encode()) <= MAX_NAME_BYTES


def _is_all(raw: bytes, attributes: bytes, data: bytes) -> bool:
    """Whether all that was sent was read: no unknown attribute, no name that came twice; and no
    U+0000 in any text.

    ``attributes`` and ``data`` are what was read, written again; the attributes with null in place
    of the data.
    """
    # Nothing is longer written again than it was sent: with as many bytes, nothing else was there.
    if len(raw) == len(attributes) - len("null") + len(data):
        return b"\\u0000" not in raw
    if b"\\" in raw and has_escaped_nul_or_colon(raw):
        return False
    # Each member has one colon, and none is ever written as an escape.
    return raw.count(b":") == attributes.count(b":") + data.count(b":")
