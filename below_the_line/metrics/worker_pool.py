"""Units of work that several connections share."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TypeVar

import psycopg

_Unit = TypeVar("_Unit")
_SECONDS_BETWEEN_CANCELS = 0.2


def share(
    units: Iterable[_Unit],
    connections: Sequence[psycopg.Connection],
    prepare: Callable[[psycopg.Connection], None],
    work: Callable[[psycopg.Connection, _Unit], None],
) -> None:
    """Do each unit of work once, about in this order; a connection that is free takes the next.

    ``prepare`` runs first on each connection. When a unit raises, no further unit begins; the units
    under way finish, then the first error is raised. When the caller is interrupted, the statements
    under way are cancelled. A single connection works on the caller's thread.
    """
    if len(connections) == 1:
        prepare(connections[0])
        for unit in units:
            work(connections[0], unit)
        return
    left, lock, over = iter(units), threading.Lock(), threading.Event()

    def take() -> Iterator[_Unit]:
        while not over.is_set():
            with lock:
                try:
                    unit = next(left)
                except StopIteration:
                    return
            yield unit

    def run(connection: psycopg.Connection) -> None:
        try:
            prepare(connection)
            for unit in take():
                work(connection, unit)
        except BaseException:
            over.set()
            raise

    with ThreadPoolExecutor(len(connections), thread_name_prefix="share") as pool:
        futures: list[Future[None]] = []
        try:
            # An interrupt may come as early as this: the first connection works already.
            for connection in connections:
                futures.append(pool.submit(run, connection))
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        except BaseException:
            over.set()
            _cancel(futures, connections)
            raise
    for future in (*done, *futures):
        future.result()


def _cancel(futures: Sequence["Future[None]"], connections: Sequence[psycopg.Connection]) -> None:
    """Cancel the statements on these connections until all work has ended.

    It repeats, because a thread may be between two statements.
    """
    while wait(futures, timeout=_SECONDS_BETWEEN_CANCELS).not_done:
        for connection in connections:
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=5)
