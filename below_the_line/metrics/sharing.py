"""Work that several connections share."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psycopg

_Unit = TypeVar("_Unit")


def share(
    units: Iterable[_Unit],
    connections: Sequence[psycopg.Connection],
    prepare: Callable[[psycopg.Connection], None],
    work: Callable[[psycopg.Connection, _Unit], None],
) -> None:
    """Do each unit of work once, on whichever connection is free, in about this order; each is prepared first.

    Raises what the first of them raises, once those under way have ended; the others are not begun then. A single
    connection works on the caller's thread.
    """
    left, lock, over = iter(units), threading.Lock(), threading.Event()

    def take() -> Iterable[_Unit]:
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
        finally:
            # After the last unit there is nothing to begin; after an error nothing is to be begun.
            over.set()

    if len(connections) == 1:
        run(connections[0])
        return
    with ThreadPoolExecutor(len(connections), thread_name_prefix="share") as pool:
        try:
            for future in [pool.submit(run, connection) for connection in connections]:
                future.result()
        finally:
            over.set()
