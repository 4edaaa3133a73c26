"""``btl audit``: are all records that were read from Kafka accounted for?"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from below_the_line.accounting.audit import Report, run_audit
from below_the_line.partitions import describe_transaction, end_transaction_hint
from below_the_line.plurals import counted
from btl.cli import output
from btl.cli.database import connected, site_settings
from btl.cli.edge import ends_with
from btl.cli.options import AsJson, time_option
from btl.cli.output import Column, age, print_json, print_table, printable, right


def audit(
    as_json: AsJson = False,
    since: Annotated[
        datetime | None, time_option("--since", "Check only what was written at this time or later")
    ] = None,
) -> None:
    """Check that all records of every partition are accounted for.

    Compares the ledger, the positions, the dead letters and the logs of the brokers. Exit status 1
    if there are findings.
    """
    current = site_settings()
    with connected(current) as connection:
        report = run_audit(connection, current, since)
    ends_with(int(bool(report.findings)))
    if as_json:
        print_json(asdict(report) | {"summary": report.summary})
    else:
        _print(report, datetime.now(UTC))
    if report.findings:
        raise typer.Exit(1)


def _print(report: Report, now: datetime) -> None:
    out = output.console()
    print_table(
        [
            *("partition", Column("contiguous", rank=1)),
            *right("records"),
            *right("applied", "unchanged", rank=3),
            *right("dead-lettered", rank=2),
            *right("batches", "empty", "gaps", "resets", "redrives", rank=6),
            *right("ledger end", rank=5),
            *right("next offset", rank=4),
            *right("log start", rank=5),
            *right("log end", rank=4),
            *right("lag", rank=1),
        ],
        [
            (
                str(each),
                Text("yes", "green") if each.contiguous else Text("no", "red"),
                *(each.records, each.applied, each.unchanged, each.dead_lettered),
                *(each.batches, each.empties, each.gaps, each.resets, each.redrives),
                *(each.ledger_end, each.next_offset, each.log_start, each.log_end, each.lag),
            )
            for each in report.partitions
        ],
    )
    for each in report.partitions:
        if each.gap_offsets:
            out.print(
                f"{each}: {each.gap_offsets:,} offsets that expired unread were accepted as lost."
            )
        if each.open_transaction is not None:
            sentence = describe_transaction(each, each.open_transaction)
            out.print(f"[yellow]{escape(sentence)}[/]")
            out.print(
                escape(end_transaction_hint(each.topic, each.partition, each.open_transaction))
            )
    for purpose, count, waiting in (
        ("metrics", report.marks.articles, report.marks.articles_since),
        ("closing windows", report.marks.windows, report.marks.windows_since),
    ):
        if waiting is not None:
            out.print(
                f"Waiting for the {purpose}: {counted(count, 'mark')}, the oldest for"
                f" {age(waiting, now)}."
            )
    for finding in report.findings:
        out.print(f"[red]{escape(printable(str(finding)))}[/]")
    out.print(f"[bold {'red' if report.findings else 'green'}]{escape(report.summary)}[/]")
