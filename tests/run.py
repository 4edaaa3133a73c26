"""Run the tests against stacks of their own: their folders are .btl-test…, their ports are free
ones, both are gone afterwards.

The whole suite is shared by two processes, each with a stack that it may stop and break. Arguments
go to pytest, in one process. A demo that runs beside it is not disturbed.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from below_the_line.errors import BelowTheLineError
from btl.stack.stack import Stack

ROOT = Path(__file__).resolve().parent.parent
PASSED_ON = ("BTL_TEST_EXPORT", "BTL_PROVE", "BTL_PROVE_SEED")


WORKERS = 2
"""Processes that share the whole suite: much of it waits for servers that were stopped, paused or
cut off.
"""


def main() -> int:
    """Exit status of pytest, or 1 when a stack does not start."""
    console = Console(stderr=True, highlight=False)
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BTL_")}
    arguments = sys.argv[1:]
    # Some tests, or proofs under load, run one after the other.
    workers = 1 if arguments else WORKERS
    stacks = [
        Stack(ROOT / (".btl-test" if number == 0 else f".btl-test-{number}"), inherited)
        for number in range(workers)
    ]
    # SIGTERM, too, stops the stacks: as an exception it passes through `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        console.print(
            "Starting the test stack: Postgres and Kafka …"
            + (f" ({workers} of each)" if workers > 1 else "")
        )
        environments = [_started(stack) for stack in stacks]
        if workers > 1:
            arguments = ["--numprocesses", str(workers)]
            passed_on["BTL_TEST_STACKS"] = json.dumps(environments)
        return subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=ROOT,
            env=inherited | passed_on | environments[0],
            check=False,
        ).returncode
    except BelowTheLineError as error:
        console.print(f"The test stack did not start: {error}", style="red")
        return 1
    finally:
        for stack in stacks:
            stack.down()
            stack.reset()


def _started(stack: Stack) -> dict[str, str]:
    """The variables by which tests find a stack, which begins empty."""
    stack.down()
    stack.reset()
    stack.up(without=["airflow", "consumer"], automatic_ports=True)
    return {
        "BTL_TEST_HOME": str(stack.layout.home),
        "BTL_TEST_DATABASE_URL": stack.database_url("postgres"),
        "BTL_TEST_KAFKA_BOOTSTRAP": stack.environment()["BTL_KAFKA_BOOTSTRAP"],
    }


if __name__ == "__main__":
    sys.exit(main())
