"""``btl topics``."""

import typer

from below_the_line.catalogue import topics
from below_the_line.kafka import topic_settings
from below_the_line.kafka.admin import create_topics
from below_the_line.kafka.topic_settings import COMMAND, Drift
from below_the_line.plurals import counted
from btl.cli import configuration
from btl.cli.edge import ends_with
from btl.cli.lazy import command_group
from btl.cli.options import AsJson, DryRun
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


def _print(drifts: list[Drift]) -> None:
    for each in drifts:
        typer.echo(f"{each.topic}: {each}")
    if drifts:
        typer.echo(f"Set them again: {COMMAND}")
