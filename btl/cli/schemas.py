"""``btl schemas``."""

from pathlib import Path

import typer

from below_the_line.errors import BelowTheLineError
from below_the_line.event_tables import statements
from below_the_line.files import writing
from below_the_line.resources import SCHEMAS, SQL
from btl.cli.lazy import command_group
from btl.cli.options import AsJson
from btl.cli.output import print_json
from btl.evolution import asyncapi as document
from btl.evolution.comparison import Change, additions, breaking_changes
from btl.evolution.release import Release, last_release, present, write_release

app = command_group("Check, release and render the contracts of the events.")

_FOLDER = typer.Option(
    None, "--folder", help="Another folder with the layout of schemas/.", show_default=False
)


@app.command()
def check(folder: Path | None = _FOLDER, as_json: AsJson = False) -> None:
    """Compare the contracts with their last release, and name each change that breaks it.

    Part of `make check`. Exit status 1 if a change breaks the release, or if asyncapi.yaml is out
    of date.
    """
    folder = folder or SCHEMAS
    released, now = last_release(folder), present(folder)
    added = _require_compatible(released, now, as_json=as_json)
    path = folder / document.FILE_NAME
    if not path.is_file() or path.read_text(encoding="utf-8") != document.as_text(folder):
        raise BelowTheLineError(
            f"{path} does not match topics.yaml and the schemas.",
            "Write it: `btl schemas asyncapi`.",
        )
    if not as_json:
        _print_changes(added)
        typer.echo(f"Compatible with release {released.version}. Additions since: {len(added)}.")
        typer.echo(f"Fingerprint: {now.fingerprint}")


@app.command()
def release(folder: Path | None = _FOLDER, as_json: AsJson = False) -> None:
    """Write the contracts to released.json as the last release.

    Rejected if they break the release before.
    """
    folder = folder or SCHEMAS
    now = present(folder)
    added = _require_compatible(last_release(folder), now, as_json=as_json)
    write_release(now, folder)
    if not as_json:
        _print_changes(added)
        typer.echo(
            f"Released with version {now.version}: {len(now.event_types)} event types. Additions:"
            f" {len(added)}."
        )
        typer.echo(f"Fingerprint, for the changelog: {now.fingerprint}")


@app.command()
def asyncapi(folder: Path | None = _FOLDER) -> None:
    """Write asyncapi.yaml from topics.yaml and the schemas."""
    path = (folder or SCHEMAS) / document.FILE_NAME
    with writing(path):
        path.write_text(document.as_text(path.parent), encoding="utf-8")
    typer.echo(f"Wrote {path}.")


@app.command()
def sql(
    write: bool = typer.Option(False, "--write", help="Write the files below sql/generated/."),
) -> None:
    """Print the SQL that is made from the description of the tables, or write its files."""
    if write:
        with writing(SQL):
            changed = statements.write(SQL)
        typer.echo("\n".join(["Changed:", *changed]) if changed else "Nothing to change.")
    else:
        for path, text in statements.files().items():
            typer.echo(f"-- {path}\n{text}")


def _require_compatible(released: Release, now: Release, *, as_json: bool) -> list[Change]:
    """Return the additions. Print the breaking changes; with JSON, also the additions.

    Raises BelowTheLineError if there are breaking changes.
    """
    breaking, added = breaking_changes(released, now), additions(released, now)
    if as_json:
        print_json(
            {
                "released": released.version,
                "version": now.version,
                "fingerprint": now.fingerprint,
                "breaking": [each._asdict() for each in breaking],
                "additions": [each._asdict() for each in added],
            }
        )
    else:
        _print_changes(breaking)
    if breaking:
        raise BelowTheLineError(
            f"The contracts break release {released.version}, in {len(breaking)} points.",
            "Take them back, and make a new version of the event type: schemas/README.md, To add a"
            " version.",
        )
    return added


def _print_changes(changes: list[Change]) -> None:
    for change in changes:
        typer.echo(str(change))
