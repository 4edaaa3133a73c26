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
from typing import Any

import orjson

from below_the_line.catalogue import example_record
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Record
from below_the_line.contracts.names import event_names
from below_the_line.errors import BelowTheLineError

_MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
"""Of a file that is read as documents; a larger one is read line by line."""
_WHITE_SPACE = " \t\r\n"


def given_events(file: str, contracts: Contracts) -> Iterator[tuple[int, Record]]:
    """Yield the records of the events in a file, each with the number of its first line.

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
    found: Iterable[tuple[int, bytes]] = lines
    if not _is_one_event(first[1]):
        # Only what cannot be read line by line is held in memory.
        start, size = [], 0
        for each in lines:
            start.append(each)
            size += len(each[1]) + 1
            if size > _MAX_DOCUMENT_BYTES:
                break
        documents = _documents(start) if size <= _MAX_DOCUMENT_BYTES else None
        examples = _examples(documents or [])
        if examples is not None:
            for form in examples:
                record = example_record(form, "")
                yield 1, record._replace(topic=record.topic or _topic(record, contracts))
            return
        if documents is not None:
            found = documents
        elif first[1].strip() in (b"{", b"[") and size <= _MAX_DOCUMENT_BYTES:
            # A document with a fault, not many lines with one each.
            found = [(first[0], b"\n".join(text for _, text in start))]
        else:
            found = chain(start, lines)
    for number, value in found:
        record = Record("", 0, 0, 0, _key(value), value)
        yield number, record._replace(topic=_topic(record, contracts))


def _topic(record: Record, contracts: Contracts) -> str:
    return contracts.topic_of(event_names(record).event_type or "") or ""


def _key(value: bytes) -> bytes | None:
    try:
        event = orjson.loads(value)
        data = event.get("data")
        if data is None:
            data = orjson.loads(base64.b64decode(event["data_base64"]))
        return str(data["article_id"]).encode()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_one_event(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _documents(lines: list[tuple[int, bytes]]) -> list[tuple[int, bytes]] | None:
    """Return the JSON documents in a file, the items of arrays apart, each as it was written, with
    the number of its first line. Returns None if it has anything else.
    """
    numbers, texts = zip(*lines, strict=True)
    try:
        text = b"\n".join(texts).decode()
        found = list(_split(text))
    except (ValueError, RecursionError):
        return None
    line, seen, numbered = 0, 0, []
    for start, end in found:
        line += text.count("\n", seen, start)
        seen = start
        numbered.append((numbers[line], text[start:end].encode()))
    return numbered


def _split(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each document, or item of an array at the top level, begins and ends."""
    read = json.JSONDecoder().raw_decode
    at = _after_space(text, 0)
    while at < len(text):
        if text[at] != "[":
            end = read(text, at)[1]
            yield at, end
            at = _after_space(text, end)
            continue
        at = _after_space(text, at + 1)
        while text[at : at + 1] != "]":
            end = read(text, at)[1]
            yield at, end
            at = _after_space(text, end)
            if text[at : at + 1] == ",":
                at = _after_space(text, at + 1)
            elif text[at : at + 1] != "]":
                raise ValueError("an array that does not end")
        at = _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITE_SPACE:
        at += 1
    return at


def _examples(documents: list[tuple[int, bytes]]) -> list[dict[str, Any]] | None:
    """Return the valid records in a file of schemas/examples; None for any other file."""
    if len(documents) != 1:
        return None
    document = json.loads(documents[0][1])
    if not isinstance(document, dict) or document.keys() != {"valid", "invalid"}:
        return None
    return [example["record"] for example in document["valid"].values()]


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
