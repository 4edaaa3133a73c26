"""``btl settings``: the settings that all processes must agree on, and that the database keeps."""

from dataclasses import asdict
from typing import Annotated

import typer

from below_the_line import site_settings
from below_the_line.settings import SITE_SETTINGS, variable
from below_the_line.site_settings import SiteSetting, given_by
from btl.cli import configuration
from btl.cli.database import connected_whatever_it_says
from btl.cli.lazy import command_group
from btl.cli.options import AsJson, DryRun
from btl.cli.output import DRY_RUN, Column, clock, print_json, print_table
from btl.cli.rules import person

app = command_group("Show and change what all processes must agree on.")


@app.command()
def show(
    history: Annotated[
        bool, typer.Option("--history", help="Show all values that ever held, the last one last.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the settings that the database keeps, since when, who set them, and why.

    Exit status 1 if the environment says something else: other commands are then rejected.
    """
    current = configuration.settings()
    with connected_whatever_it_says(current) as connection:
        stored = site_settings.current(connection)
        found = site_settings.history(connection) if history else list(stored.values())
    given = given_by(current)
    others = {
        name: value
        for name, value in given.items()
        if name in stored and stored[name].value != value
    }
    if as_json:
        print_json(
            {
                "settings": [asdict(each) for each in found],
                "never_set": [name for name in SITE_SETTINGS if name not in stored],
                "environment_differs": others,
            }
        )
    else:
        _print(found, [name for name in SITE_SETTINGS if name not in stored], others)
    if others:
        raise typer.Exit(1)


def _print(found: list[SiteSetting], never_set: list[str], others: dict[str, str]) -> None:
    if found:
        print_table(
            ["setting", "value", "set", "by", Column("note", wraps=True)],
            [(each.name, each.value, clock(each.set_at), each.set_by, each.note) for each in found],
        )
    if never_set:
        typer.echo(
            f"Never set: {', '.join(never_set)}. Each process takes its own. `btl migrate` writes"
            " them."
        )
    for name, value in others.items():
        typer.echo(
            f"The environment says something else: {variable(name)} is {value}. Unset it, or"
            f" change the setting for all: btl settings set {name} {value}"
        )


@app.command("set")
def set_(
    name: Annotated[
        str,
        typer.Argument(
            help=f"Name of the setting: {', '.join(SITE_SETTINGS)}.", show_default=False
        ),
    ],
    value: Annotated[
        str,
        typer.Argument(
            help="Its value; durations in seconds, retention in days, or never.", show_default=False
        ),
    ],
    note: Annotated[str, typer.Option(help="Reason for the change.")] = "",
    by: Annotated[
        str | None,
        typer.Option(
            help="Person who changes it. Default: this user of the system.", show_default=False
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Change a setting for all processes, and mark what must be computed again.

    Safe beside running consumers and DAGs. Needs the database's owner.
    """
    with connected_whatever_it_says(configuration.settings()) as connection:
        done = site_settings.change(
            connection, name, value, by=by or person(), note=note, dry_run=dry_run
        )
    if as_json:
        print_json({**asdict(done), "done": not dry_run})
        return
    typer.echo(
        f"{name} is {done.after} already."
        if done.before == done.after
        else f"{name}: {done.after} instead of {done.before}."
    )
    for sentence in done.effects:
        typer.echo(sentence)
    if dry_run:
        typer.echo(DRY_RUN)
