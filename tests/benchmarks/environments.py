"""Virtual environments for what is measured beside the product, each from its own lock file."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from below_the_line.errors import BelowTheLineError


def make_environment(folder: Path, lock: Path, *, also: Sequence[str] = ()) -> Path:
    """Make a virtual environment in ``folder`` with what ``lock`` names, from the package index
    that is configured; ``also`` are further arguments of an install without dependencies.

    Returns its Python. Raises BelowTheLineError where a package can't be had.
    """
    uv, python = Path(sys.executable).with_name("uv"), folder / "bin" / "python"
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python]
    run([uv, "venv", "--quiet", "--python", sys.executable, folder])
    run([*install, "--require-hashes", "--requirements", lock])
    if also:
        run([*install, "--no-deps", *also])
    return python


def run(
    command: Sequence[str | Path],
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command. Raises BelowTheLineError, with the end of what it wrote, if it fails."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise BelowTheLineError(f"{command[0]} can't be run: {error.strerror}.") from error
    if done.returncode:
        wrote = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        end = " ".join(wrote[-3:])[:400].rstrip(".")
        raise BelowTheLineError(f"{Path(command[0]).name} {command[1]} failed: {end}.")
