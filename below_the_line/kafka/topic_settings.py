"""Whether topics are what schemas/topics.yaml says: settings that drifted, and setting them again.

Somebody else may have made or changed a topic: MirrorMaker copies the settings of the topics that
it mirrors, and a broker may make a topic with its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType

from below_the_line import catalogue
from below_the_line.catalogue import Topic
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import admin_client
from below_the_line.settings import Settings

PARTITIONS = "partitions"
COMMAND = "btl topics apply"

_FOR_EVER = "-1"
_BOUNDS = {"retention.ms", "retention.bytes", "max.message.bytes"}
"""More than wanted is as good; without end (-1) is most."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A setting of a topic that is not as wanted."""

    topic: str
    setting: str
    """As Kafka names it, or ``partitions``."""
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.setting} is {self.found}, and should be {self.wanted}"


@dataclass(frozen=True, slots=True)
class Described:
    """A topic as the brokers have it."""

    name: str
    partitions: int
    settings: Mapping[str, str]


def wanted_settings(topic: Topic) -> dict[str, str]:
    """Return the settings that a topic should have."""
    kept_for_ever = topic.config.get("retention.ms") == _FOR_EVER
    # Records that never expire by age must not be deleted because of their number either.
    return {**({"retention.bytes": _FOR_EVER} if kept_for_ever else {}), **topic.config}


def differences(wanted: Iterable[Topic], found: Mapping[str, Described]) -> list[Drift]:
    """Return what differs, in the order of the topics. Topics that are missing are left out.

    A longer retention, a larger limit and more partitions do not count.
    """
    drifts = []
    for topic in wanted:
        described = found.get(topic.name)
        if described is None:
            continue
        if described.partitions < topic.partitions:
            drifts.append(
                Drift(topic.name, PARTITIONS, str(described.partitions), str(topic.partitions))
            )
        drifts += [
            Drift(topic.name, name, described.settings[name], value)
            for name, value in wanted_settings(topic).items()
            if name in described.settings and not _suffices(name, described.settings[name], value)
        ]
    return drifts


def _suffices(name: str, found: str, wanted: str) -> bool:
    if found == wanted:
        return True
    if name not in _BOUNDS or wanted == _FOR_EVER:
        return False
    return found == _FOR_EVER or (found.isdigit() and int(found) >= int(wanted))


def describe(settings: Settings) -> dict[str, Described]:
    """Return the topics of the catalogue that exist, by name. Raises BelowTheLineError, also if
    the brokers do not let this user see settings.
    """
    names = [topic.name for topic in catalogue.topics()]
    with admin_client(settings) as admin:
        partitions = {
            topic["name"]: len(topic["partitions"])
            for topic in admin.describe_topics(names)
            if not topic["error_code"]
        }
        described = admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name) for name in partitions],
            config_filter="all",
        ).get("topic", {})
    return {
        name: Described(
            name,
            count,
            {key: str(each["value"]) for key, each in described.get(name, {}).items()},
        )
        for name, count in partitions.items()
    }


def drifted(settings: Settings) -> list[Drift]:
    """Return what differs from the catalogue. Raises BelowTheLineError."""
    return differences(catalogue.topics(), describe(settings))


def apply(settings: Settings, drifts: Sequence[Drift]) -> None:
    """Give topics the settings and partitions that they should have. Safe to run twice.

    Raises BelowTheLineError.
    """
    with admin_client(settings) as admin:
        for topic in dict.fromkeys(each.topic for each in drifts):
            of_topic = {each.setting: each.wanted for each in drifts if each.topic == topic}
            partitions = of_topic.pop(PARTITIONS, None)
            if partitions is not None:
                # Another process may be faster.
                with suppress(kafka_errors.InvalidPartitionsError):
                    admin.create_partitions({topic: int(partitions)})
            if of_topic:
                results = admin.alter_configs(
                    [ConfigResource(ConfigResourceType.TOPIC, topic, of_topic)]
                )
                result = results.get("topic", {}).get(topic, "OK")
                if result != "OK":
                    raise BelowTheLineError(
                        f"The Kafka broker did not change {topic}: {result}.",
                        "Ask its operator for the right to alter the settings of topics.",
                    )
