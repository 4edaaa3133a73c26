"""Airflow for the DAG tests: in processes of its own, with a metadata database of its own.

Never imported here: it configures logging and warns about its own dependencies, for the whole test process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def airflow_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of an Airflow without services; its metadata database is not made yet."""
    home = tmp_path_factory.mktemp("airflow")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "BTL_"))}
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/metadata.db",
        "PYTHONWARNINGS": "ignore",
    }


@pytest.fixture(scope="session")
def airflow_with_metadata(airflow_environment: dict[str, str]) -> dict[str, str]:
    """The same, with its metadata database made."""
    made = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=airflow_environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
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
def with_services(database_url: str, ingest_url: str, kafka_bootstrap: str) -> dict[str, str]:
    """What a task needs to reach this test's database and the broker."""
    return {
        "AIRFLOW_CONN_BTL": connection_json(database_url),
        "AIRFLOW_CONN_BTL_INGEST": connection_json(ingest_url),
        "BTL_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "BTL_CONSUMER_GROUP": "dag-tests",
    }
