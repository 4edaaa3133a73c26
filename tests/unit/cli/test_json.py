"""Every command that prints a table or a result has --json."""

from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from btl.cli.main import app

WITHOUT = {
    "airflow",
    "consume",
    "demo",
    "down",
    "export",  # has --format
    "logs",
    "metrics docs",
    "psql",
    "reset",
    "schemas asyncapi",
    "schemas sql",
    "up",
}
"""Commands that start, stop or write something, or that run another program."""


def commands(group: TyperGroup, prefix: str = "") -> Iterator[tuple[str, TyperCommand]]:
    for name in group.commands:
        _, command, _ = group.resolve_command(typer.Context(group), [name])
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{name} ")
        else:
            assert isinstance(command, TyperCommand)
            yield prefix + name, command


def test_every_command_with_a_result_prints_json() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    without = {
        name
        for name, command in commands(root)
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert without == WITHOUT


@pytest.mark.parametrize("name", ["topics create", "migrate", "dead-letters show"])
def test_the_option_is_the_same_everywhere(name: str) -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    (option,) = [each for each in dict(commands(root))[name].params if "--json" in each.opts]
    assert getattr(option, "help", "") == "Print JSON (docs/command-line.md)."
