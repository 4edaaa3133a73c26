"""``btl topics``."""

import typer

from below_the_line.kafka.admin import create_topics
from btl.cli import configuration
from btl.cli.lazy import command_group

app = command_group("Create the topics of schemas/topics.yaml.")


@app.command()
def create() -> None:
    """Create the topics that are missing, and wait until they can be used. Never changes one that
    exists.
    """
    created = create_topics(configuration.settings())
    for name in created:
        typer.echo(f"created {name}")
    typer.echo(f"{len(created)} topics created." if created else "All topics exist.")
