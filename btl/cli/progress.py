"""A progress bar for events, with rate and time left."""

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
"""Events between two updates of a bar: often enough for the eye, and cheap."""


class _Rate(ProgressColumn):
    """Recent rate per second; when done, the rate over all."""

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
    """Return a bar on standard error. A task can have a field ``unit``.

    ``bytes`` shows only a percentage.
    """
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
