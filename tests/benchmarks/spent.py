"""What a piece of work in the database took, and how quiet the machine was meanwhile.

CPU time is compared rather than wall time: it hardly depends on what else runs.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from tests.benchmarks.machine import Others, spent_seconds


@dataclass(frozen=True)
class Spent:
    """Times in seconds."""

    wall: float
    cpu: float
    """Of the sessions' own processes in the server."""
    rest_of_server_cpu: float
    """Of all other processes of the server: writers, checkpoints, autovacuum, parallel workers."""
    load_before: float
    """Processes that wanted to run, in the minute before."""
    others: float
    """Share of the machine's cores that neither the server nor this process used: 0 to 1."""


def backend_cpu(process_id: int) -> float:
    """Return the CPU seconds of a process so far, exactly where the system says them exactly."""
    with suppress(OSError):
        return int(Path(f"/proc/{process_id}/schedstat").read_bytes().split()[0]) / 1e9
    times = psutil.Process(process_id).cpu_times()
    return float(times.user + times.system)


class Meter:
    """Measures work by these sessions, on a server of this machine."""

    def __init__(self, *connections: psycopg.Connection) -> None:
        self._backends = [connection.info.backend_pid for connection in connections]
        self._postmaster = psutil.Process(self._backends[0]).ppid()

    def spent(self, work: Callable[[], object]) -> Spent:
        """Do this work and return what it took."""
        with Others([self._postmaster, os.getpid()]) as others:
            cpu, server, started = self._cpu(), spent_seconds(self._postmaster), time.monotonic()
            work()
            wall, cpu = time.monotonic() - started, self._cpu() - cpu
            server = spent_seconds(self._postmaster) - server
        return Spent(wall, cpu, max(0.0, server - cpu), others.load, others.share)

    def _cpu(self) -> float:
        return sum(map(backend_cpu, self._backends))
