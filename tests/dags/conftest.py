"""Airflow for the DAG tests: in processes of its own, with a metadata database of its own.

Never imported here: it configures logging and warns about its own dependencies, for the whole test
process.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parents[2]
ERASURE_KEY = "a key of tests, long enough"


@pytest.fixture(scope="session")
def airflow_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of an Airflow without services; its metadata database is not made yet."""
    home = tmp_path_factory.mktemp("airflow")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "BTL_"))
    }
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/metadata.db",
        "PYTHONWARNINGS": "ignore",
    }


class AirflowCommand:
    """``airflow …`` in a process that stays (tests/dags/commands.py). Not to be used by two
    threads.
    """

    def __init__(self, environment: dict[str, str], output: Path) -> None:
        self._output = output
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("commands.py"))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(
        self, *arguments: str, environment: dict[str, str], seconds: float = 200
    ) -> tuple[int, str]:
        """Exit status and what was printed; the test fails if that takes too long or the process
        dies.
        """
        self._output.write_text("")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"arguments": arguments, "environment": environment, "output": str(self._output)}
        too_late = threading.Timer(seconds, self._process.kill)
        too_late.start()
        try:
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        finally:
            too_late.cancel()
        printed = self._output.read_text()
        assert answer, (
            f"`airflow {' '.join(arguments)}` died or took longer than {seconds}"
            f" s:\n{printed[-4000:]}"
        )
        return json.loads(answer), printed

    def close(self) -> None:
        """Stop the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def airflow_command(airflow_environment: dict[str, str]) -> Iterator[AirflowCommand]:
    """Airflow's command, without a metadata database yet."""
    opened = AirflowCommand(
        airflow_environment, Path(airflow_environment["AIRFLOW_HOME"]) / "printed"
    )
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="session")
def airflow_with_metadata(
    airflow_environment: dict[str, str], airflow_command: AirflowCommand
) -> dict[str, str]:
    """The environment of an Airflow whose metadata database is made."""
    status, printed = airflow_command("db", "migrate", environment=airflow_environment)
    assert status == 0, printed
    return airflow_environment


def connection_json(url: str) -> str:
    """A libpq URL as Airflow's JSON form of a connection."""
    parts = conninfo_to_dict(url)
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": parts.get("host"),
            "port": int(str(parts.get("port", 5432))),
            "login": parts.get("user"),
            "password": parts.get("password"),
            "schema": parts.get("dbname"),
        }
    )


@pytest.fixture
def with_services(
    database_url: str, as_role: Callable[[str], str], kafka_bootstrap: str
) -> dict[str, str]:
    """What a task needs to reach this test's database and the broker."""
    return {
        "AIRFLOW_CONN_BTL": connection_json(database_url),
        "AIRFLOW_CONN_BTL_REDRIVE": connection_json(as_role("btl_redrive")),
        "AIRFLOW_CONN_BTL_ERASE": connection_json(as_role("btl_erase")),
        "BTL_ERASURE_KEY": ERASURE_KEY,
        "BTL_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "BTL_CONSUMER_GROUP": "dag-tests",
    }


class Dags:
    """``airflow dags test``, against this test's database and the broker."""

    def __init__(self, command: AirflowCommand, environment: dict[str, str]) -> None:
        self._command = command
        self._environment = environment

    def where(self, **variables: str) -> "Dags":
        """The same with more environment variables."""
        return Dags(self._command, self._environment | variables)

    def run(self, dag_id: str, at: str | None = None, /, **params: Any) -> str:
        """What a run printed, for a past interval if one is given; fails if the run did."""
        status, printed = self._run(dag_id, at, params)
        assert status == 0, printed[-6000:]
        return printed

    def fail(self, dag_id: str, /, **params: Any) -> str:
        """What a run printed that must fail."""
        status, printed = self._run(dag_id, None, params)
        assert status == 1, printed[-6000:]
        assert "state=failed, run_type" in printed, printed[-6000:]
        return printed

    def _run(self, dag_id: str, at: str | None, params: dict[str, Any]) -> tuple[int, str]:
        return self._command(
            *("dags", "test", dag_id, *([] if at is None else [at]), "--conf", json.dumps(params)),
            environment=self._environment,
        )


@pytest.fixture
def dags(
    airflow_with_metadata: dict[str, str],
    airflow_command: AirflowCommand,
    with_services: dict[str, str],
) -> Dags:
    """Runs DAGs on this test's database."""
    return Dags(airflow_command, airflow_with_metadata | with_services)
