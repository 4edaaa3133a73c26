"""What commands print: tables, JSON, times, and text of unknown origin."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, NoReturn

import orjson
import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

DRY_RUN = "Dry run: nothing was changed."
ADDED = "reactions added"
"""Heading of reactions that a time had, also if removed since; `reactions` are those on now."""
Cell = str | int | Text | None
"""Of a table: text without markup, a number, styled text, or nothing."""

_MAX_WORD = 60
"""Characters of a word; longer ones are broken where a cell is wrapped."""
_MAX_SAID = 40
"""Characters of a cell that is said once for all rows."""
_MAX_ALIGNED = 80
"""Characters of a cell that others are aligned with in a file or a pipe."""
_GAP = 2
"""Characters between two columns."""
_INDENT = 4
_UNBOUNDED = 1_000_000
"""The width of a file or a pipe."""
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+').findall


def console(*, stderr: bool = False) -> Console:
    """Return standard output, or standard error.

    A terminal breaks lines between words. In a file or a pipe every line is whole.
    """
    file = sys.stderr if stderr else sys.stdout
    if file.isatty():
        return Console(stderr=stderr, highlight=False)
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=_UNBOUNDED)


def print_text(
    text: Text | str,
    *,
    style: str = "",
    indent: int = 0,
    hanging: int = 0,
    out: Console | None = None,
) -> None:
    """Print a paragraph without markup: broken between words on a terminal, else in one line.

    A word that is longer than the terminal is wide stays whole, so that it can be copied.
    ``indent``: blanks before each line. ``hanging``: further ones before all lines but the first.
    """
    out = out or console()
    text = Text(text, style=style) if isinstance(text, str) else text
    for line in _between_words(out, text, out.width - indent - hanging):
        out.print(Text(" " * indent) + line, soft_wrap=True)
        indent, hanging = indent + hanging, 0


def print_rest(rest: int, total: int, *, out: Console | None = None) -> None:
    """Say how many rows a list leaves out, and how to see them; nothing if it leaves out none."""
    if rest > 0:
        print_text(f"… and {rest:,} more: --limit {total} lists all.", style="dim", out=out)


def _between_words(out: Console, text: Text, width: int) -> list[Text]:
    """Return the lines of a text; a word that is longer than a line is whole, and ends one."""
    longest = max(map(cell_len, text.plain.split()), default=0)
    if longest <= width:
        return _wrapped(out, text, width)
    begins = [0]
    for word in re.finditer(r"\S+", text.plain):
        line = text.plain[begins[-1] : word.end()]
        if cell_len(word[0]) <= width < cell_len(line):
            begins.append(word.start())
    return _stripped(text.divide(begins[1:]))


def _wrapped(out: Console, text: Text, width: int) -> list[Text]:
    """Return the lines of a text, broken between words and, where that is not enough, in them."""
    return _stripped(text.wrap(out, width, overflow="fold"))


def _stripped(lines: Iterable[Text]) -> list[Text]:
    lines = list(lines)
    for each in lines:
        each.rstrip()
    return lines


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    By default it is always shown, and its cells are neither wrapped nor cut.
    """

    heading: str
    right: bool = False
    wraps: bool = False
    """Whether a cell takes several lines, broken between words, where the terminal is narrow."""
    cut: bool = False
    """Whether a cell is cut, between words, where the terminal is narrow."""
    min_width: int = 24
    """Characters that are left of a cell that is wrapped or cut."""
    max_width: int | None = None
    """Characters after which a cell is cut or wrapped on any terminal."""
    style: str = ""
    rank: int = 0
    """Where the terminal is narrow, columns of the greatest rank are left out first. Those of rank
    0 never are.
    """


def right(*headings: str, rank: int = 0) -> list[Column]:
    """Return columns of numbers."""
    return [Column(heading, right=True, rank=rank) for heading in headings]


def print_table(
    columns: Sequence[Column | str],
    rows: Iterable[Sequence[Cell]],
    *,
    title: str | None = None,
    headed: bool = True,
    indent: int = 0,
    out: Console | None = None,
    narrow: Callable[[], None] | None = None,
) -> None:
    """Print a table with one line a row.

    In a file or a pipe all columns are shown, and each cell is whole. On a terminal that is too
    narrow for that, columns in which every row has the same are said once, above the table; then
    columns give way as their rank, ``cut`` and ``wraps`` say, and the names of those left out are
    printed below. Where that is not enough, the first cell of a row gets a line of its own, and
    then every cell; or ``narrow`` prints the rows. ``headed``: whether the table has a line of
    headings. ``indent``: blanks before each line.
    """
    out = out or console()
    described = [Column(each) if isinstance(each, str) else each for each in columns]
    table = _Table(described, [[_text(cell) for cell in row] for row in rows], headed)
    if title is not None:
        out.print(Text(title, style="bold"))
    layout = table.layout(out.width - indent)
    if layout is not None:
        table.print(out, layout, indent)
    elif narrow is not None:
        narrow()
    elif (below := table.layout(out.width - indent - _INDENT, first=1)) is not None:
        table.print(out, below, indent, stacked=True)
    else:
        table.print_cells(out, indent)


@dataclass(frozen=True, slots=True)
class _Layout:
    """The widths of the columns that are shown, by their numbers."""

    widths: Mapping[int, int]
    said: Sequence[int] = ()
    """Columns that are said once."""
    left_out: Sequence[int] = ()
    whole: bool = False
    """Cells that are wider than their column are neither cut nor wrapped."""


@dataclass(frozen=True, slots=True)
class _Table:
    columns: Sequence[Column]
    rows: Sequence[Sequence[Text]]
    headed: bool

    def layout(self, width: int, first: int = 0) -> _Layout | None:
        """Return how the columns from ``first`` on fit into the width, None if they do not."""
        shown = list(range(first, len(self.columns)))
        if width >= _UNBOUNDED:
            return _Layout({number: self._aligned(number) for number in shown}, whole=True)
        whole = {number: self._bounded(number) for number in shown}
        if _total(whole.values()) <= width:
            return _Layout(whole)
        constant = [number for number in shown if self._is_constant(number)]
        constant.sort(key=lambda number: -self.columns[number].rank)
        least = {number: self._least(number, width) for number in shown}
        said, left_out = [], []
        while _total(least[number] for number in shown) > width:
            last = max(shown, key=lambda number: (self.columns[number].rank, number), default=None)
            if constant:
                last = constant.pop(0)
                said.append(last)
            elif last is not None and self.columns[last].rank > 0:
                left_out.append(last)
            else:
                return None
            shown.remove(last)
        widths = {number: whole[number] for number in shown}
        while _total(widths.values()) > width:
            # The widest of the columns that can give way loses a character.
            able = (number for number in shown if widths[number] > least[number])
            widths[max(able, key=widths.__getitem__)] -= 1
        return _Layout(widths, sorted(said), sorted(left_out))

    def _is_constant(self, number: int) -> bool:
        """Return whether all rows have the same; where it is coloured, it is worth a column."""
        cells = [row[number] for row in self.rows]
        return (
            self.headed
            and len(cells) > 1
            and cells[0].cell_len <= _MAX_SAID
            and len({each.plain for each in cells}) == 1
            and not any(each.style or each.spans for each in cells)
        )

    def _natural(self, number: int) -> int:
        heading = len(self.columns[number].heading) if self.headed else 0
        return max(heading, *(row[number].cell_len for row in self.rows), 1)

    def _aligned(self, number: int) -> int:
        """Return the width that a file or a pipe has: a few very long cells pad no other row."""
        heading = len(self.columns[number].heading) if self.headed else 0
        cells = (row[number].cell_len for row in self.rows)
        return max(heading, *(width for width in cells if width <= _MAX_ALIGNED), 1)

    def _bounded(self, number: int) -> int:
        natural = self._natural(number)
        return min(natural, self.columns[number].max_width or natural)

    def _least(self, number: int, width: int) -> int:
        column, bounded = self.columns[number], self._bounded(number)
        if column.cut:
            return min(bounded, column.min_width)
        if column.wraps:
            words = (word for row in self.rows for word in row[number].plain.split())
            longest = max(map(cell_len, words), default=0)
            if longest > min(width, _MAX_WORD):
                longest = 0  # it is broken
            return min(bounded, max(column.min_width, longest))
        return bounded

    def print(self, out: Console, layout: _Layout, indent: int, *, stacked: bool = False) -> None:
        """Print the table. ``stacked``: with the first cell of a row in a line above the others."""
        said = ", ".join(
            f"{self.columns[number].heading} {value}"
            for number in layout.said
            if (value := self.rows[0][number].plain)
        )
        if said:
            print_text(f"In every row: {said}.", style="dim", indent=indent, out=out)
        headings = [Text(each.heading, style="bold") for each in self.columns]
        for row in [headings, *self.rows] if self.headed else self.rows:
            if stacked:
                print_text(row[0], indent=indent, out=out)
            self._print_row(out, row, layout, indent + (_INDENT if stacked else 0))
        if layout.left_out:
            names = ", ".join(self.columns[number].heading for number in layout.left_out)
            print_text(
                f"Not shown, for want of width: {names}.", style="dim", indent=indent, out=out
            )

    def _print_row(self, out: Console, row: Sequence[Text], layout: _Layout, indent: int) -> None:
        widths = layout.widths
        cells = {
            number: [row[number]] if layout.whole else self._lines(out, number, row[number], width)
            for number, width in widths.items()
        }
        for line in range(max((len(each) for each in cells.values()), default=0)):
            pieces = []
            for number, width in widths.items():
                column, lines = self.columns[number], cells[number]
                text = Text(style=column.style)
                text.append_text(lines[line] if line < len(lines) else Text())
                blanks = Text(" " * (width - text.cell_len))
                pieces.append(blanks + text if column.right else text + blanks)
            shown = Text(" " * indent) + Text(" " * _GAP).join(pieces)
            shown.rstrip()
            out.print(shown, soft_wrap=True)

    def _lines(self, out: Console, number: int, cell: Text, width: int) -> list[Text]:
        """Return the lines of a cell."""
        if cell.cell_len <= width:
            return [cell]
        return _wrapped(out, cell, width) if self.columns[number].wraps else [_cut(cell, width)]

    def print_cells(self, out: Console, indent: int) -> None:
        """Print each cell in a line, after its heading; empty cells are left out."""
        label = max(len(column.heading) for column in self.columns)
        for row in self.rows:
            for column, cell in zip(self.columns, row, strict=True):
                heading = column.heading
                room = out.width - indent - label - 1
                for line in _between_words(out, cell, room) if cell else ():
                    begin = Text(f"{'':{indent}}{heading:<{label}} ", style="bold")
                    out.print(Text.assemble(begin, line), soft_wrap=True)
                    heading = ""
            out.print()


def _total(widths: Iterable[int]) -> int:
    """Return the width of a table."""
    listed = list(widths)
    return sum(listed) + _GAP * max(0, len(listed) - 1)


def _cut(cell: Text, width: int) -> Text:
    """Return the beginning of a text, up to the end of a word where it has several."""
    kept = cell.copy()
    kept.truncate(width - 1)
    if cell.plain[len(kept.plain) : len(kept.plain) + 1].strip():
        words, blank, _ = kept.plain.rstrip().rpartition(" ")
        if blank and words.strip():
            kept.right_crop(len(kept.plain) - len(words))
    kept.rstrip()
    return kept.append("…")


def _text(cell: Cell) -> Text:
    if isinstance(cell, Text):
        return cell
    if cell is None:
        return Text()
    return Text(f"{cell:,}" if isinstance(cell, int) else printable(cell))


def print_json(document: Any) -> None:
    """Print a document of plain values, dataclasses, times and UUIDs.

    On a terminal, characters that it would obey are JSON escapes.
    """
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
    typer.echo(printable_lines(text) if sys.stdout.isatty() else text)


def printable(text: str) -> str:
    """Return the text in one line; characters that a terminal would obey become JSON escapes."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines, each as `printable`."""
    return "\n".join(map(printable, text.split("\n")))


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


def duration(seconds: float) -> str:
    """Return a duration in its two greatest units, such as ``1 d 2 h`` or ``33 min 34 s``.

    Below a minute it has the fraction of its seconds, to two digits.
    """
    if seconds < 60:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    whole = int(seconds)
    for unit, length, smaller, part in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= length:
            rest = whole % length // part
            return f"{whole // length:,} {unit}" + (f" {rest} {smaller}" if rest else "")
    raise AssertionError(seconds)


def size(count: int) -> str:
    """Return a number of bytes in its greatest unit, such as ``1.4 MB``; thousands, not 1,024."""
    value, unit = float(count), "B"
    for greater in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1_000, greater
    return f"{value:.0f} {unit}" if value >= 99.95 or unit == "B" else f"{value:.1f} {unit}"


def age(since: datetime, now: datetime) -> str:
    """Return the time from ``since`` to ``now``, in whole seconds, as ``duration``."""
    return duration(int((now - since).total_seconds()))
