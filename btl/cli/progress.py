"""Progress of long work: a bar with rate and time left on a terminal, and few lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

STEP = 250
"""Events between two updates: often enough for the eye, and cheap."""

QUIET_SECONDS = 60.0
"""The least time between two lines where standard error is not a terminal."""

Unit = Literal["events", "records", "rows", "bytes"]
Update = Callable[..., None]
"""Called with how much is done, and the total where it changes: ``update(done, total)``."""


@contextmanager
def progress(description: str, total: int | None = None, unit: Unit = "events") -> Iterator[Update]:
    """Show how far the work in the block is, on standard error.

    On a terminal it is a bar. Elsewhere, in a file or a pipe, it is one line at the beginning, one
    at the end, and at most one a minute between them; none at the end if the block raises.
    """
    if not sys.stderr.isatty():
        lines = QuietLines(description, total, unit)
        lines.begin()
        yield lines.update
        lines.end()
        return
    with _bar() as bar:
        task = bar.add_task(description, total=total, unit=unit)

        def update(done: int, total: int | None = None) -> None:
            if total is not None:
                bar.update(task, total=total)
            bar.update(task, completed=done)

        yield update


class QuietLines:
    """Lines about progress, for logs."""

    def __init__(
        self,
        description: str,
        total: int | None,
        unit: Unit,
        clock: Callable[[], float] = time.monotonic,
        write: Callable[[str], None] = lambda line: typer.echo(line, err=True),
    ) -> None:
        self._description = description
        self._total = total
        self._unit = unit
        self._clock = clock
        self._write = write
        self._started = self._said = clock()
        self._done = 0

    def begin(self) -> None:
        """Say that the work begins."""
        total = "" if self._total is None else f": {self._amount(self._total)}"
        self._write(f"{self._description} begins{total}.")

    def update(self, done: int, total: int | None = None) -> None:
        """Say how much is done, if the last line is a minute old."""
        self._done = done
        if total is not None:
            self._total = total
        now = self._clock()
        if now - self._said < QUIET_SECONDS:
            return
        self._said = now
        amount, left = self._amount(done), ""
        rate = done / (now - self._started)
        if self._total:
            number = amount.split()[0]
            amount = f"{number} of {self._amount(self._total)} ({done / self._total:.0%})"
            if rate > 0:
                left = f", {_duration((self._total - done) / rate)} left"
        self._write(f"{self._description}: {amount}, {self._amount(int(rate))}/s{left}.")

    def end(self) -> None:
        """Say that the work is done."""
        seconds = self._clock() - self._started
        rate = f", {self._amount(int(self._done / seconds))}/s" if seconds > 0 else ""
        self._write(
            f"{self._description} ends: {self._amount(self._done)} in {_duration(seconds)}{rate}."
        )

    def _amount(self, number: int) -> str:
        if self._unit == "bytes":
            return f"{number / 1_000_000:,.1f} MB"
        return f"{number:,} {self._unit}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


class _Rate(ProgressColumn):
    """Recent rate per second; when done, the rate over all."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        unit = task.fields["unit"]
        if not speed:
            return Text("")
        said = f"{speed / 1_000_000:,.1f} MB/s" if unit == "bytes" else f"{speed:,.0f} {unit}/s"
        return Text(said, style="progress.data.speed")


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        if task.fields["unit"] == "bytes":
            return Text("")
        total = f" of {task.total:,.0f}" if task.total is not None else ""
        return Text(f"{task.completed:,.0f}{total}", style="progress.download")


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        _Count(),
        _Rate(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
