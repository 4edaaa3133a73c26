"""``btl report``: what an editor wants to know about a day, a week or a month."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.periods import Kind, Period, parse_period
from below_the_line.metrics.report import FIGURES, SiteReport, days_with_figures, reports
from btl.cli import output
from btl.cli.database import connected, site_settings
from btl.cli.options import AsJson
from btl.cli.output import (
    ADDED,
    Cell,
    Column,
    print_json,
    print_table,
    print_text,
    printable,
    right,
)

_NAMES = {"commenters_a_day": "people a day", "reactions": ADDED}


def report(
    period: Annotated[
        str | None,
        typer.Argument(
            metavar="[PERIOD]",
            help=(
                "A day (2026-11-25), a week (2026-W48) or a month (2026-11). With --week or --month"
                " a day names the one that it lies in. Default: the last one that is over."
            ),
            show_default=False,
        ),
    ] = None,
    day: Annotated[bool, typer.Option("--day", help="Report about a day.")] = False,
    week: Annotated[
        bool, typer.Option("--week", help="Report about a week, Monday to Sunday (default).")
    ] = False,
    month: Annotated[bool, typer.Option("--month", help="Report about a month.")] = False,
    site: Annotated[
        str | None,
        typer.Option("--site", metavar="SITE", help="Only this site.", show_default=False),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=1_000, help="Number of articles in each list.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Report a week of each site beside the week before.

    Days are those of the site's time zone. Reads the metric tables alone.
    """
    kinds = [kind for kind, given in zip(Kind, (day, week, month), strict=True) if given]
    if len(kinds) > 1:
        raise BelowTheLineError(
            f"--{' and --'.join(kinds)} exclude each other.", "Choose one of them."
        )
    current = site_settings()
    now, zone = datetime.now(UTC), ZoneInfo(current.site_timezone)
    with connected(current) as connection:
        found = reports(
            connection,
            now,
            zone,
            text=period,
            kind=kinds[0] if kinds else None,
            site=site,
            max_articles=limit,
        )
        days = None if found else days_with_figures(connection, site)
    if as_json:
        print_json([_document(each) for each in found])
    elif not found:
        asked = parse_period(period, kinds[0] if kinds else None, now.astimezone(zone).date())
        typer.echo(_nothing(asked, site, days))
    else:
        for number, each in enumerate(found):
            if number:
                typer.echo()
            _print(each)


def _nothing(period: Period, site: str | None, days: tuple[date, date] | None) -> str:
    where = "any site" if site is None else f"site {printable(site)}"
    said = (
        f"Nothing happened on {where} in {period.kind} {period.name} ({period.first_day} to"
        f" {period.last_day}), or in the {period.kind} before. "
    )
    return said + ("No day has figures." if days is None else f"Figures: {days[0]} to {days[1]}.")


def _document(report: SiteReport) -> dict[str, Any]:
    return {
        "site": report.site,
        "time_zone": report.time_zone,
        "period": report.period.name,
        "first_day": report.period.first_day,
        "last_day": report.period.last_day,
        "is_over": report.is_over,
        "figures": report.figures,
        "before": report.before,
        "sections": report.sections,
        "most_discussed": report.most_discussed,
        "most_reported": report.most_reported,
    }


def _print(report: SiteReport) -> None:
    out = output.console()
    period = report.period
    title = f"{report.site}, {period.kind} {period.name}"
    days = f"{period.first_day} to {period.last_day}, {report.time_zone}"
    print_text(printable(title), style="bold")
    # Half a period compared with a whole one would look like a fall.
    unfinished = (
        "" if report.is_over else f"; this {period.kind} is not over, so no change is shown"
    )
    print_text(days + unfinished, style="dim")
    out.print()
    changes = ["change"] if report.is_over else []
    print_table(
        ["", *right(period.kind, f"{period.kind} before", *changes)],
        [_compared(report, name)[: 3 + len(changes)] for name in FIGURES],
    )
    if report.sections:
        out.print()
        print_table(
            [
                "section",
                *right("articles", "comments", ADDED, "reports", "rejected", "late"),
            ],
            [
                (each["section"] or "(none)", *(each[name] for name in list(each)[1:]))
                for each in report.sections
            ],
        )
    for title, articles, by in (
        ("Most discussed", report.most_discussed, "comments"),
        ("Most reported", report.most_reported, "reports"),
    ):
        if articles:
            out.print()
            _print_articles(title, articles, by)


def _print_articles(title: str, articles: Any, by: str) -> None:
    names = ("comments", "reactions", "reports", "rejected", "late")
    print_table(
        [
            Column("headline", cut=True, min_width=30, max_width=60, rank=1),
            "article",
            *(
                Column(_NAMES.get(name, name), right=True, style="bold", rank=0)
                if name == by
                else Column(_NAMES.get(name, name), right=True, rank=names.index(name) + 2)
                for name in names
            ),
        ],
        [
            (each["headline"], each["article_id"], *(each[name] for name in names))
            for each in articles
        ],
        title=title,
    )


def _compared(report: SiteReport, name: str) -> tuple[Cell, ...]:
    """Return a figure's name, both values, and the change in percent; none where there was nothing
    before.
    """
    now, before = report.figures[name], report.before[name]
    change = f"{(now - before) / before:+.0%}" if before else "–"
    if name == "commenters_a_day" and report.period.kind is Kind.DAY:
        return "people", round(now), round(before), change
    return _NAMES.get(name, name), _number(now), _number(before), change


def _number(value: float) -> Cell:
    return f"{value:,.1f}" if isinstance(value, float) else value
