"""Commento and Comentario: one JSON with all comments, in which people stand after the comments.

Version 1 is Commento's, and that of Comentario before its version 3: an article is a path of a
domain. Version 3 is Comentario's: it lists pages first, and each comment has its address.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Annotated, Any

import msgspec

from below_the_line.errors import BelowTheLineError
from btl.archives.article_urls import absolute_url, article_id_of
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.go_times import go_time
from btl.archives.html_text import plain_text
from btl.archives.json_stream import JsonStream, item_of
from btl.archives.lookup import temporary_lookup
from btl.archives.records import (
    ArchiveRecord,
    Article,
    Comment,
    Deletion,
    Edit,
    Moderation,
    Place,
    ReactionCount,
    Unreadable,
    UnreadableRowError,
    unreadable,
)
from btl.archives.sources import Content, ExportFile
from btl.archives.tally import Tally

_MAX_VOTES = 1_000_000_000
_ROOT = "root"
_ANONYMOUS = {"", "anonymous", "0" * 64, "00000000-0000-0000-0000-000000000000"}
"""The commenter of those without an account: Commento's, and both of Comentario's."""
_DELETED_TEXTS = {"", "[deleted]"}
"""All that version 1 has of a deleted comment: its ``deleted`` is always false."""
_BEGINNING = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*\{\s*"version"\s*:\s*([13])\s*'
    rb'(?:\}|,\s*"(?:comments|commenters|pages)"\s*:)'
)

_Score = Annotated[int, msgspec.Meta(ge=-_MAX_VOTES, le=_MAX_VOTES)]


class _Person(msgspec.Struct):
    """A commenter, of both versions."""

    name: str | None = None
    is_moderator: bool = False


class _Commenter1(msgspec.Struct, rename="camel"):
    commenter_hex: str
    name: str | None = None
    email: str | None = None
    is_moderator: bool = False


class _Commenter3(msgspec.Struct, rename="camel"):
    id: str
    name: str | None = None
    email: str | None = None
    is_moderator: bool = False


class _Page(msgspec.Struct, rename="camel"):
    id: str
    path: str = ""
    title: str | None = None
    is_readonly: bool = False


class _Comment1(msgspec.Struct, rename="camel"):
    """Commento has ``domain``, and the path in ``url``; Comentario ``host`` and ``path``."""

    comment_hex: str
    creation_date: str
    state: str
    commenter_hex: str = ""
    parent_hex: str | None = None
    domain: str | None = None
    host: str | None = None
    url: str | None = None
    path: str | None = None
    markdown: str | None = None
    html: str | None = None
    score: _Score = 0
    deleted: bool = False


class _Comment3(msgspec.Struct, rename="camel"):
    id: str
    page_id: str
    created_time: str
    is_approved: bool
    is_pending: bool = False
    is_deleted: bool = False
    is_sticky: bool = False
    parent_id: str | None = None
    url: str | None = None
    markdown: str | None = None
    html: str | None = None
    score: _Score = 0
    moderated_time: str | None = None
    deleted_time: str | None = None
    edited_time: str | None = None
    user_created: str | None = None
    user_moderated: str | None = None
    user_deleted: str | None = None
    author_name: str | None = None
    author_country: str | None = msgspec.field(default=None)
    author_ip: str | None = msgspec.field(default=None, name="authorIP")
    pending_reason: str | None = None


class _Dump:
    """Turns one file into records.

    It is read twice, because people stand after the comments, of which there may be any number.
    """

    version: int

    def __init__(
        self,
        file: ExportFile,
        options: ReadingOptions,
        progress: Progress,
        done: int,
        tally: Tally,
        articles: set[int],
    ) -> None:
        """``done`` is the size of the files before this one; ``articles`` has the hashes of the ids
        of their articles.
        """
        self._file = file
        self._options = options
        self._progress = progress
        self._done = done
        self._tally = tally
        self._articles = articles

    def records(self) -> Iterator[ArchiveRecord | Unreadable]:
        with ExitStack() as opened:
            self._people = opened.enter_context(temporary_lookup(_Person))
            self._pages = opened.enter_context(temporary_lookup(_Page))
            with self._file.open() as content:
                yield from self._read_people(self._stream(content, self._done))
            with self._file.open() as content:
                stream = self._stream(content, self._done + self._file.size // 2)
                yield from self._read_comments(stream)
            self._count_the_rest()

    def _stream(self, content: Content, done: int) -> JsonStream:
        return JsonStream(
            content, self._file.name, lambda: self._progress(done + content.bytes_read // 2)
        )

    def _read_people(self, stream: JsonStream) -> Iterator[Unreadable]:
        version = None
        for name in stream.members():
            if name == "version":
                version = stream.value()
                self._check_version(version)
            elif name in ("commenters", "pages"):
                for index in stream.items():
                    value = stream.value()
                    try:
                        self._add(name, value)
                    except UnreadableRowError as error:
                        yield self._unreadable(f"{name}[{index}]", error, stream)
        stream.end()
        self._check_version(version)

    def _read_comments(self, stream: JsonStream) -> Iterator[ArchiveRecord | Unreadable]:
        for name in stream.members():
            if name != "comments":
                continue
            for index in stream.items():
                value = stream.value()
                place = Place(self._file.name, f"comments[{index}]")
                try:
                    # All of a comment or nothing.
                    yield from list(self._comment(place, value))
                except UnreadableRowError as error:
                    yield self._unreadable(place.within, error, stream)

    def _check_version(self, version: Any) -> None:
        if version != self.version:
            other = "commento" if version == 1 else "comentario" if version == 3 else None
            raise BelowTheLineError(
                f"{self._file.name} is of version {version!r}, not {self.version}."
                if version is not None
                else f"{self._file.name} does not say of which version it is.",
                f"Import it with --format {other}." if other else "1 and 3 are known.",
            )

    def _unreadable(self, within: str, error: UnreadableRowError, stream: JsonStream) -> Unreadable:
        return unreadable(Place(self._file.name, within), error, stream.raw)

    def _add(self, name: str, value: Any) -> None:
        raise NotImplementedError

    def _comment(self, place: Place, value: Any) -> Iterator[ArchiveRecord]:
        raise NotImplementedError

    def _count_the_rest(self) -> None:
        if len(self._people):
            self._tally.add(
                Place(self._file.name, "commenters"),
                "profiles of people: mail and web addresses, pictures",
                "no event has a place for them",
                len(self._people),
            )

    def _author(self, commenter: str | None) -> tuple[str | None, str | None, bool]:
        """Return a commenter's id and name, None for those without an account; and whether the
        commenter is of the staff.
        """
        user_id = (commenter or "").strip()
        if user_id in _ANONYMOUS:
            return None, None, False
        person = self._people.find(user_id) or _Person()
        return user_id, person.name, person.is_moderator

    def _is_new(self, article_id: str) -> bool:
        key = hash(article_id)
        if key in self._articles:
            return False
        self._articles.add(key)
        return True

    def _votes(
        self, place: Place, article_id: str, comment_id: str, score: int
    ) -> Iterator[ReactionCount]:
        if score:
            reaction = "like" if score > 0 else "dislike"
            yield ReactionCount(place, article_id, comment_id, reaction, abs(score))
            self._tally.add(
                place,
                "scores whose votes are not in the export",
                "their balance counts as that many likes or dislikes",
            )


class _Version1(_Dump):
    version = 1

    def _add(self, name: str, value: Any) -> None:
        if name == "commenters":
            found = item_of(value, _Commenter1)
            self._people.add(
                found.commenter_hex.strip(), _Person(_stripped(found.name), found.is_moderator)
            )

    def _comment(self, place: Place, value: Any) -> Iterator[ArchiveRecord]:
        comment = item_of(value, _Comment1)
        comment_id = _stripped(comment.comment_hex)
        if comment_id is None:
            raise UnreadableRowError("has no commentHex")
        if comment.state not in ("approved", "unapproved", "flagged"):
            raise UnreadableRowError(f"has an unknown state: {comment.state!r}")
        posted_at = _moment(comment.creation_date, "creationDate")
        article_id, url = self._address(comment)
        if self._is_new(article_id):
            yield Article(place, article_id, url, None)
        body = (comment.markdown or "").strip() or plain_text(comment.html or "")
        is_deleted = comment.deleted or body in _DELETED_TEXTS
        parent_id = _stripped(comment.parent_hex)
        user_id, name, is_staff = self._author(comment.commenter_hex)
        yield Comment(
            place,
            article_id,
            comment_id,
            user_id,
            name,
            None if is_deleted else body,
            posted_at,
            None if parent_id == _ROOT else parent_id,
            is_staff=is_staff,
            held=comment.state != "approved",
        )
        yield from self._votes(place, article_id, comment_id, comment.score)
        if comment.state == "flagged":
            yield Moderation(place, article_id, comment_id, "rejected", "spam", automated=True)
        if is_deleted:
            yield Deletion(place, article_id, comment_id)

    def _address(self, comment: _Comment1) -> tuple[str, str]:
        """Return an article's id, which is its domain and its path; and its address."""
        path = f"/{(comment.path or comment.url or '').strip().lstrip('/')}"
        domain = (comment.domain or comment.host or "").strip().rstrip("/")
        base_url = self._options.base_url or (f"https://{domain}" if domain else None)
        return article_id_of(f"{domain}{path}"), absolute_url(base_url, path, self._file.name)


class _Version3(_Dump):
    version = 3

    def _add(self, name: str, value: Any) -> None:
        if name == "commenters":
            person = item_of(value, _Commenter3)
            self._people.add(
                person.id.strip(), _Person(_stripped(person.name), person.is_moderator)
            )
        else:
            page = item_of(value, _Page)
            self._pages.add(page.id.strip(), page)

    def _comment(self, place: Place, value: Any) -> Iterator[ArchiveRecord]:
        comment = item_of(value, _Comment3)
        comment_id, article_id = _stripped(comment.id), _stripped(comment.page_id)
        if comment_id is None or article_id is None:
            raise UnreadableRowError("has no id" if comment_id is None else "has no pageId")
        posted_at = _moment(comment.created_time, "createdTime")
        if self._is_new(article_id):
            yield self._article(place, article_id, comment)
        body = (comment.markdown or "").strip() or plain_text(comment.html or "")
        user_id, name, is_staff = self._author(comment.user_created)
        acts = list(self._acts(place, article_id, comment, posted_at, body))
        yield Comment(
            place,
            article_id,
            comment_id,
            user_id,
            name if user_id else _stripped(comment.author_name),
            None if comment.is_deleted else body or None,
            posted_at,
            _stripped(comment.parent_id),
            is_staff=is_staff,
            held=comment.is_pending
            or any(isinstance(act, Moderation) and act.decision == "approved" for act in acts),
        )
        yield from self._votes(place, article_id, comment_id, comment.score)
        yield from acts
        for what, why, found in (
            ("comments at the top of their page", "no event says it", comment.is_sticky),
            ("reasons for waiting", "no event has a place for them", comment.pending_reason),
            (
                "network addresses and countries of authors",
                "no event has a place for them",
                comment.author_ip or comment.author_country,
            ),
        ):
            if found:
                self._tally.add(place, what, why)

    def _article(self, place: Place, article_id: str, comment: _Comment3) -> Article:
        page = self._pages.find(article_id)
        address = (comment.url or "").partition("#")[0].strip()
        if page is not None and (self._options.base_url is not None or not address):
            address = f"/{page.path.strip().lstrip('/')}"
        return Article(
            place,
            article_id,
            absolute_url(self._options.base_url, address, self._file.name),
            _stripped(page.title) if page is not None else None,
            accepts_comments=False if page is not None and page.is_readonly else None,
        )

    def _acts(
        self,
        place: Place,
        article_id: str,
        comment: _Comment3,
        posted_at: datetime | None,
        body: str,
    ) -> Iterator[Edit | Moderation | Deletion]:
        comment_id = comment.id.strip()
        moderated_at = _moment(comment.moderated_time, "moderatedTime")
        deleted_at = _moment(comment.deleted_time, "deletedTime")
        edited_at = _moment(comment.edited_time, "editedTime")
        if edited_at is not None and body and not comment.is_deleted:
            self._tally.add(
                place,
                "first texts of edited comments",
                "Comentario keeps only the last text, which stands for the first one, too",
            )
            yield Edit(place, article_id, comment_id, body, edited_at)
        elif edited_at is not None:
            self._tally.add(place, "edits of deleted comments", "their texts are gone")
        moderator = _other_than(comment.user_created, comment.user_moderated)
        if not comment.is_pending:
            # Its own author approves what did not have to wait; an import approves as of the
            # posting.
            waited = moderated_at is not None and posted_at is not None and moderated_at > posted_at
            if not comment.is_approved or (moderator and waited):
                yield Moderation(
                    place,
                    article_id,
                    comment_id,
                    "approved" if comment.is_approved else "rejected",
                    decided_by=moderator,
                    automated=False,
                    decided_at=moderated_at,
                )
        if comment.is_deleted:
            remover = _other_than(comment.user_created, comment.user_deleted)
            yield (
                Deletion(place, article_id, comment_id, deleted_at)
                if remover is None
                else Moderation(
                    place,
                    article_id,
                    comment_id,
                    "rejected",
                    decided_by=remover,
                    automated=False,
                    decided_at=deleted_at,
                )
            )

    def _count_the_rest(self) -> None:
        super()._count_the_rest()
        without = sum(hash(key) not in self._articles for key in self._pages)
        if without:
            self._tally.add(
                Place(self._file.name, "pages"),
                "pages without comments",
                "nothing else is known of them",
                without,
            )


def _other_than(author: str | None, user: str | None) -> str | None:
    """Return who acted on a comment, None if it was its author or is not known."""
    user_id = (user or "").strip()
    return None if user_id in _ANONYMOUS or user_id == (author or "").strip() else user_id


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None


def _moment(text: str | None, name: str) -> datetime | None:
    try:
        return go_time(text or "")
    except ValueError:
        raise UnreadableRowError(f"has in {name} no time of RFC 3339") from None


def _recognises(version: int, names: Sequence[bytes]) -> Callable[[ExportFile], bool]:
    def recognises(file: ExportFile) -> bool:
        beginning = _BEGINNING.match(file.head)
        if beginning is not None:
            return int(beginning[1]) == version
        return file.head.lstrip().startswith(b"{") and all(name in file.head for name in names)

    return recognises


def _read(
    dump: type[_Dump],
) -> Callable[
    [Sequence[ExportFile], ReadingOptions, Progress], Iterator[ArchiveRecord | Unreadable]
]:
    def read(
        files: Sequence[ExportFile], options: ReadingOptions, progress: Progress
    ) -> Iterator[ArchiveRecord | Unreadable]:
        tally, articles = Tally(), set[int]()
        done = 0
        for file in files:
            yield from dump(file, options, progress, done, tally, articles).records()
            done += file.size
            progress(done)
        yield from tally.records()

    return read


FORMATS = (
    Format(
        name="commento",
        title="Commento export, also of Comentario before version 3",
        how_to_export="In the dashboard: Import/Export, Export; the link comes by mail.",
        recognises=_recognises(_Version1.version, (b'"commentHex"', b'"commenterHex"')),
        read=_read(_Version1),
        has_paths=True,
    ),
    Format(
        name="comentario",
        title="Comentario export, version 3",
        how_to_export="In the administration: the domain's Operations, Export.",
        recognises=_recognises(_Version3.version, (b'"pageId"', b'"isPending"')),
        read=_read(_Version3),
        has_paths=True,
    ),
)
