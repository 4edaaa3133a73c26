"""``btl breaker``: partitions that were stopped because they are full of bad records."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from below_the_line.accounting import decisions
from below_the_line.accounting.positions import read_positions
from below_the_line.partitions import log_of
from btl.cli import configuration, output
from btl.cli.database import connected
from btl.cli.lazy import command_group
from btl.cli.offsets import AsJson, DryRun, PartitionArgument, TopicArgument
from btl.cli.output import print_json, printable
from btl.cli.partitions import chosen, logs_of

app = command_group("Show and restart partitions that bad records have stopped.")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the partitions whose breaker tripped, or where somebody accepted bad records."""
    current = configuration.settings()
    with connected(current) as connection:
        found = [
            each
            for each in read_positions(connection, current.consumer_group)
            if each.status == "tripped" or each.accepted_offset is not None
        ]
    if as_json:
        print_json(found)
        return
    out = output.console()
    for each in found:
        if each.status == "tripped":
            detail = escape(printable(each.status_detail or ""))
            out.print(f"[red]{each} tripped[/] at offset {each.next_offset}: {detail}")
            out.print(
                "Mend the producer or the contract first, if you can; or let them become dead"
                f" letters: [bold]btl breaker accept {each.topic} {each.partition}[/]"
            )
        else:
            out.print(
                f"{each}: bad records before offset {each.accepted_offset} are accepted; it is"
                f" {each.status}"
            )
    if not any(each.status == "tripped" for each in found):
        out.print("No breaker has tripped.")


@app.command()
def accept(
    topic: TopicArgument,
    partition: PartitionArgument,
    until: Annotated[
        int | None,
        typer.Option(
            min=0,
            help=(
                "Accept bad records before this offset only; by default all that are in the log"
                " now."
            ),
        ),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Let a partition go on whose breaker tripped: its bad records become dead letters, and count
    no more.
    """
    current = configuration.settings()
    with connected(current) as connection:
        (position,) = chosen(read_positions(connection, current.consumer_group), topic, partition)
        acceptance = decisions.plan_acceptance(
            position, log_of(position, logs_of(current, [position])), until
        )
        typer.echo(acceptance)
        if dry_run:
            typer.echo("Dry run: nothing was done.")
            return
        decisions.accept_bad_records(connection, acceptance)
    typer.echo("Accepted: consumers go on within seconds.")
