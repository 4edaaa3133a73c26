"""``btl topics``."""

import sys
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from below_the_line.catalogue import topics
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka import topic_settings
from below_the_line.kafka.admin import create_topics
from below_the_line.kafka.topic_settings import COMMAND, Drift
from below_the_line.plurals import counted
from btl.cli import configuration
from btl.cli.edge import ends_with
from btl.cli.lazy import command_group
from btl.cli.options import AsJson, DryRun, TopicArgument, Yes, time_option
from btl.cli.output import DRY_RUN, print_json

app = command_group("Create, check and set the topics of schemas/topics.yaml.")


@app.command()
def create(as_json: AsJson = False) -> None:
    """Create the topics that are missing, and wait until they can be used.

    Topics that exist are not changed.
    """
    created = create_topics(configuration.settings())
    if as_json:
        print_json({"created": list(created)})
        return
    for name in created:
        typer.echo(f"created {name}")
    typer.echo(f"{counted(len(created), 'topic')} created." if created else "All topics exist.")
    _print(topic_settings.drifted(configuration.settings()))


@app.command()
def check(as_json: AsJson = False) -> None:
    """Compare settings and partitions of the topics with schemas/topics.yaml.

    A longer retention, a larger limit and more partitions do not count. Exit status 1 if
    something differs or a topic is missing.
    """
    current = configuration.settings()
    found = topic_settings.describe(current)
    missing = [topic.name for topic in topics() if topic.name not in found]
    drifts = topic_settings.differences(topics(), found)
    ends_with(int(bool(missing or drifts)))
    if as_json:
        print_json({"missing": missing, "differences": drifts})
    else:
        for name in missing:
            typer.echo(f"{name} is missing: btl topics create")
        _print(drifts)
        if not missing and not drifts:
            typer.echo("All topics are as schemas/topics.yaml says.")
    if missing or drifts:
        raise typer.Exit(1)


@app.command()
def apply(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Give topics the settings of schemas/topics.yaml again, and the partitions that they lack.

    Records that a shorter retention has deleted do not come back. A topic with more partitions has
    new ones for some keys, which consumers expect.
    """
    current = configuration.settings()
    drifts = topic_settings.drifted(current)
    if not dry_run:
        topic_settings.apply(current, drifts)
    if as_json:
        print_json({"dry_run": dry_run, "differences": drifts})
        return
    for each in drifts:
        typer.echo(f"{each.topic}: {each.setting} from {each.found} to {each.wanted}")
    if not drifts:
        typer.echo("All topics are as schemas/topics.yaml says.")
    elif dry_run:
        typer.echo(DRY_RUN)


@app.command()
def cut(
    topic: TopicArgument,
    before: Annotated[datetime, time_option("--before", "Delete what Kafka took before this time")],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete the oldest records of a topic, for good.

    Keeps what a consumer group, of this database or in Kafka, has not read yet, and names the
    group. A new database can no longer be filled from the topic.
    """
    # Not at the top: other commands need no database.
    from below_the_line.accounting.positions import read_positions
    from below_the_line.kafka.admin import offsets_at, partition_logs
    from below_the_line.kafka.cuts import committed_offsets, cut_logs, plan_cuts
    from btl.cli.database import connected, site_settings

    known = {each.name: each for each in topics()}
    if topic not in known:
        raise BelowTheLineError(
            f"There is no topic {topic} in schemas/topics.yaml.",
            f"Its topics are {', '.join(known)}.",
        )
    current = site_settings()
    with connected(current) as connection:
        positions = read_positions(connection)
    logs = partition_logs(current, [topic])
    cuts = plan_cuts(
        logs,
        offsets_at(current, logs, before),
        positions,
        committed_offsets(current),
        must_be_read=known[topic].direction == "in",
    )
    for each in cuts:
        goes = each.to_offset - each.log_start
        held = f"; the rest stays: {each.held_by}" if each.held_by else ""
        typer.echo(f"{topic}-{each.partition}: {goes:,} of its offsets go{held}.", err=as_json)
    if not dry_run:
        if not yes:
            _confirm()
        cut_logs(current, cuts)
    if as_json:
        print_json([asdict(each) | {"done": not dry_run} for each in cuts])
    elif dry_run:
        typer.echo(DRY_RUN)
    else:
        typer.echo("Cut. Brokers delete the files once newer ones have begun (segment.ms).")


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise BelowTheLineError(
            "Records that are deleted do not come back, and standard input is not a terminal.",
            "Look at --dry-run, then give --yes.",
        )
    typer.confirm("Continue?", abort=True, err=True)


def _print(drifts: list[Drift]) -> None:
    for each in drifts:
        typer.echo(f"{each.topic}: {each}")
    if drifts:
        typer.echo(f"Set them again: {COMMAND}")
