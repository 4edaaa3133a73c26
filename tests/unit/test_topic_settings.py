"""Settings of topics that are not those of the catalogue."""

from dataclasses import replace

import pytest

from below_the_line.catalogue import topics
from below_the_line.kafka.topic_settings import Described, Drift, differences, wanted_settings

ARTICLES, COMMENTS = topics()[0], topics()[1]
AS_WANTED = {
    topic.name: Described(topic.name, topic.partitions, wanted_settings(topic))
    for topic in topics()
}


def drifts(topic: str, settings: dict[str, str], partitions: int | None = None) -> list[str]:
    """What differs if the brokers have this topic otherwise."""
    described = AS_WANTED[topic]
    named = {name.replace("_", "."): value for name, value in settings.items()}
    changed = replace(
        described,
        partitions=described.partitions if partitions is None else partitions,
        settings={**described.settings, **named},
    )
    found = differences(topics(), {**AS_WANTED, topic: changed})
    assert all(each.topic == topic for each in found)
    return [str(each) for each in found]


def test_topics_as_wanted_have_no_differences() -> None:
    assert differences(topics(), AS_WANTED) == []


@pytest.mark.parametrize(
    ("topic", "settings", "words"),
    [
        (
            "comment-events",
            {"message_timestamp_type": "CreateTime"},
            "message.timestamp.type is CreateTime, and should be LogAppendTime",
        ),
        ("articles", {"retention_ms": "86400000"}, "retention.ms is 86400000, and should be -1"),
        # Kept for ever by age, and deleted by size.
        ("articles", {"retention_bytes": "1000"}, "retention.bytes is 1000, and should be -1"),
        (
            "comment-events",
            {"retention_ms": "604800000"},
            "retention.ms is 604800000, and should be 2592000000",
        ),
        (
            "comment-events",
            {"cleanup_policy": "compact,delete"},
            "cleanup.policy is compact,delete, and should be delete",
        ),
        (
            "discussion-events",
            {"max_message_bytes": "1000"},
            "max.message.bytes is 1000, and should be 1048588",
        ),
    ],
)
def test_a_setting_that_is_not_enough_is_named(
    topic: str, settings: dict[str, str], words: str
) -> None:
    assert drifts(topic, settings) == [words]


def test_fewer_partitions_are_named_and_more_are_not() -> None:
    assert drifts("articles", {}, partitions=1) == ["partitions is 1, and should be 6"]
    assert drifts("articles", {}, partitions=60) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"retention_ms": "-1"},
        {"retention_ms": "9999999999999"},
        {"max_message_bytes": "9000000"},
        # Nothing is said about it.
        {"retention_bytes": "1000", "segment_bytes": "1"},
    ],
)
def test_more_than_wanted_is_as_good(settings: dict[str, str]) -> None:
    assert drifts("comment-events", settings) == []


def test_a_missing_topic_has_no_settings() -> None:
    assert differences([ARTICLES, COMMENTS], {COMMENTS.name: AS_WANTED[COMMENTS.name]}) == []


def test_a_difference_is_in_the_order_of_the_catalogue() -> None:
    found = {
        name: replace(each, partitions=2, settings={**each.settings, "cleanup.policy": "compact"})
        for name, each in AS_WANTED.items()
    }
    assert differences([COMMENTS], found) == [
        Drift("comment-events", "partitions", "2", "6"),
        Drift("comment-events", "cleanup.policy", "compact", "delete"),
    ]
