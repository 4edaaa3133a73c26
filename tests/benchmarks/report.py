"""What was measured against what was to be reached: pure, except for the tables that it prints."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.text import Text

from btl.cli.output import Column, print_table, right
from tests.benchmarks.bad import BadRecords
from tests.benchmarks.latency import Latency
from tests.benchmarks.memory import Backlog
from tests.benchmarks.peer import PeerRun
from tests.benchmarks.rates import Throughput
from tests.benchmarks.scale import Shared

FLOOR, READING = "floor", "reading"
ONE, TWO = "one process", "two processes"
PEER_DEFAULT, PEER_BEST, PEER_BEST_TWO = (
    "peer, default, 1 task",
    "peer, best, 1 task",
    "peer, best, 2 tasks",
)


@dataclass
class Results:
    """Everything that was measured; a section that was not has nothing here, and a reason where one
    is due.
    """

    rates: dict[str, list[Throughput]] = field(default_factory=dict)
    """By what was run, all rounds."""
    peers: dict[str, list[PeerRun]] = field(default_factory=dict)
    latency: Latency | None = None
    backlog: Backlog | None = None
    bad: BadRecords | None = None
    scale: list[Shared] = field(default_factory=list)
    not_measured: dict[str, str] = field(default_factory=dict)
    """Why, by section."""

    def runs(self, name: str) -> list[Throughput]:
        """All rounds, of the peer when it was warm."""
        return [*self.rates.get(name, ()), *(each.warm for each in self.peers.get(name, ()))]

    def rate(self, name: str) -> float | None:
        """The median, in records per second."""
        rates = [each.records_per_second for each in self.runs(name)]
        return median(rates) if rates else None

    def memory(self, name: str) -> float | None:
        """The median of the peaks, in megabytes."""
        peaks = [each.peak_megabytes for each in self.runs(name) if each.peak_megabytes is not None]
        return median(peaks) if peaks else None

    def cpu(self, name: str) -> float | None:
        """The median, in microseconds per record."""
        spent = [
            each.cpu_microseconds for each in self.runs(name) if each.cpu_microseconds is not None
        ]
        return median(spent) if spent else None


@dataclass(frozen=True)
class Target:
    """A figure that is to be reached."""

    name: str
    measured: float | None
    """None: it was not measured."""
    bound: float
    at_least: bool = True
    """Otherwise at most."""
    unit: str = "×"

    @property
    def met(self) -> bool | None:
        """Whether it was reached; None if that is not known."""
        if self.measured is None:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    @property
    def result(self) -> str:
        """In one word, or two."""
        return {True: "met", False: "missed", None: "not measured"}[self.met]


def ratio(above: float | None, below: float | None) -> float | None:
    """None if either is not known."""
    return None if above is None or not below else above / below


def targets(results: Results) -> list[Target]:
    """The ingest figures of the design, as far as one run can tell."""
    one, two = results.rate(ONE), results.rate(TWO)
    latency, backlog, bad = results.latency, results.backlog, results.bad
    return [
        Target("one process ÷ floor", ratio(one, results.rate(FLOOR)), 0.55),
        Target("one process ÷ reading and validating only", ratio(one, results.rate(READING)), 0.8),
        Target("one process ÷ peer's default, 1 task", ratio(one, results.rate(PEER_DEFAULT)), 2.5),
        Target("one process ÷ peer's best, 1 task", ratio(one, results.rate(PEER_BEST)), 1.0),
        Target(
            "two processes ÷ peer's best, 2 tasks", ratio(two, results.rate(PEER_BEST_TWO)), 1.0
        ),
        Target(
            "memory: one process ÷ peer's best, 1 task",
            ratio(results.memory(ONE), results.memory(PEER_BEST)),
            0.25,
            at_least=False,
        ),
        Target(
            "memory: two processes ÷ peer's best, 2 tasks",
            ratio(results.memory(TWO), results.memory(PEER_BEST_TWO)),
            0.25,
            at_least=False,
        ),
        Target(
            "event to row, 99th percentile",
            latency.milliseconds.p99 if latency else None,
            300,
            at_least=False,
            unit="ms",
        ),
        Target(
            "memory before a backlog",
            backlog.peak_megabytes if backlog else None,
            250,
            at_least=False,
            unit="MB",
        ),
        Target("a bad record in every batch ÷ none", bad.ratio if bad else None, 0.9),
        Target(
            "deadlocks",
            sum(each.deadlocks for each in results.scale) if results.scale else None,
            0,
            at_least=False,
            unit="",
        ),
    ]


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
            }
            for name in names
        },
        "targets": [asdict(each) | {"met": each.met} for each in targets(results)],
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
    if results.scale:
        _print_scale(console, results.scale)
    if (latency := results.latency) is not None:
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
    _print_targets(console, targets(results))
    for section, reason in results.not_measured.items():
        console.print(f"[bold red]Not measured: {section}.[/] {reason}")
    console.print(
        ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in about["machine"].items())
    )
    console.print(f"{about['workload']} × {about['options']['copies']}; commit {about['commit']}.")


def _print_rates(console: Console, results: Results) -> None:
    rows = []
    for name in (FLOOR, READING, ONE, TWO, PEER_DEFAULT, PEER_BEST, PEER_BEST_TWO):
        rates = [each.records_per_second for each in results.runs(name)]
        if not rates:
            continue
        rows.append(
            (
                name,
                f"{median(rates):,.0f}",
                f"{min(rates):,.0f}",
                f"{max(rates):,.0f}",
                _number(ratio(median(rates), results.rate(FLOOR)), "×"),
                _number(results.cpu(name), "µs"),
                _number(results.memory(name), "MB"),
                str(len(rates)),
            )
        )
    columns: list[Column | str] = ["what", *right("records/s"), *right("from", "to", rank=3)]
    columns += [*right("÷ floor"), *right("CPU each", "memory", rank=1), *right("rounds", rank=2)]
    print_table(columns, rows, title="On the same events: medians", out=console)


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


def _print_targets(console: Console, found: Sequence[Target]) -> None:
    print_table(
        [Column("figure", wraps=True), *right("measured", "target"), "result"],
        [
            (
                each.name,
                _number(each.measured, each.unit),
                f"{'≥' if each.at_least else '≤'} {_number(each.bound, each.unit)}",
                Text(each.result, {True: "green", False: "red", None: "yellow"}[each.met]),
            )
            for each in found
        ],
        title="To be reached",
        out=console,
    )


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{value:.2f} ×" if unit == "×" else f"{value:,.0f} {unit}".strip()
