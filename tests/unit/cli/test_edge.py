"""What cannot be written is one clear line, from every command; a reader that is gone is not an
error."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import psycopg
import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.files import writing
from btl.cli.database import gave_up
from tests.conftest import ROOT
from tests.unit.archives.tiny_export import COMMENTS, Export

BTL = [sys.executable, "-m", "btl"]
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "400"}
FULL = Path("/dev/full")
NO_SPACE = "cannot be written: No space left on device. Make room there, or choose another place."
PRINTING = [
    ("--help",),
    ("--version",),
    ("schemas", "sql"),
    ("validate", "schemas/topics.yaml", "--json"),
    ("simulate", "--events", "60", "--output", "-"),
]
"""Commands that print something and need no service."""


def run(*arguments: str, stdout: int, **options: object) -> tuple[int, list[str]]:
    """The exit status, and the lines of standard error without progress bars."""
    done = subprocess.run(
        [*BTL, *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    lines = filter(str.strip, done.stderr.splitlines())
    return done.returncode, [line for line in lines if not re.search("left [-0]", line)]


@pytest.mark.parametrize("arguments", PRINTING)
def test_output_onto_a_full_disk_is_one_line(arguments: tuple[str, ...]) -> None:
    with FULL.open("w") as full:
        status, lines = run(*arguments, stdout=full.fileno())
    assert (status, lines[-1:]) == (1, [f"btl: Standard output {NO_SPACE}"])
    assert not any("Traceback" in line or "Exception" in line for line in lines)


@pytest.mark.parametrize("arguments", PRINTING)
def test_a_reader_that_is_gone_is_not_an_error(arguments: tuple[str, ...]) -> None:
    reading, writing_end = os.pipe()
    os.close(reading)
    try:
        status, lines = run(*arguments, stdout=writing_end)
    finally:
        os.close(writing_end)
    # What the command found is its exit status also then.
    assert status == (1 if arguments[0] == "validate" else 0)
    assert not [line for line in lines if line.startswith(("btl:", "Traceback", "Exception"))]


def test_without_standard_output_a_command_does_its_work() -> None:
    done = subprocess.run(
        f"{sys.executable} -m btl validate schemas/topics.yaml --json >&-",
        shell=True,
        cwd=ROOT,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "0 valid" in done.stderr


def test_a_file_on_a_full_disk_is_named(tmp_path: Path) -> None:
    schemas = tmp_path / "schemas"
    copytree(ROOT / "schemas", schemas)
    (schemas / "asyncapi.yaml").unlink()
    (schemas / "asyncapi.yaml").symlink_to(FULL)
    export = Export(tmp_path)
    export.write(export.comments, COMMENTS + "x\n")
    names = ("articles", "comments", "mapping")
    files = [part for name in names for part in (f"--{name}", str(getattr(export, name)))]
    for arguments, name in (
        (("simulate", "--events", "60", "--output", "/dev/full"), "/dev/full"),
        (("schemas", "asyncapi", "--folder", str(schemas)), f"{schemas}/asyncapi.yaml"),
        (("archive", "import", *files, "--dry-run", "--rejects", "/dev/full"), "/dev/full"),
    ):
        status, lines = run(*arguments, stdout=subprocess.DEVNULL)
        assert (status, lines[-1]) == (1, f"btl: {name} {NO_SPACE}")


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    in_the_way = {**ENVIRONMENT, "BTL_HOME": "/dev/null/stack"}
    done = subprocess.run([*BTL, "up"], env=in_the_way, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "btl: /dev/null/stack is in the way of the stack's folder. Choose another folder with"
        " BTL_HOME.\n"
    )
    home = tmp_path / "stack"
    done = subprocess.run(
        [*BTL, "up", "--ports", "auto"],
        env={**ENVIRONMENT, "BTL_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"btl: {home} cannot be written: File too large. Raise the limit (ulimit -f), or choose"
        " another place.\n"
    )


def test_errors_of_connections_and_defects_pass() -> None:
    with pytest.raises(ConnectionRefusedError), writing("a file"):
        raise ConnectionRefusedError(111, "Connection refused")
    with (
        pytest.raises(BelowTheLineError, match="a file cannot be written: Read-only"),
        writing("a file"),
    ):
        raise OSError(30, "Read-only file system")


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (psycopg.errors.DiskFull("could not extend file"), "Make room on the disk of Postgres."),
        (psycopg.errors.QueryCanceled("canceling statement"), "ask for less"),
        (psycopg.errors.AdminShutdown("terminating connection"), "btl status"),
    ],
)
def test_a_database_that_gives_up_is_one_line(error: psycopg.OperationalError, hint: str) -> None:
    said = gave_up(error)
    assert str(error) in said.message
    assert hint in said.hint
