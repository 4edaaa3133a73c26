"""Behind a pooler that gives each transaction another session: what works, what says why not."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from pydantic import SecretStr

from below_the_line.catalogue import load_contracts
from below_the_line.database import migrations
from below_the_line.database.connections import connect, require_own_session
from below_the_line.database.migrations import migrate, require_current
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.rebuild import rebuild_all
from below_the_line.settings import Settings
from consumers.adapters.postgres import Store, StoreError
from consumers.app import build_consumer
from consumers.core.dead_letters import Selection
from consumers.redrive import redrive
from tests.transaction_pool import transaction_pool

NEEDED = r"A pooler at .* gives each transaction another session.*needs a session of its own"

pytestmark = pytest.mark.stack


def test_a_migration_works_and_leaves_no_lock(
    database_url: str, connection: psycopg.Connection
) -> None:
    connection.execute("drop view metrics.closing_soon")
    with transaction_pool(database_url, size=3) as url:
        assert migrate(url, announce=pytest.fail) == [
            "routines/metrics/closing_soon.sql",
            "metrics/closing_soon/definitions.yaml",
        ]
        # No session of the pool has kept the lock, so nobody waits for it.
        assert migrate(url, announce=pytest.fail) == []
        require_current(url)
        held = connection.execute(migrations._HOLDERS, [migrations._CREATION_LOCK]).fetchall()
    assert held == []


def test_a_consumer_says_that_it_needs_a_session_of_its_own(
    database_url: str, kafka_bootstrap: str
) -> None:
    with (
        transaction_pool(database_url) as url,
        pytest.raises(BelowTheLineError, match=NEEDED) as told,
    ):
        build_consumer(Settings(database_url=SecretStr(url), kafka_bootstrap=kafka_bootstrap))
    assert "migrate" not in str(told.value)


@pytest.mark.parametrize("work", [recompute_dirty, rebuild_all])
def test_a_metrics_run_says_that_it_needs_a_session_of_its_own(
    database_url: str, work: Callable[[psycopg.Connection], object]
) -> None:
    with (
        transaction_pool(database_url) as url,
        connect(url, application_name="btl", autocommit=True) as opened,
        pytest.raises(BelowTheLineError, match=NEEDED),
    ):
        work(opened)


def test_a_redrive_names_the_pooler(database_url: str) -> None:
    with (
        transaction_pool(database_url) as url,
        pytest.raises(BelowTheLineError, match=r"a pooler drops the options"),
    ):
        redrive(url, "group", load_contracts(), Selection.parse())


def test_a_session_of_ones_own_is_not_taken_for_a_pooler(database_url: str) -> None:
    with connect(database_url, application_name="btl") as opened:
        require_own_session(opened)
        assert opened.info.transaction_status == TransactionStatus.IDLE


def test_time_outs_that_a_pooler_drops_are_noticed(database_url: str) -> None:
    with transaction_pool(database_url) as url:
        store = Store(url, "group")
        with pytest.raises(StoreError, match=r"lock_timeout is 0 instead of 2s.*pooler"):
            store.connect()


def test_a_pooler_that_rejects_the_options_of_a_session_is_named(database_url: str) -> None:
    with (
        transaction_pool(database_url, takes_options=False) as url,
        pytest.raises(BelowTheLineError, match=r"unsupported startup.*A pooler is there"),
    ):
        connect(url, application_name="btl")


def test_another_time_zone_than_utc_is_noticed(
    database_url: str, connection: psycopg.Connection
) -> None:
    name = connection.info.dbname
    connection.execute(f"alter database {name} set timezone = 'Europe/Vienna'".encode())
    with (
        transaction_pool(database_url) as url,
        pytest.raises(BelowTheLineError, match=r"did not take the time zone UTC"),
    ):
        connect(url, application_name="btl")
