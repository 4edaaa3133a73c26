"""``btl migrate``."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(migrate)


def migrate() -> None:
    """Bring the database's tables up to date. Safe to run twice, and by two at once."""
    from below_the_line.database.migrations import migrate as apply
    from btl.cli.configuration import settings

    applied = apply(
        settings().require_database_url(), announce=lambda text: typer.echo(text, err=True)
    )
    for name in applied:
        typer.echo(f"applied sql/{name}")
    typer.echo(f"{len(applied)} files applied." if applied else "The database is up to date.")
