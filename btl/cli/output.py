"""Foreign bytes on a terminal: whatever they are, they are shown and never obeyed."""

import json
import re
from datetime import UTC, datetime, tzinfo
from typing import Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

_LEAST_THAT_GIVES_WAY = 12
"""Characters of a column that is cut."""

_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+').findall


def printable(text: str) -> str:
    """The text in one line; what no terminal prints (control characters, reversed directions …) as
    JSON escapes.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def printable_bytes(raw: bytes) -> str:
    r"""Bytes as text in one line, what is not UTF-8 as ``\xff``."""
    return printable(raw.decode("utf-8", "backslashreplace"))


def indented_json(raw: bytes) -> str | None:
    """JSON, one member a line, None if it is none.

    Laid out, not written anew: names that come twice, escapes and numbers stay as they were sent.
    """
    try:
        text = raw.decode()
        json.loads(text, parse_constant=_refuse)
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


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def clock(moment: datetime, zone: tzinfo = UTC, *, exact: bool = False) -> str:
    """An instant as clocks in the zone show it; with the fraction of its second, if it has one,
    only where told.
    """
    local = moment.astimezone(zone)
    fraction = f".{local.microsecond:06}".rstrip("0") if exact and local.microsecond else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction} {local:%Z}"


def both_clocks(moment: datetime, zone: tzinfo) -> str:
    """An instant, exactly, in the zone and in UTC; once if that is the same."""
    local, in_utc = clock(moment, zone, exact=True), clock(moment, exact=True)
    return local if local == in_utc else f"{local} ({in_utc})"


def console() -> Console:
    """Standard output; where it is no terminal, so wide that a row stays in one line."""
    found = Console(highlight=False, soft_wrap=True)
    if not found.is_terminal:
        found.width = 250
    return found


def print_table(out: Console, table: Table, gives_way: str | None = None) -> None:
    """Print a table whole: where the terminal is too narrow for it, one cell a line, after its
    heading; none that is empty.

    ``gives_way``: heading of a column that is cut first, to a dozen characters at least.
    """

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
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
