"""``btl offsets``: where the consumers stand, and the decisions about it that only a person can
take.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from below_the_line.accounting import decisions
from below_the_line.accounting.decisions import Reset, plan_reset
from below_the_line.accounting.positions import read_positions
from below_the_line.contracts.times import instant, to_datetime
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import offsets_at
from below_the_line.partitions import Logs, PartitionStatus, Position, log_of, partition_statuses
from below_the_line.settings import Settings
from btl.cli import configuration, output
from btl.cli.database import connected
from btl.cli.lazy import command_group
from btl.cli.output import print_json, print_table, printable
from btl.cli.partitions import chosen, logs_of

app = command_group("Show and change where the consumers are in the topics.")

TopicArgument = Annotated[str, typer.Argument(help="The topic.", show_default=False)]
PartitionArgument = Annotated[
    int, typer.Argument(help="Number of the partition.", min=0, show_default=False)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show each partition: position, log, lag, owner; and of one that does not move, which decision
    it needs, and how.
    """
    current = configuration.settings()
    with connected(current) as connection:
        positions = read_positions(connection)
    logs, away = None, None
    try:
        logs = logs_of(current, positions)
    except BelowTheLineError as error:
        away = error.message
    found = partition_statuses(positions, logs, current.consumer_group)
    if as_json:
        _print_statuses_as_json(found, away)
    else:
        _print_statuses(found, away)


@app.command()
def accept_gap(topic: TopicArgument, partition: PartitionArgument, dry_run: DryRun = False) -> None:
    """Accept that records expired before they were read: go on at the log start, with a line of
    kind `gap` in the ledger.
    """
    current = configuration.settings()
    with connected(current) as connection:
        (position,) = chosen(read_positions(connection, current.consumer_group), topic, partition)
        gap = decisions.plan_gap(position, log_of(position, logs_of(current, [position])))
        typer.echo(gap)
        if dry_run:
            typer.echo("Dry run: nothing was done.")
            return
        decisions.accept_gap(connection, gap)
    typer.echo("Accepted: the ledger says so, and consumers go on within seconds.")
    if position.status == "tripped":
        typer.echo(f"Its breaker has tripped as well: `btl breaker accept {topic} {partition}`.")


@app.command()
def reset(
    topic: TopicArgument,
    to: Annotated[
        str,
        typer.Option(
            help="start, end, an offset, or a time (RFC 3339): the first record of then or later."
        ),
    ],
    partition: Annotated[
        int | None, typer.Argument(help="Number of the partition.", min=0, show_default=False)
    ] = None,
    all_partitions: Annotated[
        bool, typer.Option("--all-partitions", help="All partitions of the topic.")
    ] = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Begin anew elsewhere, with a line of kind `reset` in the ledger: a topic created again, a log
    that was cut, a re-read.
    """
    if partition is None and not all_partitions:
        raise BelowTheLineError(
            "Which partition is not said.", "Give either its number or --all-partitions."
        )
    if partition is not None and all_partitions:
        raise BelowTheLineError(
            f"Partition {partition} and --all-partitions were given.", "Give one of them."
        )
    current = configuration.settings()
    with connected(current) as connection:
        positions = chosen(read_positions(connection, current.consumer_group), topic, partition)
        resets = _plan_resets(current, positions, logs_of(current, positions), to)
        for each in resets:
            typer.echo(each)
        if dry_run:
            typer.echo("Dry run: nothing was done.")
            return
        if not yes:
            if not sys.stdin.isatty():
                raise BelowTheLineError(
                    "Nobody is there to confirm this.", "Look at --dry-run, then say --yes."
                )
            typer.confirm("Go on?", abort=True)
        decisions.reset(connection, resets)
    typer.echo("Reset: the ledger says so, and consumers go on from there within seconds.")


def _plan_resets(settings: Settings, positions: list[Position], logs: Logs, to: str) -> list[Reset]:

    moment = _moment(to)
    there = [
        (each.topic, each.partition) for each in positions if (each.topic, each.partition) in logs
    ]
    at = offsets_at(settings, there, moment) if moment is not None else {}
    resets = []
    for position in positions:
        log = log_of(position, logs)
        if moment is not None:
            target = at.get((position.topic, position.partition), log.end if log is not None else 0)
        elif to.isdecimal():
            target = int(to)
        else:
            target = 0 if log is None else {"start": log.start, "end": log.end}[to]
        resets.append(plan_reset(position, log, target))
    return resets


def _moment(to: str) -> datetime | None:
    """The time that ``to`` names; None for ``start``, ``end`` and offsets. Raises BelowTheLineError
    for anything else.
    """
    if to in ("start", "end") or to.isdecimal():
        return None
    found = instant(to)
    if found is None:
        raise BelowTheLineError(
            f"{to!r} is no place in a log.",
            "Say --to start, end, an offset such as 4711, or a time such as 2026-05-01T10:00:00Z.",
        )
    return to_datetime(found.since_1970)


def _print_statuses_as_json(found: list[PartitionStatus], away: str | None) -> None:

    print_json({"broker": away, "partitions": [asdict(each) | {"lag": each.lag} for each in found]})


def _print_statuses(found: list[PartitionStatus], away: str | None) -> None:

    now = datetime.now(UTC)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in (
        "group",
        "topic",
        "partition",
        "status",
        "next offset",
        "log start",
        "log end",
        "lag",
    ):
        table.add_column(
            heading,
            justify="left" if heading in ("group", "topic", "status") else "right",
            no_wrap=True,
        )
    for heading in ("owner", "epoch", "incarnation", "moved"):
        table.add_column(heading, justify="left" if heading == "owner" else "right", no_wrap=True)
    for each in found:
        position, log = each.position, each.log
        status = "not taken" if position is None else position.status
        if each.required_decision is not None and status == "consuming":
            status = each.required_decision.blocker
        colour = "green" if status == "consuming" else "yellow" if position is None else "red"
        table.add_row(
            *(each.consumer_group, each.topic, str(each.partition), f"[{colour}]{status}[/]"),
            "" if position is None else str(position.next_offset),
            *(("", "") if log is None else (str(log.start), str(log.end))),
            "" if each.lag is None else str(each.lag),
            *(
                ("", "", "", "")
                if position is None
                else (
                    str(position.owner or "")[:8],
                    str(position.epoch),
                    str(position.incarnation),
                    f"{timedelta(seconds=int((now - position.moved_at).total_seconds()))} ago",
                )
            ),
        )
    out = output.console()
    if found:
        print_table(out, table)
    else:
        out.print("No consumer has taken a partition yet.")
    for each in found:
        if each.required_decision is not None:
            out.print(
                f"[red]{each}[/]: {escape(printable(each.required_decision.sentence))}. Decide:"
                f" [bold]{escape(each.required_decision.command)}[/]"
            )
        elif away is not None and each.position is not None and each.position.status != "consuming":
            detail = escape(printable(each.position.status_detail or ""))
            out.print(f"[red]{each}[/] is {each.position.status}: {detail}")
    if away is not None:
        out.print(f"[yellow]What the logs hold is not known:[/] {escape(away)}")
