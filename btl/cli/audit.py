"""``btl audit``: does everything that was read from Kafka add up?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from below_the_line.errors import BelowTheLineError
from btl.cli.offsets import AsJson

if TYPE_CHECKING:
    from datetime import datetime

    from below_the_line.accounting.audit import Report


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(audit)


def audit(
    as_json: AsJson = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only what was written at this time (RFC 3339) or later."
        ),
    ] = None,
) -> None:
    """Check the account of every partition: ledger, positions, dead letters, logs. Exit status 1 if
    it does not add up.
    """
    from below_the_line.accounting.audit import run_audit
    from btl.cli.configuration import settings
    from btl.cli.partitions import connected, print_json

    start = _time(since)
    current = settings()
    with connected(current) as connection:
        report = run_audit(connection, current, start)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if report.findings:
        raise typer.Exit(1)


def _time(text: str | None) -> datetime | None:
    from below_the_line.contracts.times import instant, to_datetime

    if text is None:
        return None
    found = instant(text)
    if found is None:
        raise BelowTheLineError(f"{text!r} is no time.", "Write it as 2026-05-01T10:00:00Z.")
    return to_datetime(found.since_1970)


def _print(report: Report) -> None:
    from datetime import UTC, datetime, timedelta

    from rich.markup import escape
    from rich.table import Table

    from btl.cli.partitions import console, print_table
    from btl.cli.printing import printable

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("partition", no_wrap=True)
    table.add_column("contiguous", no_wrap=True)
    for heading in (
        *(
            "records",
            "applied",
            "unchanged",
            "dead-lettered",
            "batches",
            "empty",
            "gaps",
            "resets",
            "redrives",
        ),
        *("ledger end", "next offset", "log start", "log end", "lag"),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in report.partitions:
        numbers = (
            *(each.records, each.applied, each.unchanged, each.dead_lettered),
            *(each.batches, each.empties, each.gaps, each.resets, each.redrives),
            *(each.ledger_end, each.next_offset, each.log_start, each.log_end, each.lag),
        )
        table.add_row(
            str(each),
            "[green]yes[/]" if each.contiguous else "[red]no[/]",
            *("" if number is None else f"{number:,}" for number in numbers),
        )
    out = console()
    print_table(out, table)
    for each in report.partitions:
        if each.gap_offsets:
            out.print(
                f"{each}: {each.gap_offsets:,} offsets that expired unread were accepted as lost."
            )
    now = datetime.now(UTC)
    for what, count, waiting in (
        ("metrics", report.marks.articles, report.marks.articles_since),
        ("closing windows", report.marks.windows, report.marks.windows_since),
    ):
        if waiting is not None:
            age = timedelta(seconds=int((now - waiting).total_seconds()))
            out.print(f"{count:,} marks wait for the {what}, the oldest for {age}.")
    for finding in report.findings:
        out.print(f"[red]{escape(printable(str(finding)))}[/]")
    out.print(f"[bold {'red' if report.findings else 'green'}]{escape(report.summary)}[/]")
