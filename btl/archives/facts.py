"""What must be known of a whole export at once, kept in a temporary SQLite file: memory stays flat.

Times are whole microseconds since 1970, in UTC. Statements about the facts are in
``sql/archives/survey``.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple
from unicodedata import is_normalized, normalize

from below_the_line.contracts.events import Event
from below_the_line.contracts.times import from_datetime
from below_the_line.resources import sql
from btl.archives.addresses import address_key
from btl.archives.temporary_database import insert, temporary_database

_BUNDLE = 5_000


class ArticleFact(NamedTuple):
    """A row of ``articles``: an article as the export has it."""

    article_id: str
    url: str | None
    headline: str | None
    site: str | None
    section: str | None
    published_at: int | None
    """None: the export does not say."""
    occurred_at: int | None
    """The ``time`` of its event; None: it waits for a stand-in."""
    closes_at: int | None
    window_hours: int | None
    accepts_comments: bool | None
    file: str
    within: str


class VersionFact(NamedTuple):
    """A row of ``versions``: an event about an article as it will be sent, with its stand-ins."""

    article_id: str
    version: bytes
    """The event's order key."""
    kind: Literal["published", "unpublished"]
    effective_at: int
    """When it takes effect."""
    occurred_at: int
    published_at: int | None = None
    enabled: bool = True
    closes_at: int | None = None
    window_hours: int | None = None
    site: str = "default"
    section: str | None = None


class CommentFact(NamedTuple):
    """A row of ``comments``: a comment that became a valid event."""

    article_id: str
    comment_id: str
    parent_comment_id: str | None
    posted_at: int
    user_id: str
    """As in the event."""
    named_by: str | None
    """The name that stands for an account, if the export has no account: people of one name are
    merged. None: the account, or a person of this comment alone.
    """
    body_digest: int
    """64 bits: equal texts have equal ones."""
    file: str
    within: str


def version_fact(event: Event) -> VersionFact:
    """Return the fact of a valid ``article.published.v1`` or ``article.unpublished.v1``."""
    data = event.data
    if event.type == "article.unpublished.v1":
        at = from_datetime(data.unpublished_at)
        return VersionFact(event.article_id, event.version, "unpublished", at, event.occurred_at)
    own = data.discussion
    return VersionFact(
        event.article_id,
        event.version,
        "published",
        event.occurred_at,
        event.occurred_at,
        None if data.published_at is None else from_datetime(data.published_at),
        own is None or own.enabled is not False,
        None if own is None or own.closes_at is None else from_datetime(own.closes_at),
        None if own is None else own.window_hours,
        data.site,
        data.section,
    )


class Facts:
    """The articles and the comments of an export, without texts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        """For questions, once everything that they are about was added and ``flush`` was called."""
        connection.executescript(sql("archives/survey/tables.sql").decode())
        self._articles: list[tuple[Any, ...]] = []
        self._comments: list[CommentFact] = []
        self._versions: list[VersionFact] = []
        self._forms: list[tuple[str, str, str, str, str, str]] = []
        self._has_indexes = False

    def add_article(self, article: ArticleFact) -> None:
        """Add an article, once for each time that the export has it."""
        self._articles.append((*article, None if article.url is None else address_key(article.url)))
        self._note_form("article", "", article.article_id, article)
        if len(self._articles) >= _BUNDLE:
            self.flush()

    def add_version(self, version: VersionFact) -> None:
        """Add an event about an article, as it will be sent."""
        self._versions.append(version)
        if len(self._versions) >= _BUNDLE:
            self.flush()

    def add_comment(self, comment: CommentFact) -> None:
        """Add a comment, once for each time that the export has it."""
        self._comments.append(comment)
        article_id, comment_id, parent_id, _, user_id = comment[:5]
        # Nearly all ids are ASCII, and then there is nothing to compare.
        if not article_id.isascii():
            self._note_form("article", "", article_id, comment)
        if not comment_id.isascii():
            self._note_form("comment", article_id, comment_id, comment)
        if parent_id is not None and not parent_id.isascii():
            self._note_form("comment", article_id, parent_id, comment)
        if not user_id.isascii():
            self._note_form("person", "", user_id, comment)
        if len(self._comments) >= _BUNDLE:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        for table, rows in (
            ("articles", self._articles),
            ("versions", self._versions),
            ("comments", self._comments),
            ("other_forms", self._forms),
        ):
            insert(self.connection, table, rows)
            rows.clear()

    def first_and_last_comment(self, article_id: str) -> tuple[int, int] | None:
        """Return when the first and the last comment of an article were posted; None: it has none.

        To be called once all comments were added: the first call makes an index of them.
        """
        self.make_indexes()
        first, last = self.connection.execute(
            sql("archives/survey/first_and_last_comment.sql").decode(), {"article_id": article_id}
        ).fetchone()
        return None if first is None else (first, last)

    def make_indexes(self) -> None:
        """Write what was added, and make the indexes for questions; once, after all comments."""
        self.flush()
        if not self._has_indexes:
            self._has_indexes = True
            self.connection.execute(sql("archives/survey/index_comments.sql").decode())

    def _note_form(
        self, what: str, article_id: str, text: str, found_in: ArticleFact | CommentFact
    ) -> None:
        if not is_normalized("NFC", text):
            place = found_in.file, found_in.within
            self._forms.append((what, article_id, text, normalize("NFC", text), *place))


@contextmanager
def temporary_facts() -> Iterator[Facts]:
    """Yield facts in a file that is gone afterwards. Raises as ``temporary_database`` does."""
    with temporary_database() as connection:
        yield Facts(connection)
