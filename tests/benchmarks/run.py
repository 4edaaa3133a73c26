"""Measure the ingest: the floor, the parts and the whole path beside each other, on the same
events, and against an earlier commit and two peers.

Runs a stack of its own (.btl-bench, free ports, gone afterwards). Prints tables, and writes
build/bench.json with every raw figure. What is compared takes turns for some rounds, and
medians are taken: a machine is never quiet for long. The figures to be reached are ratios between
runs of one call; absolute ones say little about another machine.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import Outgoing
from btl.cli import output
from btl.stack.stack import Stack
from tests.benchmarks import (
    bad,
    base,
    flat,
    floor,
    latency,
    memory,
    path,
    peer,
    quix,
    reader,
    report,
    scale,
)
from tests.benchmarks.machine import ROOT, Others, commit, describe_machine
from tests.benchmarks.rates import Throughput
from tests.benchmarks.report import Results
from tests.benchmarks.services import Services
from tests.benchmarks.workload import Workload, load_workload, with_decisions

COMPARED = ("floor", "reading", "path", "base", "peer", "quix")
SECTIONS = (*COMPARED, "decisions", "latency", "memory", "bad", "scale")
OTHERS_SOFTWARE = {"base", "peer", "quix"}
"""Sections that need the network, or the history: they may be absent."""
RATES = (2_000.0, 10_000.0)
_ATTEMPTS = 3
"""With --quiet: how many times as many rounds are run at most."""


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options. Exits with status 2 for a section that there is not, and for a commit that was
    named and is not in this clone.
    """
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument(
        "--only", default=",".join(SECTIONS), metavar="A,B", help=f"of {', '.join(SECTIONS)}"
    )
    parser.add_argument(
        "--copies", type=int, default=4, help="how many copies of the events are compared with"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each of the compared is run"
    )
    parser.add_argument(
        "--quiet",
        action="store_true",
        help=(
            "repeat rounds in which other programs took more than a tenth of the cores, until each"
            f" of the compared has as many quiet ones; at most {_ATTEMPTS} times as many are run"
        ),
    )
    parser.add_argument(
        "--base",
        metavar="COMMIT",
        help=(
            f"the earlier commit that is compared with, {base.COMMIT} by default; one that is named"
            " must be in this clone"
        ),
    )
    parser.add_argument(
        "--rate",
        type=float,
        action="append",
        default=None,
        help="events per second for the latency, 2,000 and 10,000 by default; may be repeated",
    )
    parser.add_argument(
        "--seconds", type=float, default=30, help="how long the latency is measured"
    )
    parser.add_argument(
        "--backlog", type=int, default=1_000_000, help="how many records lie before one consumer"
    )
    parser.add_argument(
        "--shared-copies",
        type=int,
        default=2,
        help="copies that several processes share; and for bad records",
    )
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=(
            "another setting for the peer at its best, such as use.reduction.buffer=true; may be"
            " repeated"
        ),
    )
    options = parser.parse_args(arguments)
    if any("=" not in each for each in options.peer):
        parser.error("--peer takes NAME=VALUE")
    if options.base is not None:
        try:
            base.require(options.base)
        except BelowTheLineError as error:
            parser.error(f"--base: {error}")
    options.base = options.base or base.COMMIT
    options.rate = options.rate or list(RATES)
    options.only = [each for each in options.only.split(",") if each]
    if unknown := sorted(set(options.only) - set(SECTIONS)):
        parser.error(f"no section {', '.join(unknown)}: choose from {', '.join(SECTIONS)}")
    return options


class _Step(NamedTuple):
    """One of the compared, and how it is run once."""

    section: str
    name: str
    measure: Callable[[], Throughput | peer.PeerRun]


class Benchmark:
    """The sections, on running services."""

    def __init__(self, services: Services, workload: Workload, options: argparse.Namespace) -> None:
        self._services = services
        self._workload = workload
        self._options = options
        self.results = Results()

    @contextmanager
    def _section(self, name: str) -> Iterator[None]:
        """A failure is stated in the report; the other sections are measured all the same."""
        try:
            yield
        except (AssertionError, BelowTheLineError, ValueError) as error:
            self.results.not_measured[name] = (
                " ".join(str(error).split())[:600] or type(error).__name__
            )

    def _shared(self) -> Iterator[Outgoing]:
        return self._workload.copies(self._options.shared_copies)

    def run(self) -> None:
        """All sections that were asked for."""
        asked, results, services = set(self._options.only), self.results, self._services
        before: base.Base | None = None
        if asked & {"base", "decisions"}:
            with self._section("base"):
                services.say(f"Installing commit {self._options.base} …")
                before = base.prepare(services, self._options.base, services.logs / "base")
        if asked & set(COMPARED):
            with self._section("comparison"):
                self._compare(asked, before)
        if "decisions" in asked:
            with self._section("decisions"):
                self._decisions(before)
        if "latency" in asked:
            for rate in self._options.rate:
                services.say(f"Latency at {rate:,.0f} events/s …")
                with self._section("latency"):
                    results.latencies.append(
                        latency.measure(services, self._endless(), rate, self._options.seconds)
                    )
        if "memory" in asked:
            services.say(f"Memory before a backlog of {self._options.backlog:,} …")
            with self._section("memory"):
                results.backlog = memory.measure(
                    services, islice(self._endless(), self._options.backlog)
                )
        if "bad" in asked:
            services.say("Bad records …")
            with self._section("bad"):
                results.bad = bad.measure(services, self._shared, self._options.rounds)
        if "scale" in asked:
            with self._section("scale"):
                for each in scale.measure(services, self._shared):
                    results.scale.append(each)

    def _endless(self) -> Iterator[Outgoing]:
        return self._workload.copies(sys.maxsize)

    def _compare(self, asked: set[str], before: base.Base | None) -> None:
        services, copies = self._services, self._options.copies
        services.say(f"Filling the topics with {copies * len(self._workload.events):,} records …")
        load = services.fill("main", self._workload.copies(copies))
        steps: list[_Step] = []
        if "floor" in asked:
            with self._section("floor"):
                services.say("Preparing the floor's rows …")
                batches = floor.prepare(services, load)
                steps.append(_Step("floor", report.FLOOR, lambda: floor.measure(services, batches)))
        if "reading" in asked:
            steps.append(_Step("reading", report.READING, lambda: reader.measure(services, load)))
        if "path" in asked:
            steps += [
                _Step("path", report.ONE, lambda: path.measure(services, load, 1)),
                _Step("path", report.TWO, lambda: path.measure(services, load, 2)),
            ]
        if "base" in asked and before:
            steps.append(_Step("base", report.BASE, lambda: before.measure(services, load)))
        if asked & {"peer", "quix"}:
            services.say("Flattening the events for the peers …")
            flattened = flat.prepare(services, self._workload.copies(copies))
            steps += self._peers(asked, flattened)
        self._take_turns(steps)
        services.remove(load)

    def _peers(self, asked: set[str], load: flat.FlatLoad) -> Iterator[_Step]:
        services = self._services
        if "peer" in asked:
            with self._section("peer"):
                peer.prepare(services)
                best = {**peer.BEST, **dict(each.split("=", 1) for each in self._options.peer)}
                for name, settings, tasks in (
                    (report.PEER_DEFAULT, peer.DEFAULT, 1),
                    (report.PEER_BEST, best, 1),
                    (report.PEER_BEST_TWO, best, 2),
                ):
                    yield _Step(
                        "peer", name, partial(peer.measure, services, load, settings, tasks)
                    )
        if "quix" in asked:
            with self._section("quix"):
                services.say("Installing Quix Streams …")
                python = quix.prepare(services.logs / "quix")
                yield _Step("quix", report.QUIX, lambda: quix.measure(services, load, python))

    def _decisions(self, before: base.Base | None) -> None:
        services = self._services
        services.say("Filling the topics with a decision on every comment …")
        load = services.fill("decisions", with_decisions(self._shared()))
        steps = [_Step("decisions", report.DECISIONS, lambda: path.measure(services, load, 1))]
        if before:
            steps.append(
                _Step("base", report.BASE_DECISIONS, lambda: before.measure(services, load))
            )
        self._take_turns(steps)
        services.remove(load)

    def _take_turns(self, steps: Sequence[_Step]) -> None:
        """Run each of these once in every round; with --quiet some more often."""
        results, services, wanted = self.results, self._services, self._options.rounds
        for number in range(wanted * _ATTEMPTS if self._options.quiet else wanted):
            for step in steps:
                if step.section in results.not_measured or (
                    number >= wanted and results.quiet_rounds(step.name) >= wanted
                ):
                    continue
                services.say(f"Round {number + 1} of {wanted}: {step.name} …")
                with self._section(step.section):
                    with Others(services.processes()) as others:
                        run = step.measure()
                    results.add(step.name, run, others.load, others.share)


def main() -> int:
    """Run the benchmark. Exit status 1 if a section failed that needs nothing of others."""
    options = parse(sys.argv[1:])
    console, progress = output.console(), output.console(stderr=True)
    stack = Stack(
        ROOT / ".btl-bench",
        {name: value for name, value in os.environ.items() if not name.startswith("BTL_")},
    )
    # SIGTERM, too, stops the stack: as an exception it passes through `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.time()
    try:
        progress.print("Starting a stack: Postgres and Kafka …")
        stack.down()
        stack.reset()
        stack.up(without=["airflow", "consumer"], automatic_ports=True)
        with TemporaryDirectory(prefix="btl-bench-") as folder:
            services = Services(stack, Path(folder), progress.print)
            about = {
                "at": started,
                "commit": commit(),
                "machine": describe_machine(services.postgres_version()),
            }
            services.say("Reading the events …")
            workload = load_workload()
            about |= {"workload": workload.name, "options": vars(options)}
            benchmark = Benchmark(services, workload, options)
            try:
                benchmark.run()
            finally:
                # What was measured before an interruption is not lost.
                write(ROOT / "build" / "bench.json", report.as_document(benchmark.results, about))
            about["took_seconds"] = time.time() - started
            write(ROOT / "build" / "bench.json", report.as_document(benchmark.results, about))
            report.print_report(console, benchmark.results, about)
    except BelowTheLineError as error:
        progress.print(f"Not measured: {error}", style="red")
        return 1
    finally:
        stack.down()
        stack.reset()
    return 1 if benchmark.results.not_measured.keys() - OTHERS_SOFTWARE else 0


def write(target: Path, document: Mapping[str, Any]) -> None:
    """Write a document as JSON; its folder is made."""
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
