"""``btl``: the command line. The module of a command is imported when the command is used."""

import os
import sys
from contextlib import suppress
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from below_the_line import __version__
from below_the_line.errors import BelowTheLineError
from btl.cli.edge import guarded, readers
from btl.cli.lazy import LazyCommand, LazyGroup

_PASSED_ON = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": ["--help"],
}

# To add a command: write a function with typer's annotations and add it here as "module:function",
# with the first line of its docstring. A group of commands is a `command_group` of its module, here
# as "module:app"; its own commands are added there with `@app.command()`.
COMMANDS = {
    "The local stack": {
        "up": LazyCommand(
            "btl.cli.stack:up", "Start the local stack, or those parts that do not run."
        ),
        "down": LazyCommand("btl.cli.stack:down", "Stop the local stack. The data stay."),
        "status": LazyCommand(
            "btl.cli.status:status",
            "Show each part of the stack: state, uptime, address, log file.",
        ),
        "logs": LazyCommand("btl.cli.stack:logs", "Show the last lines of the logs."),
        "env": LazyCommand(
            "btl.cli.stack:env", 'Print the connection settings, for eval "$(btl env)".'
        ),
        "psql": LazyCommand(
            "btl.cli.stack:psql", "Open psql on the database, as its owner.", _PASSED_ON
        ),
        "pg_dump": LazyCommand(
            "btl.cli.stack:pg_dump", "Run pg_dump on the database, as its owner.", _PASSED_ON
        ),
        "pg_restore": LazyCommand(
            "btl.cli.stack:pg_restore", "Run pg_restore on the database, as its owner.", _PASSED_ON
        ),
        "airflow": LazyCommand(
            "btl.cli.stack:airflow", "Run the airflow command on the stack's Airflow.", _PASSED_ON
        ),
        "secrets": LazyCommand(
            "btl.cli.secrets:app", "List and rotate the secrets of the local stack."
        ),
        "reset": LazyCommand(
            "btl.cli.stack:reset", "Stop the stack and delete its databases, topics and logs."
        ),
        "demo": LazyCommand(
            "btl.cli.demo:demo", "Start the stack, stream a newsroom day, and show the results."
        ),
    },
    "Database and topics": {
        "migrate": LazyCommand("btl.cli.migrate:migrate", "Bring the database up to date."),
        "roles": LazyCommand(
            "btl.cli.roles:roles", "Show the logins that read, and which limits they lack."
        ),
        "settings": LazyCommand(
            "btl.cli.site_settings:app", "Show and change what all processes must agree on."
        ),
        "retention": LazyCommand(
            "btl.cli.retention:app", "Show what becomes old and when it goes, and delete it."
        ),
        "topics": LazyCommand(
            "btl.cli.topics:app", "Create, check and set the topics of schemas/topics.yaml."
        ),
    },
    "Events": {
        "validate": LazyCommand(
            "btl.cli.validate:validate", "Check events against the contracts, without any service."
        ),
        "produce": LazyCommand("btl.cli.produce:produce", "Send events from a file to Kafka."),
        "simulate": LazyCommand(
            "btl.cli.simulate:simulate", "Produce the events of a made-up newsroom day."
        ),
        "archive": LazyCommand(
            "btl.cli.archive:app",
            "Import a site's export of articles and comments, or write one.",
        ),
        "schemas": LazyCommand(
            "btl.cli.schemas:app",
            "Check, release and render the contracts of the events.",
        ),
    },
    "Ingest": {
        "consume": LazyCommand(
            "btl.cli.consume:consume", "Load events from the topics into Postgres, exactly once."
        ),
        "offsets": LazyCommand(
            "btl.cli.offsets:app", "Show and change where the consumers are in the topics."
        ),
        "breaker": LazyCommand(
            "btl.cli.breaker:app", "Show and restart partitions that bad records have stopped."
        ),
        "dead-letters": LazyCommand(
            "btl.cli.dead_letters:app", "List, show, redrive and discard rejected records."
        ),
        "erase": LazyCommand("btl.cli.erase:erase", "Erase people or comments for good."),
        "audit": LazyCommand(
            "btl.cli.audit:audit", "Check that all records of every partition are accounted for."
        ),
    },
    "Discussions and metrics": {
        "rules": LazyCommand("btl.cli.rules:app", "Show and set how long discussions stay open."),
        "discussion": LazyCommand(
            "btl.cli.discussion:discussion", "Draw a discussion over time, and when it was open."
        ),
        "explain": LazyCommand(
            "btl.cli.explain:app", "Show which event set each field of an article or a comment."
        ),
        "top": LazyCommand(
            "btl.cli.figures:top", "List the articles with the most comments, reports or others."
        ),
        "article": LazyCommand(
            "btl.cli.figures:article", "Show all figures of an article, and their meaning."
        ),
        "report": LazyCommand(
            "btl.cli.report:report",
            "Report a week of each site beside the week before.",
        ),
        "queue": LazyCommand(
            "btl.cli.moderation:queue",
            "List the reported comments that wait for a decision.",
        ),
        "thread": LazyCommand(
            "btl.cli.moderation:thread",
            "Show a discussion as moderators read it.",
        ),
        "export": LazyCommand("btl.cli.figures:export", "Write a metric table or view to a file."),
        "metrics": LazyCommand(
            "btl.cli.metrics:app", "Recompute the metric tables, and check them for drift."
        ),
    },
}


class _Commands(LazyGroup):
    panels = COMMANDS

    # typer would end the process with exit status 1.

    def make_context(self, *arguments: Any, **others: Any) -> Any:
        """Return the context, as the super class does."""
        with readers():
            return super().make_context(*arguments, **others)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, as the super class does."""
        with readers():
            return super().invoke(ctx)


app = typer.Typer(
    name="btl",
    cls=_Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"btl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(  # noqa: ARG001 - as typer calls it
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Below the Line: what readers say under articles, and what they report."""
    if any(name.upper().startswith("BTL_") for name in os.environ):
        from below_the_line.settings import CLOSED, unknown_variables

        for variable, meant in unknown_variables(os.environ):
            if variable.upper().startswith(CLOSED):
                continue  # an error of its own
            hint = f" Did you mean {meant}?" if meant else ""
            typer.echo(f"btl: {variable} is not a setting, and is ignored.{hint}", err=True)


def main() -> None:
    """Run ``btl``. Exit status 0, 1 for an error that is explained in one line, 2 for wrong usage,
    130 when interrupted.
    """
    try:
        with guarded():
            app()
    except BelowTheLineError as error:
        from btl.cli.output import printable_lines

        said = Text.assemble(("btl:", "bold red"), f" {printable_lines(error.message)}")
        if error.hint:
            said.append(f" {printable_lines(error.hint)}", "bold")
        with suppress(OSError):  # where standard error cannot be written either
            Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False).print(said)
        sys.exit(1)
