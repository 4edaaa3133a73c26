"""What schemas/ holds, read once: the topics, the contracts and their examples."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import yaml

from below_the_line import resources
from below_the_line.contracts.contract import Contract
from below_the_line.contracts.decoding import Contracts


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of schemas/topics.yaml."""

    name: str
    direction: str
    """``in`` (the consumers read it) or ``out`` (the closing DAG writes it)."""
    description: str
    key: str
    """The member of ``data`` that a record's key repeats, in UTF-8."""
    partitions: int
    replication_factor: int
    """-1: the broker's default."""
    config: Mapping[str, str]
    """Topic configuration as Kafka names it, such as ``retention.ms``."""
    event_types: tuple[str, ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]


@cache
def topics() -> tuple[Topic, ...]:
    """The topics in the order of schemas/topics.yaml."""
    document: dict[str, Any] = yaml.safe_load((resources.SCHEMAS / "topics.yaml").read_text(encoding="utf-8"))
    return tuple(
        Topic(
            name=entry["name"],
            direction=entry["direction"],
            description=entry["description"],
            key=entry["key"],
            partitions=entry["partitions"],
            replication_factor=entry["replication_factor"],
            config=MappingProxyType({name: str(value) for name, value in entry["config"].items()}),
            event_types=tuple(entry["event_types"]),
            producers=tuple(entry["producers"]),
            consumers=tuple(entry["consumers"]),
        )
        for entry in document["topics"]
    )


@cache
def load_contracts() -> Contracts:
    """The contracts of all event types in schemas/, compiled."""
    definitions = schema_document("definitions")
    topic_of = {event_type: topic.name for topic in topics() for event_type in topic.event_types}
    return Contracts(
        {event_type: Contract(event_type, schema_document(event_type), definitions) for event_type in topic_of},
        topic_of,
    )


def schema_document(name: str) -> dict[str, Any]:
    """One file of schemas/, by event type, or ``definitions``. Raises FileNotFoundError."""
    document: dict[str, Any] = json.loads((resources.SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return document
