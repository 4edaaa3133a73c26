"""What must be known of a whole export at once, kept in a temporary SQLite file: memory stays flat.

Times are whole microseconds since 1970, in UTC.
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

_SCHEMA = """
create table articles (
    article_id text, url text, headline text, site text, section text,
    published_at integer, occurred_at integer,
    closes_at integer, window_hours integer, accepts_comments integer,
    file text, within text
);
create table comments (
    article_id text, comment_id text, parent_comment_id text,
    posted_at integer, user_id text, named_by text, body_digest integer,
    file text, within text
);
"""
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


class Facts:
    """The articles and the comments of an export, without texts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        """For questions, once everything is added and ``flush`` was called."""
        connection.executescript(_SCHEMA)
        self._articles: list[ArticleFact] = []
        self._comments: list[CommentFact] = []

    def add_article(self, article: ArticleFact) -> None:
        """Add an article."""
        self._articles.append(article)
        if len(self._articles) >= _BUNDLE:
            self.flush()

    def add_comment(self, comment: CommentFact) -> None:
        """Add a comment."""
        self._comments.append(comment)
        if len(self._comments) >= _BUNDLE:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        self._insert("articles", self._articles, len(ArticleFact._fields))
        self._insert("comments", self._comments, len(CommentFact._fields))
        self._articles, self._comments = [], []

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]], columns: int) -> None:
        marks = ", ".join("?" * columns)
        self.connection.executemany(f"insert into {table} values ({marks})", rows)  # noqa: S608


@contextmanager
def temporary_facts() -> Iterator[Facts]:
    """Yield facts in a file that is gone afterwards; only its owner may read it."""
    with tempfile.TemporaryDirectory(prefix="btl-archive-") as folder:
        connection = sqlite3.connect(f"{folder}/facts.sqlite", isolation_level=None)
        try:
            # Nothing of it outlives the run: no journal, no waiting for the disk.
            connection.execute("pragma journal_mode = off")
            connection.execute("pragma synchronous = off")
            connection.execute("pragma cache_size = -65536")
            yield Facts(connection)
        finally:
            connection.close()
