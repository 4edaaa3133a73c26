"""The broker is killed while the outbox is published: every event arrives, in order, under one
id.
"""

import os
import threading
from pathlib import Path

import psycopg
import pytest

from below_the_line.closing.outbox import publish_outbox
from below_the_line.settings import Settings
from btl.stack.stack import Stack
from tests.announcements import Topic, close_articles, outbox, statuses
from tests.pipeline import wait_until
from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack


def test_with_the_broker_killed_in_between_every_change_is_told_under_exactly_one_id(
    connection: psycopg.Connection, kafka_bootstrap: str, tmp_path: Path, database_url: str
) -> None:
    stack = Stack(Path(os.environ["BTL_TEST_HOME"]))
    settings = Settings(kafka_bootstrap=kafka_bootstrap)
    prefix = f"{tmp_path.name}-"
    close_articles(Newsroom(connection), prefix, 600)
    topic = Topic(settings)
    sent: list[int] = []

    def publish() -> None:
        with psycopg.connect(database_url, autocommit=True) as own:
            sent.append(publish_outbox(own, settings, bucket=50).sent)

    thread = threading.Thread(target=publish)
    thread.start()
    wait_until(lambda: statuses(connection).get("sent"), 60, every=0.001)
    broker = stack.processes("kafka")[0]
    broker.kill()
    broker.wait(10)
    assert statuses(connection)["pending"]
    wait_until(
        lambda: broker.pid not in {process.pid for process in stack.processes("kafka")[:1]}, 30
    )
    thread.join(150)
    assert not thread.is_alive()
    assert sent == [1_800]
    told = topic.announced(prefix)
    topic.close()
    written = outbox(connection)
    assert {article: sorted(set(events)) for article, events in told.items()} == written
    # At least once: what was under way may have come twice, but nothing overtakes what was not sent
    # before it.
    for events in told.values():
        assert list(dict.fromkeys(events)) == sorted(set(events))
