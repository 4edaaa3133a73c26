"""Run the tests against a stack of their own: its folder is .btl-test, its ports are free ones, and it is gone afterwards.

Arguments go to pytest. A demo that runs beside it is not disturbed.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from below_the_line.errors import BelowTheLineError
from below_the_line.local.stack import Stack

ROOT = Path(__file__).resolve().parent.parent
PASSED_ON = ("BTL_TEST_EXPORT", "BTL_PROVE", "BTL_PROVE_SEED")


def main() -> int:
    """Exit status of pytest, or 1 when the stack does not start."""
    console = Console(stderr=True, highlight=False)
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BTL_")}
    home = ROOT / ".btl-test"
    stack = Stack(home, inherited)
    # SIGTERM, too, stops the stack: as an exception it passes through `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        console.print("Starting the test stack: Postgres and Kafka …")
        stack.down()
        stack.reset()
        stack.up(without=["airflow", "consumer"], automatic_ports=True)
        environment = (
            inherited
            | passed_on
            | {
                "BTL_TEST_HOME": str(home),
                "BTL_TEST_DATABASE_URL": stack.database_url("postgres"),
                "BTL_TEST_KAFKA_BOOTSTRAP": stack.environment()["BTL_KAFKA_BOOTSTRAP"],
            }
        )
        return subprocess.run(
            [sys.executable, "-m", "pytest", *sys.argv[1:]], cwd=ROOT, env=environment, check=False
        ).returncode
    except BelowTheLineError as error:
        console.print(f"The test stack did not start: {error}", style="red")
        return 1
    finally:
        stack.down()
        stack.reset()


if __name__ == "__main__":
    sys.exit(main())
