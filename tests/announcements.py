"""What was announced about discussions: in the outbox, and in the topic."""

import json
from typing import Any

import kafka
import psycopg
from kafka import TopicPartition

from below_the_line.catalogue import load_contracts
from below_the_line.closing.announcements import TOPIC
from below_the_line.contracts.events import Event, Record
from below_the_line.kafka.options import kafka_options
from below_the_line.settings import Settings
from tests.sql.newsroom import Newsroom


class Topic:
    """What has been appended to discussion-events since it was made."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = kafka.KafkaConsumer(
            **kafka_options(settings), enable_auto_commit=False, group_id=None
        )
        partitions = [
            TopicPartition(TOPIC, number)
            for number in self._consumer.partitions_for_topic(TOPIC) or ()
        ]
        self._consumer.assign(partitions)
        self.starts = self._consumer.end_offsets(partitions)
        self._partitions = partitions

    def events(self) -> list[dict[str, Any]]:
        """All of them, in order within each partition; each is one by the project's own
        contracts.
        """
        ends = self._consumer.end_offsets(self._partitions)
        for partition in self._partitions:
            self._consumer.seek(partition, self.starts[partition])
        found: list[Any] = []
        wanted = sum(ends[each] - self.starts[each] for each in self._partitions)
        while len(found) < wanted:
            for records in self._consumer.poll(timeout_ms=200).values():
                found += records
        decode = load_contracts().decode
        for each in found:
            record = Record(
                TOPIC,
                each.partition,
                each.offset,
                each.timestamp,
                each.key,
                each.value,
                list(each.headers),
            )
            assert isinstance(result := decode(record), Event), result
        return [json.loads(each.value) for each in found]

    def announced(self, prefix: str) -> dict[str, list[tuple[int, str, str]]]:
        """By article of that prefix: sequence, type and id of what was announced, in order."""
        announced: dict[str, list[tuple[int, str, str]]] = {}
        for event in self.events():
            article = event["data"]["article_id"]
            if article.startswith(prefix):
                announced.setdefault(article, []).append(
                    (event["data"]["sequence"], event["type"], event["id"])
                )
        return announced

    def close(self) -> None:
        self._consumer.close()


def close_articles(newsroom: Newsroom, prefix: str, count: int) -> None:
    """A number of articles that have closed, each with a late comment."""
    for number in range(count):
        newsroom.publish("05-01 10:00", article=f"{prefix}{number}", window_hours=24)
        newsroom.comment("late", "05-02 12:00", article=f"{prefix}{number}")
    newsroom.close("05-03 00:00")


def outbox(connection: psycopg.Connection) -> dict[str, list[tuple[int, str, str]]]:
    """What the outbox holds, as ``Topic.announced`` gives it."""
    announced: dict[str, list[tuple[int, str, str]]] = {}
    for article, *rest in connection.execute(
        "select article_id, sequence, event_type, event_id::text from ingest.outbox"
        " where status != 'suppressed' order by article_id, sequence"
    ):
        announced.setdefault(article, []).append(tuple(rest))
    return announced


def statuses(connection: psycopg.Connection) -> dict[str, int]:
    return dict(
        connection.execute("select status, count(*) from ingest.outbox group by status").fetchall()
    )
