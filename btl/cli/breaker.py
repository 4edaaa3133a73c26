"""``btl breaker``: partitions that were stopped because too many of their records are bad."""

from typing import Annotated

import typer
from rich.markup import escape

from below_the_line.accounting import decisions
from below_the_line.accounting.positions import read_positions
from below_the_line.partitions import Position, log_of
from btl.cli import output
from btl.cli.database import connected, site_settings
from btl.cli.lazy import command_group
from btl.cli.options import AsJson, DryRun, PartitionArgument, TopicArgument
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
    topic: TopicArgument,
    partition: PartitionArgument,
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

    They become dead letters and are no longer counted. The partition continues.
    """
    current = site_settings()
    with connected(current) as connection:
        (position,) = chosen(read_positions(connection, current.consumer_group), topic, partition)
        acceptance = decisions.plan_acceptance(
            position, log_of(position, logs_of(current, [position])), until
        )
        if not as_json:
            typer.echo(acceptance)
        if not dry_run:
            decisions.accept_bad_records(connection, acceptance)
    if as_json:
        print_json(
            [
                {
                    "topic": position.topic,
                    "partition": position.partition,
                    "next_offset": position.next_offset,
                    "accepted_offset": acceptance.accepted_offset,
                    "done": not dry_run,
                }
            ]
        )
    elif dry_run:
        typer.echo(DRY_RUN)
    else:
        typer.echo(f"Accepted: {decisions.what_follows([position])}.")


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
    if not any(each.status == "tripped" for each in found):
        out.print("No breaker has tripped.")
