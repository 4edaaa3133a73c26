"""Parsing of bytes as strict JSON (RFC 8259).

Two parsers give the same values: ``parse_quickly`` reads only texts that are certainly right;
``parse_exactly`` reads any bytes and names what is wrong.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

import orjson

from below_the_line.contracts.rejection import reject, shown

MAX_BYTES = 262_144
MAX_DEPTH = 32
MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**63 - 1

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_OPENS = bytes.maketrans(b"[{]}", b"\1\1\0\0")
_OTHERS = bytes(set(range(256)) - set(b"[{]}"))
has_escaped_nul_or_colon = re.compile(rb"\\u00(?:00|3[aA])").search
_NEGATIVE_ZERO = re.compile(rb"[\s:,\[]-0").search


class Document(NamedTuple):
    """A parsed JSON text."""

    value: Any
    verbatim: Any
    """The same value, each number as an ``orjson.Fragment`` of its text as sent. It is ``value``
    itself if all numbers are encoded as they were sent.
    """


def parse_quickly(raw: bytes) -> Document | None:
    """Parse a JSON object that is certainly right. Returns None for all other bytes.

    ``raw`` must have at most MAX_BYTES.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if type(value) is not dict:
        return None
    if b"\\" in raw and has_escaped_nul_or_colon(raw):
        return None
    if not _is_plain(value.values(), raw, 1):
        return None
    # Each member has one colon, and orjson never writes a colon as an escape (texts with such an
    # escape were left out above). Fewer colons than were sent mean that a name came twice.
    if raw.count(b":") != orjson.dumps(value).count(b":"):
        return None
    return tuple.__new__(Document, (value, value))  # three times as fast as its class


def _is_plain(members: Iterable[Any], raw: bytes, depth: int) -> bool:
    """Whether nothing is nested too deep, and all numbers are integers of 64 bits that orjson
    encodes as they were sent.
    """
    for member in members:
        kind = type(member)
        if kind is str or kind is bool or member is None:
            continue
        if kind is dict or kind is list:
            if depth == MAX_DEPTH or not _is_plain(
                member.values() if kind is dict else member, raw, depth + 1
            ):
                return False
        elif kind is float or member > MAX_INTEGER or (member == 0 and _NEGATIVE_ZERO(raw)):
            return False
    return True


def parse_exactly(raw: bytes, beside: Sequence[str] = ()) -> Document:
    """Parse any bytes, at most MAX_BYTES. Raises Rejected with the first code that applies.

    ``beside`` are texts that came with the value (key, headers). They may not contain U+0000 or
    lone surrogates either.
    """
    text = decode_utf8(raw, "the value")
    if is_too_deep(raw):
        reject("too_deep", f"The value is nested deeper than {MAX_DEPTH}.")
    faults: dict[str, str] = {}
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_reader(faults),
            parse_int=_integer_reader(faults),
            parse_float=_float_reader(faults),
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        message, byte = error.msg.removesuffix(" at"), len(text[: error.pos].encode())
        reject("not_json", f"The value is not JSON (RFC 8259): {message} at byte {byte}.")
    for code in ("duplicate_key", "number_out_of_range"):
        if code in faults:
            reject(code, faults[code])
    _reject_characters([*_texts(value), *beside])
    verbatim = json.loads(text, parse_int=_as_read, parse_float=_as_read)
    return Document(value, verbatim)


def canonical(data: Any) -> bytes:
    """Return JSON in UTF-8, names sorted by code point, without white space.

    Numbers are as sent if ``data`` comes from ``Document.verbatim``.
    """
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


def decode_utf8(raw: bytes, what: str) -> str:
    """Decode UTF-8. Raises Rejected (not_utf8) with ``what`` in its message."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        reject(
            "not_utf8", f"The bytes of {what} are not UTF-8: {error.reason} at byte {error.start}."
        )


def is_too_deep(raw: bytes) -> bool:
    """Whether arrays and objects are nested deeper than MAX_DEPTH. The text need not be JSON.

    Brackets inside strings do not count.
    """
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for opens in _STRING.sub(b"", raw).translate(_OPENS, _OTHERS):
        if opens:
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif depth:
            depth -= 1
    return False


def _object_reader(faults: dict[str, str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def read(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs) and "duplicate_key" not in faults:
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen:
                    faults["duplicate_key"] = f"The name {shown(name)} comes twice in one object."
                    break
                seen.add(name)
        return members

    return read


def _integer_reader(faults: dict[str, str]) -> Callable[[str], int]:
    def read(literal: str) -> int:
        # The length first: Python takes long to convert many digits, and then rejects them.
        if (
            len(literal) <= len(str(MIN_INTEGER))
            and MIN_INTEGER <= (number := int(literal)) <= MAX_INTEGER
        ):
            return number
        faults.setdefault(
            "number_out_of_range",
            f"The integer {_brief(literal)} does not fit into signed 64 bits.",
        )
        return 0

    return read


def _float_reader(faults: dict[str, str]) -> Callable[[str], float]:
    def read(literal: str) -> float:
        number = float(literal)
        if number in (float("inf"), float("-inf")):
            faults.setdefault(
                "number_out_of_range", f"The number {_brief(literal)} is beyond a double."
            )
        return number

    return read


def _brief(literal: str) -> str:
    return literal if len(literal) <= 40 else f"{literal[:40]}…"


def _no_constant(name: str) -> NoReturn:
    reject("not_json", f"The value is not JSON (RFC 8259), which has no {name}.")


def _as_read(literal: str) -> orjson.Fragment:
    return orjson.Fragment(literal)


def _reject_characters(texts: Sequence[str]) -> None:
    for text in texts:
        if "\0" in text:
            reject(
                "nul_character",
                f"The text {shown(text)} contains U+0000, which Postgres cannot store.",
            )
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            reject("lone_surrogate", f"The text {shown(text)} contains half of a surrogate pair.")


def _texts(value: Any) -> list[str]:
    """Return all strings and names in the order of the document."""
    found: list[str] = []
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            found.append(current)
        elif isinstance(current, list):
            pending.extend(reversed(current))
        elif isinstance(current, dict):
            for name, member in reversed(current.items()):
                pending += (member, name)
    return found
