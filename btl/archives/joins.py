"""Join the files of an export, however large: rows wait in a temporary SQLite file, by the key of
what they belong to, until that is read.

    with temporary_tables("users", "likes") as (users, likes):
        for user in read(users_file):
            users.add(user["id"], [user["name"]])
        for like in read(likes_file):
            likes.add(like["comment_id"], [like["user_id"]])
        for batch in batches(read(comments_file), 500):
            names = users.find(comment["user_id"] for comment in batch)
            given = likes.take(comment["id"] for comment in batch)
        for key, row in likes.rest():
            ...  # likes of comments that are in no file

All rows are added first. One question about a whole batch is many times quicker than one for each.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import orjson

from btl.archives.temporary_database import insert, temporary_database

Row = list[Any]
Rows = dict[str, list[Row]]

_BUNDLE = 5_000
_Item = TypeVar("_Item")


class Table:
    """Rows of values that JSON has (texts, whole numbers, booleans, None, lists), each with a key;
    many rows may have the same one.
    """

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._new: list[tuple[str, bytes]] = []
        self._indexed = False
        self._taken = bytearray()
        connection.execute(f"create table {name} (key text, value blob)")

    def add(self, key: str, row: Sequence[Any]) -> None:
        """Add a row."""
        self._new.append((key, orjson.dumps([*row])))
        if len(self._new) >= _BUNDLE:
            self._flush()

    def find(self, keys: Iterable[str]) -> Rows:
        """Return the rows of these keys, in the order in which they were added."""
        found: Rows = {}
        for _, key, value in self._ask(keys):
            found.setdefault(key, []).append(orjson.loads(value))
        return found

    def take(self, keys: Iterable[str]) -> Rows:
        """Return those rows of these keys that nobody has taken before."""
        found: Rows = {}
        for number, key, value in self._ask(keys):
            if not self._is_taken(number):
                self._taken[number >> 3] |= 1 << (number & 7)
                found.setdefault(key, []).append(orjson.loads(value))
        return found

    def rest(self) -> Iterator[tuple[str, Row]]:
        """Yield the key and the row of all rows that nobody has taken."""
        self._index()
        for number, key, value in self._connection.execute(
            f"select rowid, key, value from {self._name} order by rowid"  # noqa: S608
        ):
            if not self._is_taken(number):
                yield key, orjson.loads(value)

    def _ask(self, keys: Iterable[str]) -> sqlite3.Cursor:
        self._index()
        return self._connection.execute(
            f"select rowid, key, value from {self._name}"  # noqa: S608
            " where key in (select value from json_each(?)) order by rowid",
            (orjson.dumps(sorted(set(keys))).decode(),),
        )

    def _is_taken(self, number: int) -> bool:
        return bool(self._taken[number >> 3] >> (number & 7) & 1)

    def _flush(self) -> None:
        insert(self._connection, self._name, self._new)
        self._new = []

    def _index(self) -> None:
        if self._indexed:
            return
        self._flush()
        self._connection.execute(f"create index {self._name}_key on {self._name} (key)")
        query = f"select coalesce(max(rowid), 0) from {self._name}"  # noqa: S608
        self._taken = bytearray((self._connection.execute(query).fetchone()[0] >> 3) + 1)
        self._indexed = True


@contextmanager
def temporary_tables(*names: str) -> Iterator[tuple[Table, ...]]:
    """Yield empty tables, in a file as of ``temporary_database``, and raise as it does."""
    with temporary_database() as connection:
        yield tuple(Table(connection, name) for name in names)


def batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield the items in lists of ``size``; the last one may be shorter."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
