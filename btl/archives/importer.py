"""Read, check and sort an export: events on one side, rejected rows on the other."""

import csv
import io
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Record, Rejection
from below_the_line.contracts.times import from_datetime
from below_the_line.errors import BelowTheLineError
from below_the_line.files import open_private, writing
from below_the_line.kafka.envelopes import structured
from below_the_line.spreadsheet_cells import protected
from btl.archives.external_sort import Timed
from btl.archives.mapping import ArticlesTable, CommentsTable, Mapping
from btl.archives.rows import RowReader, UnmappableRowError, event_time
from btl.archives.tables import open_table
from btl.archives.times import TimeReader

# Part of the promise that importing twice changes nothing: never change it.
_NAMESPACE = uuid.UUID("5f0c1a52-3c49-5c8e-9d0c-6a1f4b1f7a11")


class RejectedRow(NamedTuple):
    """A row that makes no valid event."""

    file: str
    line: int
    reason: str
    cells: list[str]


@dataclass
class Tally:
    """Counts of the rows that were read so far."""

    events: Counter[str] = field(default_factory=Counter)
    """Number of events by event type."""
    rejected: int = 0


class Archive:
    """Two files and their mapping."""

    def __init__(
        self, articles: Path, comments: Path, mapping: Mapping, contracts: Contracts, now: datetime
    ) -> None:
        """``now`` stands for the time at which a broker would take the events: none may lie after
        it.
        """
        self._files = {"articles": articles, "comments": comments}
        self._mapping = mapping
        self._contracts = contracts
        self._timestamp = int(now.timestamp() * 1000)
        self._times = TimeReader(
            mapping.time_zone,
            mapping.time_format,
            mapping.ambiguous_times,
            mapping.nonexistent_times,
        )
        self.tally = Tally()

    def events(
        self,
        reject: Callable[[RejectedRow], None],
        read: Callable[[str, int], None] = lambda *_: None,
    ) -> Iterator[Timed]:
        """Yield all events, those of the articles first; each has passed the contracts.

        ``reject`` is called with each row that makes no valid event, ``read`` with a table and the
        number of its bytes that are done. Raises BelowTheLineError for a fault of a whole file,
        before the first event of that file.
        """
        # Both headers first: a wrong column of the second file is reported before the first file is
        # read.
        readers = {name: self._reader(name) for name in self._files}
        for name, path in self._files.items():
            with self._open(path) as table:
                for number, row in enumerate(table.rows):
                    try:
                        event = self._event(name, readers[name].read(row.cells))
                    except UnmappableRowError as error:
                        self.tally.rejected += 1
                        reject(RejectedRow(path.name, row.line, str(error), row.cells))
                    else:
                        yield event
                    if number % 500 == 0:
                        read(name, table.bytes_read())
                read(name, table.bytes_read())

    def _open(self, path: Path) -> Any:
        return open_table(path, self._mapping.encoding, self._mapping.delimiter)

    def _reader(self, name: str) -> RowReader:
        section: ArticlesTable | CommentsTable = getattr(self._mapping, name)
        path = self._files[name]
        with self._open(path) as table:
            return RowReader(
                section,
                table.columns,
                name=name,
                file=path.name,
                null=self._mapping.null,
                times=self._times,
            )

    def _event(self, table: str, data: dict[str, Any]) -> Timed:
        if table == "articles":
            topic, event_type = "articles", "article.published.v1"
            occurred_at = event_time(data, "published_at", "updated_at")
            subject = data.get("article_id")
            natural_key = subject
        else:
            topic, event_type = "comment-events", "comment.posted.v1"
            occurred_at = event_time(data, "posted_at")
            subject = data.get("comment_id")
            natural_key = f"{data.get('article_id')}\n{subject}"
        for name in ("article_id", "comment_id"):
            if name in data or (name == "comment_id" and table == "articles"):
                continue
            raise UnmappableRowError(f"has no {name}")
        try:
            outgoing = structured(
                topic=topic,
                event_type=event_type,
                event_id=str(
                    uuid.uuid5(_NAMESPACE, f"{event_type}\n{self._mapping.source}\n{natural_key}")
                ),
                source=self._mapping.source,
                time=(
                    data["posted_at"]
                    if table == "comments"
                    else data.get("published_at") or data["updated_at"]
                ),
                subject=str(subject),
                data=data,
            )
        except orjson.JSONEncodeError as error:
            raise UnmappableRowError(f"cannot be written as JSON: {error}") from None
        result = self._contracts.decode(
            Record(topic, 0, 0, self._timestamp, outgoing.key, outgoing.value, outgoing.headers)
        )
        if isinstance(result, Rejection):
            raise UnmappableRowError(f"{result.code} at {result.pointer}: {result.message}")
        self.tally.events[event_type] += 1
        return Timed(from_datetime(occurred_at), outgoing)


class RejectsFile:
    """The rejected rows as CSV: file, line, reason and the row itself as JSON.

    The file is created when the first row comes. Only its owner may read it.
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

    def write(self, row: RejectedRow) -> None:
        """Add one row. Raises BelowTheLineError if the file cannot be written."""
        if self._file is None:
            try:
                raw = open_private(self.path)
            except OSError as error:
                raise BelowTheLineError(
                    f"The file for rejected rows, {self.path}, cannot be written:"
                    f" {error.strerror}.",
                    "Name another one with --rejects.",
                ) from None
            self._file = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(("file", "line", "reason", "row"))
        reason, cells = protected(row.reason), orjson.dumps(row.cells).decode()
        with writing(self.path):
            self._writer.writerow((protected(row.file), row.line, reason, cells))
