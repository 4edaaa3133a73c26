"""``btl``: the command line. Each command lives in a module of this package; nothing slow is
imported here.
"""

import os
import sys

import typer
from rich.console import Console

from below_the_line import __version__
from below_the_line.errors import BelowTheLineError
from btl.cli import (
    archive,
    audit,
    breaker,
    consume,
    database,
    dead_letters,
    demo,
    discussion,
    explain,
    figures,
    metrics,
    offsets,
    produce,
    rules,
    schemas,
    simulate,
    stack,
    topics,
    validate,
)

app = typer.Typer(
    name="btl",
    help="Below the Line: what readers say under articles, and what they report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
archive.register(app)
audit.register(app)
breaker.register(app)
consume.register(app)
database.register(app)
dead_letters.register(app)
demo.register(app)
discussion.register(app)
explain.register(app)
figures.register(app)
metrics.register(app)
offsets.register(app)
produce.register(app)
rules.register(app)
schemas.register(app)
simulate.register(app)
stack.register(app)
topics.register(app)
validate.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"btl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Below the Line: what readers say under articles, and what they report."""


def main() -> None:
    """Run ``btl``. Exit status 0, 1 for an error that is explained in one line, 2 for wrong usage,
    130 when interrupted.
    """
    try:
        app()
    except BelowTheLineError as error:
        message = Console(stderr=True, soft_wrap=True, highlight=False)
        message.print("[bold red]btl:[/]", end=" ")
        message.print(error.message, markup=False, end=" " if error.hint else "\n")
        if error.hint:
            message.print(error.hint, markup=False, style="bold")
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output went away (as in `btl … | head`): that is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
