"""The systemd units: they parse, and run commands that exist."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from btl.cli.main import app
from btl.stack.layout import Layout
from tests.conftest import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
SECTIONS = {
    ".service": {"Unit", "Service", "Install"},
    ".timer": {"Unit", "Timer", "Install"},
}


def entries(unit: Path) -> Iterator[tuple[str, str, str]]:
    """Section, name and value of each setting; a name may come several times."""
    section = ""
    for line in unit.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, separator, value = line.partition("=")
            assert separator, line
            yield section, name, value


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_its_sections_and_runs_what_there_is(unit: Path) -> None:
    found = list(entries(unit))
    assert {section for section, _, _ in found} <= SECTIONS[unit.suffix]
    commands = [shlex.split(value) for _, name, value in found if name.startswith("Exec")]
    assert commands or unit.suffix == ".timer"
    root: Any = typer.main.get_command(app)
    for program, *arguments in commands:
        assert program in ("/opt/below-the-line/bin/btl", "/usr/bin/find")
        if program.endswith("/btl"):
            found_command, names = root, list(arguments)
            while isinstance(found_command, TyperGroup):
                context = typer.Context(found_command)
                _, found_command, names = found_command.resolve_command(context, names)
            assert names == []
    if unit.suffix == ".service":
        assert ("Service", "User", "below-the-line") in found


def test_systemd_follows_the_supervisor_of_the_stack() -> None:
    found = {name: value for _, name, value in entries(_unit("below-the-line-stack.service"))}
    home = found["Environment"].removeprefix("BTL_HOME=")
    assert found["PIDFile"] == str(Layout(Path(home)).run / "supervisord.pid")


def test_each_timer_has_its_service() -> None:
    timers = [unit for unit in UNITS if unit.suffix == ".timer"]
    assert timers
    assert all(timer.with_suffix(".service") in UNITS for timer in timers)


def _unit(name: str) -> Path:
    (found,) = [unit for unit in UNITS if unit.name == name]
    return found
