"""What the documentation tells an operator to type is there: each command with its options."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from btl.cli.main import app

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = "".join(
    (DOCS / page).read_text(encoding="utf-8") for page in ("runbook.md", "dead-letters.md")
)
COMMANDS = re.findall(
    r"^\$ btl (.*)$", "\n".join(re.findall(r"```console\n(.*?)```", PAGES, re.DOTALL)), re.MULTILINE
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_runbook_takes_what_is_given_to_it(command: str) -> None:
    words = shlex.split(command, comments=True)
    found: Any = typer.main.get_command(app)
    while isinstance(found, TyperGroup):
        _, found, words = found.resolve_command(typer.Context(found), words)
    # Raises for an unknown option, a missing argument, or one that is not a number.
    found.make_context(command, words)


def test_the_runbook_has_commands_for_each_decision() -> None:
    decided = {" ".join(command.split()[:2]) for command in COMMANDS}
    assert {
        "offsets show",
        "offsets accept-gap",
        "offsets reset",
        "breaker show",
        "breaker accept",
    } <= decided
    assert {f"dead-letters {name}" for name in ("list", "show", "redrive", "discard")} <= decided
