"""Topics and producer against a real broker."""

from collections.abc import Iterator

import kafka
import pytest
from kafka import TopicPartition

from below_the_line.catalogue import topics
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import create_topics
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.options import kafka_options
from below_the_line.kafka.producer import Publisher
from below_the_line.settings import Settings

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(kafka_bootstrap: str) -> Settings:
    return Settings(kafka_bootstrap=kafka_bootstrap)


@pytest.fixture
def admin(settings: Settings) -> Iterator[kafka.KafkaAdminClient]:
    client = kafka.KafkaAdminClient(**kafka_options(settings))
    try:
        yield client
    finally:
        client.close()


class Tail:
    """What is appended to a topic from now on."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self.consumer = kafka.KafkaConsumer(
            **kafka_options(settings), enable_auto_commit=False, group_id=None
        )
        self.partitions = [
            TopicPartition(topic, number)
            for number in self.consumer.partitions_for_topic(topic) or ()
        ]
        self.consumer.assign(self.partitions)
        for partition, end in self.consumer.end_offsets(self.partitions).items():
            self.consumer.seek(partition, end)

    def read(self, count: int) -> list[kafka.consumer.fetcher.ConsumerRecord]:
        found = []
        for _ in range(100):
            for records in self.consumer.poll(timeout_ms=200).values():
                found += records
            if len(found) >= count:
                break
        return found


@pytest.fixture
def tail(settings: Settings) -> Iterator[Tail]:
    reader = Tail(settings, "articles")
    try:
        yield reader
    finally:
        reader.consumer.close()


def test_topics_are_those_of_the_catalogue_and_creating_them_again_changes_nothing(
    settings: Settings, admin: kafka.KafkaAdminClient
) -> None:
    create_topics(settings)
    assert create_topics(settings) == []
    found = {
        topic["name"]: topic for topic in admin.describe_topics([topic.name for topic in topics()])
    }
    for topic in topics():
        assert len(found[topic.name]["partitions"]) == topic.partitions
        assert all(partition["leader_id"] >= 0 for partition in found[topic.name]["partitions"])


def test_records_arrive_as_they_were_sent_and_in_order_per_key(
    settings: Settings, tail: Tail
) -> None:
    sent = [
        Outgoing(
            "articles",
            f"test-{number % 7}".encode(),
            f"{number}".encode(),
            (("content-type", b"text/plain"),),
        )
        for number in range(2_500)
    ]
    with Publisher(settings) as publisher:
        for outgoing in sent:
            publisher.send(outgoing)
    assert publisher.delivered == len(sent)
    mine = [
        record
        for record in tail.read(len(sent))
        if record.key is not None and record.key.startswith(b"test-")
    ]
    for key in {outgoing.key for outgoing in sent}:
        assert [record.value for record in mine if record.key == key] == [
            each.value for each in sent if each.key == key
        ]
    assert {tuple(record.headers) for record in mine} == {(("content-type", b"text/plain"),)}


def test_a_record_without_a_value_and_one_over_the_limit_of_the_contracts_can_be_produced(
    settings: Settings,
) -> None:
    with Publisher(settings) as publisher:
        publisher.send(Outgoing("articles", b"test-empty", None))
        publisher.send(Outgoing("articles", b"test-large", b"x" * 300_000))
    assert publisher.delivered == 2


def test_a_missing_topic_and_a_record_that_no_broker_takes_are_told(settings: Settings) -> None:
    with pytest.raises(BelowTheLineError, match="The topic 'no-such-topic' is not at") as caught:
        produce(settings, Outgoing("no-such-topic", b"key", b"value"))
    assert "btl topics create" in caught.value.hint
    with pytest.raises(BelowTheLineError, match="takes no record of that size"):
        produce(settings, Outgoing("articles", b"key", b"x" * 2_000_000))


def produce(settings: Settings, outgoing: Outgoing) -> None:
    with Publisher(settings) as publisher:
        publisher.send(outgoing)
