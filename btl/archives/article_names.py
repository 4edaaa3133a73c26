"""The ids that articles of an export get in events: its own, the site's, or those of one page.

An archive joins what live events say of the same articles only if both name them alike. What that
needs is asked for: ids in one normal form of Unicode, one id for addresses of one page, or the ids
of the site's publishing system.
"""

import csv
import io
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from below_the_line.resources import sql
from btl.archives.addresses import address_key
from btl.archives.formats import Progress
from btl.archives.records import ArchiveRecord, Article, Comment, LeftOut, Unreadable
from btl.archives.sources import files_of
from btl.archives.survey import Example, Finding
from btl.archives.temporary_database import temporary_database

Item = ArchiveRecord | Unreadable

_IDS = (
    *("article_id", "comment_id", "parent_comment_id", "report_id"),
    *("user_id", "display_name", "reporter_user_id", "decided_by"),
)
"""The members of records that are ids, or names that may stand for one."""
_KNOWN_NAMES = 65_536
"""How many names are kept in memory: comments of one article mostly come together."""


@dataclass(frozen=True)
class Naming:
    """How the ids of an export become those of events."""

    normalize_ids: bool = False
    """All ids, and names that stand for one, in the normal form NFC."""
    join_addresses: bool = False
    """Articles whose addresses are of one page (``address_key``) become one."""
    article_ids: Path | None = None
    """A CSV of the site's publishing system: the columns ``url`` and ``article_id``."""
    id_prefix: str = ""
    """What comes before the id of every article, where several sites number theirs from 1."""

    @property
    def needs_articles(self) -> bool:
        """Whether all articles must be known before the first comment."""
        return self.join_addresses or self.article_ids is not None


class _Name(NamedTuple):
    """What an article of the export is called in events."""

    event_id: str
    is_joined: int
    """1: another article of the export stands for it."""
    is_shared: int
    """1: another article of the export has the same ``event_id``."""


class ArticleNames:
    """A mapping from the ids of an export's articles to those of events."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        statement = sql("archives/names/name.sql").decode()

        def name(article_id: str) -> _Name:
            row = connection.execute(statement, {"article_id": article_id}).fetchone()
            return _Name(article_id, False, False) if row is None else _Name(*row)

        self._connection = connection
        self._name: Callable[[str], _Name] = lru_cache(_KNOWN_NAMES)(name)

    def event_id(self, article_id: str) -> str:
        """Return the id of an article in events."""
        return self._name(article_id).event_id

    def is_joined(self, article_id: str) -> bool:
        """Return whether another article of the export stands for it."""
        return bool(self._name(article_id).is_joined)

    def check(self, comment: Comment) -> None:
        """Raise BelowTheLineError if another article, to which the comment's article is joined, has
        a comment of this id: in events they would be one, and the later one would be lost.
        """
        article_id, comment_id = comment.article_id, comment.comment_id
        event_id, _, is_shared = self._name(article_id)
        if not is_shared:
            return
        key = {"event_id": event_id, "comment_id": comment_id}
        add, find = (
            sql(f"archives/names/{name}.sql").decode() for name in ("add_comment", "comment")
        )
        self._connection.execute(add, {**key, "article_id": article_id})
        [(other_id,)] = self._connection.execute(find, key)
        if other_id != article_id:
            raise BelowTheLineError(
                f"{comment.place}: articles {other_id} and {article_id} become one, {event_id}, but"
                f" each has a comment {comment_id}.",
                "Import them as two articles, or give their comments ids that do not repeat.",
            )


@dataclass(frozen=True)
class NamedRecords:
    """The records of an export under the ids of events."""

    records: Iterator[Item]
    findings: Sequence[Finding] = ()
    """What is to be said of the names."""


@contextmanager
def named_records(
    naming: Naming, read: Callable[[Progress], Iterator[Item]], progress: Progress, size: int
) -> Iterator[NamedRecords]:
    """Yield the records with their ids in events.

    ``read`` reads the export; it is called twice if all articles must be known before the first
    comment. ``size``: the bytes of the export, for the progress. Raises BelowTheLineError, as
    ``read`` does and for a fault of ``article_ids``.
    """
    with ExitStack() as opened:
        if not naming.needs_articles:
            records = read(progress)
            if naming.normalize_ids:
                records = _normalized(records)
            yield NamedRecords(_prefixed(records, naming.id_prefix))
            return
        names = _Names(opened.enter_context(temporary_database()))
        if naming.article_ids is not None:
            names.add_site(naming.article_ids)
        first = read(lambda done: progress(done // 2))
        names.add_export(_normalized(first) if naming.normalize_ids else first)
        findings = names.name(naming)
        records = read(lambda done: progress((size + done) // 2))
        if naming.normalize_ids:
            records = _normalized(records)
        records = renamed(records, ArticleNames(names.connection))
        yield NamedRecords(_prefixed(records, naming.id_prefix), findings)


def renamed(records: Iterable[Item], names: ArticleNames) -> Iterator[Item]:
    """Yield the records with other ids of articles; articles that are joined to another one are
    left out. Raises BelowTheLineError if comments of joined articles have the same id.
    """
    for record in records:
        if isinstance(record, LeftOut | Unreadable):
            yield record
            continue
        article_id = record.article_id
        if isinstance(record, Article) and names.is_joined(article_id):
            why = "another article of the export has the address of the same page"
            yield LeftOut(record.place, "articles joined to another one", why)
            continue
        if isinstance(record, Comment):
            names.check(record)
        event_id = names.event_id(article_id)
        yield record if event_id == article_id else record._replace(article_id=event_id)


def _prefixed(records: Iterator[Item], prefix: str) -> Iterator[Item]:
    """Return the records with a prefix of their articles' ids."""
    if not prefix:
        return records
    return (
        record
        if isinstance(record, LeftOut | Unreadable) or not record.article_id
        else record._replace(article_id=prefix + record.article_id)
        for record in records
    )


def _normalized(records: Iterable[Item]) -> Iterator[Item]:
    """Yield the records with all ids in the normal form NFC."""
    members: dict[type, tuple[str, ...]] = {}
    for record in records:
        kind = type(record)
        if kind not in members:
            members[kind] = tuple(name for name in record._fields if name in _IDS)
        changed: dict[str, Any] = {}
        for name in members[kind]:
            text = getattr(record, name)
            if text is not None and not text.isascii():
                changed[name] = normalize("NFC", text)
        yield record._replace(**changed) if changed else record


class _Names:
    """The tables in which the articles are named."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        connection.executescript(sql("archives/names/tables.sql").decode())

    def add_site(self, path: Path) -> None:
        """Read the ids of the site's publishing system. Raises BelowTheLineError."""
        self.connection.execute("begin")
        for line, url, article_id in _site_rows(path):
            address = address_key(url)
            self.connection.execute(
                "insert or ignore into site_articles values (?, ?)", (address, article_id)
            )
            [(known,)] = self._run("site_article", address=address)
            if known != article_id:
                raise BelowTheLineError(
                    f"{path.name}, line {line}: {url} has two ids, {known} and {article_id}.",
                    "Leave the one that live events have.",
                )
        self.connection.execute("commit")

    def add_export(self, records: Iterable[Item]) -> None:
        """Note the articles of the export."""
        self.connection.execute("begin")
        self.connection.executemany(
            "insert or ignore into export_articles values (?, ?, ?, ?, ?, ?)",
            (
                (
                    record.article_id,
                    None if record.url is None else address_key(record.url),
                    None if record.url is None else len(record.url),
                    number,
                    *record.place,
                )
                for number, record in enumerate(records)
                if isinstance(record, Article)
            ),
        )
        self.connection.execute("commit")

    def name(self, naming: Naming) -> list[Finding]:
        """Name the articles; returns what is to be said of it. Raises BelowTheLineError."""
        self._run("names", join_addresses=naming.join_addresses)
        self._run("index_names")
        if naming.article_ids is None:
            return []
        self._run("index_site_articles")
        file = naming.article_ids.name
        found = Finding("articles_without_id_of_the_site")
        for article_id, address, *place, is_taken in self._run("unmatched"):
            if is_taken:
                raise BelowTheLineError(
                    f"Article {article_id} of the export is at no address of {file}, where another"
                    " page has its id.",
                    f"Add a row for it to {file}: its address is {address}."
                    if address
                    else "It has no address: leave it out of the export.",
                )
            where = address or "which has no address"
            found.add(Example(f"article {article_id}, {where}", *place))
        is_one = found.number == 1
        found.said = (
            f"{counted(found.number, 'article')} {'is' if is_one else 'are'} at no address of"
            f" {file}, and {'keeps its id' if is_one else 'keep their ids'} of the export."
        )
        return [found] if found.number else []

    def _run(self, name: str, **parameters: Any) -> sqlite3.Cursor:
        return self.connection.execute(sql(f"archives/names/{name}.sql").decode(), parameters)


def _site_rows(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, address and id of each row. Raises BelowTheLineError."""
    [file] = files_of([path])
    hint = "It is a CSV in UTF-8 with a header line and the columns url and article_id."
    with file.open() as content:
        reader = csv.DictReader(io.TextIOWrapper(content, encoding="utf-8-sig", newline=""))
        try:
            if not {"url", "article_id"} <= set(reader.fieldnames or ()):
                raise BelowTheLineError(f"{file.name} has no columns url and article_id.", hint)
            for row in reader:
                url, article_id = row["url"], row["article_id"]
                if not url or not article_id:
                    raise BelowTheLineError(
                        f"{file.name}, line {reader.line_num}: the url or the article_id is empty.",
                        hint,
                    )
                yield reader.line_num, url.strip(), article_id.strip()
        except (UnicodeDecodeError, csv.Error) as error:
            raise BelowTheLineError(
                f"{file.name}, line {reader.line_num}: cannot be read: {error}.", hint
            ) from None
