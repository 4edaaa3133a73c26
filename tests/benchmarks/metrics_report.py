"""What was measured of metrics against what was to be reached: pure, except for what it prints.

``python -m tests.benchmarks.metrics_report --markdown build/bench-metrics.json`` prints the tables
of a run as docs/benchmarks.md has them.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from btl.cli.output import Column, print_table, right
from tests.benchmarks.rates import QUIET_SHARE, percentiles
from tests.benchmarks.spent import Spent

LARGE = 10_000_000
"""Comments from which on the targets of large sites hold."""
MOST_LOOK_UP_MILLISECONDS = 5.0


@dataclass(frozen=True)
class LookUps:
    """One question, asked about many rows; milliseconds each."""

    p50: float
    p95: float
    cpu: float
    """Of the session's process in the server, the mean."""
    spent: Spent
    """By all of them."""


@dataclass(frozen=True)
class Floor:
    """Only moving the bytes: what a rebuild could not do without."""

    read: Spent
    """Every row that metrics are made from, once, by one session."""
    written: Spent
    """Every row of every metric table, put in the order of its key, into empty tables with the same
    indexes, by one session.
    """
    rows: int
    """That were written."""

    @property
    def cpu(self) -> float:
        """Of both."""
        return self.read.cpu + self.written.cpu


@dataclass(frozen=True)
class Size:
    """What was measured at one size."""

    comments: int
    articles: int
    aggregates: Sequence[Spent]
    """One sequential aggregate of the comments, by article; just before and just after the
    rebuild.
    """
    rebuild: Spent
    """Of everything, from empty tables, by two connections."""
    backend_megabytes: int
    """The most that the process of one session took, shared memory included."""
    temporary_megabytes: int
    """Written to temporary files by the rebuild."""
    floor: Floor | None = None
    spread_articles: int = 0
    spread: Spent | None = None
    """A run after one new comment in each of some articles all over the site and the year."""
    median_article: Sequence[Spent] = ()
    """Runs after one new comment in an article of median size."""
    largest_article: Sequence[Spent] = ()
    look_ups: Mapping[str, LookUps] | None = None
    compared: str = ""
    """What was compared with a fresh computation after all runs."""
    differences: Sequence[str] = ()
    """That were found; there must be none."""
    digests: Mapping[str, str] | None = None
    """Of all figures of each table after the rebuild: equal for equal rows."""

    @property
    def aggregate_cpu(self) -> float:
        """The median."""
        return median(each.cpu for each in self.aggregates)

    @property
    def aggregate_wall(self) -> float:
        """The median."""
        return median(each.wall for each in self.aggregates)


@dataclass(frozen=True)
class Figure:
    """A figure, alone or as a ratio, with both sides of it."""

    name: str
    value: float
    unit: str
    """Of value and other."""
    spents: Sequence[Spent] = ()
    """Of the value, for how quiet it was."""
    other: float | None = None
    """What the value is divided by."""
    bound: float | None = None
    """The most that it may be; None: nothing was to be reached at this size."""
    aside: str = ""
    """Other figures of the same."""

    @property
    def measured(self) -> float:
        """What the bound is about."""
        return self.value if self.other is None else self.value / self.other

    @property
    def met(self) -> bool | None:
        """None: there is no bound."""
        return None if self.bound is None else self.measured <= self.bound

    @property
    def cells(self) -> tuple[str, ...]:
        """As ``HEADINGS`` says."""
        return (
            self.name,
            self._with_unit(self.value),
            "" if self.other is None else self._with_unit(self.other),
            "" if self.other is None else _ratio(self.measured),
            "" if self.bound is None else f"≤ {self._bound(self.bound)}",
            self._result,
            self.aside,
            _quietness(self.spents),
        )

    @property
    def _result(self) -> str:
        said = {True: "met", False: "missed", None: ""}[self.met]
        busy = self.spents and _others(self.spents) > QUIET_SHARE
        return f"{said}, busy" if said and busy else said

    def _bound(self, bound: float) -> str:
        if self.other is None:
            return self._with_unit(bound)
        return f"1/{1 / bound:.0f}" if bound < 1 else f"{bound:g}"

    def _with_unit(self, value: float) -> str:
        return f"{value:.3g} {self.unit}" if value < 100 else f"{value:,.0f} {self.unit}"


HEADINGS = ("figure", "value", "÷", "ratio", "target", "result", "besides", "load, others")
"""``load, others``: the load before, and the share of the cores that others used meanwhile."""


def figures(size: Size) -> list[Figure]:
    """The figures of one size, those with a target first."""
    large = size.comments >= LARGE
    aggregate, rebuild = size.aggregate_cpu, size.rebuild
    found = [
        Figure(
            "full rebuild ÷ one aggregate of the comments, CPU",
            rebuild.cpu,
            "s",
            [rebuild, *size.aggregates],
            aggregate,
            16 if large else 11,
        ),
        Figure(
            "full rebuild by two connections ÷ one aggregate, wall time",
            rebuild.wall,
            "s",
            [rebuild, *size.aggregates],
            size.aggregate_wall,
            8 if large else None,
        ),
    ]
    if size.floor is not None:
        found.append(
            Figure(
                "full rebuild ÷ floor (read once, write in key order), CPU",
                rebuild.cpu,
                "s",
                [rebuild, size.floor.read, size.floor.written],
                size.floor.cpu,
                4.5,
            )
        )
    if size.spread is not None:
        found.append(
            Figure(
                f"one new comment in each of {size.spread_articles:,} articles ÷ full rebuild, CPU",
                size.spread.cpu,
                "s",
                [size.spread, rebuild],
                rebuild.cpu,
                1 / 25 if large else None,
            )
        )
    found += [
        Figure(
            f"one new comment in {name}, median wall time",
            median(each.wall for each in runs),
            "s",
            runs,
            bound=0.06 if large else None,
            aside=(
                f"p95 {percentiles([each.wall for each in runs]).p95:.3f} s,"
                f" CPU {median(each.cpu for each in runs):.3f} s"
            ),
        )
        for name, runs in (
            ("a median article", size.median_article),
            ("the largest article", size.largest_article),
        )
        if runs
    ]
    found += [
        Figure(
            f"look-up: {name}, p95",
            each.p95,
            "ms",
            [each.spent],
            bound=MOST_LOOK_UP_MILLISECONDS,
            aside=f"p50 {each.p50:.2f} ms, CPU {each.cpu:.2f} ms",
        )
        for name, each in (size.look_ups or {}).items()
    ]
    found.append(Figure("memory of a session, shared included", size.backend_megabytes, "MB"))
    found.append(Figure("temporary files of the rebuild", size.temporary_megabytes, "MB"))
    rest = Figure("rebuild: CPU of the server's other processes", rebuild.rest_of_server_cpu, "s")
    return [*found, rest]


def as_document(size: Size) -> dict[str, Any]:
    """Everything, for a file, from which ``read`` makes the size again."""
    return {
        **asdict(size),
        "figures": [
            {
                "name": each.name,
                "value": each.value,
                "other": each.other,
                "unit": each.unit,
                "measured": each.measured,
                "at_most": each.bound,
                "met": each.met,
            }
            for each in figures(size)
        ],
    }


def print_report(console: Console, size: Size) -> None:
    """A table of the figures of one size, and whether the tables were right in the end."""
    styles = {"met": "green", "missed": "red", "met, busy": "yellow", "missed, busy": "yellow"}
    print_table(
        [
            Column(HEADINGS[0], wraps=True),
            *right(*HEADINGS[1:5]),
            HEADINGS[5],
            Column(HEADINGS[6], rank=2),
            *right(HEADINGS[7], rank=1),
        ],
        [tuple(Text(cell, styles.get(cell, "")) for cell in each.cells) for each in figures(size)],
        title=_title(size),
        out=console,
    )
    for table, digest in (size.digests or {}).items():
        console.print(f"digest of {table}: {digest}")
    if size.compared:
        console.print(_comparison(size))
    for difference in size.differences[:5]:
        console.print(Text(f"  {difference}", "red"))


def read(document: Mapping[str, Any]) -> Size:
    """Return what ``as_document`` was made from."""
    return msgspec.convert(document, Size)


def machine(about: Mapping[str, Any]) -> str:
    """Return the machine and the commit in one line."""
    facts = [f"{name.replace('_', ' ')} {value}" for name, value in about["machine"].items()]
    return f"{', '.join(facts)}; commit {about['commit']}."


def markdown(size: Size) -> str:
    """Return the table of one size as a section for docs/benchmarks.md."""
    lines = [f"### {_title(size)}", ""]
    lines += [_row(HEADINGS), _row(["---", *["--:"] * 4, "---", "---", "--:"])]
    lines += [_row(each.cells) for each in figures(size)]
    if size.compared:
        lines += ["", _comparison(size)]
    return "\n".join(lines) + "\n"


def _title(size: Size) -> str:
    return f"Metrics of {size.comments:,} comments under {size.articles:,} articles"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _comparison(size: Size) -> str:
    found = f"{len(size.differences):,} differences" if size.differences else "no difference"
    return f"Compared with a fresh computation after all runs ({size.compared}): {found}."


def _quietness(spents: Sequence[Spent]) -> str:
    if not spents:
        return ""
    return f"{spents[0].load_before:.1f}, {_others(spents):.0%}"


def _others(spents: Sequence[Spent]) -> float:
    """Return the share of the cores that others used during all of these."""
    wall = sum(each.wall for each in spents)
    return sum(each.others * each.wall for each in spents) / wall


def _ratio(value: float) -> str:
    return f"1/{1 / value:.0f}" if 0 < value < 0.5 else f"{value:.1f}"


def main() -> None:
    """Print a report of an earlier run as Markdown."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.metrics_report", description=main.__doc__
    )
    parser.add_argument("--markdown", type=Path, required=True, metavar="FILE")
    about = json.loads(parser.parse_args().markdown.read_text(encoding="utf-8"))
    for each in about["sizes"]:
        print(markdown(read(each)))
    print(f"Measured on: {machine(about)}")


if __name__ == "__main__":
    main()
