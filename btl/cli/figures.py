"""``btl top``, ``btl article`` and ``btl export``: the figures for people who ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from below_the_line.metrics import queries
from below_the_line.metrics.definitions import definitions
from below_the_line.metrics.export import export as write
from below_the_line.metrics.queries import ArticleFigures, figures_of
from btl.cli import configuration, output
from btl.cli.database import connected
from btl.cli.offsets import AsJson
from btl.cli.output import clock, print_json, print_table, printable


def top(
    by: Annotated[
        str,
        typer.Option(
            help=(
                "What to order by: comments, people, reactions, engagement, late, reports,"
                " open_reports or rejected; with "
                "--since comments, replies, reactions, reports, rejected or late."
            )
        ),
    ] = "comments",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only what has happened since: 12h, 7d, 2w ago, or an RFC 3339 time.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="So many articles.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the articles with the most comments, reports or others.

    Articles that have none are left out.
    """
    start = None if since is None else queries.since(since, datetime.now(UTC))
    with connected(configuration.settings()) as connection:
        rows = queries.top(connection, by.replace("-", "_"), start, limit)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(output.console(), _table(rows, by.replace("-", "_")), gives_way="headline")
    else:
        output.console().print(
            "No article has any"
            f" {by.replace('_', ' ').replace('-', ' ')}{' since then' if start else ''}."
        )


def article(
    article_id: Annotated[str, typer.Argument(help="The article's id.", metavar="ID")],
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
        str, typer.Argument(help="The metric table, e.g. article_engagement.", metavar="TABLE")
    ],
    form: Annotated[
        str, typer.Option("--format", help="csv, json (one object a line) or parquet.")
    ] = "csv",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file; it is replaced. Default: standard output.",
        ),
    ] = None,
) -> None:
    """Write a metric table to a file.

    The rows are those of one moment.
    """
    with connected(configuration.settings()) as connection:
        count = write(connection, table, form, output)
    if output is not None:
        typer.echo(
            f"{count:,} rows of metrics.{table.removeprefix('metrics.')} are in {output}.", err=True
        )


def _table(rows: Sequence[Mapping[str, Any]], by: str) -> Any:

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in rows[0]:
        is_text = name in ("article_id", "headline", "section", "state")
        table.add_column(
            name.removesuffix("_id").replace("_", " "),
            justify="left" if is_text else "right",
            style="bold" if name == by else None,
            overflow="ellipsis",
            no_wrap=True,
            max_width=50 if name == "headline" else None,
        )
    for row in rows:
        table.add_row(
            *("" if value is None else printable(_value(value)) for value in row.values())
        )
    return table


def _print(article_id: str, figures: ArticleFigures) -> None:

    out = output.console()
    known = figures.article
    out.print(
        Text(printable(str(known["headline"]) if known else f"Article {article_id}"), style="bold")
    )
    if known:
        facts = (
            known["site"],
            known["section"],
            known["status"],
            _time(known["published_at"]),
            known["url"],
        )
        out.print(
            Text(
                printable(" · ".join(str(fact) for fact in facts if fact is not None)), style="dim"
            )
        )
    for name, row in figures.tables.items():
        table = Table(
            box=None,
            header_style="bold",
            pad_edge=False,
            title=f"metrics.{name}",
            title_justify="left",
        )
        table.add_column("figure", no_wrap=True)
        table.add_column("value", justify="right", no_wrap=True)
        table.add_column("what it is", style="dim", overflow="fold")
        for column in definitions(name).columns[1:]:
            value = _time(row[column.name]) if column.unit == "time" else row[column.name]
            meaning = column.definition
            if value is None:
                meaning += f" (none: {column.when_null})"
            elif column.unit and not isinstance(value, str | bool):
                meaning += f" ({column.unit})"
            table.add_row(column.name, _value(value), meaning)
        out.print()
        out.print(table)
    if figures.reasons:
        shown = ("reason", "reports", "unique_reporters", "upheld", "dismissed", "open_reports")
        out.print()
        print_table(
            out, _table([{name: row[name] for name in shown} for row in figures.reasons], "reports")
        )
    out.print()
    if known:
        hint = f"Its discussion over time: btl discussion {article_id}"
    else:
        hint = "No article event has come for it: headline, section and window are not known."
    out.print(Text(hint, style="dim"))


def _time(text: str | None) -> str | None:
    """A time as JSON has it, as clocks show it."""
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
