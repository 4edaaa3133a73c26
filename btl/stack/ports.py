"""Ports of the local stack: defaults, the remembered choice, and the process on a taken port."""

import errno
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from below_the_line.errors import BelowTheLineError

HOST = "127.0.0.1"

# All are below 32768, where Linux begins to assign ports to outgoing connections.
DEFAULTS: Mapping[str, int] = {
    "postgres": 25432,
    "kafka": 29092,
    "kafka_controller": 29093,
    "airflow": 28080,
    "consumer": 28100,
}
"""``consumer`` is where the first consumer answers /metrics; the others use the ports after it."""
_FIRST, _LAST = 20_000, 32_000


def variable(port: str) -> str:
    """Return the name of the setting that chooses this port."""
    name = "consumer" if port.startswith("consumer") else port
    return f"BTL_{name.upper()}_PORT"


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Without this, a port whose last connections are still closing would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
                return False
            raise
    return True


def choose(
    home: Path,
    *,
    explicit: Mapping[str, int],
    remembered: Mapping[str, int],
    automatic: bool,
    usable: Callable[[int], bool] = is_free,
) -> dict[str, int]:
    """Return a port for each name of DEFAULTS.

    An explicit port comes before the one remembered from the last start, and that before the
    default. ``automatic`` looks for a free port instead of the default, and instead of a remembered
    one that is not ``usable`` any more. Where it looks first depends on the home, so that stacks
    that start at the same time rarely choose the same port.
    """
    chosen = dict(explicit)
    if not automatic:
        return {
            name: chosen.get(name) or remembered.get(name) or default
            for name, default in DEFAULTS.items()
        }
    taken = set(chosen.values())
    promised = set(remembered.values())
    candidate = _FIRST + zlib.crc32(str(home).encode()) % (_LAST - _FIRST)
    for name in DEFAULTS:
        if name in chosen:
            continue
        port = remembered.get(name)
        if port is None or port in taken or not usable(port):
            port = None
            while port is None or port in taken | promised or not usable(port):
                candidate = candidate + 1 if candidate < _LAST else _FIRST
                port = candidate
        chosen[name] = port
        taken.add(port)
    return chosen


def holder(port: int) -> psutil.Process | None:
    """Return the process that listens on this port, or None if it cannot be seen from here."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        if (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr[1:] == (port,)
            and connection.pid
        ):
            try:
                return psutil.Process(connection.pid)
            except psutil.NoSuchProcess:
                return None
    return None


def released(port: int, seconds: float = 5) -> bool:
    """Return whether this port is free, after waiting up to ``seconds`` for a dying process.

    A dying process loses its sockets last.
    """
    deadline = time.monotonic() + seconds
    while not is_free(port):
        process = holder(port)
        try:
            alive = process is not None and process.memory_info().vms > 0
        except psutil.Error:
            alive = False
        if alive or time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def taken(name: str, port: int) -> BelowTheLineError:
    """Return the error for a port that another process holds."""
    by = "another process"
    process = holder(port)
    if process is not None:
        try:
            by = f"{process.name()} (process {process.pid})"
            stack = process.environ().get("BTL_STACK")
            if stack:
                by += f" of the stack in {stack}"
        except psutil.Error:
            pass
    elif port < 1024:
        by = "the system: ports below 1024 are for root, or"
        by += " another process"
    return BelowTheLineError(
        f"Port {port} for {name.replace('_', ' ')} is taken by {by}.",
        f"Set {variable(name)} to another port, or let `btl up --ports auto` choose free ones.",
    )
