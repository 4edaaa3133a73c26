"""Redriving dead letters: decodes them again and merges them on the path of the consumers."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any
from uuid import UUID

import psycopg

from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Rejection
from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from below_the_line.database.connections import forbidden
from below_the_line.erasing.keys import ErasureKey
from below_the_line.errors import BelowTheLineError
from consumers.adapters.dead_letters import RedriveStore
from consumers.adapters.postgres import StoreError
from consumers.bisection import isolate
from consumers.core.batch import Batch, DecodedRecord
from consumers.core.dead_letters import Letter, Selection
from consumers.core.failures import Failure, backoff_seconds, is_contention

CHUNK = 1_000
"""The maximal number of dead letters per transaction."""
_TRIES_AGAINST_OTHERS = 6
"""How often a part is tried while other transactions, such as consumers', hold its locks."""

APPLIED, UNCHANGED, VALID = "applied", "unchanged", "valid"


@dataclass
class RedriveSummary:
    """The outcomes of a redrive."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The number of dead letters by code before the redrive, and outcome.

    The outcome is ``applied``, ``unchanged`` (its rows were there, or newer ones), ``valid`` (in a
    dry run: one of these two, unless the database rejects it), or the code that it has now.
    """

    @property
    def decoded(self) -> int:
        """Dead letters that were decoded again, with either result."""
        return self.outcomes.total()

    @property
    def redriven(self) -> int:
        """Dead letters that were redriven (in a dry run: would be)."""
        return sum(
            count
            for (_, outcome), count in self.outcomes.items()
            if outcome in (APPLIED, UNCHANGED, VALID)
        )

    @property
    def still_bad(self) -> int:
        """Dead letters that stay dead letters."""
        return self.decoded - self.redriven

    def as_dict(self) -> dict[str, Any]:
        """Return the outcomes for logs and for Airflow's XCom."""
        return {
            "decoded": self.decoded,
            "redriven": self.redriven,
            "still_bad": self.still_bad,
            "outcomes": {
                f"{before} → {outcome}": count
                for (before, outcome), count in sorted(self.outcomes.items())
            },
        }


def redrive(
    url: str,
    consumer_group: str,
    contracts: Contracts,
    selection: Selection,
    *,
    erasure_key: ErasureKey | None = None,
    dry_run: bool = False,
    chunk: int = CHUNK,
    on_outcome: Callable[[Letter, str], None] = lambda _letter, _outcome: None,
) -> RedriveSummary:
    """Decode the selected dead letters again, by their own timestamps, and merge those that are
    valid events now.

    Each chunk is one transaction: rows, the dead letters' state (``redriven``, or the present
    reason) and the ledger (kind ``redrive``, in the account of the consumer group). What was
    dead-lettered or redriven since the start is left out. Safe to repeat, to interrupt, to run
    twice at once (the runs share the work) and beside consumers. A dry run only decodes.
    ``on_outcome`` is called with each dead letter and its outcome, once that is written. Raises
    BelowTheLineError, also if people are erased and ``erasure_key`` is not the key that they were
    erased with; what was written before stays.
    """
    selection.require_redrivable()
    with closing(RedriveStore(url, consumer_group, erasure_key=erasure_key)) as store:
        run = _Redrive(store, contracts, selection, on_outcome)
        try:
            run.all_chunks(chunk, dry_run=dry_run)
        except StoreError as error:
            raise _translated(error, run.summary) from error
        return run.summary


@dataclass(frozen=True)
class _Chunk:
    """Dead letters of one topic, decoded."""

    letters: list[Letter]
    batch: Batch

    @cached_property
    def letter_at(self) -> Mapping[tuple[int, int], Letter]:
        """By partition and offset."""
        return {(letter.record.partition, letter.record.offset): letter for letter in self.letters}


class _Redrive:
    """One run."""

    def __init__(
        self,
        store: RedriveStore,
        contracts: Contracts,
        selection: Selection,
        on_outcome: Callable[[Letter, str], None],
    ) -> None:
        self._store = store
        self._decode = contracts.decode
        self._selection = selection
        self._on_outcome = on_outcome
        self.summary = RedriveSummary()

    def all_chunks(self, size: int, *, dry_run: bool) -> None:
        """Redrive chunk after chunk, in the order of the dead letters' keys. Raises StoreError."""
        began = self._store.clock()
        last: Letter | None = None
        while letters := self._store.chunk(self._selection, began, last, size):
            last = letters[-1]
            for _, of_topic in groupby(letters, key=lambda letter: letter.topic_id):
                chunk = self._decode_chunk(list(of_topic))
                if dry_run:
                    self._report(chunk, chunk.batch, lambda _: VALID)
                else:
                    self._write(chunk, began)
        if any(outcome == APPLIED for _, outcome in self.summary.outcomes):
            self._store.notify(MARKED_ARTICLES_CHANNEL)

    def _decode_chunk(self, letters: list[Letter]) -> _Chunk:
        decode = self._decode
        return _Chunk(
            letters,
            Batch.scattered(DecodedRecord(record, decode(record)) for _, record, _ in letters),
        )

    def _write(self, chunk: _Chunk, began: datetime) -> None:
        def write(part: Batch) -> None:
            written, applied = self._settle(chunk.letters[0].topic_id, part, began)
            self._report(
                chunk,
                written,
                lambda number: APPLIED if applied is None or number in applied else UNCHANGED,
            )

        try:
            write(chunk.batch)
        except StoreError as error:
            if error.failure not in (Failure.DATA, Failure.CANCELED):
                raise
            isolate(chunk.batch, error, write)

    def _settle(
        self, topic_id: UUID, part: Batch, began: datetime
    ) -> tuple[Batch, set[int] | None]:
        attempt = 1
        while True:
            try:
                return self._store.settle(topic_id, part, self._selection.statuses, began)
            except StoreError as error:
                if attempt >= _tries(error):
                    raise
            time.sleep(backoff_seconds(attempt, random.random()))  # noqa: S311
            attempt += 1

    def _report(self, chunk: _Chunk, part: Batch, of_event: Callable[[int], str]) -> None:
        for number, (record, result) in enumerate(part.decoded):
            letter = chunk.letter_at[record.partition, record.offset]
            outcome = result.code if isinstance(result, Rejection) else of_event(number)
            self.summary.outcomes[letter.code, outcome] += 1
            self._on_outcome(letter, outcome)


def _tries(error: StoreError) -> int:
    """Return how often to try a part that fails with this error."""
    if is_contention(error.cause.diag.sqlstate):
        return _TRIES_AGAINST_OTHERS
    # A statement that was cancelled may have been slow by chance, once.
    return 2 if error.failure is Failure.CANCELED else 1


def _translated(error: StoreError, done: RedriveSummary) -> BelowTheLineError:
    if error.failure in (Failure.FAULT, Failure.CANCELED):
        return BelowTheLineError(
            f"The database failed: {error.reason}. {done.decoded} dead letters were done before,"
            " and none in part.",
            "Run the same again when it is back: it goes on with those that are left.",
        )
    if isinstance(error.cause, psycopg.errors.InsufficientPrivilege):
        denied = forbidden(error.cause)
        return BelowTheLineError(
            f"{denied.message} {done.decoded} dead letters were done before, and none in part.",
            denied.hint,
        )
    return BelowTheLineError(
        f"The database rejected a statement of this software: {error.reason}.",
        f"{done.decoded} dead letters were done before, and none in part. Run `btl migrate`,"
        " and report this if it stays.",
    )
