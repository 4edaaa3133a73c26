"""Send the events of an export to Kafka: from this process, or from one for each part of them."""

import gc
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple, Protocol

from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.producer import Publisher
from below_the_line.settings import Settings
from btl.archives.external_sort import PARTS, Sorter
from btl.archives.killed_processes import speaking_with
from btl.pacing import Pacer

PARALLEL_EVENTS = 20_000
"""The fewest events that are worth more than one process."""
_STEP = 250
_SECONDS_TO_STOP = 15.0


class Production(Protocol):
    """Events on their way to Kafka."""

    @property
    def delivered(self) -> int:
        """Events that the broker has confirmed."""

    def run(self, update: Callable[[int], None]) -> None:
        """Return when all events are confirmed. ``update`` is called with how many were sent.

        Raises BelowTheLineError as ``Publisher.send`` does, and if a process was killed.
        """

    def stop(self) -> None:
        """Send no more, and wait for what is under way. For a run that was interrupted, or
        raised.
        """


@contextmanager
def producing(
    settings: Settings, events: Sorter, pacer: Pacer, *, in_parallel: bool
) -> Iterator[Production]:
    """Begin to send all events, those of an article in the order of their times.

    In parallel, the pacer is not asked, and of different articles a later event may be sent first.
    Enter it before threads are started.
    """
    if not in_parallel:
        with Publisher(settings) as publisher:
            yield _Alone(publisher, events, pacer)
        return
    events.spill()
    pool = _Pool(settings, events)
    try:
        yield pool
    finally:
        pool.end()


class _Alone:
    """Sends from this process."""

    def __init__(self, publisher: Publisher, events: Sorter, pacer: Pacer) -> None:
        self._publisher = publisher
        self._events = events
        self._pacer = pacer

    @property
    def delivered(self) -> int:
        return self._publisher.delivered

    def run(self, update: Callable[[int], None]) -> None:
        sent = 0

        def catch_up() -> None:
            self._publisher.flush()
            update(sent)

        for occurred_at, outgoing in self._events.events():
            self._pacer.wait(occurred_at / 1_000_000, catch_up)
            self._publisher.send(outgoing)
            sent += 1
            if sent % _STEP == 0:
                update(sent)
        catch_up()

    def stop(self) -> None:
        self._publisher.flush()


class _Sent(NamedTuple):
    """How far a process is."""

    sent: int
    delivered: int
    is_done: bool = False


class _Pool:
    """Sends each part from a process of its own."""

    def __init__(self, settings: Settings, events: Sorter) -> None:
        self._processes: dict[Connection, BaseProcess] = {}
        self._running: dict[Connection, _Sent] = {}
        self._ended: list[_Sent] = []
        context = get_context("fork")
        for part in range(PARTS):
            ours, theirs = Pipe()
            process = context.Process(
                target=_send_part,
                args=(theirs, [ours, *self._running], settings, events, part),
                daemon=True,
            )
            process.start()
            theirs.close()
            self._processes[ours] = process
            self._running[ours] = _Sent(0, 0)

    @property
    def delivered(self) -> int:
        return sum(each.delivered for each in (*self._running.values(), *self._ended))

    def run(self, update: Callable[[int], None]) -> None:
        while self._running:
            self._receive(None)
            update(sum(each.sent for each in (*self._running.values(), *self._ended)))

    def stop(self) -> None:
        for connection in self._running:
            with suppress(OSError):
                connection.send(None)
        deadline = time.monotonic() + _SECONDS_TO_STOP
        while self._running and (left := deadline - time.monotonic()) > 0:
            self._receive(left)

    def end(self) -> None:
        """End the processes, whatever they do."""
        for connection in self._running:
            connection.close()
        for process in self._processes.values():
            process.terminate()
            process.join()
            process.close()

    def _receive(self, timeout: float | None) -> None:
        for connection in wait(list(self._running), timeout):
            if not isinstance(connection, Connection):
                raise TypeError
            try:
                with speaking_with(self._processes[connection], "sends events"):
                    found = connection.recv()
                if isinstance(found, BelowTheLineError):
                    raise found
            except Exception:
                self._end(connection)
                raise
            self._running[connection] = found
            if found.is_done:
                self._end(connection)

    def _end(self, connection: Connection) -> None:
        """Note that a process sends no more."""
        self._ended.append(self._running.pop(connection))
        connection.close()


def _send_part(
    connection: Connection,
    others: Iterable[Connection],
    settings: Settings,
    events: Sorter,
    part: int,
) -> None:
    """Send a part until it is done, the other side says to stop, or has ended."""
    # The terminal's Ctrl-C goes to all; the other side says to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()
    gc.freeze()
    publisher, sent = Publisher(settings), 0
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            with publisher:
                for event in events.events(part):
                    publisher.send(event.outgoing)
                    sent += 1
                    if sent % _STEP == 0:
                        connection.send(_Sent(sent, publisher.delivered))
                        if connection.poll():
                            connection.recv()
                            break
                publisher.flush()
                connection.send(_Sent(sent, publisher.delivered, is_done=True))
        except BelowTheLineError as error:
            connection.send(_Sent(sent, publisher.delivered))
            connection.send(error)
