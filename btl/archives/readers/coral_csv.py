"""Coral's CSV import format: three files whose columns have a fixed order.

Its documentation shows files without a header line; the importer itself wants one that begins with
``id``. Both are read. Reference: https://github.com/coralproject/coral-importer#csv
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import PurePath

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.html_text import plain_text
from btl.archives.joins import Table, batches, temporary_tables
from btl.archives.records import (
    ArchiveRecord,
    Article,
    Comment,
    LeftOut,
    Moderation,
    Place,
    Unreadable,
    unreadable,
)
from btl.archives.sources import HEAD_BYTES, ExportFile
from btl.archives.tables import Layout, open_table
from btl.archives.times import is_date

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "users": ("id", "email", "username", "role", "banned", "created_at"),
    "stories": ("id", "url", "title", "author", "published_at", "closed_at", "mode"),
    "comments": (
        *("id", "author_id", "story_id", "created_at", "body", "parent_id", "status", "rating"),
    ),
}
"""The columns of each file, in their order."""

_STATUSES = frozenset(("", "NONE", "APPROVED", "REJECTED"))
_MODES = frozenset(("", "COMMENTS", "QA", "RATINGS_AND_REVIEWS"))
_ROLES = frozenset(("", "COMMENTER", "MEMBER", "STAFF", "MODERATOR", "ADMIN"))
_STAFF = frozenset(("STAFF", "MODERATOR", "ADMIN"))
_BOOLEANS = frozenset(("", "true", "false", "t", "f", "1", "0"))
_TRUE = frozenset(("true", "t", "1"))
_SAMPLE = 20
_BATCH = 500

_Cells = dict[str, str]
_Records = Iterator[ArchiveRecord | Unreadable]


def _recognises(file: ExportFile) -> bool:
    return _name_of(file) is not None


def _name_of(file: ExportFile) -> str | None:
    """Which of the three files it is, by the values in its first rows."""
    head = file.head
    if not head.strip():
        name = PurePath(file.member or file.path.name).name
        name = name.removesuffix(".gz").removesuffix(".csv")
        return name if name in COLUMNS else None
    text = head.decode("utf-8-sig", errors="replace")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error:
        return None
    if len(head) == HEAD_BYTES:
        # The last row may not be all there.
        rows = rows[:-1]
    if not rows:
        return None
    if _is_header(rows[0]):
        names = tuple(cell.strip().lower() for cell in rows[0])
        return next((name for name, columns in COLUMNS.items() if columns == names), None)
    sample = rows[:_SAMPLE]
    for name, columns in COLUMNS.items():
        fitting = sum(
            len(row) == len(columns) and _FITS[name](_cells(columns, row)) for row in sample
        )
        # A few rows may be wrong.
        if fitting > len(sample) / 2:
            return name
    return None


def _read(
    files: Sequence[ExportFile], options: ReadingOptions, progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    by_name: dict[str, list[ExportFile]] = {}
    for file in files:
        name = _name_of(file)
        if name is None:
            raise BelowTheLineError(
                f"{file.name} is not one of Coral's CSV files.",
                "They have 8 columns (comments), 7 (stories) and 6 (users), in a fixed order.",
            )
        by_name.setdefault(name, []).append(file)
    for name, columns in COLUMNS.items():
        if name not in by_name:
            raise BelowTheLineError(
                f"The file of the {name} is missing.",
                f"Name it, too; its columns are {', '.join(columns)}.",
            )
    with temporary_tables("users") as (users,):
        yield from _Export(by_name, options.time_zone, progress, users).records()


FORMATS = (
    Format(
        name="coral-csv",
        title="Coral's CSV import format (stories, comments, users)",
        how_to_export=(
            "Files that somebody made for Coral's importer: stories.csv, comments.csv, users.csv."
        ),
        recognises=_recognises,
        read=_read,
    ),
)


class _Export:
    def __init__(
        self,
        files: Mapping[str, Sequence[ExportFile]],
        time_zone: tzinfo,
        progress: Progress,
        users: Table,
    ) -> None:
        self._files = files
        self._time_zone = time_zone
        self._progress = progress
        self._bytes_before = 0
        self._users = users

    def records(self) -> _Records:
        for name, handle in (("stories", self._story), ("users", self._user)):
            for row in self._rows(name):
                if isinstance(row, Unreadable):
                    yield row
                else:
                    yield from _guarded(handle, *row)
        for batch in batches(self._rows("comments"), _BATCH):
            rows = [row for row in batch if not isinstance(row, Unreadable)]
            yield from (row for row in batch if isinstance(row, Unreadable))
            users = self._users.find(cells["author_id"] for _, cells in rows)
            for place, cells in rows:
                user = users.get(cells["author_id"], [[None, False]])[0]

                def handle(place: Place, cells: _Cells, user: list[object] = user) -> _Records:
                    return self._comment(place, cells, user)

                yield from _guarded(handle, place, cells)

    def _rows(self, name: str) -> Iterator[tuple[Place, _Cells] | Unreadable]:
        columns = COLUMNS[name]
        for file in self._files[name]:
            with open_table(file, Layout(delimiter=",", columns=columns)) as table:
                for column in columns:
                    table.columns.index(column, name)
                for count, row in enumerate(table.rows()):
                    place = Place(file.name, f"line {row.number}")
                    if row.number == 1 and _is_header(row.whole):
                        continue
                    if row.fault is not None:
                        reason = f"has {len(row.whole)} columns and not {len(columns)}"
                        yield unreadable(place, reason, ",".join(row.whole))
                    else:
                        yield place, _cells(columns, row.cells)
                    if count % _BATCH == 0:
                        self._progress(self._bytes_before + table.bytes_read())
            self._bytes_before += file.size
            self._progress(self._bytes_before)

    def _story(self, place: Place, cells: _Cells) -> _Records:
        author = cells["author"]
        yield Article(
            place,
            article_id=_needed(cells, "id"),
            url=cells["url"] or None,
            headline=cells["title"] or None,
            published_at=self._time(cells, "published_at", whole_day=timedelta(0)),
            bylines=(author,) if author else None,
            closes_at=self._time(cells, "closed_at", whole_day=timedelta(days=1)),
        )

    def _user(self, place: Place, cells: _Cells) -> _Records:
        is_staff = cells["role"].upper() in _STAFF
        self._users.add(_needed(cells, "id"), [cells["username"] or None, is_staff])
        if cells["banned"].lower() in _TRUE:
            yield LeftOut(place, "bans of people", "no event says it")

    def _comment(self, place: Place, cells: _Cells, user: list[object]) -> _Records:
        comment_id, story_id = _needed(cells, "id"), _needed(cells, "story_id")
        status = cells["status"].upper()
        if status not in _STATUSES:
            raise ValueError(f"has the status {status!r}, which is not one of Coral's CSV format")
        if not cells["body"]:
            if not cells["rating"]:
                raise ValueError("has neither a text nor a rating")
            why = "a rating without a text is not a comment"
            yield LeftOut(place, "ratings without a text", why)
            return
        name, is_staff = user
        yield Comment(
            place,
            article_id=story_id,
            comment_id=comment_id,
            user_id=_needed(cells, "author_id"),
            display_name=name if isinstance(name, str) else None,
            body=plain_text(cells["body"]),
            posted_at=self._time(cells, "created_at", whole_day=None),
            parent_comment_id=cells["parent_id"] or None,
            is_staff=bool(is_staff),
        )
        if status == "REJECTED":
            yield Moderation(place, story_id, comment_id, decision="rejected")
        if cells["rating"]:
            yield LeftOut(place, "ratings of comments", "no event says it")

    def _time(self, cells: _Cells, name: str, *, whole_day: timedelta | None) -> datetime | None:
        """Return a time. Of a date alone it is ``whole_day`` after the date's first instant; None:
        such a date is not a time. Raises ValueError.
        """
        text = cells[name]
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"has a {name} that is not a time: {text[:80]}") from None
        if is_date(text):
            if whole_day is None:
                raise ValueError(f"has a {name} that is a date without a time of day: {text[:80]}")
            found += whole_day
        if found.tzinfo is None:
            found = found.replace(tzinfo=self._time_zone)
        return found.astimezone(UTC)


def _guarded(handle: Callable[[Place, _Cells], _Records], place: Place, cells: _Cells) -> _Records:
    """Yield the records of a row, or the row as one that cannot be read."""
    try:
        yield from list(handle(place, cells))
    except ValueError as error:
        yield unreadable(place, error, ",".join(cells.values()))


def _is_header(row: Sequence[str]) -> bool:
    return row[0].strip().lower() == "id"


def _cells(columns: Sequence[str], row: Sequence[str | None]) -> _Cells:
    return {name: (cell or "").strip() for name, cell in zip(columns, row, strict=True)}


def _needed(cells: _Cells, name: str) -> str:
    if not cells[name]:
        raise ValueError(f"has no {name}")
    return cells[name]


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _fits_users(cells: _Cells) -> bool:
    return (
        cells["role"].upper() in _ROLES
        and cells["banned"].lower() in _BOOLEANS
        and (not cells["email"] or "@" in cells["email"])
    )


def _fits_stories(cells: _Cells) -> bool:
    return (
        cells["url"].startswith(("http://", "https://", "/"))
        and cells["mode"].upper() in _MODES
        and (not cells["closed_at"] or _is_time(cells["closed_at"]))
    )


def _fits_comments(cells: _Cells) -> bool:
    return (
        _is_time(cells["created_at"])
        and (not cells["status"] or cells["status"].replace("_", "").isalpha())
        and (not cells["rating"] or cells["rating"].isdigit())
    )


_FITS: Mapping[str, Callable[[_Cells], bool]] = {
    "users": _fits_users,
    "stories": _fits_stories,
    "comments": _fits_comments,
}
