"""Copying rows straight into their tables, without staging and merge: which tables' rows, and when.

A row that nobody wrote before needs no join: it is copied as it is, for less than half of what a
merge costs. Rows that are most likely new are tried this way (``FoldedTable.parted``), the others
are merged. If one of them is there after all, the transaction is rolled back, and all of the batch
is merged.

Locks. Merges take the rows of a transaction in one order: tables as in ``TABLES``, in each the keys
in order, dead letters last. What is copied straight is not in this order, because it comes before
all merges. So a transaction that copies straight waits for another one only for an instant, and
then gives up like one that met a row. Transactions that only merge can't wait in a circle, and a
circle with one that copied straight ends with its patience, before the server looks for deadlocks.
"""

from collections.abc import Iterable


class StraightWay:
    """For each table, whether the next batch copies rows straight into it.

    After a batch that met a row, the next 2, 4, … up to ``longest_pause`` batches merge. A batch
    whose rows were all new ends that series.
    """

    def __init__(self, longest_pause: int = 64) -> None:
        """``longest_pause`` 0: every batch tries."""
        self._longest_pause = longest_pause
        self._pauses: dict[str, int] = {}
        """How many batches the last pause of a table has, or had."""
        self._left: dict[str, int] = {}
        """How many of them are still to come."""

    def is_open(self, table: str) -> bool:
        """Return whether the batch that is begun copies rows into the table; a batch of a pause is
        counted.
        """
        left = self._left.get(table, 0)
        self._left[table] = max(0, left - 1)
        return left == 0

    def passed(self, tables: Iterable[str]) -> None:
        """A batch was committed whose rows were new to these tables."""
        for table in tables:
            self._pauses.pop(table, None)

    def failed(self, tables: Iterable[str]) -> None:
        """A batch could not be copied straight into these tables."""
        for table in tables:
            pause = min(2 * self._pauses.get(table, 1), self._longest_pause)
            self._pauses[table] = self._left[table] = pause
