"""Sort more events than fit into memory, by time."""

import heapq
import os
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, NamedTuple

from below_the_line.files import writing
from below_the_line.kafka.envelopes import Outgoing

IN_MEMORY_BYTES = 128 * 1024 * 1024
"""Memory of the events that are held; the others wait, sorted, in a temporary file."""
PARTS = 2
"""Events are kept in this many parts; all events of a key are in one. Two processes can produce."""

_OVERHEAD_BYTES = 150
"""Memory of an event beside its key and its value."""
_READ_BYTES = 16 * 1024 * 1024
"""Memory of all that is read ahead of a temporary file."""
_MIN_BUFFER, _MAX_BUFFER = 8_192, 262_144

_LENGTHS = struct.Struct(">qHII")


class Timed(NamedTuple):
    """A record and the time, in microseconds since 1970, at which its event occurred."""

    occurred_at: int
    outgoing: Outgoing


class Run(NamedTuple):
    """Sorted events in a file: one after the other, from an offset on."""

    part: int
    offset: int
    size: int


_Packed = tuple[int, bytes]
"""The time of an event, and all of it as it is written to a file."""


class Sorter:
    """Takes events in any order and gives them back in the order of their times; events of the same
    time in their original order. A context manager: its temporary file is gone afterwards.
    """

    def __init__(
        self,
        headers: tuple[tuple[str, bytes], ...],
        in_memory_bytes: int | None = None,
        file: IO[bytes] | None = None,
    ) -> None:
        """``headers`` are those of every record: they are not written to the temporary file, which
        is ``file`` if one is given.
        """
        self._headers = headers
        self._limit = IN_MEMORY_BYTES if in_memory_bytes is None else in_memory_bytes
        self._files = ExitStack()
        self._file = file
        self._runs: list[tuple[IO[bytes], Run]] = []
        self._held: list[list[_Packed]] = [[] for _ in range(PARTS)]
        self._held_bytes = 0

    def __enter__(self) -> "Sorter":
        return self

    def __exit__(self, *_: object) -> None:
        self._held.clear()
        self._files.close()

    def add(self, event: Timed) -> None:
        """Take an event. Raises BelowTheLineError if the temporary file cannot be written."""
        occurred_at, (topic, key, value, _) = event
        named, key, value = topic.encode(), key or b"", value or b""
        lengths = _LENGTHS.pack(occurred_at, len(named), len(key), len(value))
        packed = b"".join((lengths, named, key, value))
        self._held[zlib.crc32(key) % PARTS].append((occurred_at, packed))
        self._held_bytes += len(packed) + _OVERHEAD_BYTES
        if self._held_bytes >= self._limit:
            self.spill()

    def spill(self) -> list[Run]:
        """Write all that is held to the temporary file. Return all runs in it."""
        with writing(f"A temporary file in {tempfile.gettempdir()}"):
            if self._file is None:
                file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
                self._file = self._files.enter_context(file)
            for part, events in enumerate(self._held):
                if events:
                    self._runs.append((self._file, _written(self._file, part, events)))
                    events.clear()
            self._file.flush()
        self._held_bytes = 0
        return [run for _, run in self._runs]

    def adopt(self, file: IO[bytes], runs: Iterable[Run]) -> None:
        """Add the runs that another sorter, perhaps of another process, wrote to a file."""
        self._runs += ((file, run) for run in runs)

    def events(self, part: int | None = None) -> Iterator[Timed]:
        """Yield all events, or those of a part. Call it when all are added."""
        runs = [(file, run) for file, run in self._runs if part in (None, run.part)]
        buffer = min(max(_READ_BYTES // max(len(runs), 1), _MIN_BUFFER), _MAX_BUFFER)
        held = [
            iter(sorted(events, key=_time))
            for number, events in enumerate(self._held)
            if part in (None, number)
        ]
        merged = heapq.merge(*(_read(*each, buffer) for each in runs), *held, key=_time)
        for occurred_at, packed in merged:
            _, *lengths = _LENGTHS.unpack_from(packed)
            begin = _LENGTHS.size
            key_at, value_at = begin + lengths[0], begin + lengths[0] + lengths[1]
            yield Timed(
                occurred_at,
                Outgoing(
                    packed[begin:key_at].decode(),
                    packed[key_at:value_at],
                    packed[value_at:],
                    self._headers,
                ),
            )


def _time(event: _Packed) -> int:
    return event[0]


def _written(file: IO[bytes], part: int, events: list[_Packed]) -> Run:
    events.sort(key=_time)
    offset = file.seek(0, os.SEEK_END)
    file.writelines(packed for _, packed in events)
    return Run(part, offset, file.tell() - offset)


def _read(file: IO[bytes], run: Run, buffer_bytes: int) -> Iterator[_Packed]:
    """Yield the events of a run. Several may read a file, also in several processes."""
    descriptor, at, end = file.fileno(), run.offset, run.offset + run.size
    buffer, begin = b"", 0
    while True:
        left = len(buffer) - begin
        if left >= _LENGTHS.size:
            occurred_at, *lengths = _LENGTHS.unpack_from(buffer, begin)
            size = _LENGTHS.size + sum(lengths)
            if left >= size:
                yield occurred_at, buffer[begin : begin + size]
                begin += size
                continue
        if at >= end:
            return
        more = os.pread(descriptor, min(buffer_bytes, end - at), at)
        if not more:
            raise EOFError("a temporary file is shorter than what was written to it")
        at += len(more)
        buffer, begin = buffer[begin:] + more, 0
