"""What moderators read: the queue, a discussion, and everything that happened to one comment.

Reads as ``btl_moderator``; the role of analysts, ``btl_reader``, has no right to any of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from below_the_line.catalogue import reasons
from below_the_line.closing.rules import in_words
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql
from below_the_line.unknown import unknown

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Queue:
    """The most urgent comments with open reports."""

    rows: Sequence[Row]
    """As sql/moderation/queue.sql gives them, most urgent first."""
    waiting: int
    """The number of comments that wait, those that are not in ``rows`` among them."""


def queue(
    connection: psycopg.Connection,
    *,
    site: str | None = None,
    section: str | None = None,
    article: str | None = None,
    reason: str | None = None,
    max_rows: int = 20,
) -> Queue:
    """Return the comments that wait for a moderator, most urgent first.

    ``site``, ``section``, ``article`` and ``reason`` narrow the queue. Raises BelowTheLineError for
    a reason that does not exist, and for an article, a site or a section that no event ever named.
    """
    if reason is not None and reason not in reasons():
        raise BelowTheLineError(
            f"{reason!r} is not a reason.", f"Choose one of {', '.join(reasons())}."
        )
    if article is not None:
        _require_known(connection, article)
    if site is not None or section is not None:
        _require_scope(connection, site, section)
    rows = _rows(
        connection,
        "moderation/queue.sql",
        site=site,
        section=section,
        article=article,
        reason=reason,
        max_rows=max_rows,
    )
    return Queue([_without(row, "waiting") for row in rows], rows[0]["waiting"] if rows else 0)


@dataclass(frozen=True, slots=True)
class Thread:
    """The discussion of one article."""

    article_id: str
    headline: str | None
    comments: Sequence[Row]
    """As sql/moderation/thread.sql gives them, in the order in which the discussion is read."""


def thread(connection: psycopg.Connection, article: str) -> Thread:
    """Return an article's discussion. Raises BelowTheLineError if no event ever named it."""
    headline = _require_known(connection, article)
    return Thread(article, headline, _comments(connection, article))


def comment_standing(connection: psycopg.Connection, article: str, comment: str) -> Row | None:
    """Return the row of one comment in its thread, None if it has no posting yet."""
    return next(iter(_comments(connection, article, comment)), None)


def outcomes(connection: psycopg.Connection, article: str) -> Mapping[str, int]:
    """Return the number of rounds of reports below an article, by outcome (docs/metrics.md)."""
    return {
        row["outcome"]: row["reports"]
        for row in _rows(connection, "moderation/outcomes.sql", article=article)
    }


@dataclass(frozen=True, slots=True)
class CommentHistory:
    """Everything that was written, reported and decided about one comment."""

    article_id: str
    comment_id: str
    headline: str | None
    comment: Row | None
    """Its row of the thread; None: it has no posting yet."""
    parents: Sequence[Row]
    """The comments above it, the top of its thread first."""
    entries: Sequence[Row]
    """As sql/moderation/history.sql gives them, by time."""
    entry_count: int
    """The number of entries, those that are not in ``entries`` among them."""


def comment_history(
    connection: psycopg.Connection, article: str, comment: str, *, max_rows: int = 100
) -> CommentHistory:
    """Return what happened to a comment.

    Raises BelowTheLineError if no event ever named the article, or the comment below it.
    """
    headline = _require_known(connection, article, comment)
    comments = {row["comment_id"]: row for row in _comments(connection, article)}
    entries = _rows(
        connection, "moderation/history.sql", article=article, comment=comment, max_rows=max_rows
    )
    return CommentHistory(
        article,
        comment,
        headline,
        comments.get(comment),
        [*_parents(comments, comment)][::-1],
        [_without(entry, "entries") for entry in entries],
        entries[0]["entries"] if entries else 0,
    )


def _comments(
    connection: psycopg.Connection, article: str, comment: str | None = None
) -> list[dict[str, Any]]:
    return _rows(connection, "moderation/thread.sql", article=article, comment=comment)


def _parents(comments: Mapping[str, Row], comment: str) -> Iterator[Row]:
    """Yield the comments above one, the nearest first; each once, whatever circles there are."""
    met = {comment}
    row = comments.get(comment)
    while row is not None and (parent := row["parent_comment_id"]) not in met:
        met.add(parent)
        row = comments.get(parent)
        if row is not None:
            yield row


def _require_known(
    connection: psycopg.Connection, article: str, comment: str | None = None
) -> str | None:
    """Return the article's headline. Raises BelowTheLineError for an unknown article or comment."""
    ((headline, is_known, comment_is_known),) = connection.execute(
        sql("moderation/known.sql"), {"article": article, "comment": comment}
    )
    if not is_known:
        raise BelowTheLineError(f"No event ever named article {article}.", "Check the id.")
    if comment is not None and not comment_is_known:
        raise BelowTheLineError(
            f"No comment {comment} is known below article {article}.",
            f"Check the id; `btl thread {article}` lists the comments.",
        )
    return None if headline is None else str(headline)


def _require_scope(connection: psycopg.Connection, site: str | None, section: str | None) -> None:
    """Raise BelowTheLineError if no article of the site and section is known, with the names that
    were perhaps meant.
    """
    ((is_known,),) = connection.execute(
        sql("rules/of_scope.sql"), {"site": site, "section": section}
    )
    if is_known:
        return
    scopes = connection.execute(sql("moderation/scopes.sql")).fetchall()
    sites = sorted({each for each, _ in scopes})
    if site is not None and site not in sites:
        error = unknown("site", site, sites)
    else:
        sections = {each for of, each in scopes if each is not None and site in (None, of)}
        error = unknown("section", str(section), sorted(sections))
    raise BelowTheLineError(
        f"No event ever named an article of {in_words(site, section)}.", error.hint
    )


def _rows(connection: psycopg.Connection, file: str, **parameters: Any) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql(file), parameters).fetchall()


def _without(row: Row, name: str) -> Row:
    return {key: value for key, value in row.items() if key != name}
