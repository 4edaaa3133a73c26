"""Measure ``btl archive import``: from the file to the topics, and the memory that it takes.

``python -m tests.benchmarks.archive`` starts a broker of its own (.btl-bench-archive, free ports,
gone afterwards), writes made-up exports of a million comments (``--comments``) as CSV and as
Disqus' XML, imports each with the command, prints what it took, and writes
build/bench-archive.json. The rate counts everything: reading, checking, sorting, the survey and
sending. Memory is the greatest sum of what the command's processes have for themselves, where
pages that several share count once (PSS). The broker shares the cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from btl.cli import output
from btl.cli.output import print_table, right
from btl.stack.stack import Stack
from tests.benchmarks.machine import ROOT, commit, describe_machine
from tests.benchmarks.made_up_archive import write_disqus, write_tables

COMMENTS = 1_000_000
MIN_RATES = {"csv": 25_000, "xml": 10_000}
"""The targets: comments a second."""
MAX_MEGABYTES = 300.0
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Figures:
    """One import."""

    kind: str
    comments: int
    megabytes_read: float
    seconds: float
    cpu_seconds: float
    """Of the command's processes, without the broker's."""
    peak_megabytes: float
    load_before: float

    @property
    def per_second(self) -> float:
        """Comments a second, all in all."""
        return self.comments / self.seconds


class _Memory(threading.Thread):
    """Looks at the memory of a process and of its children until it has ended."""

    def __init__(self, process_id: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(process_id)
        self._ended = threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            total = 0
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                for each in (self._root, *self._root.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                        total += each.memory_full_info().pss
            self.peak_bytes = max(self.peak_bytes, total)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def measure(
    kind: str, arguments: Sequence[str], environment: Mapping[str, str], comments: int, size: int
) -> Figures:
    """Import once."""
    load, cpu = os.getloadavg()[0], os.times()
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "btl", "archive", "import", *arguments, "--json"],
        env=dict(environment),
        stdout=subprocess.DEVNULL,
    )
    memory = _Memory(process.pid)
    memory.start()
    status = process.wait()
    seconds = time.monotonic() - started
    memory.stop()
    if status != 0:
        raise SystemExit(f"The import of {kind} ended with status {status}.")
    after = os.times()
    spent = after.children_user + after.children_system - cpu.children_user - cpu.children_system
    return Figures(
        kind,
        comments,
        size / 1_000_000,
        round(seconds, 2),
        round(spent, 2),
        round(memory.peak_bytes / 1_000_000, 1),
        round(load, 2),
    )


def main() -> int:
    """Run it on a broker of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.archive", description=__doc__)
    parser.add_argument("--comments", type=int, default=COMMENTS, help="comments of each export")
    parser.add_argument(
        "--only", choices=sorted(MIN_RATES), help="one of the two kinds of export", default=None
    )
    options = parser.parse_args()
    console = output.console()
    plain = {name: value for name, value in os.environ.items() if not name.startswith("BTL_")}
    stack = Stack(ROOT / ".btl-bench-archive", plain)
    figures = []
    report = ROOT / "build" / "bench-archive.json"
    report.parent.mkdir(exist_ok=True)
    try:
        stack.reset()
        stack.up(without=["airflow", "consumer"], automatic_ports=True)
        environment = {
            **plain,
            "BTL_KAFKA_BOOTSTRAP": stack.environment()["BTL_KAFKA_BOOTSTRAP"],
        }
        with tempfile.TemporaryDirectory(dir=report.parent) as folder:
            for kind in MIN_RATES if options.only is None else [options.only]:
                console.print(f"{options.comments:,} comments as {kind} …")
                arguments, size = _write(kind, Path(folder), options.comments)
                figures.append(measure(kind, arguments, environment, options.comments, size))
    finally:
        stack.down()
        stack.reset()
    _show(figures)
    report.write_text(
        json.dumps(
            {
                "machine": describe_machine("not used"),
                "commit": commit(),
                "figures": [asdict(each) for each in figures],
            },
            indent=2,
        )
    )
    console.print(f"Everything: {report.relative_to(ROOT)}")
    return 0


def _write(kind: str, folder: Path, comments: int) -> tuple[Sequence[str], int]:
    if kind == "xml":
        path = write_disqus(folder, comments)
        return [str(path)], path.stat().st_size
    articles, rows, mapping = write_tables(folder, comments)
    arguments = ["--articles", str(articles), "--comments", str(rows), "--mapping", str(mapping)]
    return arguments, articles.stat().st_size + rows.stat().st_size


def _show(figures: Sequence[Figures]) -> None:
    print_table(
        [
            "export",
            *right("comments", "MB", "seconds", "per second", "to reach"),
            *right("CPU µs", "peak MB", "to reach", "load before"),
        ],
        [
            (
                each.kind,
                each.comments,
                f"{each.megabytes_read:,.0f}",
                f"{each.seconds:,.1f}",
                f"{each.per_second:,.0f}",
                f"≥ {MIN_RATES[each.kind]:,}",
                f"{each.cpu_seconds / each.comments * 1e6:.1f}",
                f"{each.peak_megabytes:,.0f}",
                f"≤ {MAX_MEGABYTES:,.0f}",
                f"{each.load_before}",
            )
            for each in figures
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
