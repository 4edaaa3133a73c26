"""Remark42: its backup, one JSON a line.

The first line describes people and pages, each other line is a comment. An article is a page that
comments name; its address is its id.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from math import isclose
from typing import Annotated, Any, TypeVar

import msgspec

from below_the_line.errors import BelowTheLineError
from btl.archives.article_urls import absolute_url, article_id_of
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.go_times import go_time
from btl.archives.html_text import plain_text
from btl.archives.json_stream import UNSTORABLE, item_of, storable
from btl.archives.lookup import Lookup, temporary_lookup
from btl.archives.records import (
    ArchiveRecord,
    Article,
    Comment,
    Deletion,
    Edit,
    Place,
    Reaction,
    ReactionCount,
    Unreadable,
    UnreadableRowError,
    unreadable,
)
from btl.archives.sources import Content, ExportFile
from btl.archives.tally import Tally
from btl.archives.templates import decode_entities

_VERSIONS = (0, 1)
_MAX_LINE_BYTES = 4 * 1024 * 1024
_MAX_FIRST_LINE_BYTES = 64 * 1024 * 1024
"""It lists all people who are blocked, verified, or notified by mail."""
_STEP = 1_000
"""Lines between two reports of progress."""

_UNSTORABLE = re.compile(UNSTORABLE.pattern.encode())
_NOBODY = "deleted"
"""The user of a comment that was deleted together with who wrote it."""
_MAX_VOTES = 1_000_000_000
_CLOSE = 1e-9


class _Blocked(msgspec.Struct):
    status: bool = False


class _Details(msgspec.Struct):
    email: str = ""
    telegram: str = ""


class _Person(msgspec.Struct):
    """What the first line says of a person."""

    id: str
    blocked: _Blocked = msgspec.field(default_factory=_Blocked)
    verified: bool = False
    details: _Details = msgspec.field(default_factory=_Details)


class _Page(msgspec.Struct):
    """What the first line says of a page."""

    url: str
    read_only: bool = False


class _FirstLine(msgspec.Struct):
    version: int
    users: list[_Person] | None = None
    posts: list[_Page] | None = None


class _User(msgspec.Struct):
    id: str = ""
    name: str = ""
    picture: str = ""
    ip: str = ""
    admin: bool = False


class _Locator(msgspec.Struct):
    url: str
    site: str = ""


class _Edited(msgspec.Struct):
    time: str
    summary: str = ""


class _Comment(msgspec.Struct):
    """A comment as it is in the backup."""

    id: str
    user: _User
    locator: _Locator
    time: str
    pid: str = ""
    text: str = ""
    orig: str = ""
    score: Annotated[int, msgspec.Meta(ge=-_MAX_VOTES, le=_MAX_VOTES)] = 0
    votes: dict[str, bool] | None = None
    controversy: Annotated[float, msgspec.Meta(le=_MAX_VOTES)] = 0
    edit: _Edited | None = None
    pin: bool = False
    delete: bool = False
    title: str = ""


_Line = TypeVar("_Line", _FirstLine, _Comment)
_FIRST_LINE = msgspec.json.Decoder(_FirstLine)
_COMMENT = msgspec.json.Decoder(_Comment)
_OF_FIRST_LINE = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"(?:users|posts)"\s*:')


def _recognises(file: ExportFile) -> bool:
    head = file.head.removeprefix(BOM_UTF8)
    first = head.partition(b"\n")[0]
    return _OF_FIRST_LINE.match(first) is not None or (
        # Backups of the first versions begin with a comment.
        first.lstrip().startswith(b"{") and all(name in first for name in (b'"locator"', b'"pid"'))
    )


def _read(
    files: Sequence[ExportFile], options: ReadingOptions, progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    with temporary_lookup(Article) as pages, temporary_lookup(str) as titles:
        backup = _Backup(options, pages, titles)
        done = 0
        for file in files:
            with file.open() as content:
                for number, line in _lines(content, file.name):
                    yield from backup.records(Place(file.name, f"line {number}"), line, number == 1)
                    if number % _STEP == 0:
                        progress(done + content.bytes_read)
            done += file.size
            progress(done)
        yield from backup.end()


def _lines(content: Content, name: str) -> Iterator[tuple[int, bytes]]:
    number = 0
    limit = _MAX_FIRST_LINE_BYTES
    while line := content.readline(limit + 1):
        number += 1
        if len(line) > limit:
            raise BelowTheLineError(
                f"{name}, line {number} has more than {limit:,} bytes, as no comment has.",
                "Name a backup of Remark42: it has one comment a line.",
            )
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        if line := line.strip():
            yield number, line
        limit = _MAX_LINE_BYTES


class _Backup:
    """Turns the lines of backups into records."""

    def __init__(
        self, options: ReadingOptions, pages: Lookup[Article], titles: Lookup[str]
    ) -> None:
        self._options = options
        self._tally = Tally()
        self._pages = pages
        """All pages, by their ids; any comment of one may be the first that has its title."""
        self._titles = titles
        self._read_only: dict[str, Place] = {}
        """The addresses of pages that take no more comments."""

    def records(
        self, place: Place, line: bytes, is_first: bool
    ) -> Iterator[ArchiveRecord | Unreadable]:
        try:
            if is_first and _OF_FIRST_LINE.match(line):
                self._first_line(place, _decoded(_FIRST_LINE, line))
                return
            comment = _decoded(_COMMENT, line)
            # All of a comment or nothing.
            found = list(self._comment(place, comment))
        except UnreadableRowError as error:
            yield unreadable(place, error, line)
            return
        self._add_page(place, comment)
        yield from found

    def end(self) -> Iterator[ArchiveRecord]:
        """Yield what is known only at the end of all files."""
        for article_id in self._pages:
            if page := self._pages.find(article_id):
                yield page._replace(headline=self._titles.find(article_id))
        for address, place in self._read_only.items():
            if self._pages.find(article_id_of(address)) is None:
                self._tally.add(
                    place, "read-only pages without comments", "nothing else is known of them"
                )
        yield from self._tally.records()

    def _first_line(self, place: Place, line: _FirstLine) -> None:
        if line.version not in _VERSIONS:
            raise BelowTheLineError(
                f"{place} says that the backup is of version {line.version}; versions 0 and 1 are"
                " known.",
                "Make the backup with a released version of Remark42.",
            )
        for page in line.posts or ():
            if page.read_only:
                self._read_only.setdefault(_address(page.url), place)
        left_out = {
            "blocked people": "no event says it",
            "verified people": "no event says it",
            "e-mail and Telegram addresses of people": "no event has a place for them",
        }
        for person in line.users or ():
            details = person.details
            for what, is_so in zip(
                left_out,
                (person.blocked.status, person.verified, details.email or details.telegram),
                strict=True,
            ):
                if is_so:
                    self._tally.add(place, what, left_out[what])

    def _add_page(self, place: Place, comment: _Comment) -> None:
        address = _address(comment.locator.url)
        article_id = article_id_of(address)
        self._pages.add(
            article_id,
            Article(
                place,
                article_id,
                absolute_url(self._options.base_url, address, place.file),
                None,
                site=comment.locator.site.strip() or None,
                accepts_comments=False if address in self._read_only else None,
            ),
        )
        if title := decode_entities(comment.title).strip():
            self._titles.add(article_id, title)

    def _comment(self, place: Place, comment: _Comment) -> Iterator[ArchiveRecord]:
        address = _address(comment.locator.url)
        comment_id, user = comment.id.strip(), comment.user
        if not address:
            raise UnreadableRowError("names no page: its locator has no url")
        if not comment_id:
            raise UnreadableRowError("has no id")
        absolute_url(self._options.base_url, address, place.file)
        article_id = article_id_of(address)
        posted_at, edited_at = _moment(comment.time, "time"), None
        if comment.edit is not None:
            edited_at = _moment(comment.edit.time, "edit.time")
        # What its author typed. Comments from elsewhere have only HTML.
        body = comment.orig.strip() or plain_text(comment.text)
        is_anybody = user.id not in ("", _NOBODY)
        yield Comment(
            place,
            article_id,
            comment_id,
            user.id.strip() if is_anybody else None,
            decode_entities(user.name).strip() or None if is_anybody else None,
            None if comment.delete else body or None,
            posted_at,
            comment.pid.strip() or None,
            is_staff=user.admin,
        )
        yield from self._votes(place, article_id, comment_id, comment)
        if comment.edit is not None:
            yield from self._edit(place, article_id, comment_id, comment.edit, edited_at, body)
        if comment.delete:
            yield Deletion(place, article_id, comment_id)
        if comment.pin:
            self._tally.add(place, "pins of comments", "no event says it")
        for what, is_there in (
            ("network addresses of authors, hashed", user.ip),
            ("pictures of authors", user.picture),
        ):
            if is_there:
                self._tally.add(place, what, "no event has a place for it")

    def _votes(
        self, place: Place, article_id: str, comment_id: str, comment: _Comment
    ) -> Iterator[Reaction | ReactionCount]:
        if comment.votes:
            for user_id, is_up in comment.votes.items():
                reaction = "like" if is_up else "dislike"
                yield Reaction(place, article_id, comment_id, user_id.strip(), reaction)
            if 2 * sum(comment.votes.values()) - len(comment.votes) != comment.score:
                self._tally.add(
                    place, "scores that differ from the votes", "the votes of people count"
                )
            return
        ups, downs = ups_and_downs(comment.score, comment.controversy)
        for reaction, number in (("like", ups), ("dislike", downs)):
            if number:
                yield ReactionCount(place, article_id, comment_id, reaction, number)

    def _edit(
        self,
        place: Place,
        article_id: str,
        comment_id: str,
        edit: _Edited,
        edited_at: datetime | None,
        body: str,
    ) -> Iterator[Edit]:
        if body:
            yield Edit(place, article_id, comment_id, body, edited_at)
            self._tally.add(
                place,
                "first texts of edited comments",
                "Remark42 keeps only the last text, which stands for the first one, too",
            )
        if edit.summary.strip():
            self._tally.add(place, "summaries of edits", "no event has a place for them")


@lru_cache(10_000)
def ups_and_downs(score: int, controversy: float) -> tuple[int, int]:
    """Return the numbers of votes for and against a comment.

    ``score`` is their difference. ``controversy`` is 0 if one of them is 0, or else (ups + downs)
    raised to the smaller divided by the larger one; both together have one solution. Without a
    solution, the difference counts alone.
    """
    difference = abs(score)
    fewer = 0
    if controversy > 0:
        low, high = 1, 1
        while _controversy(high, difference) < controversy:
            low, high = high, 2 * high
        while low < high:
            middle = (low + high) // 2
            if _controversy(middle, difference) < controversy * (1 - _CLOSE):
                low = middle + 1
            else:
                high = middle
        if isclose(_controversy(low, difference), controversy, rel_tol=_CLOSE):
            fewer = low
    more = fewer + difference
    return (more, fewer) if score >= 0 else (fewer, more)


def _controversy(fewer: int, difference: int) -> float:
    more = fewer + difference
    return float((fewer + more) ** (fewer / more))


def _decoded(decoder: "msgspec.json.Decoder[_Line]", line: bytes) -> _Line:
    try:
        if not _UNSTORABLE.search(line):
            return decoder.decode(line)
        found: Any = json.loads(line)
        return item_of(storable(found), decoder.type)
    except msgspec.ValidationError as error:
        raise UnreadableRowError(f"is not as Remark42 writes it: {error}") from None
    except RecursionError:
        raise UnreadableRowError("is nested too deep") from None
    except UnicodeDecodeError:
        raise UnreadableRowError("is not UTF-8") from None
    except ValueError:  # of both parsers
        raise UnreadableRowError("is not JSON") from None


def _address(url: str) -> str:
    """Return an address as a browser has it: Remark42 escapes it as in an attribute of HTML."""
    return url.strip().replace("&amp;", "&")


def _moment(text: str, name: str) -> datetime | None:
    try:
        return go_time(text)
    except ValueError:
        raise UnreadableRowError(f"has in {name} no time of RFC 3339") from None


FORMATS = (
    Format(
        name="remark42",
        title="Remark42 backup",
        how_to_export="Run `remark42 backup --site=SITE`, or take the daily file of its folder"
        " backup.",
        recognises=_recognises,
        read=_read,
        has_paths=True,
    ),
)
