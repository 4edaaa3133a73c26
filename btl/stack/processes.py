"""Find and stop the processes of one stack, whatever their parent process is by now."""

import os
from collections.abc import Sequence

import psutil
from psutil import Process

from btl.stack.layout import Layout
from btl.stack.parts import PART_MARK, STACK_MARK


def belonging(layout: Layout, part: str | None = None, data: str | None = None) -> list[Process]:
    """Return the live processes of this stack, or of one part, without the calling process and its
    ancestors.

    The mark in their environment identifies them. Postgres overwrites its environment; its data
    folder, where it works, identifies it.
    """
    home, data = str(layout.home), data or (str(layout.postgres_data) if part is None else None)
    own = {os.getpid(), *(parent.pid for parent in Process().parents())}
    found = []
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if data is not None and process.name().startswith("postgres") and process.cwd() == data:
                found.append(process)
                continue
            environment = process.environ()
        except (psutil.Error, OSError):
            continue  # another user's, or just ended
        if environment.get(STACK_MARK) == home and part in (None, environment.get(PART_MARK)):
            found.append(process)
    return found


def stop(processes: Sequence[Process], grace: float) -> list[Process]:
    """Send TERM to the processes, and KILL to those left after ``grace`` seconds. Return those that
    survive.

    Each is identified by process id and start time, so that another process with a reused id is
    left alone.
    """
    for kill in (False, True):
        for process in processes:
            try:
                process.kill() if kill else process.terminate()
            except psutil.Error:
                continue
        _, processes = psutil.wait_procs(processes, timeout=5 if kill else grace)
        processes = [process for process in processes if not _is_zombie(process)]
        if not processes:
            break
    return list(processes)


def _is_zombie(process: Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def exists(pid: int) -> bool:
    """Return whether a process with this id runs."""
    try:
        return not _is_zombie(Process(pid))
    except psutil.NoSuchProcess:
        return False
