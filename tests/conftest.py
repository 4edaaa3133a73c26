"""Fixtures that stand on real services: Postgres and Kafka of the test stack.

`make test` and `make test-stack` start the stack. They name it in BTL_TEST_HOME,
BTL_TEST_DATABASE_URL (as a superuser: tests try out every role) and BTL_TEST_KAFKA_BOOTSTRAP.
Without them a test that needs a service fails; it is never skipped. Where several processes share
the suite, each has its own stack, which its tests may stop and break: BTL_TEST_STACKS is a list of
such variables.
"""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from xdist.scheduler import LoadScopeScheduling

from below_the_line.database.migrations import migrate
from btl.stack.stack import Stack
from tests import hypothesis_profiles  # noqa: F401 (loads the profile of Hypothesis for all tests)
from tests.databases import Databases, on_server, with_database
from tests.pipeline import Pipeline

ROOT = Path(__file__).resolve().parent.parent

if "PYTEST_XDIST_WORKER" in os.environ and "BTL_TEST_STACKS" in os.environ:
    _worker = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    os.environ.update(json.loads(os.environ["BTL_TEST_STACKS"])[_worker])


_TOGETHER = {
    "tests/dags/": "an Airflow",
    "tests/faults/test_broker_faults.py": "a cluster",
    "tests/faults/test_offsets_running.py": "a cluster",
    "tests/acceptance/test_demo.py": "started stacks",
    "tests/acceptance/test_stack.py": "started stacks",
    "tests/prove/": "proofs",
}
"""Files, or their folders, that one process runs one after the other, and what they share."""
_LONGEST_FIRST = (
    *("started stacks", "an Airflow", "proofs", "a cluster"),
    "tests/properties/test_metrics.py",
    "tests/integration/test_quality.py",
    "tests/acceptance/test_errors.py",
    "tests/faults/test_real_export.py",
    "tests/properties/test_closing.py",
    "tests/properties/test_convergence.py",
    "tests/sql/test_recompute.py",
    "tests/faults/test_consumer_faults.py",
    "tests/faults/test_database_faults.py",
    "tests/sql/test_drift.py",
    "tests/sql/test_runs_together.py",
    "tests/sql/test_announcements.py",
    "tests/properties/test_fold.py",
    "tests/integration/test_outbox.py",
    "tests/integration/test_closing_of_export.py",
)
"""What begins first, so that no process ends long after the others."""


def _scope(nodeid: str) -> str:
    """What tests are given to one process together: those of a file, or more."""
    file = nodeid.split("::", 1)[0]
    return next((shared for start, shared in _TOGETHER.items() if file.startswith(start)), file)


class _ByScope(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process whole scopes, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest scopes first where several processes share the tests."""
    if hasattr(config, "workerinput"):
        ranks = {scope: rank for rank, scope in enumerate(_LONGEST_FIRST)}
        items.sort(key=lambda item: ranks.get(_scope(item.nodeid), len(ranks)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Return the scheduler of tests that share fixtures."""
    config.option.loadscopereorder = False
    return _ByScope(config, log)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop before the first test where tests need a stack and none is named."""
    config = session.config
    if config.option.collectonly or hasattr(config, "workerinput"):
        return
    needed = {"server_url": "BTL_TEST_DATABASE_URL", "kafka_bootstrap": "BTL_TEST_KAFKA_BOOTSTRAP"}
    for item in session.items:
        for fixture, variable in needed.items():
            if fixture in getattr(item, "fixturenames", ()) and not os.environ.get(variable):
                raise pytest.UsageError(_missing(variable))


def _missing(variable: str) -> str:
    return (
        f"{variable} is not set. Start a stack for the tests with"
        ' eval "$(make -s test-stack)", or run `make test`.'
    )


def _required(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        pytest.fail(_missing(variable), pytrace=False)
    return value


@pytest.fixture(scope="session")
def server_url() -> str:
    """A Postgres server, as its superuser."""
    return _required("BTL_TEST_DATABASE_URL")


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    """A running broker with the topics of the catalogue."""
    return _required("BTL_TEST_KAFKA_BOOTSTRAP")


@pytest.fixture(scope="session")
def template_database(server_url: str) -> Iterator[str]:
    """Name of a migrated database that others are copied from."""
    name = f"btl_template_{uuid.uuid4().hex[:12]}"
    on_server(server_url, "create database {}", name)
    try:
        migrate(with_database(server_url, name))
        yield name
    finally:
        on_server(server_url, "drop database {} with (force)", name)


@pytest.fixture(scope="session")
def databases(server_url: str, template_database: str) -> Iterator[Databases]:
    """Migrated databases that tests share one after the other."""
    with closing(Databases(server_url, template_database)) as lender:
        yield lender


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """An empty, migrated database that only this test uses."""
    with databases.lent() as url:
        yield url


@pytest.fixture(scope="module")
def shared_database_url(databases: Databases) -> Iterator[str]:
    """A migrated database for all tests of a module, which empty the tables that they use."""
    with databases.lent() as url:
        yield url


@pytest.fixture
def ingest_url(database_url: str) -> str:
    """This test's database as the role of the consumers."""
    return _as_role("btl_ingest", database_url)


@pytest.fixture
def redrive_url(database_url: str) -> str:
    """This test's database as the role of redrives."""
    return _as_role("btl_redrive", database_url)


@pytest.fixture
def as_role(database_url: str) -> Callable[[str], str]:
    """This test's database as any of the roles."""
    return lambda role: _as_role(role, database_url)


def _as_role(role: str, database_url: str) -> str:
    as_role = Stack(Path(_required("BTL_TEST_HOME"))).database_url(role)
    return with_database(as_role, str(conninfo_to_dict(database_url)["dbname"]))


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """An open connection to this test's database, in UTC."""
    with psycopg.connect(database_url, options="-c timezone=UTC", autocommit=True) as opened:
        yield opened


@pytest.fixture
def pipeline(database_url: str, kafka_bootstrap: str, tmp_path: Path) -> Iterator[Pipeline]:
    """A database and a consumer group of this test's own on the running broker."""
    with closing(Pipeline(database_url, kafka_bootstrap, tmp_path)) as opened:
        yield opened
