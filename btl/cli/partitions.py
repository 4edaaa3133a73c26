"""What the commands on partitions (``btl offsets``, ``breaker``, ``audit``) have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from below_the_line.errors import BelowTheLineError

if TYPE_CHECKING:
    import psycopg
    from rich.console import Console
    from rich.table import Table

    from below_the_line.partitions import Logs, Position
    from below_the_line.settings import Settings


_LEAST_THAT_GIVES_WAY = 12
"""Characters of a column that is cut."""


@contextmanager
def connected(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection to an up-to-date database, in autocommit. Raises BelowTheLineError, also where
    the role may not.
    """
    from below_the_line.database.connections import connect, permitted
    from below_the_line.database.migrations import require_current

    url = settings.require_database_url()
    require_current(url)
    with permitted(), connect(url, application_name="btl", autocommit=True) as connection:
        yield connection


def logs_of(settings: Settings, positions: Iterable[Position]) -> Logs:
    """What the brokers have of the input topics and of those that have a position. Raises
    BelowTheLineError.
    """
    from below_the_line.catalogue import topics
    from below_the_line.kafka.admin import partition_logs

    names = {topic.name for topic in topics() if topic.direction == "in"}
    return partition_logs(settings, names | {position.topic for position in positions})


def chosen(positions: Sequence[Position], topic: str, partition: int | None) -> list[Position]:
    """The positions that a topic and a partition name (None: all of the topic). Raises
    BelowTheLineError if none.
    """
    found = [
        each for each in positions if each.topic == topic and partition in (None, each.partition)
    ]
    if not found:
        where = topic if partition is None else f"{topic}-{partition}"
        raise BelowTheLineError(
            f"No consumer of this group has ever taken {where}.",
            f"It has taken {', '.join(map(str, positions)) or 'nothing yet'}.",
        )
    return found


def console() -> Console:
    """Standard output; where it is no terminal, so wide that a row stays in one line."""
    from rich.console import Console

    found = Console(highlight=False, soft_wrap=True)
    if not found.is_terminal:
        found.width = 250
    return found


def print_table(out: Console, table: Table, gives_way: str | None = None) -> None:
    """Print a table whole: where the terminal is too narrow for it, one cell a line, after its
    heading; none that is empty.

    ``gives_way``: heading of a column that is cut first, to a dozen characters at least.
    """
    from rich.measure import Measurement

    def excess() -> int:
        return (
            Measurement.get(out, out.options.update(width=10_000, max_width=10_000), table).maximum
            - out.width
        )

    for column in table.columns:
        if column.header == gives_way and excess() > 0:
            widest = max(out.measure(cell).maximum for cell in column.cells)
            column.max_width = max(
                _LEAST_THAT_GIVES_WAY, min(widest, column.max_width or widest) - excess()
            )
    if excess() <= 0:
        out.print(table)
        return
    width = max(len(str(column.header)) for column in table.columns)
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        for column, cell in zip(table.columns, cells, strict=True):
            if cell:
                out.print(f"[bold]{column.header!s:<{width}}[/]", cell)
        out.print()


def print_json(document: Any) -> None:
    """Print a document of plain values, dataclasses, times and UUIDs."""
    import orjson
    import typer

    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
