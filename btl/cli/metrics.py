"""``btl metrics``: recompute the metric tables, and check them for drift."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from below_the_line import resources
from below_the_line.errors import BelowTheLineError
from below_the_line.files import writing
from below_the_line.logs import configure_logs
from below_the_line.metrics.days import days_asked
from below_the_line.metrics.definitions import page
from below_the_line.metrics.drift import Comparison, Tally, compared, compared_articles
from below_the_line.metrics.rebuild import Selection, rebuild_days, require_known
from below_the_line.metrics.rebuild import rebuild as run
from below_the_line.plurals import counted
from btl.cli import output
from btl.cli.database import connected, site_settings
from btl.cli.edge import ends_with
from btl.cli.lazy import command_group
from btl.cli.options import AsJson, time_option
from btl.cli.output import print_json, print_rest, print_text, printable

app = command_group("Recompute the metric tables, and check them for drift.")

Articles = Annotated[
    list[str] | None,
    typer.Option(
        "--articles",
        "--ids",
        metavar="ARTICLES",
        help=(
            "Only these articles: ids separated by commas, or @FILE with one id a line. Can be"
            " given several times."
        ),
        show_default=False,
    ),
]
WholeIds = Annotated[
    list[str] | None,
    typer.Option(
        "--article",
        metavar="ARTICLE",
        help="Only this article; its id may have commas. Can be given several times.",
        show_default=False,
    ),
]


@app.command()
def drift(
    everything: Annotated[
        bool, typer.Option("--all", help="Compare every row of every table.")
    ] = False,
    articles: Articles = None,
    article: WholeIds = None,
    sample: Annotated[
        int,
        typer.Option(
            min=1,
            help="Number of articles to compare, chosen at random, with their days and sections.",
        ),
    ] = 100,
    limit: Annotated[int, typer.Option(min=1, help="Number of differences to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Compare the metric tables with a new computation. Change nothing.

    Articles, days and reporters that are marked for the next run are left out, and counted. Exit
    status 1 if anything differs, or if all articles to compare are marked.
    """
    ids = article_ids(articles, article)
    if everything and ids:
        raise BelowTheLineError(
            "--all and --articles were given.", "Give one of them, or none for a sample."
        )
    current = site_settings()
    with connected(current) as connection:
        if ids:
            _require_known(connection, ids, articles)
            found = compared_articles(connection, ids, time_zone=current.site_timezone)
        else:
            found = compared(
                connection, None if everything else sample, time_zone=current.site_timezone
            )
    wrong = bool(found.differences) or not found.tally.vouches
    ends_with(int(wrong))
    if as_json:
        print_json(found.differences)
    else:
        _print_differences(found, limit)
    _print_tally(found.tally, limit if ids else 0, output.console(stderr=as_json))
    if wrong:
        raise typer.Exit(1)


@app.command()
def rebuild(
    articles: Articles = None,
    article: WholeIds = None,
    published_since: Annotated[
        datetime | None,
        time_option("--published-since", "Only articles published at this time or later"),
    ] = None,
    published_until: Annotated[
        datetime | None,
        time_option("--published-until", "Only articles published before this time"),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=16, help="Number of database connections that compute.")
    ] = 2,
    as_json: AsJson = False,
) -> None:
    """Recompute metrics from the base tables, as the DAG rebuild_metrics does.

    Of all articles, or of some. Safe at any time, and to repeat. After an interruption, run it
    again.
    """
    current = site_settings()
    # The summary below says what was done; the log would repeat it.
    configure_logs(current.log_format, logging.WARNING)
    selection = Selection.parse(article_ids(articles, article), published_since, published_until)
    with connected(current) as connection:
        _require_known(connection, selection.ids, articles)
        with ExitStack() as opened:
            helpers = [opened.enter_context(connected(current)) for _ in range(workers - 1)]
            summary = run(connection, selection, time_zone=current.site_timezone, helpers=helpers)
    if as_json:
        print_json(summary.as_dict())
    else:
        typer.echo(
            f"Recomputed in {summary.seconds:.1f} s: {counted(summary.articles, 'article')},"
            f" {counted(summary.section_days, 'day')} of sections,"
            f" {counted(summary.reporters, 'reporter')}."
        )


@app.command()
def backfill(
    first: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="DAY",
            help="First day, such as 2026-10-24, in the site's time zone.",
            show_default=False,
        ),
    ],
    last: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="DAY",
            help="Last day. For one day, the same as the first.",
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Recompute days from the base tables, as the DAG daily_metrics does.

    Of sections and sites, and of the articles that were active on these days. Safe at any time, and
    to repeat. After an interruption, run it again.
    """
    current = site_settings()
    configure_logs(current.log_format, logging.WARNING)
    zone = current.site_timezone
    days = days_asked(first, last, time_zone=zone, now=datetime.now(UTC))
    with connected(current) as connection:
        summary = rebuild_days(connection, days.first, days.last, time_zone=zone)
    if as_json:
        print_json({"from": days.first, "to": days.last, "time_zone": zone, **summary.as_dict()})
    else:
        typer.echo(
            f"Recomputed {counted(len(list(days.each())), 'day')} ({zone}) in"
            f" {summary.seconds:.1f} s: {counted(summary.articles, 'article')},"
            f" {counted(summary.section_days, 'day')} of sections,"
            f" {counted(summary.reporters, 'reporter')}."
        )


@app.command()
def docs(
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing. Exit status 1 if the file is out of date."),
    ] = False,
) -> None:
    """Write docs/metrics.md from the definitions of the metrics (sql/metrics)."""
    path = resources.ROOT / "docs" / "metrics.md"
    if not path.parent.is_dir():
        raise BelowTheLineError(
            f"There is no folder {path.parent}.", "Run this in a checkout of the source."
        )
    if check:
        if not path.exists() or path.read_text(encoding="utf-8") != page():
            raise BelowTheLineError(
                f"{path} does not match the definitions of the metrics.", "Run btl metrics docs."
            )
        return
    with writing(path):
        path.write_text(page(), encoding="utf-8")
    typer.echo(f"Wrote {path}.")


def article_ids(texts: Sequence[str] | None, whole: Sequence[str] | None) -> tuple[str, ...]:
    """Return the ids that ``--articles`` and ``--article`` name, each once; none: all articles.

    Raises BelowTheLineError if they are given and name no article, or if a file cannot be read.
    """
    ids: list[str] = list(whole or ())
    for text in texts or ():
        if text.startswith("@"):
            ids += _lines(text[1:])
        else:
            ids += [each.strip() for each in text.split(",")]
    found = tuple(dict.fromkeys(filter(None, ids)))
    if not found and (texts or whole):
        # Such as an unset variable of a script: all articles is not what the caller wants.
        raise BelowTheLineError(
            "--articles names no article.", "Give ids, separated by commas, or leave it out."
        )
    return found


def _require_known(
    connection: psycopg.Connection, ids: Sequence[str], texts: Sequence[str] | None
) -> None:
    """Raise BelowTheLineError for ids of no article. ``texts`` are those of ``--articles``."""
    try:
        require_known(connection, ids)
    except BelowTheLineError as error:
        if not any("," in text for text in texts or () if not text.startswith("@")):
            raise
        raise BelowTheLineError(
            error.message, f"{error.hint} If an id has commas, give it by --article."
        ) from None


def _lines(file: str) -> list[str]:
    try:
        return [line.strip() for line in Path(file).read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BelowTheLineError(
            f"{file} cannot be read: {reason}.", "Give a file with one id a line: --articles @FILE."
        ) from None


def _print_differences(found: Comparison, limit: int) -> None:
    differences = found.differences
    for difference in differences[:limit]:
        print_text(printable(str(difference)))
    print_rest(len(differences) - limit, len(differences))
    if differences:
        repairs = "repairs it" if len(differences) == 1 else "repairs them"
        typer.echo(
            f"{counted(len(differences), 'difference')}: `btl metrics rebuild` {repairs}. Find out"
            " what wrote the rows, or which mark was lost."
        )
    elif found.tally.vouches:
        typer.echo("Nothing differs.")


def _print_tally(tally: Tally, named: int, out: Console) -> None:
    """Say how much was compared, and what was left out; the first ``named`` articles by name."""
    compared = _in_words(tally.articles, tally.days, tally.reporters)
    print_text(f"Compared: {compared or 'nothing'}.", out=out)
    marked = len(tally.marked_articles)
    left_out = _in_words(marked, tally.marked_days, tally.marked_reporters)
    if left_out:
        print_text(
            f"Not compared, because the next run of `article_metrics` has yet to compute them:"
            f" {left_out}.",
            out=out,
        )
    for article_id in tally.marked_articles[:named]:
        print_text(printable(f"Not compared: article {article_id!r}."), out=out)
    if named:
        print_rest(marked - named, marked, out=out)


def _in_words(articles: int, days: int, reporters: int) -> str:
    """Return the numbers of what there is; nothing of what there is none of."""
    numbers = {"article": articles, "day": days, "reporter": reporters}
    return ", ".join(
        counted(number, noun) + (" of sections" if noun == "day" else "")
        for noun, number in numbers.items()
        if number
    )
