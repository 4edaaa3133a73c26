"""A site's report about a day, a week or a month, beside the period before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql as composed
from psycopg.rows import dict_row

from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.periods import Kind, Period, parse_period
from below_the_line.resources import sql
from below_the_line.unknown import unknown

FIGURES: Final = (
    "comments",
    "replies",
    "commenters_a_day",
    "reactions",
    "reports",
    "rejected",
    "late",
)
"""The figures of a site, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What happened on one site in a period."""

    site: str
    time_zone: str
    period: Period
    is_over: bool
    """False: the period goes on, and its figures with it."""
    figures: Mapping[str, Any]
    """Each of ``FIGURES``; 0 where nothing happened."""
    before: Mapping[str, Any]
    """The same of the period before."""
    sections: Sequence[Mapping[str, Any]]
    """Most comments first."""
    most_discussed: Sequence[Mapping[str, Any]]
    """The articles with the most comments."""
    most_reported: Sequence[Mapping[str, Any]]
    """The articles with the most reports."""


def reports(
    connection: psycopg.Connection,
    now: datetime,
    zone: ZoneInfo,
    *,
    text: str | None = None,
    kind: Kind | None = None,
    site: str | None = None,
    max_articles: int = 10,
) -> list[SiteReport]:
    """Return a report for each site that has figures in the period or in the one before.

    ``text`` and ``kind`` name the period (``periods.parse_period``); days are those of ``zone``, in
    which the tables were computed. The figures are those of one moment. Raises BelowTheLineError
    for a text that names no period, and for a site of which there are no figures at all.
    """
    today = now.astimezone(zone).date()
    period = parse_period(text, kind, today)
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        figures, before = (
            {
                row["site"]: row
                for row in _rows(
                    connection, "report_sites", each, site=site, days=each.days_begun(today)
                )
            }
            for each in (period, period.previous)
        )
        sites = sorted(figures.keys() | before.keys())
        if site is not None and not sites:
            _require_known(connection, site)
        return [
            SiteReport(
                each,
                (figures.get(each) or before[each])["time_zone"],
                period,
                period.is_over(today),
                _figures(figures.get(each)),
                _figures(before.get(each)),
                _rows(connection, "report_sections", period, site=each),
                _articles(connection, period, each, "comments", max_articles),
                _articles(connection, period, each, "reports", max_articles),
            )
            for each in sites
        ]


def days_with_figures(
    connection: psycopg.Connection, site: str | None = None
) -> tuple[date, date] | None:
    """Return the first and the last day that have figures, of a site or of any; None: none has."""
    ((first, last),) = connection.execute(sql("queries/days_with_figures.sql"), {"site": site})
    return None if first is None else (first, last)


def _figures(row: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return {name: 0 if row is None else row[name] for name in FIGURES}


def _require_known(connection: psycopg.Connection, site: str) -> None:
    """Raise BelowTheLineError if the site has no figures at all."""
    sites = [name for (name,) in connection.execute(sql("queries/sites.sql"))]
    if site not in sites:
        raise BelowTheLineError(
            f"There are no figures of site {site!r}.",
            unknown("site", site, sites).hint if sites else "Has any article been published?",
        )


def _rows(
    connection: psycopg.Connection, name: str, period: Period, *, site: str | None, **more: Any
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        parameters = _parameters(period, site) | more
        return cursor.execute(sql(f"queries/{name}.sql"), parameters).fetchall()


def _articles(
    connection: psycopg.Connection, period: Period, site: str, by: str, max_rows: int
) -> list[dict[str, Any]]:
    query = composed.SQL("{} where {} > 0 order by {} desc, summed.article_id limit {}").format(
        composed.SQL(sql("queries/report_articles.sql").decode()),
        composed.Identifier("summed", by),
        composed.Identifier("summed", by),
        composed.Literal(max_rows),
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, _parameters(period, site)).fetchall()


def _parameters(period: Period, site: str | None) -> dict[str, Any]:
    return {"site": site, "first_day": period.first_day, "last_day": period.last_day}
