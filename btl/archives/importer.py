"""Read, check and sort an export: events on one side, rejected and left-out items on the other."""

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from below_the_line.contracts.decoder import Contracts
from below_the_line.errors import BelowTheLineError
from below_the_line.files import open_private, writing
from below_the_line.kafka.envelopes import STRUCTURED_HEADERS
from below_the_line.spreadsheet_cells import protected
from btl.archives.article_names import Naming, named_records
from btl.archives.checking import Checker, Tally
from btl.archives.checking_pool import CheckingPool, Noted
from btl.archives.closing import Policy
from btl.archives.events import EventRules
from btl.archives.external_sort import Sorter
from btl.archives.facts import Facts, temporary_facts
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.records import ArchiveRecord, Article, Comment, LeftOut, Place, Unreadable
from btl.archives.sources import ExportFile
from btl.archives.spool import Rejected, Spool
from btl.archives.survey import Finding

BUNDLE = 500
"""Records that are checked at once, in another process."""
CHECKERS = 2
"""Processes that check a large export, beside the one that reads it."""
PARALLEL_BYTES = 8_000_000
"""Size of the smallest export that is worth more than one process."""


@dataclass(frozen=True)
class Import:
    """What is imported, and how."""

    format: Format
    files: Sequence[ExportFile]
    options: ReadingOptions
    source: str
    """The events' CloudEvents source."""
    policy: Policy
    """When a discussion closes if the export does not say."""
    naming: Naming = field(default_factory=Naming)
    """How the ids of the export become those of events."""
    others: Sequence[ExportFile] = ()
    """Files beside them that are not of the format."""

    @property
    def rules(self) -> EventRules:
        """How records become events."""
        return EventRules(self.format.name, self.source, self.policy, self.options.site)

    @property
    def size(self) -> int:
        """The bytes of all files as they are on disk. Raises BelowTheLineError."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Checked:
    """A whole export, read and checked."""

    tally: Tally
    facts: Facts
    events: Sorter
    """All events."""
    findings: Sequence[Finding] = ()
    """What is to be said of the articles' names."""


class Preparation:
    """Reads and checks an export."""

    def __init__(
        self,
        wanted: Import,
        contracts: Contracts,
        now: datetime,
        opened: ExitStack,
        pool: CheckingPool | None,
    ) -> None:
        self._wanted = wanted
        self._contracts = contracts
        self._now = now
        self._opened = opened
        self._pool = pool

    def check(
        self, reject: Callable[[Rejected], None], progress: Progress = lambda _: None
    ) -> Checked:
        """Read the whole export, and return its events and counts. Call it once.

        ``reject`` is called with each item that makes no valid event. Raises BelowTheLineError for
        a fault of a whole file, and if a temporary file cannot be written.
        """
        wanted = self._wanted
        facts = self._opened.enter_context(temporary_facts())
        sorter = self._opened.enter_context(Sorter(STRUCTURED_HEADERS))
        spool = Spool(facts)
        checker = Checker(wanted.rules, self._contracts, self._now, facts, spool, sorter.add)
        named = self._opened.enter_context(
            named_records(
                wanted.naming,
                lambda done: wanted.format.read(wanted.files, wanted.options, done),
                progress,
                wanted.size,
            )
        )
        records = chain(map(_left_out, wanted.others), named.records)
        if self._pool is None:
            checker.take(records)
        else:

            def take(noted: Noted) -> None:
                for article in noted.articles:
                    facts.add_article(article)
                for version in noted.versions:
                    facts.add_version(version)
                for comment in noted.comments:
                    facts.add_comment(comment)
                spool.add_rows(noted.rows)

            for done in self._pool.check(bundles(records), take):
                checker.tally.add(done.tally)
                sorter.adopt(done.file, done.runs)
        facts.flush()
        spool.flush()
        checker.finish(spool)
        facts.flush()
        for rejected in spool.rejected():
            reject(rejected)
        return Checked(checker.tally, facts, sorter, named.findings)


@contextmanager
def preparing(
    wanted: Import, contracts: Contracts, now: datetime, processes: int = 1
) -> Iterator[Preparation]:
    """Start what checks an export; with more than one process, as many as that check.

    Enter it before threads are started. ``now`` stands for the time at which a broker would take
    the events.
    """
    with ExitStack() as opened:
        pool = None
        if processes > 1:
            pool = opened.enter_context(CheckingPool(wanted.rules, contracts, now, processes))
        yield Preparation(wanted, contracts, now, opened, pool)


def checkers(wanted: Import) -> int:
    """Return the number of processes that check an export best."""
    is_large = wanted.size >= PARALLEL_BYTES and (os.cpu_count() or 1) > 1
    return CHECKERS if is_large else 1


def bundles(
    records: Iterable[ArchiveRecord | Unreadable], size: int = BUNDLE
) -> Iterator[list[ArchiveRecord | Unreadable]]:
    """Yield the records in bundles of about a size; what happened to a comment is in the bundle of
    the comment, unless it is very much.
    """
    bundle: list[ArchiveRecord | Unreadable] = []
    for record in records:
        if (len(bundle) >= size and isinstance(record, Comment | Article)) or len(
            bundle
        ) >= 20 * size:
            yield bundle
            bundle = []
        bundle.append(record)
    if bundle:
        yield bundle


def _left_out(file: ExportFile) -> LeftOut:
    return LeftOut(
        Place(file.name, "the whole file"),
        "files that are not of this format",
        "no format is recognised by their content",
    )


class RejectsFile:
    """The rejected items as CSV: file, place, reason and content.

    The file is created when the first item comes. Only its owner may read it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> "RejectsFile":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with writing(self.path):
                self._file.close()

    def write(self, rejected: Rejected) -> None:
        """Add one item. Raises BelowTheLineError if the file cannot be written."""
        if self._file is None:
            try:
                raw = open_private(self.path)
            except OSError as error:
                raise BelowTheLineError(
                    f"The file for rejected items, {self.path}, cannot be written:"
                    f" {error.strerror}.",
                    "Name another one with --rejects.",
                ) from None
            self._file = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(("file", "place", "reason", "content"))
        with writing(self.path):
            self._writer.writerow([protected(cell) for cell in rejected])
