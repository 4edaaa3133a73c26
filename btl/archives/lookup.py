"""Values by key in a temporary file, for exports that name first what they describe later. Memory
stays flat, however many there are.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from btl.archives.temporary_database import insert, temporary_database

_BUNDLE = 5_000
_CACHED = 50_000

Value = TypeVar("Value")


class Lookup(Generic[Value]):
    """First adds all values, then finds them."""

    def __init__(self, connection: sqlite3.Connection, kind: type[Value]) -> None:
        """``kind`` is a type that msgspec reads and writes."""
        self._connection = connection
        self._connection.execute(
            "create table found (key text primary key, value blob) without rowid"
        )
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode: Any = msgspec.msgpack.Decoder(kind).decode
        self._waiting: list[tuple[str, bytes]] = []
        self._recent: set[str] = set()
        """Keys that are there, as far as they are remembered: some exports repeat them a lot."""
        self.find = lru_cache(_CACHED)(self._find)

    def add(self, key: str, value: Value) -> None:
        """Add a value; the first one of a key counts."""
        if key in self._recent:
            return
        if len(self._recent) >= _CACHED:
            self._recent.clear()
        self._recent.add(key)
        self._waiting.append((key, self._encode(value)))
        if len(self._waiting) >= _BUNDLE:
            self._write()

    def __len__(self) -> int:
        self._write()
        (number,) = self._connection.execute("select count(*) from found").fetchone()
        return int(number)

    def __iter__(self) -> Iterator[str]:
        self._write()
        for (key,) in self._connection.execute("select key from found"):
            yield key

    def _write(self) -> None:
        insert(self._connection, "found", self._waiting)
        self._waiting = []

    def _find(self, key: str) -> Value | None:
        """Return the value of a key, None if it has none."""
        if self._waiting:
            self._write()
        row = self._connection.execute("select value from found where key = ?", (key,)).fetchone()
        found: Value | None = None if row is None else self._decode(row[0])
        return found


@contextmanager
def temporary_lookup(kind: type[Value]) -> Iterator[Lookup[Value]]:
    """Yield a lookup in a file that is gone afterwards. Raises as ``temporary_database`` does."""
    with temporary_database() as connection:
        yield Lookup(connection, kind)
