"""Sort more events than fit into memory, by time."""

import heapq
import struct
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
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


@contextmanager
def sorted_by_time(
    events: Iterable[Timed], headers: tuple[tuple[str, bytes], ...]
) -> Iterator[Iterator[Timed]]:
    """Yield all events in the order of their times; events of the same time in their original
    order.

    ``headers`` are those of every record: they are not written to the temporary files.
    """
    with ExitStack() as files:
        runs: list[Iterator[Timed]] = []
        held: list[Timed] = []
        held_bytes = 0
        for event in events:
            held.append(event)
            held_bytes += _size(event)
            if held_bytes >= IN_MEMORY_BYTES:
                held.sort(key=_time)
                with writing(f"A temporary file in {tempfile.gettempdir()}"):
                    runs.append(_read(_spilled(held, files), headers))
                held, held_bytes = [], 0
        held.sort(key=_time)
        yield heapq.merge(*runs, held, key=_time) if runs else iter(held)


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
