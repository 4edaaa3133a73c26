"""`btl topics`: a topic that drifted is named and set again; old records are cut off."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from below_the_line.accounting.audit import run_audit
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka import topic_settings
from below_the_line.kafka.admin import admin_client, partition_logs
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.options import kafka_options
from below_the_line.kafka.producer import Publisher
from below_the_line.partitions import PartitionLog
from btl.stack import checks
from btl.stack.checks import System
from tests.commands import Btl
from tests.pipeline import Pipeline

pytestmark = pytest.mark.stack
TOPIC = "discussion-events"


@pytest.fixture
def drifted(pipeline: Pipeline) -> Iterator[Pipeline]:
    """A topic that somebody gave another retention and timestamp type."""
    with admin_client(pipeline.settings()) as admin:
        admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC,
                    TOPIC,
                    {"retention.ms": "86400000", "message.timestamp.type": "CreateTime"},
                )
            ]
        )
    try:
        yield pipeline
    finally:
        topic_settings.apply(pipeline.settings(), topic_settings.drifted(pipeline.settings()))


def test_a_topic_that_drifted_is_named_and_set_again(
    drifted: Pipeline, connection: psycopg.Connection, btl: Btl
) -> None:
    expected = [
        {"topic": TOPIC, "setting": name, "found": found, "wanted": wanted}
        for name, found, wanted in (
            ("retention.ms", "86400000", "2592000000"),
            ("message.timestamp.type", "CreateTime", "LogAppendTime"),
        )
    ]
    assert json.loads(btl("topics", "check", "--json")) == {"missing": [], "differences": expected}
    assert btl.exit_code == 1
    findings = [str(each) for each in run_audit(connection, drifted.settings()).findings]
    assert (
        f"{TOPIC}: retention.ms is 86400000, and should be 2592000000. Decide: btl topics apply"
    ) in findings
    assert len(findings) == 2
    with closing(System(drifted.settings(), datetime.now(UTC))) as system:
        said = [str(notice) for notice in checks.topic_settings(system)]
    assert len(said) == 1
    assert said[0].startswith(f"{TOPIC}: retention.ms is")
    assert said[0].endswith("btl topics apply")
    assert "Set them again: btl topics apply" in btl("topics", "create")

    assert "retention.ms from 86400000 to" in btl("topics", "apply", "--dry-run")
    assert len(topic_settings.drifted(drifted.settings())) == 2
    btl("topics", "apply")
    assert "All topics are as" in btl("topics", "check")
    assert btl.exit_code == 0
    assert run_audit(connection, drifted.settings()).findings == ()


def test_a_cut_deletes_what_every_reader_has_passed_and_names_the_one_that_holds_it(
    pipeline: Pipeline, btl: Btl
) -> None:
    settings = pipeline.settings()
    group, options = f"reader-{uuid.uuid4()}", kafka_options(settings)
    # Readers of other tests have passed less.
    with admin_client(settings) as admin:
        admin.delete_groups([each["group_id"] for each in admin.list_groups()])
    with Publisher(settings) as publisher:
        for number in range(3):
            publisher.send(Outgoing(TOPIC, b"article-1", str(number).encode()))

    def log() -> PartitionLog:
        """Of the partition that the records came to."""
        return max(partition_logs(settings, [TOPIC]).values(), key=lambda each: each.end)

    end = log().end
    place = next(
        TopicPartition(*each)
        for each, found in partition_logs(settings, [TOPIC]).items()
        if found.end == end
    )
    arguments = ("topics", "cut", TOPIC, "--before", "2100-01-01T00:00:00Z")
    with closing(KafkaConsumer(**options, group_id=group, enable_auto_commit=False)) as consumer:
        consumer.assign([place])
        consumer.commit({place: OffsetAndMetadata(end - 1, "", -1)})
    try:
        shown = btl(*arguments, "--dry-run")
        assert f"the rest stays: {group} has committed {end - 1:,}." in shown
        assert log().start < end - 1
        with pytest.raises(BelowTheLineError, match="do not come back"):
            btl(*arguments)
        # The lines that a person sees are on standard error.
        printed = btl(*arguments, "--yes", "--json")
        cuts = json.loads(printed[printed.index("[") :])
        (found,) = [each for each in cuts if each["partition"] == place.partition]
        assert (found["to_offset"], found["done"]) == (end - 1, True)
        assert (log().start, log().end) == (end - 1, end)
    finally:
        with admin_client(settings) as admin:
            admin.delete_groups([group])
    assert "Cut." in btl(*arguments, "--yes")
    assert log().start == end
    assert "0 of its offsets go." in btl(*arguments, "--yes")
    with pytest.raises(BelowTheLineError, match="no topic comments"):
        btl("topics", "cut", "comments", "--before", "1d", "--yes")
