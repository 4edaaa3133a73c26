"""What a piece of work in the database took, and how quiet the machine was meanwhile.

CPU time is compared rather than wall time: it hardly depends on what else runs.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg


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
    """CPU seconds of a process so far, to the microsecond where the system says."""
    with suppress(OSError):
        return int(Path(f"/proc/{process_id}/schedstat").read_bytes().split()[0]) / 1e9
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(process_id).cpu_times()
        return times.user + times.system
    return 0.0


class Meter:
    """Measures work by these sessions, on a server of this machine."""

    def __init__(self, *connections: psycopg.Connection) -> None:
        self._backends = [connection.info.backend_pid for connection in connections]
        self._postmaster = psutil.Process(psutil.Process(self._backends[0]).ppid())

    def spent(self, work: Callable[[], object]) -> Spent:
        """Do this work and return what it took."""
        load = os.getloadavg()[0]
        before, started = self._looked(), time.monotonic()
        work()
        wall, after = time.monotonic() - started, self._looked()
        cpu, server, mine, busy = (then - now for now, then in zip(before, after, strict=True))
        others = (busy - server - mine) / (wall * (os.cpu_count() or 1))
        return Spent(wall, cpu, max(0.0, server - cpu), load, min(1.0, max(0.0, others)))

    def _looked(self) -> Sequence[float]:
        """CPU seconds so far: of the sessions, the server, this process, and the machine."""
        times = psutil.cpu_times()._asdict()
        # Linux counts what guests use among `user` and `nice`, too.
        idle = ("idle", "iowait", "guest", "guest_nice")
        return (
            sum(map(backend_cpu, self._backends)),
            self._of_server(),
            time.process_time(),
            sum(value for name, value in times.items() if name not in idle),
        )

    def _of_server(self) -> float:
        ended = self._postmaster.cpu_times()
        return sum(backend_cpu(process.pid) for process in self._postmaster.children()) + float(
            ended.children_user + ended.children_system
        )
