"""``btl schemas``."""

from pathlib import Path

import typer

from below_the_line.errors import BelowTheLineError
from below_the_line.event_tables import statements
from below_the_line.resources import SCHEMAS, SQL
from btl.cli.lazy import command_group
from btl.evolution import asyncapi as document
from btl.evolution.comparison import Change, additions, breaking_changes
from btl.evolution.release import Release, last_release, present, write_release

app = command_group("Check, release and render the contracts of the events.")

_FOLDER = typer.Option(
    None, "--folder", help="Another folder of the form of schemas/.", show_default=False
)


@app.command()
def check(folder: Path | None = _FOLDER) -> None:
    """Compare the contracts with their last release, and name each change that breaks it. Part of
    `make check`.
    """
    folder = folder or SCHEMAS
    released, now = last_release(folder), present(folder)
    added = _require_compatible(released, now)
    path = folder / document.FILE_NAME
    if not path.is_file() or path.read_text(encoding="utf-8") != document.as_text(folder):
        raise BelowTheLineError(
            f"{path} is not what topics.yaml and the schemas say.",
            "Write it anew: `btl schemas asyncapi`.",
        )
    for change in added:
        typer.echo(str(change))
    typer.echo(f"Compatible with release {released.version}. Additions since: {len(added)}.")
    typer.echo(f"Fingerprint: {now.fingerprint}")


@app.command()
def release(folder: Path | None = _FOLDER) -> None:
    """Make the contracts as they are the last release, in released.json. Refused where they break
    the one before.
    """
    folder = folder or SCHEMAS
    now = present(folder)
    added = _require_compatible(last_release(folder), now)
    write_release(now, folder)
    for change in added:
        typer.echo(str(change))
    typer.echo(
        f"Released with version {now.version}: {len(now.event_types)} event types. Additions:"
        f" {len(added)}."
    )
    typer.echo(f"Fingerprint, for the changelog: {now.fingerprint}")


@app.command()
def asyncapi(folder: Path | None = _FOLDER) -> None:
    """Write asyncapi.yaml anew from topics.yaml and the schemas."""
    path = (folder or SCHEMAS) / document.FILE_NAME
    path.write_text(document.as_text(path.parent), encoding="utf-8")
    typer.echo(f"Wrote {path}.")


@app.command()
def sql(
    write: bool = typer.Option(False, "--write", help="Write the files below sql/generated/."),
) -> None:
    """Print the SQL that is made from the description of the tables, or write its files."""
    if write:
        changed = statements.write(SQL)
        typer.echo("\n".join(["Changed:", *changed]) if changed else "Nothing to change.")
    else:
        for path, text in statements.files().items():
            typer.echo(f"-- {path}\n{text}")


def _require_compatible(released: "Release", now: "Release") -> "list[Change]":
    """The additions. Raises BelowTheLineError after naming each breaking change."""
    breaking = breaking_changes(released, now)
    for change in breaking:
        typer.echo(str(change))
    if breaking:
        raise BelowTheLineError(
            f"The contracts break what release {released.version} promised, in {len(breaking)}"
            " points.",
            "Take them back, and make a new version of the event type: schemas/README.md, To add a"
            " version.",
        )
    return additions(released, now)
