"""``btl migrate``."""

import typer

from below_the_line.database.connections import connect
from below_the_line.database.migrations import migrate as apply
from below_the_line.plurals import counted
from below_the_line.site_settings import establish, given_by
from btl.cli import configuration
from btl.cli.options import AsJson
from btl.cli.output import print_json

_MAX_LISTED = 20
"""Files named one by one; an empty database gets all of them."""


def migrate(as_json: AsJson = False) -> None:
    """Bring the database up to date.

    Safe to run twice, and by two at once.
    """
    current = configuration.settings()
    url = current.require_database_url()
    applied = apply(url, announce=lambda text: typer.echo(text, err=True))
    with connect(url, application_name="btl migrate", autocommit=True) as connection:
        settings = establish(connection, given_by(current))
    if as_json:
        print_json(
            {
                "applied": [f"sql/{name}" for name in applied],
                "settings": {each.name: each.value for each in settings},
            }
        )
        return
    if len(applied) <= _MAX_LISTED:
        for name in applied:
            typer.echo(f"applied sql/{name}")
    typer.echo(
        f"{counted(len(applied), 'file')} of sql/ applied."
        if applied
        else "The database is up to date."
    )
    for each in settings:
        typer.echo(f"setting {each.name}: {each.value} ({each.note})")
