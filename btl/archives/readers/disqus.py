"""Disqus: the XML that a forum's owner exports.

Threads come before the posts, and posts name them by Disqus' own number (``dsq:id``).
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar
from urllib.parse import unquote

from below_the_line.errors import BelowTheLineError
from btl.archives.article_urls import article_id_of
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.html_text import plain_text
from btl.archives.records import (
    ArchiveRecord,
    Article,
    Comment,
    Deletion,
    Moderation,
    Place,
    ReactionCount,
    ReportCount,
    Unpublication,
    Unreadable,
    UnreadableRowError,
)
from btl.archives.sources import ExportFile
from btl.archives.tally import Tally
from btl.archives.templates import decode_entities
from btl.archives.temporary_database import temporary_database
from btl.archives.times import is_date
from btl.archives.xml_reading import XmlFile, id_of_content, read_files
from btl.archives.xml_stream import Item, XmlItems

_PREFIXES = {
    "": "",
    "http://disqus.com": "",
    "http://disqus.com/disqus-internals": "dsq",
}
_ROOT = re.compile(rb"<disqus\s[^>]*[\"']https?://disqus\.com/?[\"']")
_WORDPRESS_ID = re.compile(r"(\d+) https?://\S+[?&]p=\1")
"""What Disqus' plugin for WordPress gives as a thread's id: the post's id and its short link."""
_REDIRECT = re.compile(r"https?://disq\.us/(?:url)?\?url=([^\"'&<\s]+)[^\"'<\s]*")
_REDIRECT_SIGNATURE = re.compile(r":[\w-]{20,}$")
_MENTION = re.compile(r"@([\w.-]+):disqus\b")

_BY_NUMBER = "dsq:"
"""How the ids of threads begin that have no own one. Own ones that begin so do not count."""
_WHY_PRIVATE = "no event has a place for it"


def _recognises(file: ExportFile) -> bool:
    return _ROOT.search(file.head) is not None


def _read(
    files: Sequence[ExportFile], _options: ReadingOptions, progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    tally = Tally()
    with temporary_database() as connection:
        threads = _Threads(connection)
        yield from read_files(files, lambda file: _Forum(file, threads, tally), tally, progress)


def _prefix(namespace: str) -> str | None:
    return _PREFIXES.get(namespace.rstrip("/").replace("https://", "http://"))


class _Forum(XmlFile):
    """The file of one forum."""

    ids: ClassVar = {"thread": ("thread", "@dsq:id"), "post": ("post", "@dsq:id")}

    def __init__(self, file: ExportFile, threads: "_Threads", tally: Tally) -> None:
        super().__init__(file)
        self._threads = threads
        self._tally = tally
        self._sections: dict[str, str] = {}
        self._forum = file.name
        """The forum that the file named last; before it names one, the file itself."""

    def items(self) -> XmlItems:
        return XmlItems(self._file, prefix=_prefix, items=("category", "thread", "post"))

    def records(self, place: Place, item: Item) -> Iterator[ArchiveRecord]:
        if item.name == "category":
            self._add_section(item)
        elif item.name == "thread":
            yield from self._thread(place, item)
        else:
            yield from self._post(place, item)

    def _add_section(self, item: Item) -> None:
        self._forum = item.text("forum") or self._forum
        number, title = item.text("@dsq:id"), item.text("title")
        # The default category holds what nobody put into one.
        if number and title and not _truth(item, "isDefault"):
            self._sections[number] = title

    def _thread(self, place: Place, item: Item) -> Iterator[ArchiveRecord]:
        number, own, link = item.text("@dsq:id"), item.text("id"), item.text("link")
        if own is not None and own.startswith(_BY_NUMBER):
            own = None
        if own is not None:
            in_wordpress = _WORDPRESS_ID.fullmatch(own)
            article_id = in_wordpress[1] if in_wordpress else article_id_of(own)
        elif number is not None:
            article_id = _id_of(number)
        elif link is not None:
            article_id = article_id_of(link)
        else:
            raise UnreadableRowError("has neither an id nor a dsq:id nor a link")
        self._forum = item.text("forum") or self._forum
        if not self._threads.add(number, self._forum, article_id):
            self._tally.add(
                place, "threads", "they have the id of an earlier thread, and their posts go there"
            )
            return
        if link is None and own is not None and own.startswith(("http://", "https://")):
            link = own
        title = item.text("title")
        yield Article(
            place,
            article_id,
            link,
            None if title is None else decode_entities(title),
            _time(item, "createdAt", date_will_do=True),
            section=self._sections.get(item.text("category@dsq:id") or ""),
            accepts_comments=None if "isClosed" not in item.texts else not _truth(item, "isClosed"),
        )
        if _truth(item, "isDeleted"):
            yield Unpublication(place, article_id, "deleted at Disqus")

    def _post(self, place: Place, item: Item) -> Iterator[ArchiveRecord]:
        thread = item.text("thread@dsq:id")
        if thread is None:
            raise UnreadableRowError("names no thread")
        article_id = self._threads.article_of(thread)
        comment_id = item.text("@dsq:id") or _digest(item)
        email = item.text("author/email")
        name, username = item.text("author/name"), item.text("author/username")
        if _truth(item, "author/isAnonymous") or _truth(item, "author/anonymous"):
            username = None
        body = _body(item.texts.get("message", ""))
        spam, deleted = _truth(item, "isSpam"), _truth(item, "isDeleted")
        approved = not item.text("isApproved") or _truth(item, "isApproved")
        yield Comment(
            place,
            article_id,
            comment_id,
            username,
            name or username,
            body or None,
            _time(item, "createdAt"),
            item.text("parent@dsq:id"),
            held=spam or not (approved or deleted),
            email=email,
        )
        for path, reaction in (("likes", "like"), ("dislikes", "dislike")):
            number = item.text(path)
            if number is not None and number.isdecimal() and int(number):
                yield ReactionCount(place, article_id, comment_id, reaction, int(number))
        if _truth(item, "isFlagged"):
            # There was at least one; the export does not say how many.
            yield ReportCount(place, article_id, comment_id, "other", 1)
        if spam:
            yield Moderation(place, article_id, comment_id, "rejected", "spam", automated=True)
        elif deleted:
            yield Deletion(place, article_id, comment_id)
        self._count_left_out(place, item, is_account=username is not None)

    def _count_left_out(self, place: Place, item: Item, *, is_account: bool) -> None:
        add = self._tally.add
        if item.text("ipAddress"):
            add(place, "network addresses of authors", _WHY_PRIVATE)
        if is_account and item.text("author/email"):
            add(place, "e-mail addresses of authors with an account", _WHY_PRIVATE)
        if item.text("author/link"):
            add(place, "websites of authors", _WHY_PRIVATE)
        if _truth(item, "isHighlighted"):
            add(place, "highlights", _WHY_PRIVATE)


class _Threads:
    """Which article each thread is. It is in a file: a forum may have any number of threads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(
            "create table threads (number text primary key, article_id text) without rowid"
        )
        connection.execute(
            "create table articles (article_id text primary key, forum text) without rowid"
        )
        self.article_of = lru_cache(10_000)(self._article_of)

    def add(self, number: str | None, forum: str, article_id: str) -> bool:
        """Add a thread, by its own id; return whether it is a new article.

        Threads of one forum with one id are one article. Raises BelowTheLineError if the id is
        another forum's, too, or if the thread, or posts before it, had another id: which one counts
        must not hang on the order of the files.
        """
        if number is not None:
            known = self._found("threads", "number", number, "article_id")
            if known is not None and known != article_id:
                raise BelowTheLineError(
                    f"The thread {number} has the ids {known!r} and {article_id!r}.",
                    "Name one file of a forum, as Disqus made it: all threads come before the"
                    " posts.",
                )
            self._connection.execute(
                "insert or ignore into threads values (?, ?)", (number, article_id)
            )
        holder = self._found("articles", "article_id", article_id, "forum")
        if holder is None:
            self._connection.execute("insert into articles values (?, ?)", (article_id, forum))
        elif holder != forum:
            raise BelowTheLineError(
                f"The forums {holder} and {forum} both have a thread with the id {article_id!r}.",
                "Import one forum at a time, and one of them with --id-prefix.",
            )
        return holder is None

    def _article_of(self, number: str) -> str:
        """Return the id of a thread's article; of one that is not there, that of its number."""
        found = self._found("threads", "number", number, "article_id")
        if found is None:
            found = _id_of(number)
            self._connection.execute("insert into threads values (?, ?)", (number, found))
        return found

    def _found(self, table: str, key: str, value: str, column: str) -> str | None:
        row = self._connection.execute(
            f"select {column} from {table} where {key} = ?",  # noqa: S608 - names of our own
            (value,),
        ).fetchone()
        return None if row is None else str(row[0])


def _id_of(number: str) -> str:
    """Return the id of a thread that has no own one."""
    return article_id_of(f"{_BY_NUMBER}{number}")


def _truth(item: Item, path: str) -> bool:
    """Whether it is true. Older exports have an empty element for false."""
    return (item.text(path) or "").lower() in {"true", "1"}


def _time(item: Item, path: str, *, date_will_do: bool = False) -> datetime | None:
    """Return a time in UTC, with or without a Z; of a date alone, if that will do, its first
    instant. None if the export has none.
    """
    text = item.text(path)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableRowError(f"has a {path} that is not a time: {text[:80]!r}") from None
    if is_date(text) and not date_will_do:
        raise UnreadableRowError(f"has a {path} that is a date without a time of day: {text!r}")
    return moment


def _body(message: str) -> str:
    if "disq.us/" in message:
        message = _REDIRECT.sub(
            lambda match: _REDIRECT_SIGNATURE.sub("", unquote(match[1])), message
        )
    return _MENTION.sub(r"@\1", plain_text(message)) if message else ""


def _digest(item: Item) -> str:
    paths = ("thread@dsq:id", "parent@dsq:id", "id", "createdAt", "author/name", "message")
    return id_of_content("post", map(item.text, paths))


FORMATS = (
    Format(
        name="disqus",
        title="Disqus export (XML)",
        how_to_export="Disqus admin, Community, Export: the link to the file comes by e-mail.",
        recognises=_recognises,
        read=_read,
    ),
)
