"""Sort more events than fit into memory, by time."""

import heapq
import struct
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, NamedTuple

from below_the_line.files import writing
from below_the_line.kafka.envelopes import Outgoing

IN_MEMORY_BYTES = 128 * 1024 * 1024
"""Memory of the events that are held; the others wait, sorted, in temporary files."""
_OVERHEAD_BYTES = 500
"""What an event takes beside its key and its value."""

_LENGTHS = struct.Struct(">qIII")


class Timed(NamedTuple):
    """A record and the time, in microseconds since 1970, at which its event occurred."""

    occurred_at: int
    outgoing: Outgoing


class Sorter:
    """Takes events in any order and gives them back in the order of their times; events of the same
    time in their original order. A context manager: its temporary files are gone afterwards.
    """

    def __init__(self, headers: tuple[tuple[str, bytes], ...]) -> None:
        """``headers`` are those of every record: they are not written to the temporary files."""
        self._headers = headers
        self._files = ExitStack()
        self._runs: list[IO[bytes]] = []
        self._held: list[Timed] = []
        self._held_bytes = 0

    def __enter__(self) -> "Sorter":
        return self

    def __exit__(self, *_: object) -> None:
        self._held.clear()
        self._files.close()

    def add(self, event: Timed) -> None:
        """Take an event. Raises BelowTheLineError if a temporary file cannot be written."""
        self._held.append(event)
        self._held_bytes += _size(event)
        if self._held_bytes >= IN_MEMORY_BYTES:
            self._held.sort(key=_time)
            with writing(f"A temporary file in {tempfile.gettempdir()}"):
                self._runs.append(_spilled(self._held, self._files))
            self._held, self._held_bytes = [], 0

    def events(self) -> Iterator[Timed]:
        """Yield all events. Call it once, when all are added."""
        self._held.sort(key=_time)
        if not self._runs:
            return iter(self._held)
        runs = (_read(run, self._headers) for run in self._runs)
        return heapq.merge(*runs, self._held, key=_time)


def _time(event: Timed) -> int:
    return event.occurred_at


def _size(event: Timed) -> int:
    _, key, value, _ = event.outgoing
    return len(key or b"") + len(value or b"") + _OVERHEAD_BYTES


def _spilled(events: list[Timed], files: ExitStack) -> IO[bytes]:
    # The stack is the file's context manager.
    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    for occurred_at, (topic, key, value, _) in events:
        parts = (topic.encode(), key or b"", value or b"")
        file.write(_LENGTHS.pack(occurred_at, *(len(part) for part in parts)))
        file.write(b"".join(parts))
    file.seek(0)
    return file


def _read(file: IO[bytes], headers: tuple[tuple[str, bytes], ...]) -> Iterator[Timed]:
    while packed := file.read(_LENGTHS.size):
        occurred_at, *lengths = _LENGTHS.unpack(packed)
        topic, key, value = (file.read(length) for length in lengths)
        yield Timed(occurred_at, Outgoing(topic.decode(), key, value, headers))
