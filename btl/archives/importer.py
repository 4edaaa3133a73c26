"""Read, check and sort an export: events on one side, rejected and left-out items on the other."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from below_the_line.contracts.decoder import Contracts
from below_the_line.errors import BelowTheLineError
from below_the_line.files import open_private, writing
from below_the_line.kafka.envelopes import STRUCTURED_HEADERS
from below_the_line.spreadsheet_cells import protected
from btl.archives.article_names import Naming, named_records
from btl.archives.checking import Checker, Tally
from btl.archives.closing import Policy
from btl.archives.events import EventRules
from btl.archives.external_sort import Sorter, Timed
from btl.archives.facts import Facts, temporary_facts
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.sources import ExportFile
from btl.archives.spool import Rejected
from btl.archives.survey import Finding

_BUNDLE = 500


@dataclass(frozen=True)
class Import:
    """What is imported, and how."""

    format: Format
    files: Sequence[ExportFile]
    options: ReadingOptions
    source: str
    """The events' CloudEvents source."""
    policy: Policy
    """When discussions close of which the export does not say it."""
    naming: Naming = field(default_factory=Naming)
    """How the ids of the export become those of events."""

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
    events: Callable[[], Iterator[Timed]]
    """Returns all events in the order of their times. Call it once."""
    findings: Sequence[Finding] = ()
    """What is to be said of the articles' names."""


@contextmanager
def checked(
    wanted: Import,
    contracts: Contracts,
    now: datetime,
    reject: Callable[[Rejected], None],
    progress: Progress = lambda _: None,
) -> Iterator[Checked]:
    """Read a whole export, and yield its events and counts.

    ``now`` stands for the time at which a broker would take the events. ``reject`` is called with
    each item that makes no valid event. Raises BelowTheLineError for a fault of a whole file, and
    if a temporary file cannot be written.
    """
    with ExitStack() as opened:
        facts = opened.enter_context(temporary_facts())
        sorter = opened.enter_context(Sorter(STRUCTURED_HEADERS))
        checker = Checker(wanted.rules, contracts, now, facts, sorter.add)
        named = opened.enter_context(
            named_records(
                wanted.naming,
                lambda done: wanted.format.read(wanted.files, wanted.options, done),
                progress,
                wanted.size,
            )
        )
        for bundle in _bundles(named.records, _BUNDLE):
            checker.take(bundle)
        checker.flush()
        checker.finish()
        for rejected in checker.rejected():
            reject(rejected)
        yield Checked(checker.tally, facts, sorter.events, named.findings)


def _bundles(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while bundle := list(islice(iterator, size)):
        yield bundle


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
