"""``btl offsets``: where the consumers are in the topics, and the decisions that a person takes."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from below_the_line.accounting import decisions
from below_the_line.accounting.decisions import Reset, plan_reset
from below_the_line.accounting.positions import read_positions
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import offsets_at
from below_the_line.partitions import (
    Logs,
    PartitionStatus,
    Position,
    describe_transaction,
    end_transaction_hint,
    log_of,
    partition_statuses,
)
from below_the_line.settings import Settings
from below_the_line.times import EXAMPLE, FORMS
from btl.cli import output
from btl.cli.database import connected, site_settings
from btl.cli.lazy import command_group
from btl.cli.options import AsJson, DryRun, PartitionArgument, TopicArgument, Yes, site_time
from btl.cli.output import DRY_RUN, Cell, Column, age, print_json, print_table, printable, right
from btl.cli.partitions import chosen, logs_of

_COLUMNS: tuple[Column | str, ...] = (
    "group",
    "topic",
    *right("partition"),
    "status",
    *right("next offset", rank=2),
    *right("log start", rank=5),
    *right("log end", rank=3),
    *right("lag", rank=1),
    Column("owner", rank=6),
    *right("epoch", "incarnation", rank=7),
    *right("moved", rank=4),
)

app = command_group("Show and change where the consumers are in the topics.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show each partition: position, log, lag, owner, and the decision that it needs."""
    current = site_settings()
    with connected(current) as connection:
        positions = read_positions(connection)
    logs, unreachable = None, None
    try:
        logs = logs_of(current, positions)
    except BelowTheLineError as error:
        unreachable = error.message
    found = partition_statuses(positions, logs, current.consumer_group)
    if as_json:
        partitions = [
            asdict(each)
            | {"lag": each.lag, "state": each.state, "open_transaction": each.open_transaction}
            for each in found
        ]
        print_json({"broker": unreachable, "partitions": partitions})
    else:
        _print(found, unreachable, datetime.now(UTC))


@app.command()
def accept_gap(
    topic: TopicArgument,
    partition: PartitionArgument,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Accept that records expired before they were read, and continue at the start of the log.

    The ledger gets a line of kind `gap`.
    """
    current = site_settings()
    with connected(current) as connection:
        (position,) = chosen(read_positions(connection, current.consumer_group), topic, partition)
        gap = decisions.plan_gap(position, log_of(position, logs_of(current, [position])))
        if not as_json:
            typer.echo(gap)
        if not dry_run:
            decisions.accept_gap(connection, gap)
    if as_json:
        print_json([_move(position, gap.log_start, dry_run=dry_run)])
    elif dry_run:
        typer.echo(DRY_RUN)
    else:
        follows = decisions.what_follows([position])
        typer.echo(f"Accepted: the ledger has a line for it, and {follows}.")
        if position.status == "tripped":
            typer.echo(f"Its breaker has tripped, too: `btl breaker accept {topic} {partition}`.")


@app.command()
def reset(
    topic: TopicArgument,
    to: Annotated[
        str,
        typer.Option(
            metavar="PLACE",
            help=(
                "start, end, an offset, or the first record at a time or later:"
                f" {EXAMPLE}, 2026-05-01, or 12h, 7d, 2w ago."
            ),
            show_default=False,
        ),
    ],
    partition: Annotated[
        int | None, typer.Argument(help="Number of the partition.", min=0, show_default=False)
    ] = None,
    all_partitions: Annotated[
        bool, typer.Option("--all-partitions", help="Reset all partitions of the topic.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Move consumers to another place: in a topic that was created again, or to read again.

    The ledger gets a line of kind `reset`.
    """
    if partition is None and not all_partitions:
        raise BelowTheLineError("The partition is missing.", "Give its number or --all-partitions.")
    if partition is not None and all_partitions:
        raise BelowTheLineError(
            f"Partition {partition} and --all-partitions were given.", "Give one of them."
        )
    current = site_settings()
    with connected(current) as connection:
        positions = chosen(read_positions(connection, current.consumer_group), topic, partition)
        resets = _plan_resets(current, positions, logs_of(current, positions), to)
        for each in resets:
            typer.echo(each, err=as_json)
        if not dry_run:
            if not yes:
                _confirm()
            decisions.reset(connection, resets)
    if as_json:
        print_json(
            [
                {
                    **_move(each.position, each.target, dry_run=dry_run),
                    "recreated": each.recreated,
                    "repeated": each.repeated,
                    "skipped": each.skipped,
                }
                for each in resets
            ]
        )
    elif dry_run:
        typer.echo(DRY_RUN)
    else:
        follows = decisions.what_follows(positions)
        typer.echo(f"Reset: the ledger has a line for it, and {follows}.")


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise BelowTheLineError(
            "A reset needs a confirmation, and standard input is not a terminal.",
            "Look at --dry-run, then give --yes.",
        )
    typer.confirm("Continue?", abort=True, err=True)


def _plan_resets(settings: Settings, positions: list[Position], logs: Logs, to: str) -> list[Reset]:
    moment = _moment(to)
    existing = [
        (each.topic, each.partition) for each in positions if (each.topic, each.partition) in logs
    ]
    at = offsets_at(settings, existing, moment) if moment is not None else {}
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
    """Return the time that ``to`` names; None for ``start``, ``end`` and offsets.

    Raises BelowTheLineError for anything else.
    """
    if to in ("start", "end") or to.isdecimal():
        return None
    try:
        return site_time(to, "--to")
    except BelowTheLineError:
        raise BelowTheLineError(
            f"--to is not a place in a log: {to!r}.",
            f"Give start, end, an offset such as 4711, or a time such as {FORMS}.",
        ) from None


def _move(position: Position, to: int, *, dry_run: bool) -> dict[str, object]:
    return {
        "topic": position.topic,
        "partition": position.partition,
        "from_offset": position.next_offset,
        "to_offset": to,
        "done": not dry_run,
    }


def _print(found: list[PartitionStatus], unreachable: str | None, now: datetime) -> None:
    out = output.console()
    if found:
        print_table(_COLUMNS, [_row(each, now) for each in found])
    else:
        out.print("No consumer has taken a partition yet.")
    for each in found:
        if each.required_decision is not None:
            out.print(
                f"[red]{each}[/]: {escape(printable(each.required_decision.sentence))}. Decide:"
                f" [bold]{escape(each.required_decision.command)}[/]"
            )
        elif each.open_transaction is not None:
            offset = each.open_transaction
            out.print(f"[yellow]{escape(describe_transaction(each, offset))}[/]")
            out.print(escape(end_transaction_hint(each.topic, each.partition, offset)))
        elif (
            unreachable is not None
            and each.position is not None
            and each.position.status != "consuming"
        ):
            detail = escape(printable(each.position.status_detail or ""))
            out.print(f"[red]{each}[/] is {each.position.status}: {detail}")
    if unreachable is not None:
        out.print(f"[yellow]The logs cannot be read:[/] {escape(unreachable)}")


def _row(each: PartitionStatus, now: datetime) -> list[Cell]:
    position, log = each.position, each.log
    waiting = ("not taken", "no consumer")
    colour = "green" if each.state == "consuming" else "yellow" if each.state in waiting else "red"
    return [
        *(each.consumer_group, each.topic, str(each.partition), Text(each.state, colour)),
        None if position is None else str(position.next_offset),
        *((None, None) if log is None else (str(log.start), str(log.end))),
        None if each.lag is None else str(each.lag),
        *(
            (None, None, None, None)
            if position is None
            else (
                str(position.owner or "")[:8] if position.owner_connected else "",
                str(position.epoch),
                str(position.incarnation),
                f"{age(position.moved_at, now)} ago",
            )
        ),
    ]
