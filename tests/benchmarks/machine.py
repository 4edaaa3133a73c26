"""The machine that figures were taken on, and how much memory processes take."""

import os
import platform
import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from btl.stack import kafka
from tests.benchmarks.rates import Throughput, Window, throughput

ROOT = Path(__file__).resolve().parents[2]


def describe_machine(postgres_version: str) -> dict[str, Any]:
    """Facts about the machine that explain the figures."""
    return {
        "cores": os.cpu_count(),
        "memory_gigabytes": round(psutil.virtual_memory().total / 2**30),
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgres": postgres_version,
        "kafka": kafka.VERSION,
        "load_before": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """The commit that is measured, with ``+changes`` if the work tree differs from it; ``unknown``
    outside a repository.
    """
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+changes", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


class Usage:
    """Looks ten times a second at what processes take of memory and of the cores, while the block
    lasts.
    """

    def __init__(self, process_ids: Iterable[int]) -> None:
        self._processes = [psutil.Process(process_id) for process_id in process_ids]
        self._stop = threading.Event()
        self.peak_megabytes = 0.0
        """Resident, of all together."""
        self._spent: list[tuple[float, float]] = []
        self._thread = threading.Thread(target=self._sample)

    def _sample(self) -> None:
        while not self._stop.wait(0.1):
            with suppress(psutil.NoSuchProcess):
                resident = sum(process.memory_info().rss for process in self._processes)
                times = [process.cpu_times() for process in self._processes]
                self.peak_megabytes = max(self.peak_megabytes, resident / 1e6)
                self._spent.append((time.time(), sum(each.user + each.system for each in times)))

    def cpu_seconds(self, begin: float, end: float) -> float:
        """Spent between these two times (seconds since 1970), as exact as the samples are dense."""
        inside = [spent for at, spent in self._spent if begin <= at <= end]
        return inside[-1] - inside[0] if inside else 0.0

    def throughput(self, found: Window) -> Throughput:
        """The rate in a window, with what it took."""
        return throughput(found, self.peak_megabytes, self.cpu_seconds(found.begin, found.end))

    def __enter__(self) -> "Usage":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
