"""Check the records of a large export in several processes.

The process that reads sends bundles of records to workers, and gets back what must be known of the
whole. Each worker sorts its events into a temporary file that it shares with the reading process.
A worker gets a bundle only when it waits for one, so that neither blocks the other.
"""

import gc
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from multiprocessing import get_context
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.process import BaseProcess
from typing import IO, Any, NamedTuple

import msgspec

from below_the_line.contracts.decoder import Contracts
from below_the_line.errors import BelowTheLineError
from below_the_line.files import writing
from below_the_line.kafka.envelopes import STRUCTURED_HEADERS
from btl.archives import records as kinds
from btl.archives.checking import Checker, Tally
from btl.archives.events import EventRules
from btl.archives.external_sort import Run, Sorter
from btl.archives.facts import ArticleFact, CommentFact, VersionFact
from btl.archives.killed_processes import speaking_with
from btl.archives.spool import SpoolRows

_IN_MEMORY_BYTES = 24 * 1024 * 1024
"""Memory of the events that a worker holds."""

_TASK = "checks records"

_RECORDS = {
    kind.__name__: msgspec.msgpack.Decoder(list[kind])  # type: ignore[valid-type]
    for kind in (
        kinds.Article,
        kinds.Comment,
        kinds.Deletion,
        kinds.Edit,
        kinds.LeftOut,
        kinds.Moderation,
        kinds.Reaction,
        kinds.ReactionCount,
        kinds.Report,
        kinds.ReportCount,
        kinds.ReportDecision,
        kinds.Unpublication,
        kinds.Unreadable,
    )
}
_encode = msgspec.msgpack.Encoder().encode
_decode_groups = msgspec.msgpack.Decoder(list[tuple[str, msgspec.Raw]]).decode


class Noted(msgspec.Struct, array_like=True):
    """What a worker found in one bundle that must be known of the whole."""

    articles: list[ArticleFact]
    versions: list[VersionFact]
    comments: list[CommentFact]
    rows: dict[str, list[Any]]
    """Rows of the spool, by table."""


_decode_noted = msgspec.msgpack.Decoder(Noted).decode


class Done(NamedTuple):
    """What one worker did in all."""

    tally: Tally
    file: IO[bytes]
    runs: list[Run]
    """The worker's events, in the file."""


class _Notes(SpoolRows):
    """Collects facts and rows of the spool."""

    def __init__(self) -> None:
        super().__init__()
        self.articles: list[ArticleFact] = []
        self.versions: list[VersionFact] = []
        self.comments: list[CommentFact] = []
        self.add_comment = self.comments.append

    def add_article(self, article: ArticleFact) -> None:
        self.articles.append(article)

    def add_version(self, version: VersionFact) -> None:
        self.versions.append(version)

    def take(self) -> bytes:
        """Return all that was collected, packed, and forget it."""
        noted = (self.articles, self.versions, self.comments, self.rows)
        packed = _encode(noted)
        self.articles.clear()
        self.versions.clear()
        self.comments.clear()
        for rows in self.rows.values():
            rows.clear()
        return packed


class _Worker(NamedTuple):
    process: BaseProcess
    connection: Connection
    file: IO[bytes]


class CheckingPool:
    """Processes that check records. A context manager: they have ended afterwards.

    Enter it before threads are started and files are opened that a forked process must not share.
    """

    def __init__(
        self, rules: EventRules, contracts: Contracts, now: datetime, processes: int
    ) -> None:
        self._make = (rules, contracts, now)
        self._processes = processes
        self._workers: list[_Worker] = []
        self._running: list[_Worker] = []

    def __enter__(self) -> "CheckingPool":
        context = get_context("fork")
        for _ in range(self._processes):
            with writing(f"A temporary file in {tempfile.gettempdir()}"):
                file = tempfile.TemporaryFile()
            ours, theirs = Pipe()
            others = [worker.connection for worker in self._workers]
            process = context.Process(
                target=_work, args=(theirs, [ours, *others], file, *self._make), daemon=True
            )
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours, file))
            self._running.append(self._workers[-1])
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        for worker in self._workers:
            worker.file.close()

    def _end(self) -> None:
        """End the processes; their files stay."""
        while self._running:
            process, connection, _ = self._running.pop()
            connection.close()
            process.terminate()
            process.join()
            process.close()

    def check(self, bundles: Iterable[list[Any]], take: Callable[[Noted], None]) -> list[Done]:
        """Check all bundles, and return what each worker did. Call it once: the workers then end.

        ``take`` is called with what was noted of each bundle, in their order. Raises
        BelowTheLineError as ``Sorter.add`` does, and if a process was killed.
        """
        workers = {worker.connection: worker for worker in self._workers}
        numbers: dict[Connection, int] = {}
        replies: dict[int, Noted] = {}
        taken = 0

        def receive(timeout: float | None) -> None:
            nonlocal taken
            for connection in wait(list(numbers), timeout):
                if not isinstance(connection, Connection):
                    raise TypeError
                replies[numbers.pop(connection)] = _decode_noted(_reply(workers[connection]))
            while taken in replies:
                take(replies.pop(taken))
                taken += 1

        for number, bundle in enumerate(bundles):
            receive(0 if len(numbers) < len(self._workers) else None)
            worker = next(each for each in self._workers if each.connection not in numbers)
            _send(worker, (number, _packed(bundle)))
            numbers[worker.connection] = number
        while numbers:
            receive(None)
        done = []
        for worker in self._workers:
            _send(worker, None)
            tally, runs = _reply(worker)
            done.append(Done(tally, worker.file, runs))
        self._end()
        return done


def _send(worker: _Worker, message: Any) -> None:
    with speaking_with(worker.process, _TASK):
        worker.connection.send(message)


def _reply(worker: _Worker) -> Any:
    """Return what a worker answers. Raises what stopped it."""
    with speaking_with(worker.process, _TASK):
        reply = worker.connection.recv()
    if isinstance(reply, BelowTheLineError):
        raise reply
    return reply


def _packed(records: list[Any]) -> bytes | list[Any]:
    groups = [(name, list(each)) for name, each in groupby(records, _kind)]
    try:
        return _encode(groups)
    except UnicodeEncodeError:
        # A lone surrogate: pickle takes it, and the contracts reject it.
        return records


def _kind(record: Any) -> str:
    return type(record).__name__


def _unpacked(packed: bytes | list[Any]) -> Iterator[Any]:
    if isinstance(packed, list):
        yield from packed
        return
    for name, group in _decode_groups(packed):
        yield from _RECORDS[name].decode(group)


def _work(
    connection: Connection,
    others: Iterable[Connection],
    file: IO[bytes],
    rules: EventRules,
    contracts: Contracts,
    now: datetime,
) -> None:
    """Check bundles until there are no more, or the process that reads has ended."""
    # The terminal's Ctrl-C goes to all; the reading process ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()
    gc.freeze()
    notes = _Notes()
    sorter = Sorter(STRUCTURED_HEADERS, _IN_MEMORY_BYTES, file)
    checker = Checker(rules, contracts, now, notes, notes, sorter.add)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            while (message := connection.recv()) is not None:
                number, packed = message
                checker.take(_unpacked(packed), number)
                connection.send(notes.take())
            runs = sorter.spill()
            connection.send((checker.tally, runs))
            connection.recv()
        except BelowTheLineError as error:
            connection.send(error)
