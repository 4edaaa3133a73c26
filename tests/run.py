"""Run the tests on stacks of their own, with free ports; all of it is gone afterwards.

Several processes share the whole suite. Each has a stack that its tests may stop and break; a stack
of the user beside them is not disturbed. ``make check`` runs at the same time, and its result
counts. Arguments go to pytest, in one process and without the check.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from below_the_line.errors import BelowTheLineError
from tests import stacks

T = TypeVar("T")

WORKERS = 3
"""Number of processes that share the whole suite, one more than CI has cores: many tests wait for
servers that were stopped, paused or cut off.
"""
_PASSED_ON = ("BTL_TEST_EXPORT", "BTL_PROVE", "BTL_PROVE_SEED")


def main() -> int:
    """Return the exit status of pytest, or 1 if a stack does not start or the check fails."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    arguments = sys.argv[1:]
    # Some tests, or proofs under load, run one after the other.
    workers = 1 if arguments else WORKERS
    homes = [
        stacks.ROOT / (".btl-test" if number == 0 else f".btl-test-{number}")
        for number in range(workers)
    ]
    # SIGTERM stops the stacks, too: as an exception it passes through `with`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as at_the_end:
        at_the_end.callback(_at_once, stacks.stop, homes)
        check = None if arguments else _Check(console)
        if check:
            at_the_end.callback(check.stop)
        console.print(
            "Starting the test stack: Postgres and Kafka …"
            + (f" ({workers} of each)" if workers > 1 else "")
        )
        try:
            _at_once(stacks.stop, homes)
            environments = _at_once(stacks.start, homes)
        except BelowTheLineError as error:
            console.print(f"The test stack did not start: {error}", style="red")
            return 1
        if workers > 1:
            arguments = ["--numprocesses", str(workers)]
        # Tests start hundreds of processes: what one of them compiles is loaded by the others.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        status = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=stacks.ROOT,
            env=stacks.surroundings()
            | {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            | ({"BTL_TEST_STACKS": json.dumps(environments)} if workers > 1 else {})
            | environments[0],
            check=False,
        ).returncode
        if check and not check.passed():
            console.print("`make check` failed; what it printed is above.", style="red")
            return status or 1
        return status


def _at_once(do: Callable[[Path], T], homes: Iterable[Path]) -> list[T]:
    """Return what ``do`` returns for each home; it runs for all at the same time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(do, homes))


class _Check:
    """``make check`` beside the tests. It prints when it has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._process = subprocess.Popen(
            ["make", "--no-print-directory", "check"],
            cwd=stacks.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reporter = threading.Thread(target=self._report)
        self._reporter.start()

    def _report(self) -> None:
        printed, _ = self._process.communicate()
        if self._process.returncode == 0:
            self._console.print("\n`make check` passed.")
        elif self._process.returncode > 0:
            self._console.print(f"\n{printed}\n`make check` failed.", markup=False, style="red")

    def passed(self) -> bool:
        """Wait for the end; returns whether all checks passed."""
        self._reporter.join()
        return self._process.returncode == 0

    def stop(self) -> None:
        """End the check if it still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        self._reporter.join()


if __name__ == "__main__":
    sys.exit(main())
