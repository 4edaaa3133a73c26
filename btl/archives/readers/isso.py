"""Isso: its SQLite database, and the JSON of its generic import.

Isso knows no accounts and no times of articles. An article is its thread; the thread's address,
with its host, is its id.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import orjson

from below_the_line.contracts.times import EPOCH
from below_the_line.errors import BelowTheLineError
from btl.archives.article_urls import absolute_url, article_id_of
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.html_text import plain_text
from btl.archives.json_stream import JsonStream, item_of
from btl.archives.lookup import Lookup, temporary_lookup
from btl.archives.records import (
    ArchiveRecord,
    Article,
    Comment,
    Deletion,
    Edit,
    Place,
    ReactionCount,
    Unreadable,
    UnreadableRowError,
    unreadable,
)
from btl.archives.sources import Content, ExportFile
from btl.archives.tally import Tally
from btl.archives.templates import decode_entities
from btl.archives.untrusted_sqlite import MAGIC, Expected, untrusted_database

_ACCEPTED, _PENDING, _DELETED = 1, 2, 4

_STEP = 1_000
"""Rows between two reports of progress."""

_ISSO = Expected(
    maker="Isso",
    columns={"threads": {"id", "uri"}, "comments": {"tid", "id", "created", "mode", "text"}},
    # Deletes threads without comments.
    triggers={"remove_stale_threads"},
)
_COLUMNS = (
    *("id", "tid", "parent", "created", "modified", "mode", "remote_addr", "text", "author"),
    *("email", "website", "likes", "dislikes"),
)
_LIST_OF_OBJECTS = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*\[\s*\{")
_HTML = re.compile(r"<p>.*</p>", re.DOTALL)
"""Texts that Isso imported as HTML from other systems; its own are Markdown."""

_FIRST_TEXTS = "first texts of edited comments"
_WHY_FIRST_TEXTS = "Isso keeps only the last text, which stands for the first one, too"
_WHY_PRIVATE = "no event has a place for it"


class _Row(NamedTuple):
    """A comment as it is in the database, in the order of ``_COLUMNS``; then its thread's address.

    SQLite holds a value of any type in any column.
    """

    id: Any
    tid: Any
    parent: Any
    created: Any
    modified: Any
    mode: Any
    remote_addr: Any
    text: Any
    author: Any
    email: Any
    website: Any
    likes: Any
    dislikes: Any
    uri: Any


def _is_database(file: ExportFile) -> bool:
    head = file.head
    return head.startswith(MAGIC) and b"threads" in head and b"remote_addr" in head


def _read_databases(
    files: Sequence[ExportFile], options: ReadingOptions, progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    tally = Tally()
    done = 0
    for file in files:
        with file.on_disk() as path, untrusted_database(path, file.name, _ISSO) as connection:
            yield from _Database(connection, file, options, tally).records(progress, done)
        done += file.size
        progress(done)
    yield from tally.records()


class _Database:
    """Turns the rows of one database into records."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        file: ExportFile,
        options: ReadingOptions,
        tally: Tally,
    ) -> None:
        self._connection = connection
        self._file = file
        self._options = options
        self._tally = tally

    def records(self, progress: Progress, done: int) -> Iterator[ArchiveRecord | Unreadable]:
        self._check_addresses()
        yield from self._articles()
        last = self._connection.execute(
            "select id from comments order by id desc limit 1"
        ).fetchone()
        for index, row in enumerate(self._rows()):
            if index % _STEP == 0 and isinstance(last[0], int):
                # As if comments had equal lengths, and none had been deleted.
                progress(done + self._file.size * max(0, min(row.id / last[0], 1)))
            try:
                # All of a row or nothing.
                yield from list(self._comment(row))
            except UnreadableRowError as error:
                place = self._place("comments", row.id)
                yield unreadable(place, error, _content(row))

    def _check_addresses(self) -> None:
        """Before any of it is read: paths need what stands before them."""
        if self._options.base_url is None:
            for (uri,) in self._connection.execute("select uri from threads"):
                if isinstance(uri, str) and uri.strip():
                    absolute_url(None, uri.strip(), self._file.name)

    def _articles(self) -> Iterator[Article | Unreadable]:
        title = "title" if "title" in self._columns("threads") else "null"
        for thread_id, uri, headline in self._connection.execute(
            f"select id, uri, {title} from threads"  # noqa: S608 - one of two names
        ):
            place = self._place("threads", thread_id)
            if not isinstance(uri, str) or not uri.strip():
                content = orjson.dumps([thread_id, uri, headline], default=repr)
                yield unreadable(place, "has no uri", content)
                continue
            yield _article(place, uri, headline, self._options.base_url)

    def _rows(self) -> Iterator[_Row]:
        present = self._columns("comments")
        columns = ", ".join(
            f"comments.{column}" if column in present else "null" for column in _COLUMNS
        )
        for row in self._connection.execute(
            f"select {columns}, threads.uri"  # noqa: S608 - names of our own list
            " from comments left join threads on threads.id = comments.tid"
        ):
            yield _Row._make(row)

    def _columns(self, table: str) -> set[str]:
        cursor = self._connection.execute(f"select * from {table} limit 0")  # noqa: S608 - our own
        return {column[0] for column in cursor.description}

    def _comment(self, row: _Row) -> Iterator[ArchiveRecord]:
        place = self._place("comments", row.id)
        if row.mode not in (_ACCEPTED, _PENDING, _DELETED):
            raise UnreadableRowError(f"has the mode {row.mode!r}, not 1, 2 or 4")
        # A thread that is not there is said of the whole: its comments have no article.
        uri = (_optional_text(row.uri, "uri") or "").strip()
        article_id = (
            _article_id(absolute_url(self._options.base_url, uri, place.file))
            if uri
            else f"isso:{row.tid}"
        )
        comment_id = str(row.id)
        deleted = row.mode == _DELETED
        # What other systems had deleted, Isso imported with its text.
        body = _body(_optional_text(row.text, "text") or "")
        yield Comment(
            place,
            article_id,
            comment_id,
            None,
            _name(_optional_text(row.author, "author")),
            body or None,
            _moment(row.created, "created"),
            None if row.parent in (None, 0) else str(row.parent),
            held=row.mode == _PENDING,
            email=(_optional_text(row.email, "email") or "").strip() or None,
        )
        for reaction, number in (("like", row.likes), ("dislike", row.dislikes)):
            if number is not None and not isinstance(number, int):
                raise UnreadableRowError(f"has {reaction}s that are not a number")
            if number and number > 0:
                yield ReactionCount(place, article_id, comment_id, reaction, number)
        edited_at = _moment(row.modified, "modified")
        if edited_at is not None:
            if body:
                self._tally.add(place, _FIRST_TEXTS, _WHY_FIRST_TEXTS)
                yield Edit(place, article_id, comment_id, body, edited_at)
            else:
                self._tally.add(place, "edits of deleted comments", "their texts are gone")
        if deleted:
            yield Deletion(place, article_id, comment_id)
        _count_private(self._tally, place, row.website, row.remote_addr)

    def _place(self, table: str, row_id: Any) -> Place:
        return Place(self._file.name, f"{table}, id {row_id}")


class _Thread(msgspec.Struct):
    """A thread of the generic JSON, without its comments."""

    id: str | int | None = None
    title: str | None = None


class _JsonComment(msgspec.Struct):
    """A comment of the generic JSON."""

    id: str | int
    created: str
    text: str | None = None
    author: str | None = None
    email: str | None = None
    website: str | None = None
    remote_addr: str | None = None


def _is_json(file: ExportFile) -> bool:
    head = file.head
    return (
        _LIST_OF_OBJECTS.match(head) is not None
        and b'"comments"' in head
        and (b'"remote_addr"' in head or b'"title"' in head)
    )


def _read_json(
    files: Sequence[ExportFile], options: ReadingOptions, progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    tally = Tally()
    done = 0
    for file in files:
        yield from _JsonFile(file, options, tally, progress, done).records()
        done += file.size
        progress(done)
    yield from tally.records()


class _JsonFile:
    """Turns one file of the generic JSON into records.

    It is read twice, because a thread's id stands after its comments, of which there may be any
    number.
    """

    def __init__(
        self,
        file: ExportFile,
        options: ReadingOptions,
        tally: Tally,
        progress: Progress,
        done: int,
    ) -> None:
        self._file = file
        self._options = options
        self._tally = tally
        self._progress = progress
        self._done = done

    def records(self) -> Iterator[ArchiveRecord | Unreadable]:
        with temporary_lookup(_Thread) as threads:
            with self._file.open() as content:
                self._read_threads(self._stream(content, self._done), threads)
            with self._file.open() as content:
                stream = self._stream(content, self._done + self._file.size // 2)
                for index in stream.items():
                    yield from self._thread(stream, index, threads.find(str(index)))

    def _stream(self, content: Content, done: int) -> JsonStream:
        return JsonStream(
            content, self._file.name, lambda: self._progress(done + content.bytes_read // 2)
        )

    def _read_threads(self, stream: JsonStream, threads: Lookup[_Thread]) -> None:
        for index in stream.items():
            found = {name: stream.value() for name in stream.members() if name in ("id", "title")}
            try:
                thread = item_of(found, _Thread)
            except UnreadableRowError as error:
                raise BelowTheLineError(
                    f"{self._file.name}, [{index}], {error}.", "Name a file in Isso's generic JSON."
                ) from None
            if _uri_of(thread):
                absolute_url(self._options.base_url, _uri_of(thread), self._file.name)
            threads.add(str(index), thread)
        stream.end()

    def _thread(
        self, stream: JsonStream, index: int, thread: _Thread | None
    ) -> Iterator[ArchiveRecord | Unreadable]:
        uri = "" if thread is None else _uri_of(thread)
        if thread is not None and uri:
            place = Place(self._file.name, f"[{index}]")
            yield _article(place, uri, thread.title, self._options.base_url)
        for name in stream.members():
            if name != "comments":
                continue
            for number in stream.items():
                value = stream.value()
                place = Place(self._file.name, f"[{index}].comments[{number}]")
                try:
                    yield self._comment(place, uri, item_of(value, _JsonComment))
                except UnreadableRowError as error:
                    yield unreadable(place, error, stream.raw)

    def _comment(self, place: Place, uri: str, comment: _JsonComment) -> Comment:
        if not uri:
            raise UnreadableRowError("belongs to a thread without an id")
        posted_at = _local_moment(comment.created, self._options)
        _count_private(self._tally, place, comment.website, comment.remote_addr)
        return Comment(
            place,
            _article_id(absolute_url(self._options.base_url, uri, place.file)),
            str(comment.id).strip(),
            None,
            _name(comment.author),
            _body(comment.text or "") or None,
            posted_at,
            email=(comment.email or "").strip() or None,
        )


def _uri_of(thread: _Thread) -> str:
    return "" if thread.id is None else str(thread.id).strip()


def _local_moment(text: str, options: ReadingOptions) -> datetime:
    """Return a local time in UTC: of an hour that comes twice the earlier, and one that is skipped
    as a clock shows it that nobody has set.
    """
    try:
        if len(text.strip()) != len("2026-11-30 12:00:00"):
            raise ValueError
        local = datetime.fromisoformat(text.strip())
        return local.replace(tzinfo=options.time_zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableRowError("has in created no time such as 2026-11-30 12:00:00") from None


def _article(place: Place, uri: str, title: Any, base_url: str | None) -> Article:
    uri = uri.strip()
    headline = title.strip() if isinstance(title, str) else None
    url = absolute_url(base_url, uri, place.file)
    return Article(place, _article_id(url), url, headline or None)


def _article_id(url: str) -> str:
    """Return an address with its host and without its scheme: many sites have an ``/about/``."""
    return article_id_of(url.split("://", 1)[-1])


def _count_private(tally: Tally, place: Place, website: Any, address: Any) -> None:
    if website:
        tally.add(place, "websites of authors", _WHY_PRIVATE)
    if address:
        tally.add(place, "network addresses of authors", _WHY_PRIVATE)


def _name(stored: str | None) -> str | None:
    """Return a name as it was typed: Isso escapes it before it stores it."""
    return None if stored is None else decode_entities(stored).strip() or None


def _body(text: str) -> str:
    text = text.strip()
    return plain_text(text) if _HTML.fullmatch(text) else text


def _optional_text(value: Any, column: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise UnreadableRowError(f"has in {column} bytes and not a text")


def _moment(seconds: Any, column: str) -> datetime | None:
    if seconds is None:
        return None
    if isinstance(seconds, int | float):
        try:
            return EPOCH + timedelta(seconds=seconds)
        except (OverflowError, ValueError):
            pass
    raise UnreadableRowError(f"has in {column} no time in seconds since 1970")


def _content(row: _Row) -> bytes:
    return orjson.dumps(row._asdict(), default=repr)


FORMATS = (
    Format(
        name="isso",
        title="Isso database (SQLite)",
        how_to_export="Copy the file that dbpath in Isso's settings names, while Isso is stopped.",
        recognises=_is_database,
        read=_read_databases,
        has_paths=True,
    ),
    Format(
        name="isso-json",
        title="Isso generic JSON",
        how_to_export="Files that were made for `isso import -t generic`.",
        recognises=_is_json,
        read=_read_json,
        has_paths=True,
    ),
)
