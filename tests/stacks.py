"""Stacks for tests: one Postgres and one Kafka each, without Airflow and consumers.

``python -m tests.stacks up`` starts one, or uses the one that runs, and prints the variables by
which tests find it. ``python -m tests.stacks down`` stops it and deletes its data.
"""

import os
import shlex
import sys
from pathlib import Path

import psycopg
from rich.console import Console

from below_the_line.errors import BelowTheLineError
from btl.stack.stack import Stack

ROOT = Path(__file__).resolve().parent.parent
OWN = ROOT / ".btl-test-stack"
"""The stack of `make test-stack`."""
_SETTINGS = ("fsync", "full_page_writes")
"""Off in tests: they guard against a crash of the machine. A Postgres that is killed loses nothing
without them.
"""


def surroundings() -> dict[str, str]:
    """This process's environment without any settings of Below the Line."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BTL_")}


def start(home: Path) -> dict[str, str]:
    """Start the stack in this folder, or find it running; returns the variables that name it."""
    stack = Stack(home, surroundings())
    stack.up(without=["airflow", "consumer"], automatic_ports=True)
    superuser = stack.database_url("postgres")
    with psycopg.connect(superuser, autocommit=True) as connection:
        for name in _SETTINGS:
            connection.execute(f"alter system set {name} = off".encode())
        connection.execute("select pg_reload_conf()")
    return {
        "BTL_TEST_HOME": str(stack.layout.home),
        "BTL_TEST_DATABASE_URL": superuser,
        "BTL_TEST_KAFKA_BOOTSTRAP": stack.environment()["BTL_KAFKA_BOOTSTRAP"],
    }


def stop(home: Path) -> None:
    """Stop the stack in this folder, if there is one, and delete its data."""
    stack = Stack(home, surroundings())
    stack.down()
    stack.reset()


def main() -> int:
    """Exit status of ``up`` or ``down``."""
    console = Console(stderr=True, highlight=False)
    try:
        if sys.argv[1:] == ["down"]:
            stop(OWN)
        else:
            console.print("Starting the test stack: Postgres and Kafka …")
            for name, value in start(OWN).items():
                print(f"export {name}={shlex.quote(value)}")
            console.print("The test stack is up. `make test-stack-down` stops it.")
    except BelowTheLineError as error:
        console.print(f"{error}", style="red")
        console.print(
            "To make the test stack again: `make test-stack-down`, then `make test-stack`."
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
