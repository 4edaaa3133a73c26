"""A progress bar for events on their way, with rate and time left."""

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
"""A bar is moved on at every so many events: often enough to the eye, and for next to nothing."""


class _Rate(ProgressColumn):
    """How many per second, lately; over the whole once it is done."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        unit = task.fields.get("unit", "events")
        return Text(
            f"{speed:,.0f} {unit}/s" if speed and unit != "bytes" else "",
            style="progress.data.speed",
        )


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        if task.fields.get("unit") == "bytes":
            return Text("")
        total = f" of {task.total:,.0f}" if task.total is not None else ""
        return Text(f"{task.completed:,.0f}{total}", style="progress.download")


def event_progress() -> Progress:
    """On standard error. Tasks may have a field ``unit`` (``bytes`` shows a percentage only)."""
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
