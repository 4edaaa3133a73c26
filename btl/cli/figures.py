"""``btl top``, ``btl article`` and ``btl export``: the figures."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from below_the_line.metrics import queries
from below_the_line.metrics.definitions import Column as Definition
from below_the_line.metrics.definitions import definitions
from below_the_line.metrics.export import export as write
from below_the_line.metrics.export import format_of, source
from below_the_line.metrics.queries import ArticleFigures, figures_of
from below_the_line.plurals import counted
from btl.cli import configuration, output
from btl.cli.database import connected
from btl.cli.options import AsJson, time_option
from btl.cli.output import (
    ADDED,
    Cell,
    Column,
    clock,
    duration,
    print_json,
    print_table,
    print_text,
    printable,
)

_RANKS = {
    "headline": 1,
    "open_reports": 2,
    "reports": 3,
    "dismissed": 3,
    "state": 4,
    "late": 4,
    "people": 5,
    "unique_reporters": 5,
    "replies": 5,
    "reactions": 6,
    "rejected": 6,
    "engagement": 7,
    "section": 8,
}
"""Of columns that a narrow terminal has no room for."""


def top(
    by: Annotated[
        str,
        typer.Option(
            metavar="FIGURE",
            help=(
                "Figure to order by: comments, people, reactions (that are on now), engagement,"
                " late, reports, open_reports or rejected; with --since: comments, replies,"
                " reactions (added since, also if removed), reports, rejected or late."
            ),
        ),
    ] = "comments",
    since: Annotated[
        datetime | None, time_option("--since", "Count only what happened at this time or later")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Number of articles to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the articles with the most comments, reports or others.

    Articles that have none are left out.
    """
    order = by.replace("-", "_")
    with connected(configuration.settings()) as connection:
        rows = queries.top(connection, order, since, limit)
        wait = not rows and queries.articles_wait(connection)
    if as_json:
        print_json(rows)
    elif rows:
        _print_rows(rows, order, {"reactions": ADDED} if since else {})
    else:
        what = f"{order.replace('_', ' ')}{' since then' if since else ''}"
        typer.echo(f"No article has any {what}{' in the figures' if wait else ''}.")
        if wait:
            print_text(
                "Some articles are not computed yet: the next runs of the DAGs close_discussions"
                " and article_metrics do it; without Airflow, `btl metrics rebuild` does."
            )


def article(
    article_id: Annotated[str, typer.Argument(help="Id of the article.", metavar="ARTICLE")],
    as_json: AsJson = False,
) -> None:
    """Show all figures of an article, and their meaning."""
    with connected(configuration.settings()) as connection:
        figures = figures_of(connection, article_id)
    if as_json:
        # In the order of the tables: as the database has them, names come by their length.
        tables = {
            name: {
                column.name: row[column.name]
                for column in definitions(name).columns
                if column.name in row
            }
            for name, row in figures.tables.items()
        }
        print_json({"article": figures.article, **tables, "article_abuse_reasons": figures.reasons})
    else:
        _print(article_id, figures)


def export(
    table: Annotated[
        str,
        typer.Argument(
            help="Metric table or view, such as article_engagement or moderation_queue.",
            metavar="TABLE",
        ),
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help=(
                "Format: csv, json (one object a line) or parquet. Default: as the ending of the"
                " file says, or csv."
            ),
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write; it is replaced. Default, and -: standard output.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a metric table or view to a file.

    The rows are those of one moment.
    """
    if output == Path("-"):
        output = None
    form = format_of(output, form)
    with connected(configuration.settings()) as connection:
        on_terminal = output is None and sys.stdout.isatty()
        count = write(connection, table, form, output, printable if on_terminal else None)
    if output is not None:
        typer.echo(
            f"{counted(count, 'row')} of {'.'.join(source(table))} are in {output}.", err=True
        )


def _print_rows(
    rows: Sequence[Mapping[str, Any]], ordered_by: str, headings: Mapping[str, str] | None = None
) -> None:
    named = headings or {}
    columns = [
        Column(
            named.get(name, name.removesuffix("_id").replace("_", " ")),
            right=name not in ("article_id", "headline", "section", "state", "reason"),
            cut=name == "headline",
            min_width=30 if name == "headline" else 24,
            max_width=50 if name == "headline" else None,
            style="bold" if name == ordered_by else "",
            rank=0 if name == ordered_by else _RANKS.get(name, 0),
        )
        for name in rows[0]
    ]
    print_table(
        columns,
        [[None if value is None else _value(value) for value in row.values()] for row in rows],
    )


def _print(article_id: str, figures: ArticleFigures) -> None:
    out = output.console()
    known = figures.article
    title = str(known["headline"]) if known else f"Article {article_id}"
    print_text(printable(title), style="bold", out=out)
    if known:
        published = _time(known["published_at"])
        facts = (known["site"], known["section"], known["status"], published, known["url"])
        text = " · ".join(str(fact) for fact in facts if fact is not None)
        print_text(printable(text), style="dim", out=out)
    for name, row in figures.tables.items():
        out.print()
        print_table(
            [
                "figure",
                Column("value", right=True),
                Column("unit", style="dim"),
                Column("meaning", wraps=True, min_width=40, style="dim", rank=1),
            ],
            [_figure(column, row[column.name]) for column in definitions(name).columns[1:]],
            title=f"metrics.{name}",
        )
    if figures.reasons:
        shown = ("reason", "reports", "unique_reporters", "upheld", "dismissed", "open_reports")
        out.print()
        _print_rows([{name: row[name] for name in shown} for row in figures.reasons], "reports")
    out.print()
    if known:
        hint = f"Its discussion over time: btl discussion {article_id}"
    else:
        hint = "No article event has arrived for it: headline, section and window are not known."
    print_text(hint, style="dim", out=out)


def _figure(column: Definition, stored: Any) -> tuple[Cell, ...]:
    meaning = column.definition
    if stored is None:
        meaning += f" (none: {column.when_null})"
    if column.unit == "time":
        return (column.name, _time(stored) or "–", None, meaning)
    if column.unit == "seconds" and stored is not None:
        return (column.name, duration(stored), None, meaning)
    return (column.name, _value(stored), column.unit, meaning)


def _time(text: str | None) -> str | None:
    """Return a time of the database's JSON as clocks show it."""
    return None if text is None else clock(datetime.fromisoformat(text))


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)
