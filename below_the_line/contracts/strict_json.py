"""Parsing of bytes as strict JSON (RFC 8259).

Two parsers give the same values: ``parse_quickly`` reads only texts that are certainly right;
``parse_exactly`` reads any bytes and names what is wrong.
"""

import json
import re
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

import orjson

from below_the_line.contracts import resemblance
from below_the_line.contracts.rejection import reject
from below_the_line.plurals import counted

MAX_BYTES = 262_144
MAX_DEPTH = 32
MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**63 - 1

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"(?P<names>[ \t\n\r]*:)?|[{}]|-?[0-9][0-9.eE+-]*')
"""Of valid JSON: strings (with the colon after a name), braces and numbers."""
_ESCAPES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|(?P<nul>\\u0000)|\\."
)
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


def parse_exactly(
    raw: bytes,
    beside: Sequence[tuple[str, str]] = (),
    known_names: Container[str] = (),
    what: str = "value",
) -> Document:
    """Parse any bytes, at most MAX_BYTES. Raises Rejected with the first code that applies.

    ``beside`` are texts that came with the value (key, headers), each after what it is. They may
    not contain U+0000 either. Messages name a member only if it is one of ``known_names``, and call
    the bytes ``what``.
    """
    text = decode_utf8(raw, what)
    if is_too_deep(raw):
        reject("too_deep", f"The {what} is nested deeper than {MAX_DEPTH}.")
    faults: set[str] = set()
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_reader(faults),
            parse_int=_integer_reader(faults),
            parse_float=_float_reader(faults),
            parse_constant=_no_constant(what),
        )
    except json.JSONDecodeError as error:
        reason = error.msg.partition(":")[0].partition(" (")[0].removesuffix(" at")
        reject(
            "not_json",
            f"The {what} is not JSON (RFC 8259): {reason} at byte {_byte(text, error.pos)}."
            f"{resemblance.of_bytes(raw)}",
        )
    if "duplicate_key" in faults:
        _reject_second_name(text, what, known_names)
    if "number_out_of_range" in faults:
        _reject_number(text, what)
    _reject_characters(text, what, beside)
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
            "not_utf8",
            f"The {what} is not UTF-8: {error.reason} at byte {error.start}."
            f"{resemblance.of_bytes(raw)}",
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


def _object_reader(faults: set[str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def read(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            faults.add("duplicate_key")
        return members

    return read


def _integer_reader(faults: set[str]) -> Callable[[str], int]:
    def read(literal: str) -> int:
        if _fits(literal):
            return int(literal)
        faults.add("number_out_of_range")
        return 0

    return read


def _float_reader(faults: set[str]) -> Callable[[str], float]:
    def read(literal: str) -> float:
        if not _fits(literal):
            faults.add("number_out_of_range")
        return float(literal)

    return read


def _fits(literal: str) -> bool:
    """Whether an integer fits into signed 64 bits, and any other number into a double."""
    if literal.lstrip("-").isdigit():
        # The length first: Python takes long to convert many digits, and then rejects them.
        return len(literal) <= len(str(MIN_INTEGER)) and MIN_INTEGER <= int(literal) <= MAX_INTEGER
    return float(literal) not in (float("inf"), float("-inf"))


def _no_constant(what: str) -> Callable[[str], NoReturn]:
    def read(name: str) -> NoReturn:
        reject("not_json", f"The {what} is not JSON (RFC 8259), which has no {name}.")

    return read


def _as_read(literal: str) -> orjson.Fragment:
    return orjson.Fragment(literal)


def _reject_second_name(text: str, what: str, known_names: Container[str]) -> NoReturn:
    seen: list[set[str]] = []
    for token in _TOKENS.finditer(text):
        start = token[0][0]
        if start == "{":
            seen.append(set())
        elif start == "}":
            seen.pop()
        elif token["names"]:
            name: str = json.loads(token[0][: -len(token["names"])])
            if name in seen[-1]:
                shown = (
                    f"The name {name}"
                    if name in known_names
                    else f"A name of {counted(len(name), 'character')}"
                )
                reject(
                    "duplicate_key",
                    f"{shown} comes twice in one object, the second time at byte"
                    f" {_byte(text, token.start())} of the {what}.",
                )
            seen[-1].add(name)
    raise AssertionError("no name comes twice")


def _reject_number(text: str, what: str) -> NoReturn:
    for token in _TOKENS.finditer(text):
        literal = token[0]
        if literal[0] in "-0123456789" and not _fits(literal):
            digits = counted(sum(map(str.isdigit, literal)), "digit")
            limit = (
                "an integer must fit into signed 64 bits"
                if literal.lstrip("-").isdigit()
                else "a number must fit into a double"
            )
            reject(
                "number_out_of_range",
                f"The number at byte {_byte(text, token.start())} of the {what}, with {digits}, is"
                f" too large: {limit}.",
            )
    raise AssertionError("all numbers fit")


def _reject_characters(text: str, what: str, beside: Sequence[tuple[str, str]]) -> None:
    """Reject U+0000 and halves of surrogate pairs; in a JSON text both are written as escapes."""
    lone: re.Match[str] | None = None
    for escape in _ESCAPES.finditer(text) if "\\" in text else ():
        if escape["nul"]:
            reject(
                "nul_character",
                f"The {what} contains U+0000, as an escape at byte {_byte(text, escape.start())};"
                " Postgres cannot store it.",
            )
        if escape["lone"]:
            lone = lone or escape
    for name, other in beside:
        if "\0" in other:
            raw = other.encode()
            reject(
                "nul_character",
                f"The {name} contains U+0000, at byte {raw.index(0)}; Postgres cannot store it."
                f"{resemblance.of_bytes(raw)}",
            )
    if lone:
        reject(
            "lone_surrogate",
            f"The {what} contains half of a surrogate pair, U+{lone['lone'][2:].upper()}, at byte"
            f" {_byte(text, lone.start())}.",
        )


def _byte(text: str, position: int) -> int:
    """Return the place of a character in UTF-8."""
    return len(text[:position].encode())
