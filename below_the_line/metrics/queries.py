"""Queries of the metrics: lists of the articles with most of something, and one article."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import sql as composed
from psycopg.rows import dict_row

from below_the_line.errors import BelowTheLineError
from below_the_line.resources import sql

ORDERS: Final[Mapping[str, str]] = {
    "comments": "engagement.comments_published",
    "people": "engagement.unique_commenters",
    "reactions": "engagement.reactions_net",
    "engagement": "engagement.engagement",
    "late": "engagement.late_comments",
    "reports": "abuse.reports",
    "open_reports": "abuse.open_reports",
    "rejected": "abuse.rejected",
}
"""What ``top`` can order by: the column of the result, and the column of the tables."""
ORDERS_SINCE: Final = ("comments", "replies", "reactions", "reports", "rejected", "late")
"""What ``top`` can order by when it counts from a time on."""


def top(
    connection: psycopg.Connection, by: str, since: datetime | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """Return the articles with most of ``by``, in total or since the start of an hour.

    Leaves out articles with none of it. Raises BelowTheLineError if ``by`` is unknown.
    """
    orders = ORDERS if since is None else {name: f"recent.{name}" for name in ORDERS_SINCE}
    if by not in orders:
        raise BelowTheLineError(
            f"Articles cannot be listed by {by!r}{' since a time' if since else ''}.",
            f"Choose one of {', '.join(orders)}.",
        )
    table, column = orders[by].split(".")
    ordered = composed.SQL("{} where {} > 0 order by {} desc, {} limit {}").format(
        composed.SQL(sql(f"queries/{'top' if since is None else 'top_since'}.sql").decode()),
        composed.Identifier(table, column),
        composed.Identifier(table, column),
        composed.Identifier(table, "article_id"),
        composed.Literal(limit),
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(ordered, {"since": since}).fetchall()


def articles_wait(connection: psycopg.Connection) -> bool:
    """Return whether figures of articles are not computed yet."""
    return connection.execute(sql("queries/articles_wait.sql")).fetchone() == (True,)


@dataclass(frozen=True, slots=True)
class ArticleFigures:
    """All figures of one article."""

    article: Mapping[str, Any] | None
    """None: its content is not known."""
    tables: Mapping[str, Mapping[str, Any]]
    """Its row of article_engagement and of article_abuse."""
    reasons: Sequence[Mapping[str, Any]]
    """Its rows of article_abuse_reasons, most reports first."""


def figures_of(connection: psycopg.Connection, article_id: str) -> ArticleFigures:
    """Return all figures of one article. Raises BelowTheLineError if it has none."""
    row = connection.execute(sql("queries/article.sql"), {"article_id": article_id}).fetchone()
    if row is None:
        raise BelowTheLineError(
            f"There are no figures of article {article_id}.",
            "Is the id right? Figures come with the next run of article_metrics after its first"
            " event.",
        )
    article, engagement, abuse, reasons = row
    return ArticleFigures(
        article, {"article_engagement": engagement, "article_abuse": abuse}, reasons
    )
