"""The list of commands: quick to show, and equal to what each command says of itself."""

import inspect
import re
import subprocess
import sys

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from below_the_line import resources
from below_the_line.errors import BelowTheLineError
from btl.cli.lazy import LazyCommand
from btl.cli.main import COMMANDS, app
from btl.cli.stack import program

SLOW = {
    *("airflow", "great_expectations", "httpx", "jsonschema_rs", "kafka", "numpy", "orjson"),
    *("pandas", "psutil", "psycopg", "pyarrow", "pydantic", "structlog", "yaml"),
}
NAMES = [name for commands in COMMANDS.values() for name in commands]


def imported(*arguments: str) -> set[str]:
    """The modules that are imported once ``btl`` has run with these arguments."""
    program = (
        "import sys; from btl.cli.main import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        input="{}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ()])
def test_the_list_of_commands_imports_no_command(arguments: tuple[str, ...]) -> None:
    modules = imported(*arguments)
    assert not SLOW & modules
    assert {name for name in modules if name.startswith("btl.")} == {
        "btl.cli",
        "btl.cli.edge",
        "btl.cli.lazy",
        "btl.cli.main",
    }


def test_validating_imports_neither_database_nor_broker() -> None:
    modules = imported("validate", "-")
    assert "below_the_line.contracts.decoder" in modules
    assert not (SLOW - {"jsonschema_rs", "orjson", "pydantic", "yaml"}) & modules


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_listed_with_the_first_line_of_its_own_help(name: str) -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    listed = root.commands[name]
    assert isinstance(listed, LazyCommand)
    command = listed.load()
    assert (command.name, listed.help) == (
        name,
        inspect.cleandoc(command.help or "").split("\n")[0],
    )


def test_the_list_has_every_command_and_fits_in_80_columns() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).output
    panels = shown.partition(f"─ {next(iter(COMMANDS))} ─")[2]
    lines = [line.strip("│ ").split("  ")[0] for line in panels.splitlines() if line[:1] == "│"]
    assert lines == NAMES
    assert CliRunner().invoke(app, env={"COLUMNS": "80"}).output.strip() == shown.strip()


def test_the_front_page_names_every_command() -> None:
    lines = (resources.ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("| `btl ")]
    assert set(NAMES) <= set(re.findall(r"`(?:btl )?(\w[\w-]*)", " ".join(cells)))


def test_a_package_of_an_extra_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    for module in [name for name in sys.modules if name.startswith(("btl.stack", "btl.cli.stack"))]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(
        BelowTheLineError, match=r"psutil is not installed.*below-the-line\[local\]"
    ):
        LazyCommand("btl.cli.stack:status", "…").load()


@pytest.mark.parametrize(
    ("home", "called"), [(None, "btl"), ("/a place/.btl", "BTL_HOME='/a place/.btl' btl")]
)
def test_commands_to_copy_go_to_the_same_stack(
    monkeypatch: pytest.MonkeyPatch, home: str | None, called: str
) -> None:
    """Also where BTL_HOME was set for one command only."""
    monkeypatch.setattr("sys.argv", ["btl", "up"])
    monkeypatch.delenv("BTL_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("BTL_HOME", home)
    assert program() == called
