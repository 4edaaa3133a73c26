"""The outbox on its way to a real broker: everything once, in order, by however many publishers;
and a site that reads it.
"""

import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from below_the_line.closing.outbox import PublishingSummary, publish_outbox
from below_the_line.database.locks import OUTBOX_LOCK, lock
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.producer import Publisher
from below_the_line.resources import ROOT
from below_the_line.settings import Settings
from tests.announcements import Topic, close_articles, outbox, statuses
from tests.pipeline import wait_until
from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack
EXAMPLE = ROOT / "docs" / "examples" / "comment_forms.py"


@pytest.fixture
def settings(kafka_bootstrap: str) -> Settings:
    return Settings(kafka_bootstrap=kafka_bootstrap)


@pytest.fixture
def newsroom(connection: psycopg.Connection) -> Newsroom:
    return Newsroom(connection)


@pytest.fixture
def prefix() -> str:
    """Of this test's articles: the topic is shared."""
    return f"{uuid.uuid4().hex[:8]}-"


@pytest.fixture
def topic(settings: Settings) -> Iterator[Topic]:
    with closing(Topic(settings)) as opened:
        yield opened


def test_everything_is_sent_once_in_order_and_what_is_suppressed_never(
    newsroom: Newsroom,
    connection: psycopg.Connection,
    settings: Settings,
    topic: Topic,
    prefix: str,
) -> None:
    close_articles(newsroom, prefix, 20)
    newsroom.publish("04-01 10:00", article=f"{prefix}old", window_hours=24)
    newsroom.close("05-03 00:00")
    assert publish_outbox(connection, settings, bucket=7).sent == 60
    assert topic.announced(prefix) == outbox(connection)
    assert [each[:2] for each in topic.announced(prefix)[f"{prefix}0"]] == [
        (1, "discussion.opened.v1"),
        (2, "discussion.closed.v1"),
        (3, "comment.late.v1"),
    ]
    assert statuses(connection) == {"sent": 60, "suppressed": 2}
    assert connection.execute(
        "select count(*) from ingest.outbox where sent_at is null"
    ).fetchone() == (2,)
    assert publish_outbox(connection, settings).sent == 0
    assert sum(map(len, topic.announced(prefix).values())) == 60


def test_publishers_take_turns_and_send_nothing_twice(
    newsroom: Newsroom,
    connection: psycopg.Connection,
    database_url: str,
    settings: Settings,
    topic: Topic,
    prefix: str,
) -> None:
    close_articles(newsroom, prefix, 60)
    sent: list[PublishingSummary] = []

    def publish() -> None:
        with psycopg.connect(database_url, autocommit=True) as own:
            sent.append(publish_outbox(own, settings, bucket=5))

    threads = [threading.Thread(target=publish) for _ in range(3)]
    # All three wait for their turn before any of them begins.
    with psycopg.connect(database_url) as holder:
        lock(holder, OUTBOX_LOCK)
        for thread in threads:
            thread.start()
        waiting = (
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and wait_event_type = 'Lock'"
        )
        wait_until(lambda: connection.execute(waiting).fetchone() == (3,), 30)
    for thread in threads:
        thread.join(60)
    assert sum(each.sent for each in sent) == 180
    assert topic.announced(prefix) == outbox(connection)


class Dying(Publisher):
    """Takes records, and dies once the broker has acknowledged them."""

    def flush(self) -> None:
        super().flush()
        raise KeyboardInterrupt


def test_a_publisher_that_dies_before_it_notes_what_it_sent_sends_it_again_under_the_same_ids(
    newsroom: Newsroom,
    connection: psycopg.Connection,
    settings: Settings,
    topic: Topic,
    prefix: str,
) -> None:
    close_articles(newsroom, prefix, 4)
    with pytest.raises(KeyboardInterrupt):
        publish_outbox(connection, settings, sender=Dying)
    assert statuses(connection) == {"pending": 12}
    publish_outbox(connection, settings)
    twice = topic.announced(prefix)
    assert {article: sorted(set(events)) for article, events in twice.items()} == outbox(connection)
    assert all(events == outbox(connection)[article] * 2 for article, events in twice.items())


class Unreachable:
    """A broker that comes back at the fifth attempt; the second takes records before it fails."""

    def __init__(self) -> None:
        self.attempts = 0
        self.taken: list[Outgoing] = []

    @contextmanager
    def __call__(self, _: Settings) -> Iterator["Unreachable"]:
        self.attempts += 1
        if self.attempts in (1, 3, 4):
            raise BelowTheLineError("The broker is away.", "Start it.")
        yield self

    def send(self, outgoing: Outgoing) -> None:
        self.taken.append(outgoing)

    def flush(self) -> None:
        if self.attempts == 2:
            raise BelowTheLineError("The broker went away.", "Start it.")


def test_a_broker_that_is_away_is_waited_for_ever_more_rarely(
    newsroom: Newsroom, connection: psycopg.Connection, settings: Settings, prefix: str
) -> None:
    close_articles(newsroom, prefix, 1)
    broker, pauses = Unreachable(), list[float]()
    summary = publish_outbox(connection, settings, sender=broker, sleep=pauses.append)
    assert (summary.sent, summary.attempts) == (3, 5)
    assert [pause <= limit for pause, limit in zip(pauses, (0.5, 1, 2, 4), strict=True)] == [
        True
    ] * 4
    assert [pause >= limit / 2 for pause, limit in zip(pauses, (0.5, 1, 2, 4), strict=True)] == [
        True
    ] * 4
    assert statuses(connection) == {"sent": 3}


def test_a_broker_that_stays_away_is_given_up_and_nothing_is_lost(
    newsroom: Newsroom, connection: psycopg.Connection, settings: Settings, prefix: str
) -> None:
    close_articles(newsroom, prefix, 1)
    with pytest.raises(
        BelowTheLineError,
        match=(
            r"3 events about discussions could not be published, the oldest waits since .*Z: The"
            r" broker is away\. .*"
            r"every run of close_discussions sends what is pending"
        ),
    ):
        publish_outbox(connection, settings, sender=Unreachable(), patience_seconds=0)
    assert statuses(connection) == {"pending": 3}


def run_example(settings: Settings, folder: Path, group: str) -> list[str]:
    """The example until nothing more comes; what it printed."""
    done = subprocess.run(
        [
            *(sys.executable, str(EXAMPLE), "--bootstrap", settings.require_kafka_bootstrap()),
            *("--group", group, "--database", str(folder / "forms.sqlite"), "--idle-seconds", "5"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_site_hides_its_form_when_the_discussion_closes_however_often_it_is_told(
    newsroom: Newsroom,
    connection: psycopg.Connection,
    settings: Settings,
    prefix: str,
    tmp_path: Path,
) -> None:
    article = f"{prefix}a"
    newsroom.publish("05-01 10:00", article=article, window_hours=24)
    newsroom.close("05-01 12:00")
    publish_outbox(connection, settings)

    def printed(group: str) -> list[str]:
        return [line for line in run_example(settings, tmp_path, group) if article in line]

    def form() -> tuple[Any, ...]:
        with closing(sqlite3.connect(tmp_path / "forms.sqlite")) as database:
            query = "select is_shown, closes_at, sequence from comment_forms where article_id = ?"
            found: tuple[Any, ...] = database.execute(query, [article]).fetchone()
        return found

    assert printed(prefix) == [f"show the form of {article} (published)"]
    assert form() == (1, "2026-05-02T10:00:00Z", 1)
    newsroom.close("05-03 00:00")
    publish_outbox(connection, settings)
    # The publisher died before it noted what it had sent.
    connection.execute("update ingest.outbox set status = 'pending'")
    publish_outbox(connection, settings)
    assert printed(prefix) == [f"hide the form of {article} (schedule)"]
    assert form() == (0, None, 2)
    # Another group reads all of it again, into the same database.
    assert printed(f"{prefix}again") == []
    assert form() == (0, None, 2)
