"""``btl topics``."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    topics = typer.Typer(help="The topics of schemas/topics.yaml.", no_args_is_help=True)
    # Without a callback typer would make a group of one command into that command.
    topics.callback()(_group)
    topics.command()(create)
    app.add_typer(topics, name="topics")


def _group() -> None:
    """The topics of schemas/topics.yaml."""


def create() -> None:
    """Create the topics that are missing, and wait until they can be used. Never changes one that
    exists.
    """
    from below_the_line.kafka.admin import create_topics
    from btl.cli.configuration import settings

    created = create_topics(settings())
    for name in created:
        typer.echo(f"created {name}")
    typer.echo(f"{len(created)} topics created." if created else "All topics exist.")
