"""Events that a person gives in a file: JSON lines, JSON documents, or examples of contracts."""

import base64
import gzip
import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from below_the_line.catalogue import example_record
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Record
from below_the_line.contracts.names import event_names
from below_the_line.errors import BelowTheLineError

_MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
"""Of a file that is read as documents; a larger one is read line by line."""
_WHITE_SPACE = " \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Place(NamedTuple):
    """Where in a file an event is."""

    line: int
    """The number of its first line, from 1; of a document with a fault, of the fault's."""
    column: int | None = None
    """Of a document that is not JSON: the fault's character in its line, from 1."""
    item: int | None = None
    """The index in its array, from 0."""
    example: str | None = None
    """The name of the example."""

    def __str__(self) -> str:
        """Return the place in words, such as ``line 3, [0]``."""
        more = ("" if self.column is None else f", column {self.column}") + (
            "" if self.item is None else f", [{self.item}]"
        )
        return f"line {self.line}{more}" + (
            "" if self.example is None else f", example {self.example}"
        )

    def members(self) -> dict[str, object]:
        """Return the line, and of the others those that there are."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def given_events(file: str, contracts: Contracts) -> Iterator[tuple[Place, Record]]:
    """Yield the records of the events in a file, each with its place.

    The file has one event a line; or JSON documents that may span lines, where the items of an
    array are events; or it is a file of examples, of which the valid ones are read. Topic and key
    are as they must be, as far as the event can be read; partition, offset and timestamp are 0.
    ``file``: ``-`` for standard input; ``.gz`` is unpacked. Raises BelowTheLineError if it cannot
    be read.
    """
    lines = _numbered_lines(file)
    first = next(lines, None)
    if first is None:
        return
    lines = chain((first,), lines)
    found: Iterable[tuple[Place, bytes]] = _as_lines(lines)
    if not _is_one_event(first[1]):
        # Only what cannot be read line by line is held in memory.
        start, size = [], 0
        for each in lines:
            start.append(each)
            size += len(each[1]) + 1
            if size > _MAX_DOCUMENT_BYTES:
                break
        documents = _documents(start) if size <= _MAX_DOCUMENT_BYTES else Place(first[0])
        examples = _examples(documents) if isinstance(documents, list) else None
        if examples is not None:
            for name, form in examples.items():
                record = example_record(form, "")
                yield (
                    Place(first[0], example=name),
                    record._replace(topic=record.topic or _topic(record, contracts)),
                )
            return
        if isinstance(documents, list):
            found = documents
        elif size <= _MAX_DOCUMENT_BYTES and _begins_document(first[1]):
            # A document with a fault, not many lines with one each.
            found = [(documents, b"\n".join(text for _, text in start))]
        else:
            found = _as_lines(chain(start, lines))
    for place, value in found:
        record = Record("", 0, 0, 0, _key(value, contracts), value)
        yield place, record._replace(topic=_topic(record, contracts))


def _as_lines(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[Place, bytes]]:
    return ((Place(number), text) for number, text in lines)


def _begins_document(line: bytes) -> bool:
    """Return whether a first line, which is not an event, is the beginning of a longer document."""
    text = line.removeprefix(_BYTE_ORDER_MARK)
    return text.strip() in (b"{", b"[") or (text != line and not _is_one_event(text))


def _topic(record: Record, contracts: Contracts) -> str:
    return contracts.topic_of(event_names(record).event_type or "") or ""


def _key(value: bytes, contracts: Contracts) -> bytes | None:
    try:
        event = orjson.loads(value)
        data = event.get("data")
        if data is None:
            data = orjson.loads(base64.b64decode(event["data_base64"]))
        key = contracts.key_of(event["type"], data)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return None if key is None else key.encode()


def _is_one_event(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _documents(lines: list[tuple[int, bytes]]) -> list[tuple[Place, bytes]] | Place:
    """Return the JSON documents in a file, the items of arrays apart, each as it was written, with
    its place. If it has anything else, returns the place of that.
    """
    numbers, texts = zip(*lines, strict=True)
    try:
        text = b"\n".join(texts).decode()
        found = list(_split(text))
    except json.JSONDecodeError as error:
        # Of text that was cut off, the end of the last line.
        return Place(numbers[min(error.lineno, len(numbers)) - 1], error.colno)
    except (ValueError, RecursionError):
        return Place(numbers[0])
    line, seen, numbered = 0, 0, []
    for start, end, item in found:
        line += text.count("\n", seen, start)
        seen = start
        numbered.append((Place(numbers[line], item=item), text[start:end].encode()))
    return numbered


def _split(text: str) -> Iterator[tuple[int, int, int | None]]:
    """Yield where each document, or item of an array at the top level, begins and ends, and the
    item's index. Raises json.JSONDecodeError.
    """
    read = json.JSONDecoder().raw_decode
    at = _after_space(text, 0)
    while at < len(text):
        if text[at] != "[":
            end = read(text, at)[1]
            yield at, end, None
            at = _after_space(text, end)
            continue
        at, item = _after_space(text, at + 1), 0
        while text[at : at + 1] != "]":
            end = read(text, at)[1]
            yield at, end, item
            at, item = _after_space(text, end), item + 1
            if text[at : at + 1] == ",":
                at = _after_space(text, at + 1)
            elif text[at : at + 1] != "]":
                raise json.JSONDecodeError("an array that does not end", text, at)
        at = _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITE_SPACE:
        at += 1
    return at


def _examples(documents: list[tuple[Place, bytes]]) -> dict[str, dict[str, Any]] | None:
    """Return the valid records in a file of schemas/examples, by name; None for any other file."""
    if len(documents) != 1:
        return None
    document = json.loads(documents[0][1])
    if not isinstance(document, dict) or document.keys() != {"valid", "invalid"}:
        return None
    return {name: example["record"] for name, example in document["valid"].items()}


def _numbered_lines(file: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number, from 1, and the text of each line that is not blank."""
    try:
        with ExitStack() as opened:
            if file == "-":
                lines: Iterable[bytes] = sys.stdin.buffer
            elif file.endswith(".gz"):
                lines = opened.enter_context(gzip.open(file))
            else:
                lines = opened.enter_context(Path(file).open("rb"))
            for number, line in enumerate(lines, 1):
                # Only the end of the line goes: other characters around the event belong to it.
                line = line.removesuffix(b"\n").removesuffix(b"\r")
                if line.strip():
                    yield number, line
    except FileNotFoundError:
        raise BelowTheLineError(
            f"There is no file {file}.", "Give a file of JSON, or - for standard input."
        ) from None
    except IsADirectoryError:
        raise BelowTheLineError(
            f"{file} is a folder.", "Give a file of JSON, or - for standard input."
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BelowTheLineError(
            f"{file} cannot be read: {reason}.", "Check the file and its permissions."
        ) from None
