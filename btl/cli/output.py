"""What commands print: tables, JSON, times, and text of unknown origin."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

DRY_RUN = "Dry run: nothing was changed."
Cell = str | int | Text | None
"""Of a table: text without markup, a number, styled text, or nothing."""

_MIN_CUT, _MIN_WRAPPED = 12, 24
"""Characters to which a column is cut or wrapped at most."""
_GAP = 2
"""Characters between two columns."""
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+').findall


def console() -> Console:
    """Return standard output; where it is not a terminal, wide enough for any row of a table."""
    found = Console(highlight=False, soft_wrap=True)
    if not found.is_terminal:
        found.width = 10_000
    return found


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. By default its cells are neither wrapped nor cut."""

    heading: str
    right: bool = False
    wraps: bool = False
    """Whether a cell takes several lines where the terminal is narrow."""
    cut: bool = False
    """Whether a cell is cut where the terminal is narrow."""
    max_width: int | None = None
    """Characters after which a cell is cut on any terminal."""
    style: str = ""


def right(*headings: str) -> list[Column]:
    """Return columns of numbers."""
    return [Column(heading, right=True) for heading in headings]


def print_table(
    columns: Sequence[Column | str],
    rows: Iterable[Sequence[Cell]],
    *,
    title: str | None = None,
    headed: bool = True,
    out: Console | None = None,
    narrow: Callable[[], None] | None = None,
) -> None:
    """Print a table, or, on a terminal that is too narrow for it, what ``narrow`` prints.

    By default that is one cell a line, after its heading; empty cells are left out. ``headed``:
    whether the table has a line of headings.
    """
    out = out or console()
    described = [Column(each) if isinstance(each, str) else each for each in columns]
    cells = [[_text(cell) for cell in row] for row in rows]
    if title is not None:
        out.print(Text(title, style="bold"))
    widths = _widths(described, cells, out.width, headed=headed)
    if widths is not None:
        table = Table(box=None, header_style="bold", pad_edge=False, show_header=headed)
        for column, width in zip(described, widths, strict=True):
            table.add_column(
                column.heading,
                justify="right" if column.right else "left",
                style=column.style,
                width=width,
                no_wrap=not column.wraps,
                overflow="fold" if column.wraps else "ellipsis",
            )
        for row in cells:
            table.add_row(*row)
        out.print(table)
    elif narrow is not None:
        narrow()
    else:
        label = max(len(column.heading) for column in described)
        for row in cells:
            for column, cell in zip(described, row, strict=True):
                if cell:
                    out.print(Text(f"{column.heading:<{label}}", style="bold"), cell)
            out.print()


def _widths(
    columns: Sequence[Column], rows: Sequence[Sequence[Text]], available: int, *, headed: bool
) -> list[int] | None:
    """Return the width of each column, None where the table does not fit."""
    widths = [
        max((len(column.heading) if headed else 0), *(row[number].cell_len for row in rows), 1)
        for number, column in enumerate(columns)
    ]
    widths = [
        min(width, column.max_width or width) for width, column in zip(widths, columns, strict=True)
    ]
    least = [
        min(width, _MIN_CUT if column.cut else _MIN_WRAPPED if column.wraps else width)
        for width, column in zip(widths, columns, strict=True)
    ]
    available -= _GAP * (len(columns) - 1)
    if sum(least) > available:
        return None
    while sum(widths) > available:
        # The widest of the columns that can give way loses a character.
        widest = max(
            (number for number in range(len(widths)) if widths[number] > least[number]),
            key=widths.__getitem__,
        )
        widths[widest] -= 1
    return widths


def _text(cell: Cell) -> Text:
    if isinstance(cell, Text):
        return cell
    if cell is None:
        return Text()
    return Text(f"{cell:,}" if isinstance(cell, int) else printable(cell))


def print_json(document: Any) -> None:
    """Print a document of plain values, dataclasses, times and UUIDs."""
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def printable(text: str) -> str:
    """Return the text in one line; characters that a terminal would obey become JSON escapes."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def printable_bytes(raw: bytes) -> str:
    r"""Return bytes as text in one line; what is not UTF-8 becomes ``\xff``."""
    return printable(raw.decode("utf-8", "backslashreplace"))


def indented_json(raw: bytes) -> str | None:
    """Return JSON with one member a line, None if it is not JSON.

    Only white space changes: names that come twice, escapes and numbers stay as they were sent.
    """
    try:
        text = raw.decode()
        json.loads(text, parse_constant=_reject)
    except (ValueError, RecursionError):
        return None
    parts: list[str] = []
    before, depth = "", 0
    for piece in _PIECES(text):
        if piece in ("]", "}"):
            depth -= 1
            if before not in ("[", "{"):
                parts.append("\n" + "  " * depth)
        elif before in ("[", "{", ","):
            parts.append("\n" + "  " * depth)
        parts.append(": " if piece == ":" else printable(piece))
        depth += piece in ("[", "{")
        before = piece
    return "".join(parts)


def _reject(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def clock(moment: datetime, zone: tzinfo = UTC, *, exact: bool = False) -> str:
    """Return an instant as clocks in the zone show it; ``exact``: with the fraction of its second,
    if it has one.
    """
    local = moment.astimezone(zone)
    fraction = f".{local.microsecond:06}".rstrip("0") if exact and local.microsecond else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction} {local:%Z}"


def both_clocks(moment: datetime, zone: tzinfo) -> str:
    """Return an instant, exactly, in the zone and in UTC; once if that is the same."""
    local, in_utc = clock(moment, zone, exact=True), clock(moment, exact=True)
    return local if local == in_utc else f"{local} ({in_utc})"


def age(since: datetime, now: datetime) -> str:
    """Return the time from ``since`` to ``now`` in whole seconds, such as ``1 day, 2:03:04``."""
    return str(timedelta(seconds=int((now - since).total_seconds())))
