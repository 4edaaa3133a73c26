"""``btl topics``."""

import typer

from below_the_line.kafka.admin import create_topics
from below_the_line.plurals import counted
from btl.cli import configuration
from btl.cli.lazy import command_group
from btl.cli.options import AsJson
from btl.cli.output import print_json

app = command_group("Create the topics of schemas/topics.yaml.")


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
