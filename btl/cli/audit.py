"""``btl audit``: does everything that was read from Kafka add up?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from below_the_line.accounting.audit import Report, run_audit
from below_the_line.contracts.times import instant, to_datetime
from below_the_line.errors import BelowTheLineError
from btl.cli import configuration, output
from btl.cli.database import connected
from btl.cli.offsets import AsJson
from btl.cli.output import print_json, print_table, printable


def audit(
    as_json: AsJson = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only what was written at this time (RFC 3339) or later."
        ),
    ] = None,
) -> None:
    """Check that all records of every partition are accounted for.

    Compares the ledger, the positions, the dead letters and the logs of the brokers. Exit status 1
    if there are findings.
    """
    start = _time(since)
    current = configuration.settings()
    with connected(current) as connection:
        report = run_audit(connection, current, start)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if report.findings:
        raise typer.Exit(1)


def _time(text: str | None) -> datetime | None:

    if text is None:
        return None
    found = instant(text)
    if found is None:
        raise BelowTheLineError(f"{text!r} is no time.", "Write it as 2026-05-01T10:00:00Z.")
    return to_datetime(found.since_1970)


def _print(report: Report) -> None:

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
    out = output.console()
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
