"""Files of mongoexport: documents in MongoDB's Extended JSON, one a line or in an array.

All its versions are read: 1 and 2, relaxed and canonical, with and without ``--jsonArray`` and
``--pretty``. Reference: https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from below_the_line.contracts.times import EPOCH
from below_the_line.errors import BelowTheLineError
from btl.archives.sources import HEAD_BYTES, Content, ExportFile
from btl.archives.times import is_date

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
"""MongoDB keeps at most 16 MiB in a document; as JSON that is more, but not four times as much."""

_CHUNK = 262_144
_OPEN, _CLOSE = b"{}"
_BETWEEN = b" \t\r\n,[]"
# A string that does not end in the text at hand is a quotation mark alone.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}"]', re.DOTALL)


def documents(content: Content, file: ExportFile) -> Iterator[tuple[str, bytes]]:
    """Yield each document, as it is in the file, with its place in it: ``line 7`` or ``item 7``.

    A line that is not a document is yielded, too. Raises BelowTheLineError if a document does not
    end, or is larger than MAX_DOCUMENT_BYTES.
    """
    if _is_one_a_line(content.peek(HEAD_BYTES)[:HEAD_BYTES]):
        yield from _lines(content, file)
    else:
        yield from _items(content, file)


def first_document(head: bytes) -> dict[str, Any] | None:
    """Return the first document of a file that begins like this; None if it does not begin with
    one, or does not have all of it.
    """
    start = head.find(b"{")
    if start < 0 or head[:start].removeprefix(BOM_UTF8).strip() not in (b"", b"["):
        return None
    for first, end in _objects(head):
        try:
            found: dict[str, Any] = orjson.loads(head[first:end])
            return found
        except orjson.JSONDecodeError:
            return None
    return None


def time_of(value: Any, *, date_will_do: bool = False) -> datetime | None:
    """Return a time in UTC; None for null, false and undefined.

    Accepted are dates of Extended JSON, RFC 3339 texts (without an offset they are in UTC, as
    MongoDB keeps all times) and milliseconds since 1970. Raises ValueError, also for a date
    alone, unless that will do: it is its first instant then.
    """
    if isinstance(value, dict):
        if "$undefined" in value:
            return None
        if "$date" not in value:
            value = number_of(value)
        else:
            value = value["$date"]
            if isinstance(value, dict):
                value = number_of(value)
    if value is None or value is False:
        return None
    found = _moment(value)
    if found is None:
        raise ValueError(f"has a time that is not one: {str(value)[:80]}")
    if isinstance(value, str) and is_date(value) and not date_will_do:
        raise ValueError(f"has a time that is a date without a time of day: {value}")
    return found


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if isinstance(value, int | float) and value is not True:
            return EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        pass
    return None


def number_of(value: Any) -> int | float | None:
    """Return a number, also of ``$numberInt``, ``$numberLong``, ``$numberDouble`` and
    ``$numberDecimal``; None for what is not a number.
    """
    if isinstance(value, dict):
        for name in ("$numberInt", "$numberLong", "$numberDouble", "$numberDecimal"):
            if name in value:
                try:
                    text = str(value[name])
                    return int(text) if text.lstrip("-").isdigit() else float(text)
                except ValueError:
                    return None
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def text_of(value: Any) -> str | None:
    """Return an id or a text without blanks at its ends, also of ``$oid`` and of a number; None for
    an empty one, and for what is neither.
    """
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, dict) and isinstance(value.get("$oid"), str):
        return value["$oid"].strip() or None
    number = number_of(value)
    return None if number is None else str(number)


def _is_one_a_line(head: bytes) -> bool:
    if not head.removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
        return False
    first, newline, _ = head.lstrip().partition(b"\n")
    if not newline:
        return True
    try:
        orjson.loads(first.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError:
        # The first line of --pretty is the beginning of a document.
        return first.count(b"{") == first.count(b"}")
    return True


def _lines(content: Content, file: ExportFile) -> Iterator[tuple[str, bytes]]:
    number = 0
    while line := content.readline(MAX_DOCUMENT_BYTES + 1):
        number += 1
        if len(line) > MAX_DOCUMENT_BYTES:
            raise _too_large(file, f"line {number}")
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        if line := line.strip():
            yield f"line {number}", line


def _items(content: Content, file: ExportFile) -> Iterator[tuple[str, bytes]]:
    number = 0
    held = content.read(_CHUNK).removeprefix(BOM_UTF8)
    is_array = held.lstrip().startswith(b"[")
    while True:
        done = 0
        for start, end in _objects(held):
            number += 1
            if held[done:start].strip(_BETWEEN):
                raise _damaged(file, f"before item {number} stands something else")
            if end - start > MAX_DOCUMENT_BYTES:
                raise _too_large(file, f"item {number}")
            yield f"item {number}", held[start:end]
            done = end
        held = held[done:]
        if len(held) > MAX_DOCUMENT_BYTES:
            raise _too_large(file, f"item {number + 1}")
        # Twice as much each time: a document is never searched more than twice in all.
        if not (more := content.read(max(_CHUNK, len(held)))):
            break
        held += more
    if held.strip(_BETWEEN) or (is_array and not held.rstrip().endswith(b"]")):
        raise _damaged(file, f"the file ends too early, after item {number}")


def _objects(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each outermost object begins and ends, as far as they are complete."""
    depth = start = 0
    for token in _TOKEN.finditer(text):
        kind = text[token.start()]
        if kind == _OPEN:
            if depth == 0:
                start = token.start()
            depth += 1
        elif kind == _CLOSE:
            depth -= 1
            if depth == 0:
                yield start, token.end()
        elif token.end() - token.start() == 1:
            return


def _too_large(file: ExportFile, within: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"{file.name}, {within}, is larger than {MAX_DOCUMENT_BYTES // 1024 // 1024} MiB, which no"
        " document of MongoDB is.",
        "Export the collection again with mongoexport.",
    )


def _damaged(file: ExportFile, what: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"{file.name} is not what mongoexport writes: {what}.",
        "Export the collection again with mongoexport.",
    )
