"""The machine that figures were taken on: what it is, what processes take of it, and what others
take.
"""

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
from tests.benchmarks.rates import Throughput, Window, at, throughput

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


def spent_seconds(root: int) -> float:
    """Return the CPU time that a process and all below it have spent, in seconds; those that have
    ended are included.
    """
    tree = [root]
    for process_id in tree:
        tree += _children(process_id)
    # The youngest first: what one that ends meanwhile has spent is then found at its parent.
    return sum(map(_own_and_of_ended_children, reversed(tree)))


def _children(process_id: int) -> list[int]:
    # The kernel's own list where there is one: psutil reads all processes of the machine.
    listed = Path(f"/proc/{process_id}/task/{process_id}/children")
    with suppress(OSError):
        return [int(each) for each in listed.read_text(encoding="ascii").split()]
    with suppress(psutil.NoSuchProcess):
        return [each.pid for each in psutil.Process(process_id).children()]
    return []


def _own_and_of_ended_children(process_id: int) -> float:
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(process_id).cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


class Others:
    """How busy everything else keeps the machine while the block lasts: processes that are not
    below one of ``roots``, and other guests of the same host.
    """

    load = 0.0
    """Average number of processes that wanted to run in the last minute, at the beginning."""
    share = 0.0
    """Of the time of all cores, 0 to 1."""

    def __init__(self, roots: Iterable[int]) -> None:
        self._roots = tuple(roots)

    def _spent(self) -> tuple[float, float]:
        all_cores = psutil.cpu_times()
        # Guests' time is part of the user time; platforms differ in what else they count.
        busy = sum(
            getattr(all_cores, name, 0.0)
            for name in ("user", "nice", "system", "irq", "softirq", "steal")
        )
        return time.monotonic(), busy - sum(map(spent_seconds, self._roots))

    def __enter__(self) -> "Others":
        self.load = os.getloadavg()[0]
        self._begin = self._spent()
        return self

    def __exit__(self, *_: object) -> None:
        (began, before), (ended, after) = self._begin, self._spent()
        cores = os.cpu_count() or 1
        # Two clocks of the kernel, which differ a little.
        self.share = max(0.0, (after - before) / (ended - began) / cores)


class Usage:
    """Looks ten times a second at what processes take of memory and of the cores, and what Postgres
    takes of the cores, while the block lasts.
    """

    def __init__(self, process_ids: Iterable[int], postmaster: int | None = None) -> None:
        self._processes = [psutil.Process(process_id) for process_id in process_ids]
        self._postmaster = postmaster
        self._stop = threading.Event()
        self.peak_megabytes = 0.0
        """Resident, of all together."""
        self._own: list[tuple[float, float]] = []
        self._postgres: list[tuple[float, float]] = []
        self._thread = threading.Thread(target=self._sample_until_stopped)

    def _sample_until_stopped(self) -> None:
        while not self._stop.wait(0.1):
            self._sample()

    def _sample(self) -> None:
        if self._postmaster is not None:
            # Halfway through: reading takes a while where cores are busy.
            begun, spent = time.time(), spent_seconds(self._postmaster)
            self._postgres.append(((begun + time.time()) / 2, spent))
        with suppress(psutil.NoSuchProcess):
            resident = sum(process.memory_info().rss for process in self._processes)
            times = [process.cpu_times() for process in self._processes]
            self.peak_megabytes = max(self.peak_megabytes, resident / 1e6)
            self._own.append((time.time(), sum(each.user + each.system for each in times)))

    def cpu_seconds(self, begin: float, end: float) -> float:
        """Return what the processes spent between two times (seconds since 1970)."""
        return at(self._own, end) - at(self._own, begin)

    def postgres_seconds(self, begin: float, end: float) -> float | None:
        """Return what the server spent between two times, all its processes together."""
        if self._postmaster is None:
            return None
        return at(self._postgres, end) - at(self._postgres, begin)

    def throughput(self, found: Window) -> Throughput:
        """The rate in a window, with what it took."""
        return throughput(
            found,
            self.peak_megabytes,
            self.cpu_seconds(found.begin, found.end),
            self.postgres_seconds(found.begin, found.end),
        )

    def __enter__(self) -> "Usage":
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()
