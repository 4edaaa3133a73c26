"""The servers that tests of failure stop, kill and fill up."""

import gc
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from below_the_line.catalogue import topics
from below_the_line.kafka.admin import admin_client, create_topics
from below_the_line.settings import Settings
from btl.stack.stack import Stack
from tests.faults.cluster import Cluster, running_cluster
from tests.pipeline import Pipeline, wait_until


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """See ``sockets_left_open``: those of one test may be collected during the next."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))


@pytest.fixture(autouse=True)
def sockets_left_open() -> Iterator[None]:
    """Collect, before the next test, what kafka-python left open where it met a broker that was
    away.
    """
    yield
    gc.collect()


@pytest.fixture(scope="session")
def stack() -> Stack:
    home = os.environ.get("BTL_TEST_HOME")
    if not home:
        pytest.fail(
            "BTL_TEST_HOME is not set: run `make test`, which starts the test stack", pytrace=False
        )
    return Stack(Path(home))


@pytest.fixture(scope="package")
def cluster(stack: Stack) -> Iterator[Cluster]:
    """Three brokers with topics that tests may change; each test creates them again (see
    ``clustered``).
    """
    with running_cluster(stack.layout) as running:
        yield running


@pytest.fixture
def clustered(cluster: Cluster, database_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline on three brokers that are well, with empty topics of its own."""
    cluster.start()
    cluster.wait_until_well()
    settings = Settings.model_validate({"kafka_bootstrap": cluster.bootstrap})
    with admin_client(settings) as admin:
        wanted = [topic.name for topic in topics()]
        admin.delete_topics(sorted(set(admin.list_topics()) & set(wanted)))
        wait_until(lambda: not set(admin.list_topics()) & set(wanted), 30)
    create_topics(settings)
    with closing(Pipeline(database_url, cluster.bootstrap, tmp_path)) as opened:
        yield opened
