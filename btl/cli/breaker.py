"""``btl breaker``: partitions that were stopped because too many of their records are bad."""

from typing import Annotated

import typer
from rich.markup import escape

from below_the_line.accounting import decisions
from below_the_line.accounting.positions import read_positions
from below_the_line.errors import BelowTheLineError
from below_the_line.partitions import Position, log_of
from btl.cli import output
from btl.cli.database import connected, site_settings
from btl.cli.lazy import command_group
from btl.cli.options import AsJson, DryRun
from btl.cli.output import DRY_RUN, print_json, printable
from btl.cli.partitions import chosen, logs_of

app = command_group("Show and restart partitions that bad records have stopped.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the partitions whose breaker has tripped, or whose bad records were accepted."""
    current = site_settings()
    with connected(current) as connection:
        found = [
            each
            for each in read_positions(connection, current.consumer_group)
            if each.status == "tripped" or each.accepted_offset is not None
        ]
    if as_json:
        print_json(found)
    else:
        _print(found)


@app.command()
def accept(
    topic: Annotated[str | None, typer.Argument(help="Topic.", show_default=False)] = None,
    partition: Annotated[
        int | None, typer.Argument(help="Number of the partition.", min=0, show_default=False)
    ] = None,
    all_partitions: Annotated[
        bool,
        typer.Option(
            "--all-partitions", help="All partitions, or all of the topic, whose breaker tripped."
        ),
    ] = False,
    until: Annotated[
        int | None,
        typer.Option(
            min=0,
            help=(
                "Accept only bad records before this offset. Default: all that are in the log now."
            ),
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Accept the bad records of a partition whose breaker has tripped.

    They become dead letters and are no longer counted. The partition continues. With
    `--all-partitions`, all of them are accepted, or none.
    """
    if not all_partitions and (topic is None or partition is None):
        missing = "topic" if topic is None else "partition"
        raise BelowTheLineError(
            f"The {missing} is missing.", "Give topic and partition, or --all-partitions."
        )
    if all_partitions and partition is not None:
        raise BelowTheLineError(
            f"Partition {partition} and --all-partitions were given.", "Give one of them."
        )
    if all_partitions and until is not None:
        raise BelowTheLineError(
            "--until is an offset of one partition, and --all-partitions was given.",
            "Give one of them.",
        )
    current = site_settings()
    with connected(current) as connection:
        positions = read_positions(connection, current.consumer_group)
        if topic is not None:
            positions = chosen(positions, topic, partition)
        if all_partitions:
            positions = _tripped(positions, topic)
        logs = logs_of(current, positions)
        acceptances = [
            decisions.plan_acceptance(each, log_of(each, logs), until) for each in positions
        ]
        for each in [] if as_json else acceptances:
            typer.echo(each)
        if not dry_run:
            with connection.transaction():
                for each in acceptances:
                    decisions.accept_bad_records(connection, each)
    if as_json:
        print_json(
            [
                {
                    "topic": each.position.topic,
                    "partition": each.position.partition,
                    "next_offset": each.position.next_offset,
                    "accepted_offset": each.accepted_offset,
                    "done": not dry_run,
                }
                for each in acceptances
            ]
        )
    elif dry_run:
        typer.echo(DRY_RUN)
    else:
        typer.echo(f"Accepted: {decisions.what_follows(positions)}.")


def _tripped(positions: list[Position], topic: str | None) -> list[Position]:
    """Return the partitions whose breaker has tripped. Raises BelowTheLineError if none has."""
    found = [each for each in positions if each.status == "tripped"]
    if not found:
        of_topic = "" if topic is None else f" of {topic}"
        raise BelowTheLineError(
            f"No breaker{of_topic} has tripped.",
            "See what the partitions wait for: `btl offsets show`.",
        )
    return found


def _print(found: list[Position]) -> None:
    out = output.console()
    for each in found:
        if each.status == "tripped":
            detail = escape(printable(each.status_detail or ""))
            out.print(f"[red]{each} tripped[/] at offset {each.next_offset}: {detail}")
            out.print(
                "Fix the producer or the contract first, if you can. Or let the records become"
                f" dead letters: [bold]btl breaker accept {each.topic} {each.partition}[/]"
            )
        else:
            out.print(
                f"{each} ({each.stored_state}): bad records before offset {each.accepted_offset}"
                " are accepted."
            )
    tripped = sum(each.status == "tripped" for each in found)
    if tripped > 1:
        out.print(f"All {tripped} at once: [bold]btl breaker accept --all-partitions[/]")
    elif not tripped:
        out.print("No breaker has tripped.")
