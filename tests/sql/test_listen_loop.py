"""A run of article_metrics that continues while consumers announce marks."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from below_the_line.database.channels import MARKED_ARTICLES_CHANNEL
from below_the_line.metrics.dirty_run import ArticlesFailedError, recompute_dirty
from below_the_line.metrics.listen_loop import MAX_BUCKETS_AT_ONCE, follow_marks
from below_the_line.metrics.units import MetricsSummary
from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack


@pytest.fixture
def runner(room: Newsroom, database_url: str) -> Iterator[psycopg.Connection]:  # noqa: ARG001
    with psycopg.connect(database_url) as connection:
        yield connection


@pytest.fixture
def room(connection: psycopg.Connection) -> Newsroom:
    """Three articles with a comment each, of which the first is marked."""
    newsroom = Newsroom(connection)
    for article in ("a", "b", "c"):
        newsroom.publish("05-01 10:00", article=article)
        newsroom.comment("c1", "05-01 12:00", article=article)
    newsroom.close("05-02 00:00")
    connection.execute("delete from ingest.dirty_articles")
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    return newsroom


class Clock:
    """Time that passes with each computation, and with each sleep."""

    def __init__(self, per_pass: float) -> None:
        self.now, self.per_pass, self.slept = 100.0, per_pass, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def followed(
    runner: psycopg.Connection, clock: Clock, recompute: Callable[..., MetricsSummary]
) -> MetricsSummary:
    """A run of a minute on this clock."""
    return follow_marks(
        runner,
        max_seconds=60,
        idle_seconds=0.05,
        recompute=recompute,
        monotonic=clock.monotonic,
        sleep=clock.sleep,
    )


def marking(
    connection: psycopg.Connection, clock: Clock, *articles: str
) -> Callable[..., MetricsSummary]:
    """Computes as usual. Then one more of these articles is marked and announced, as by a
    consumer.
    """
    rest = list(articles)

    def recompute(runner: psycopg.Connection, **options: Any) -> MetricsSummary:
        try:
            return recompute_dirty(runner, **options)
        finally:
            clock.now += clock.per_pass
            if rest:
                connection.execute(
                    "insert into ingest.dirty_articles (article_id) values (%s)", [rest.pop(0)]
                )
                connection.execute(f"notify {MARKED_ARTICLES_CHANNEL}")

    return recompute


def test_what_is_marked_meanwhile_is_computed_by_the_same_run(
    runner: psycopg.Connection, connection: psycopg.Connection
) -> None:
    clock = Clock(per_pass=0.25)
    done = followed(runner, clock, marking(connection, clock, "b", "c"))
    assert (done.articles, done.marks, done.buckets) == (3, 3, 3)
    assert connection.execute("select count(*) from metrics.article_engagement").fetchone() == (3,)
    assert connection.execute("select count(*) from ingest.dirty_articles").fetchone() == (0,)
    assert clock.slept == [0.75, 0.75], "not more often than once a second"


def test_a_run_ends_when_its_time_is_up_and_leaves_the_rest_to_the_next(
    runner: psycopg.Connection, connection: psycopg.Connection
) -> None:
    clock = Clock(per_pass=40)
    done = followed(runner, clock, marking(connection, clock, "b", "c"))
    assert done.articles == 2
    assert connection.execute("select article_id from ingest.dirty_articles").fetchall() == [("c",)]


def test_nobody_who_says_anything_is_waited_for_no_longer_than_said(
    runner: psycopg.Connection, connection: psycopg.Connection
) -> None:
    done = follow_marks(runner, max_seconds=60, idle_seconds=0.05)
    assert done.articles == 1
    connection.execute(f"notify {MARKED_ARTICLES_CHANNEL}")
    # Its session listens no more, and is idle: its next user finds it as it was.
    assert list(runner.notifies(timeout=0.05)) == []
    assert runner.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_under_a_load_that_never_ends_the_run_does_and_days_are_computed_meanwhile(
    runner: psycopg.Connection, connection: psycopg.Connection
) -> None:
    """Each article is marked again in the transaction that takes its mark: there is always another
    full bucket.
    """
    connection.execute(
        "insert into discussion.articles (article_id, site, section) values ('a', 'daily',"
        " 'politics')"
    )
    connection.execute(
        "create function mark_again() returns trigger language plpgsql as $$begin insert into"
        " ingest.dirty_articles (article_id) values (old.article_id); return null; end$$"
    )
    connection.execute(
        "create trigger again after delete on ingest.dirty_articles for each row execute function"
        " mark_again()"
    )
    clock = Clock(per_pass=25)
    days: list[int] = []

    def recompute(runner: psycopg.Connection, **options: Any) -> MetricsSummary:
        done = recompute_dirty(runner, bucket=1, **options)
        clock.now += clock.per_pass
        days.append(done.section_days)
        return done

    done = followed(runner, clock, recompute)
    assert done.buckets == 3 * MAX_BUCKETS_AT_ONCE, "nobody told of marks, but they were there"
    assert days == [1, 0, 0], "not only at the end"
    assert connection.execute("select count(*) from metrics.section_daily").fetchone() == (1,)


def test_an_article_that_fails_holds_nobody_up_and_is_named_at_the_end(
    runner: psycopg.Connection, connection: psycopg.Connection
) -> None:
    connection.execute(
        "alter table metrics.article_engagement add constraint poison check (article_id <> 'a')"
    )
    clock = Clock(per_pass=0.25)
    with pytest.raises(ArticlesFailedError, match="'a'") as failed:
        followed(runner, clock, marking(connection, clock, "b", "c"))
    assert list(failed.value.summary.failed) == ["a"]
    assert failed.value.summary.articles == 2, (
        "those that were marked later are computed in the same run"
    )
    assert connection.execute("select article_id from ingest.dirty_articles").fetchall() == [("a",)]
