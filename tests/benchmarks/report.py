"""What was measured against what was to be reached: pure, except for the tables that it prints."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.text import Text

from btl.cli.output import Column, print_table, right
from tests.benchmarks.bad import BadRecords
from tests.benchmarks.latency import Latency
from tests.benchmarks.memory import Backlog
from tests.benchmarks.peer import PeerRun
from tests.benchmarks.rates import QUIET_SHARE, Throughput
from tests.benchmarks.scale import Shared

FLOOR, READING = "floor", "reading"
ONE, TWO = "one process", "two processes"
BASE = "base, one process"
DECISIONS, BASE_DECISIONS = "decisions, one process", "decisions, base"
PEER_DEFAULT, PEER_BEST, PEER_BEST_TWO = (
    "peer, default, 1 task",
    "peer, best, 1 task",
    "peer, best, 2 tasks",
)
QUIX = "Quix, one process"
_SECTION_OF = {
    FLOOR: "floor",
    READING: "reading",
    ONE: "path",
    TWO: "path",
    BASE: "base",
    QUIX: "quix",
    **dict.fromkeys((PEER_DEFAULT, PEER_BEST, PEER_BEST_TWO), "peer"),
    **dict.fromkeys((DECISIONS, BASE_DECISIONS), "decisions"),
}
"""The section that runs what is compared."""
_ORDER = (
    *(FLOOR, READING, ONE, TWO, BASE, PEER_DEFAULT, PEER_BEST, PEER_BEST_TWO, QUIX),
    *(DECISIONS, BASE_DECISIONS),
)


@dataclass
class Results:
    """Everything that was measured; a section that was not has nothing here, and a reason where one
    is due.
    """

    rates: dict[str, list[Throughput]] = field(default_factory=dict)
    """By what was run, all rounds."""
    peers: dict[str, list[PeerRun]] = field(default_factory=dict)
    latencies: list[Latency] = field(default_factory=list)
    backlog: Backlog | None = None
    bad: BadRecords | None = None
    scale: list[Shared] = field(default_factory=list)
    not_measured: dict[str, str] = field(default_factory=dict)
    """Why, by section."""

    def add(self, name: str, run: Throughput | PeerRun, load: float, others: float) -> None:
        """Add a round, with how busy the machine was otherwise."""
        if isinstance(run, PeerRun):
            warm = replace(run.warm, load=load, others=others)
            self.peers.setdefault(name, []).append(replace(run, warm=warm))
        else:
            self.rates.setdefault(name, []).append(replace(run, load=load, others=others))

    def runs(self, name: str) -> list[Throughput]:
        """All rounds, of the peer when it was warm."""
        return [*self.rates.get(name, ()), *(each.warm for each in self.peers.get(name, ()))]

    def quiet_rounds(self, name: str) -> int:
        """The number of rounds that others hardly disturbed."""
        return sum(run.is_quiet for run in self.runs(name))

    def compared(self, name: str) -> list[Throughput]:
        """The rounds that medians are taken of: the quiet ones, or all if none was quiet."""
        runs = self.runs(name)
        return [run for run in runs if run.is_quiet] or runs

    def rate(self, name: str) -> float | None:
        """The median, in records per second."""
        return self._median(name, lambda run: run.records_per_second)

    def memory(self, name: str) -> float | None:
        """The median of the peaks, in megabytes."""
        return self._median(name, lambda run: run.peak_megabytes)

    def cpu(self, name: str) -> float | None:
        """The median of its own processes, in microseconds per record."""
        return self._median(name, lambda run: run.cpu_microseconds)

    def postgres_cpu(self, name: str) -> float | None:
        """The median of the server's processes, in microseconds per record."""
        return self._median(name, lambda run: run.postgres_microseconds)

    def both_cpu(self, name: str) -> float | None:
        """The median of its own and the server's together, in microseconds per record."""
        return self._median(name, lambda run: run.both_microseconds)

    def _median(self, name: str, figure: Callable[[Throughput], float | None]) -> float | None:
        found = [value for run in self.compared(name) if (value := figure(run)) is not None]
        return median(found) if found else None

    def latency(self, per_second: float) -> float | None:
        """The 99th percentile at this rate, in milliseconds; None where the machine did not come to
        the rate.
        """
        found = [
            each
            for each in self.latencies
            if each.wanted_per_second == per_second and each.kept_the_rate
        ]
        return found[-1].milliseconds.p99 if found else None


@dataclass(frozen=True)
class Target:
    """A figure that is to be reached: a ratio of two sides, or one side alone."""

    name: str
    side: float | None
    """What is compared; None: it was not measured."""
    bound: float | None
    """None: it is only reported."""
    at_least: bool = True
    """Otherwise at most."""
    other_side: float | None = None
    """What it is compared with."""
    is_ratio: bool = True
    unit: str = "/s"
    """Of the sides."""
    sections: Sequence[str] = ()
    """What must be run for it."""
    busy: bool = False
    """Whether a side has busy rounds alone."""

    @property
    def measured(self) -> float | None:
        """The ratio, or the side that stands alone; None if it is not known."""
        return ratio(self.side, self.other_side) if self.is_ratio else self.side

    @property
    def met(self) -> bool | None:
        """Whether it was reached; None if that is not known, or if there is nothing to reach."""
        if self.measured is None or self.bound is None:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    @property
    def result(self) -> str:
        """In one word, or two."""
        if self.measured is None:
            return "not measured"
        said = {True: "met", False: "missed", None: "–"}[self.met]
        return f"{said}, busy" if self.busy else said

    def cells(self) -> tuple[str, str, str, str, str]:
        """Its row: name, both sides, what was measured, what is to be reached, and the result."""
        unit = "×" if self.is_ratio else self.unit
        sides = f"{_number(self.side, self.unit)} ÷ {_number(self.other_side, self.unit)}"
        bound = "–"
        if self.bound is not None:
            bound = f"{'≥' if self.at_least else '≤'} {_number(self.bound, unit)}"
        return (
            self.name,
            sides if self.is_ratio else "",
            _number(self.measured, unit),
            bound,
            self.result,
        )


def ratio(above: float | None, below: float | None) -> float | None:
    """None if either is not known."""
    return None if above is None or not below else above / below


def targets(results: Results) -> list[Target]:
    """The figures to be reached, as far as one run can measure them."""
    found, backlog, bad = results, results.backlog, results.bad

    def compared(target: Target, one: str, other: str) -> Target:
        sections = tuple(dict.fromkeys((_SECTION_OF[one], _SECTION_OF[other])))
        busy = any(found.runs(name) and not found.quiet_rounds(name) for name in (one, other))
        return replace(target, sections=sections, busy=busy)

    def rates(name: str, one: str, other: str, bound: float | None) -> Target:
        target = Target(name, found.rate(one), bound, other_side=found.rate(other))
        return compared(target, one, other)

    def at_most(
        name: str,
        figure: Callable[[str], float | None],
        one: str,
        other: str,
        bound: float | None,
        unit: str = "µs",
    ) -> Target:
        target = Target(
            name, figure(one), bound, at_least=False, other_side=figure(other), unit=unit
        )
        return compared(target, one, other)

    def alone(name: str, side: float | None, bound: float, unit: str, section: str) -> Target:
        return Target(
            name, side, bound, at_least=False, is_ratio=False, unit=unit, sections=(section,)
        )

    return [
        at_most("CPU of consumer + Postgres ÷ floor's", found.both_cpu, ONE, FLOOR, 1.5),
        at_most("CPU of Postgres ÷ base's", found.postgres_cpu, ONE, BASE, 0.5),
        at_most(
            "CPU of Postgres ÷ base's, a decision on every comment",
            found.postgres_cpu,
            DECISIONS,
            BASE_DECISIONS,
            0.6,
        ),
        at_most("CPU of the consumer ÷ base's", found.cpu, ONE, BASE, 0.7),
        at_most(
            "CPU of the consumer ÷ base's, a decision on every comment",
            found.cpu,
            DECISIONS,
            BASE_DECISIONS,
            None,
        ),
        rates("one process ÷ base", ONE, BASE, None),
        rates("one process ÷ base, a decision on every comment", DECISIONS, BASE_DECISIONS, None),
        rates("one process ÷ floor", ONE, FLOOR, 0.55),
        rates("two processes ÷ floor", TWO, FLOOR, 0.75),
        rates("one process ÷ reading and validating only", ONE, READING, 0.8),
        rates("one process ÷ peer's default, 1 task", ONE, PEER_DEFAULT, 1.9),
        rates("one process ÷ peer's best, 1 task", ONE, PEER_BEST, 1.6),
        rates("two processes ÷ peer's best, 2 tasks", TWO, PEER_BEST_TWO, 1.8),
        rates("one process ÷ Quix, one process", ONE, QUIX, 4.0),
        at_most(
            "memory: one process ÷ peer's best, 1 task", found.memory, ONE, PEER_BEST, 0.25, "MB"
        ),
        at_most(
            "memory: two processes ÷ peer's best, 2 tasks",
            found.memory,
            TWO,
            PEER_BEST_TWO,
            0.25,
            "MB",
        ),
        alone(
            "event to row at 2,000/s, 99th percentile", found.latency(2_000), 150, "ms", "latency"
        ),
        alone(
            "event to row at 10,000/s, 99th percentile", found.latency(10_000), 400, "ms", "latency"
        ),
        alone(
            "memory before a backlog",
            backlog.peak_megabytes if backlog else None,
            220,
            "MB",
            "memory",
        ),
        Target(
            "a bad record in every batch ÷ none",
            median(bad.with_bad) if bad else None,
            0.9,
            other_side=median(bad.without) if bad else None,
            sections=("bad",),
        ),
        alone(
            "deadlocks",
            sum(each.deadlocks for each in results.scale) if results.scale else None,
            0,
            "",
            "scale",
        ),
    ]


def asked_for(found: Sequence[Target], only: Sequence[str] | None) -> list[Target]:
    """Those that were measured, or whose sections were all to be run; None: all sections were."""
    return [
        each
        for each in found
        if only is None or each.measured is not None or set(each.sections) <= set(only)
    ]


def _not_asked_for(left_out: int) -> str:
    return f"… and {left_out} not asked for."


def as_document(results: Results, about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything, for a file: ``about`` (machine, commit, options), the raw figures, the medians,
    the targets.
    """
    names = [*results.rates, *results.peers]
    return {
        **about,
        "raw": {name: _plain(value) for name, value in vars(results).items()},
        "medians": {
            name: {
                "records_per_second": results.rate(name),
                "peak_megabytes": results.memory(name),
                "cpu_microseconds": results.cpu(name),
                "postgres_microseconds": results.postgres_cpu(name),
                "quiet_rounds": results.quiet_rounds(name),
                "rounds": len(results.runs(name)),
            }
            for name in names
        },
        "targets": [
            asdict(each) | {"measured": each.measured, "met": each.met} for each in targets(results)
        ],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def print_report(console: Console, results: Results, about: Mapping[str, Any]) -> None:
    """The tables, the machine, and what was not measured."""
    if results.rates or results.peers:
        _print_rates(console, results)
        _print_rounds(console, results)
    if results.scale:
        _print_scale(console, results.scale)
    for latency in results.latencies:
        figures = latency.milliseconds
        console.print(
            f"Event to row at {latency.sent_per_second:,.0f} of {latency.wanted_per_second:,.0f}"
            f" events/s for {latency.seconds:.0f} s: p50 {figures.p50:.0f}, p95 {figures.p95:.0f},"
            f" p99 {figures.p99:.0f}, at most {figures.maximum:.0f} ms."
        )
    if (backlog := results.backlog) is not None:
        console.print(
            f"A backlog of {backlog.records:,}: {backlog.peak_megabytes:.0f} MB at most, "
            f"{backlog.records_per_second:,.0f} records/s."
        )
    if (bad := results.bad) is not None:
        console.print(
            f"{bad.dead_letters:,} bad records, in {bad.share_of_batches:.0%} of the batches: "
            f"{median(bad.with_bad):,.0f} records/s, without them {median(bad.without):,.0f}."
        )
    _print_targets(console, targets(results), about["options"].get("only"))
    for section, reason in results.not_measured.items():
        console.print(f"[bold red]Not measured: {section}.[/] {reason}")
    console.print(
        ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in about["machine"].items())
    )
    console.print(f"{about['workload']} × {about['options']['copies']}; commit {about['commit']}.")


def _print_rates(console: Console, results: Results) -> None:
    rows = []
    for name in _ORDER:
        runs = results.compared(name)
        if not runs:
            continue
        rates = [each.records_per_second for each in runs]
        rows.append(
            (
                name,
                f"{median(rates):,.0f}",
                f"{min(rates):,.0f}",
                f"{max(rates):,.0f}",
                _number(ratio(median(rates), results.rate(FLOOR)), "×"),
                _number(results.cpu(name), "µs"),
                _number(results.postgres_cpu(name), "µs"),
                _number(results.memory(name), "MB"),
                f"{results.quiet_rounds(name)} of {len(results.runs(name))}",
            )
        )
    columns: list[Column | str] = ["what", *right("records/s"), *right("from", "to", rank=3)]
    columns += [*right("÷ floor"), *right("CPU", "Postgres"), *right("memory", rank=1)]
    columns += right("quiet", rank=2)
    print_table(
        columns,
        rows,
        title="On the same events: medians of the quiet rounds (of all where none was)",
        out=console,
    )


def _print_rounds(console: Console, results: Results) -> None:
    rows = [
        (
            name if number == 1 else "",
            str(number),
            f"{run.records_per_second:,.0f}",
            _number(run.cpu_microseconds, "µs"),
            _number(run.postgres_microseconds, "µs"),
            "–" if run.load is None else f"{run.load:.2f}",
            "–" if run.others is None else f"{run.others:.0%}",
            "" if run.is_quiet else "busy",
        )
        for name in _ORDER
        for number, run in enumerate(results.runs(name), 1)
    ]
    columns: list[Column | str] = ["what", *right("round", "records/s", "CPU", "Postgres")]
    columns += [*right("load", "others"), ""]
    print_table(
        columns,
        rows,
        title=f"Every round; busy: other programs took more than {QUIET_SHARE:.0%} of the cores",
        out=console,
    )


def _print_scale(console: Console, runs: Sequence[Shared]) -> None:
    print_table(
        [
            *right("partitions a topic"),
            "hot article",
            *right("processes", "records/s"),
            *right("memory of all", "deadlocks", rank=1),
        ],
        [
            (
                str(each.partitions),
                "half of all" if each.hot_article else "none",
                str(each.processes),
                f"{each.records_per_second:,.0f}",
                _number(each.peak_megabytes, "MB"),
                str(each.deadlocks),
            )
            for each in runs
        ],
        title="Processes that share the partitions",
        out=console,
    )


def _print_targets(console: Console, found: Sequence[Target], only: Sequence[str] | None) -> None:
    styles = {True: "green", False: "red", None: "yellow"}
    shown = asked_for(found, only)
    print_table(
        [Column("figure", wraps=True), *right("both sides", "measured", "target"), "result"],
        [
            (*each.cells()[:-1], Text(each.result, "yellow" if each.busy else styles[each.met]))
            for each in shown
        ],
        title="To be reached",
        out=console,
    )
    if left_out := len(found) - len(shown):
        console.print(_not_asked_for(left_out), style="dim")


def as_markdown(document: Mapping[str, Any]) -> str:
    """The targets of a document (``as_document``, read from its file) as a table for
    docs/benchmarks.md, and below it the machine and what was not measured.
    """
    names = {each.name for each in fields(Target)}
    machine, options = document["machine"], document["options"]
    found = [
        Target(**{name: value for name, value in each.items() if name in names})
        for each in document["targets"]
    ]
    shown = asked_for(found, options.get("only"))
    left_out = len(found) - len(shown)
    lines = [
        "| figure | both sides | measured | to reach | |",
        "| --- | ---: | ---: | ---: | --- |",
        *(f"| {' | '.join(each.cells())} |" for each in shown),
        "",
        *([_not_asked_for(left_out), ""] if left_out else ()),
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gigabytes']} GB,"
        f" Postgres {machine['postgres']}, Kafka {machine['kafka']}, Python {machine['python']};"
        f" {document['workload']} × {options['copies']}, {options['rounds']} rounds; commit"
        f" {document['commit']}, base {options['base']}. Load before: {machine['load_before']}.",
        "",
        "Quiet rounds: "
        + "; ".join(
            f"{name} {each['quiet_rounds']} of {each['rounds']}"
            for name, each in document["medians"].items()
        )
        + ".",
        *(
            f"\nEvent to row at {each['sent_per_second']:,.0f} of"
            f" {each['wanted_per_second']:,.0f} events/s: p50 {each['milliseconds']['p50']:,.0f},"
            f" p99 {each['milliseconds']['p99']:,.0f} ms."
            for each in document["raw"]["latencies"]
        ),
        *(
            f"\nNot measured: {section}. {reason}"
            for section, reason in document["raw"]["not_measured"].items()
        ),
    ]
    return "\n".join(lines)


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "×":
        return f"{value:.2f} ×"
    # CPU per record is a few microseconds: one digit more.
    text = f"{value:,.1f}" if unit == "µs" else f"{value:,.0f}"
    return f"{text}/s" if unit == "/s" else f"{text} {unit}".strip()


def main() -> None:
    """Print the targets of a run as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.report")
    parser.add_argument("--markdown", type=Path, required=True, metavar="build/bench.json")
    document = json.loads(parser.parse_args().markdown.read_text(encoding="utf-8"))
    print(as_markdown(document))


if __name__ == "__main__":
    main()
