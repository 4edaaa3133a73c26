"""Every published example goes through real Kafka: the valid ones to their table, the invalid ones
to the dead letters.
"""

import random
from collections import Counter

import psycopg
import pytest
from kafka import KafkaProducer

from below_the_line.catalogue import Example, examples, topics
from below_the_line.contracts.codes import STAGES
from below_the_line.event_tables.description import (
    COMMENTER_ERASED,
    TABLES,
    event_types,
    writes,
)
from tests.pipeline import Pipeline, assert_accounted

pytestmark = pytest.mark.stack

INPUT_TYPES = {
    event_type for topic in topics() if topic.direction == "in" for event_type in topic.event_types
}
TABLES_OF = {
    event_type: {write.table.name for write in writes(event_type)} for event_type in event_types()
}


class RawName(str):
    """A header name that is not UTF-8, its bytes as surrogate escapes; encodes to those bytes, also
    for kafka-python.
    """

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> bytes:
        return super().encode(encoding, "surrogateescape" if errors == "strict" else errors)


def input_examples(valid: bool) -> list[Example]:
    """All that can be produced: kafka-python's producer refuses headers without a value, though
    Kafka allows them.
    """
    return [
        example
        for example in examples(valid)
        if example.event_type in INPUT_TYPES
        and all(content is not None for _, content in example.record.headers)
    ]


def produce(pipeline: Pipeline, chosen: list[Example]) -> int:
    producer = KafkaProducer(
        bootstrap_servers=pipeline.bootstrap, acks="all", max_request_size=1_048_576
    )
    for example in chosen:
        read = example.record
        # A name with surrogate escapes is one that is not UTF-8: it is sent as the bytes that it
        # stands for.
        headers = [(RawName(name), content) for name, content in read.headers]
        producer.send(read.topic, key=read.key, value=read.value, headers=headers)
    producer.flush(timeout=30)
    producer.close()
    return len(chosen)


def content(connection: psycopg.Connection) -> dict[str, list[str]]:
    return {
        table.name: [
            str(row[0])
            for row in connection.execute(
                f"select t::text from discussion.{table.name} as t order by 1".encode()
            )
        ]
        for table in TABLES
    }


def test_every_input_type_has_a_table_and_examples() -> None:
    # An erasure is about a person, and no table of events has it.
    assert set(TABLES_OF) == INPUT_TYPES - {COMMENTER_ERASED}
    assert {example.event_type for example in input_examples(True)} == INPUT_TYPES
    assert {example.event_type for example in input_examples(False)} == INPUT_TYPES


def test_every_valid_example_reaches_its_table_and_replays_in_any_order_change_nothing(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    chosen = input_examples(True)
    with pipeline.consumer():
        sent = produce(pipeline, chosen)
        account = pipeline.wait_for_records(connection, sent)
        assert account["dead_lettered"] == 0
        assert account["applied"] == sent
        before = content(connection)
        for seed in range(3):
            shuffled = chosen.copy()
            random.Random(seed).shuffle(shuffled)
            sent += produce(pipeline, shuffled)
            account = pipeline.wait_for_records(connection, sent)
            assert account["applied"] == len(chosen)
            assert content(connection) == before
    for event_type, names in TABLES_OF.items():
        keys = {example.record.key for example in chosen if example.event_type == event_type}
        articles = {key.decode() for key in keys if key is not None}
        for name in names:
            found = {
                row[0]
                for row in connection.execute(
                    f"select distinct article_id from discussion.{name}".encode()
                ).fetchall()
            }
            assert articles <= found, (event_type, name)
    assert_accounted(connection)


def test_every_invalid_example_is_a_dead_letter_with_its_code_and_its_neighbours_are_unharmed(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    bad, good = input_examples(False), input_examples(True)
    mixed: list[Example] = []
    for place, example in enumerate(bad):
        mixed += [example, good[place % len(good)]]
    with pipeline.consumer():
        sent = produce(pipeline, mixed)
        account = pipeline.wait_for_records(connection, sent)
    found = Counter(
        tuple(row)
        for row in connection.execute(
            "select topic, code, pointer, record_key, record_value, record_headers from"
            " ingest.dead_letters"
        ).fetchall()
        for row in [(row[0], row[1], row[2], row[3], row[4], tuple(row[5]))]
    )
    expected = Counter(
        (
            example.record.topic,
            example.code,
            example.pointer,
            example.record.key,
            example.record.value,
            tuple(
                part
                for name, value in example.record.headers
                for part in (name.encode("utf-8", "surrogateescape"), value)
            ),
        )
        for example in bad
    )
    assert found == expected
    assert account["dead_lettered"] == len(bad)
    assert {
        row[0] for row in connection.execute("select distinct code from ingest.dead_letters")
    } >= set(STAGES) - {"rejected_by_database"}
    assert_accounted(connection)
