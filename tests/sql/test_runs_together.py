"""Runs that are killed in the middle, two at once, a rebuild beside them, and events that come
meanwhile.
"""

import random
import threading
from collections.abc import Callable

import psycopg
import pytest

from below_the_line.closing.windows import apply_windows
from below_the_line.metrics.definitions import TABLES
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.metrics.drift import drift
from below_the_line.metrics.rebuild import rebuild_all
from below_the_line.metrics.units import MetricsSummary
from tests.sql.newsroom import Newsroom, t
from tests.sql.test_recompute import figures, something_happens

pytestmark = pytest.mark.stack
ZONE = "Europe/Vienna"

Run = Callable[[psycopg.Connection], MetricsSummary]


def run(connection: psycopg.Connection) -> MetricsSummary:
    return recompute_dirty(connection, bucket=2, time_zone=ZONE)


def rebuild(connection: psycopg.Connection) -> MetricsSummary:
    return rebuild_all(connection, bucket=2, time_zone=ZONE)


def rebuild_by_two(connection: psycopg.Connection) -> MetricsSummary:
    with psycopg.connect(
        connection.info.dsn, password=connection.info.password, autocommit=True
    ) as helper:
        return rebuild_all(connection, bucket=2, time_zone=ZONE, helpers=[helper])


def happen(room: Newsroom, chance: random.Random, numbers: range) -> None:
    """Events, each with its marks in one transaction, as consumers write them."""
    for number in numbers:
        with room.connection.transaction():
            article = something_happens(room, chance, number)
            room.connection.execute(
                "insert into ingest.dirty_articles (article_id) values (%s)", [article]
            )
            room.connection.execute(
                "insert into ingest.dirty_windows (article_id) values (%s)", [article]
            )


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    """A history of which every metric table has rows, computed once; then more of it, with windows,
    not computed.
    """
    newsroom.connection.execute("set synchronous_commit = off")
    happen(newsroom, random.Random(1), range(120))
    apply_windows(newsroom.connection, t("05-10 00:00"))
    run(newsroom.connection)
    assert all(figures(newsroom.connection).values())
    happen(newsroom, random.Random(2), range(120, 240))
    apply_windows(newsroom.connection, t("05-20 00:00"))
    return newsroom


def killing(room: Newsroom, table: str, event: str) -> None:
    """The backend that does this to the table is killed, from now on."""
    room.connection.execute(
        f"""
        create function kill() returns trigger language plpgsql as
        $$ begin perform pg_terminate_backend(pg_backend_pid()); return coalesce(new, old); end $$;
        create trigger kill before {event} on metrics.{table} for each row execute function kill()
        """.encode()
    )


def expect_right(room: Newsroom) -> None:
    """After one more run, all is as a rebuild from nothing has it."""
    run(room.connection)
    assert drift(room.connection, None, time_zone=ZONE) == []
    found = figures(room.connection)
    room.connection.execute(
        f"truncate {', '.join(f'metrics.{table}' for table in TABLES)}".encode()
    )
    rebuild(room.connection)
    assert figures(room.connection) == found


@pytest.mark.parametrize("killed", [run, rebuild], ids=["run", "rebuild"])
@pytest.mark.parametrize("table", TABLES)
def test_what_a_killed_run_leaves_is_right_or_marked(
    room: Newsroom, database_url: str, table: str, killed: Run
) -> None:
    killing(room, table, "insert")
    if killed is rebuild:
        room.connection.execute(f"delete from metrics.{table}".encode())
        room.connection.execute("delete from ingest.dirty_articles")
    with (
        psycopg.connect(database_url, autocommit=True) as runner,
        pytest.raises(psycopg.OperationalError),
    ):
        killed(runner)
    room.connection.execute(f"drop trigger kill on metrics.{table}".encode())
    if killed is rebuild:
        # What was deleted by hand is marked by no one: the rebuild is done once more.
        rebuild(room.connection)
    else:
        assert drift(room.connection, None, time_zone=ZONE) == []
    expect_right(room)


def test_what_draws_on_a_killed_rebuilds_articles_is_computed_by_the_next_run(
    room: Newsroom, database_url: str
) -> None:
    run(room.connection)
    before = figures(room.connection)
    room.connection.execute("update metrics.article_daily set late = late + 7")
    room.connection.execute("update metrics.site_daily set late = late + 7")
    killing(room, "site_daily", "insert")
    with (
        psycopg.connect(database_url, autocommit=True) as runner,
        pytest.raises(psycopg.OperationalError),
    ):
        rebuild(runner)
    room.connection.execute("drop trigger kill on metrics.site_daily")
    assert figures(room.connection) != before
    run(room.connection)
    assert figures(room.connection) == before


def test_runs_rebuilds_and_events_at_once_leave_what_a_rebuild_from_nothing_gives(
    room: Newsroom, database_url: str
) -> None:
    failures: list[BaseException] = []
    over = threading.Event()

    def again_and_again(what: Run) -> None:
        try:
            with psycopg.connect(database_url, autocommit=True) as connection:
                while not over.is_set():
                    what(connection)
        except BaseException as error:  # whatever it is, the test tells it
            failures.append(error)

    def compare(connection: psycopg.Connection) -> MetricsSummary:
        assert drift(connection, None, time_zone=ZONE) == []
        return MetricsSummary()

    others = [
        threading.Thread(target=again_and_again, args=(what,))
        for what in (run, run, rebuild, rebuild_by_two, compare)
    ]
    for other in others:
        other.start()
    chance = random.Random(3)
    for number in range(240, 400, 8):
        happen(room, chance, range(number, number + 8))
        apply_windows(room.connection, t(f"05-{20 + (number - 240) // 20:02} 00:00"))
    over.set()
    for other in others:
        other.join(60)
        assert not other.is_alive()
    assert failures == []
    expect_right(room)
