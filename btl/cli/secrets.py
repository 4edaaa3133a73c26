"""``btl secrets``: the passwords and keys of the local stack."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from below_the_line.errors import BelowTheLineError
from btl.cli.lazy import command_group
from btl.cli.options import AsJson
from btl.cli.output import clock, print_json, print_table
from btl.cli.stack import program, reporting, this_stack
from btl.stack.erasure import KEPT
from btl.stack.stack import Stack

app = command_group("List and rotate the secrets of the local stack.")


@app.command("list")
def show(as_json: AsJson = False) -> None:
    """List the secrets: what each is for, and when it last changed. Shows none of them."""
    stack = this_stack()
    found = [
        {"secret": name, "purpose": purpose, "changed_at": _changed_at(stack, name)}
        for name, purpose in stack.secrets().items()
    ]
    if as_json:
        print_json(found)
        return
    print_table(
        ["secret", "purpose", "changed"],
        [
            (
                str(each["secret"]),
                str(each["purpose"]),
                clock(each["changed_at"]) if isinstance(each["changed_at"], datetime) else None,
            )
            for each in found
        ],
    )


@app.command()
def rotate(
    names: Annotated[
        list[str] | None, typer.Argument(help="Secret, as in `btl secrets list`.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Rotate all secrets that can be rotated.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replace secrets by new ones, and restart the parts that use them.

    Tokens that Airflow has given out stay valid for a day, unless `airflow_jwt_secret` is rotated,
    too. `erasure_key` is never rotated: pseudonyms of erased people are made with it.
    """
    if bool(names) == every:
        raise BelowTheLineError(
            "Name the secrets to rotate, or give --all.", "They are in `btl secrets list`."
        )
    stack = this_stack()
    known = stack.secrets()
    kept = [name for name in known if every and name in KEPT]
    wanted = [name for name in known if name not in kept] if every else list(names or ())
    with reporting() as reporter:
        stack.rotate_secrets(wanted, reporter)
    if as_json:
        print_json({"rotated": wanted, "kept": kept})
        return
    typer.echo(f"Rotated: {', '.join(wanted)}.")
    if kept:
        typer.echo(f"Kept, since it is never rotated: {', '.join(kept)}.")
    typer.echo(f'Where the settings were exported, do it again: eval "$({program()} env)".')


def _changed_at(stack: Stack, name: str) -> datetime | None:
    path = stack.layout.secrets / name
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else None
