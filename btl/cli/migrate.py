"""``btl migrate``."""

import typer

from below_the_line.database.migrations import migrate as apply
from below_the_line.plurals import counted
from btl.cli import configuration
from btl.cli.options import AsJson
from btl.cli.output import print_json

_MAX_LISTED = 20
"""Files named one by one; an empty database gets all of them."""


def migrate(as_json: AsJson = False) -> None:
    """Bring the database up to date.

    Safe to run twice, and by two at once.
    """
    applied = apply(
        configuration.settings().require_database_url(),
        announce=lambda text: typer.echo(text, err=True),
    )
    if as_json:
        print_json({"applied": [f"sql/{name}" for name in applied]})
        return
    if len(applied) <= _MAX_LISTED:
        for name in applied:
            typer.echo(f"applied sql/{name}")
    typer.echo(
        f"{counted(len(applied), 'file')} of sql/ applied."
        if applied
        else "The database is up to date."
    )
