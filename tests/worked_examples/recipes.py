"""Worked examples of CONTRIBUTING.md, followed as instructions in a copy of the repository.

A section holds an example. Its code blocks are the steps: a block whose title names a file is the
whole file, or, as ``diff``, hunks to apply to it (separated by ``@@``); the lines of a ``console``
block that begin with ``$ btl`` are run. Files that the section links to below tests/worked_examples
are copied.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r'^(?P<indent> *)```(?P<kind>\w+)(?: title="(?P<path>[^"]+)")?\n(?P<text>.*?)^(?P=indent)```$',
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\]\((?P<source>tests/worked_examples/[a-z_]+/(?P<path>[^)]+))\)")
_MIGRATION = re.compile(r"(?<=sql/migrations/)NNNN(?=_)")


class Block(NamedTuple):
    """A code block of the document."""

    kind: str
    path: str
    """The file that its title names; empty for commands."""
    text: str


def section(document: str, heading: str) -> str:
    """Return the text of one section of second level. Raises ValueError if there is none."""
    begin = document.index(f"## {heading}\n")
    end = document.find("\n## ", begin)
    return document[begin : end if end >= 0 else len(document)]


def blocks(text: str) -> list[Block]:
    """Return the code blocks of a section in their order."""
    return [
        Block(
            match["kind"],
            match["path"] or "",
            "\n".join(line.removeprefix(match["indent"]) for line in match["text"].splitlines())
            + "\n",
        )
        for match in _BLOCK.finditer(text)
    ]


def patched(text: str, diff: str) -> str:
    """Return the text with the hunks of a diff applied. Raises ValueError if the lines of a hunk
    are not there exactly once.
    """
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines()
        before = _lines(line[1:] for line in lines if not line.startswith("+"))
        after = _lines(line[1:] for line in lines if not line.startswith("-"))
        places = [each.start() for each in re.finditer(f"^{re.escape(before)}", text, re.MULTILINE)]
        if len(places) != 1:
            raise ValueError(f"not there exactly once:\n{before}")
        text = text[: places[0]] + after + text[places[0] + len(before) :]
    return text


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def copy_of_repository(folder: Path) -> Path:
    """Copy the files that git knows, changed and new ones too, to a new folder."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def run(folder: Path, *arguments: str) -> None:
    """Run a module of the copy, not of this repository. Raises AssertionError if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"


def follow(heading: str, folder: Path) -> list[str]:
    """Do what a section says in a copy of the repository, all but its commands; returns the paths
    that were written by hand.
    """
    text = section((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), heading)
    written = []
    for link in _LINK.finditer(text):
        (folder / link["path"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / link["source"], folder / link["path"])
        written.append(link["path"])
    for block in blocks(text):
        if block.path:
            path = folder / _with_next_number(block.path, folder)
            content = block.text
            if block.kind == "diff":
                try:
                    content = patched(path.read_text(encoding="utf-8"), content)
                except ValueError as error:
                    message = f"Change the example of {block.path} in CONTRIBUTING.md: {error}"
                    raise ValueError(message) from None
            path.write_text(content, encoding="utf-8")
            written.append(block.path)
    return written


def commands(heading: str) -> list[list[str]]:
    """Return the ``btl`` commands of a section, without ``btl``."""
    text = section((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), heading)
    return [
        line.split()[2:]
        for block in blocks(text)
        if block.kind == "console"
        for line in block.text.splitlines()
        if line.startswith("$ btl ")
    ]


def _with_next_number(path: str, folder: Path) -> str:
    """The document writes NNNN for the number of a migration."""
    number = 1 + len(list((folder / "sql" / "migrations").glob("*.sql")))
    return _MIGRATION.sub(f"{number:04}", path)
