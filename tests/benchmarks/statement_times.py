"""What each statement of a piece of work takes: a cursor that adds it up."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from rich.console import Console

from btl.cli.output import Column, print_table, right
from tests.benchmarks.spent import backend_cpu

_COMMENT = re.compile(r"--[^\n]*\n")
_TARGET = re.compile(
    r"(?:insert into|delete from|update(?! set)|truncate|analyze|copy|create \w+ table if not"
    r" exists|create \w+ table|lock table) [\w.\"]+"
)
_WORDS = 8
_LEAST_SHARE = 0.002
"""Of all CPU; statements with less are one line."""


@dataclass
class Taken:
    """All runs of one statement; times in seconds."""

    calls: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    """Of the session's process in the server."""
    rows: int = 0


def named(statement: str) -> str:
    """What a statement is about: what it writes first, or else its first words."""
    text = " ".join(_COMMENT.sub(" ", statement + "\n").split())
    found = _TARGET.search(text)
    return found.group() if found else " ".join(text.split()[:_WORDS])


class StatementTimes:
    """Adds up what the statements of its cursors take; safe for several threads."""

    def __init__(self) -> None:
        self._taken: dict[str, Taken] = {}
        self._lock = threading.Lock()

    def watch(self, connection: psycopg.Connection[Any]) -> None:
        """Count every later statement of this connection."""
        times = self

        class Watched(psycopg.Cursor[Any]):
            def execute(self, query: Any, *arguments: Any, **options: Any) -> "Watched":
                backend = self.connection.info.backend_pid
                cpu, started = backend_cpu(backend), time.monotonic()
                super().execute(query, *arguments, **options)
                wall, cpu = time.monotonic() - started, backend_cpu(backend) - cpu
                text = query if isinstance(query, bytes | str) else query.as_string(self.connection)
                text = text.decode() if isinstance(text, bytes) else text
                times._add(named(text), wall, cpu, max(0, self.rowcount))
                return self

        connection.cursor_factory = Watched

    def _add(self, name: str, wall: float, cpu: float, rows: int) -> None:
        with self._lock:
            taken = self._taken.setdefault(name, Taken())
            taken.calls += 1
            taken.wall += wall
            taken.cpu += cpu
            taken.rows += rows

    def __iter__(self) -> Iterator[tuple[str, Taken]]:
        return iter(sorted(self._taken.items(), key=lambda each: -each[1].cpu))

    def show(self, console: Console, title: str, cpu: float) -> None:
        """Print the table; ``cpu``: of all the work, with what no statement took."""
        large = [each for each in self if each[1].cpu >= _LEAST_SHARE * cpu]
        small = [taken for _, taken in self][len(large) :]
        rows = [
            (
                name,
                f"{taken.calls:,}",
                f"{taken.rows:,}",
                f"{taken.wall:.2f}",
                *_said(taken.cpu, cpu),
            )
            for name, taken in large
        ]
        others = sum(taken.cpu for taken in small)
        rest = cpu - others - sum(taken.cpu for _, taken in large)
        rows += [
            (f"{len(small)} others", "", "", "", *_said(others, cpu)),
            ("begin, commit and the rest", "", "", "", *_said(rest, cpu)),
        ]
        print_table(
            [Column("statement", wraps=True), *right("calls", "rows", "wall", "CPU", "of all")],
            rows,
            title=title,
            out=console,
        )


def _said(cpu: float, of: float) -> tuple[str, str]:
    return f"{cpu:.2f}", f"{cpu / of:.1%}"
