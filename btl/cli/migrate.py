"""``btl migrate``."""

import typer

from below_the_line.database.migrations import migrate as apply
from btl.cli import configuration

_MAX_LISTED = 20
"""Files named one by one; an empty database gets all of them."""


def migrate() -> None:
    """Bring the database up to date.

    Safe to run twice, and by two at once.
    """
    applied = apply(
        configuration.settings().require_database_url(),
        announce=lambda text: typer.echo(text, err=True),
    )
    if len(applied) <= _MAX_LISTED:
        for name in applied:
            typer.echo(f"applied sql/{name}")
    typer.echo(
        f"{len(applied)} files of sql/ applied." if applied else "The database is up to date."
    )
