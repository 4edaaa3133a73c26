"""The content of schemas/, read once: the topics, the contracts and their examples.

Each function also takes another folder of the same form.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml

from below_the_line import resources
from below_the_line.contracts.contract import Contract
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Record


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of schemas/topics.yaml."""

    name: str
    direction: str
    """``in`` (consumers read it) or ``out`` (the closing DAG writes it)."""
    description: str
    key: str
    """The member of ``data`` that a record's key repeats, in UTF-8: see ``key_of``."""
    other_keys: Mapping[str, tuple[str, ...]]
    """Of the event types whose key repeats another member: its name. Of several, an event has
    exactly one.
    """
    partitions: int
    replication_factor: int
    """-1: the broker's default."""
    config: Mapping[str, str]
    """Topic configuration as Kafka names it, such as ``retention.ms``."""
    event_types: tuple[str, ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]

    def key_of(self, event_type: str) -> tuple[str, ...]:
        """Return the member of ``data`` that the key of such records repeats. Of several, an event
        has exactly one.
        """
        return self.other_keys.get(event_type, (self.key,))


@cache
def topics(folder: Path = resources.SCHEMAS) -> tuple[Topic, ...]:
    """Return the topics in the order of schemas/topics.yaml."""
    document: dict[str, Any] = yaml.safe_load((folder / "topics.yaml").read_text(encoding="utf-8"))
    return tuple(
        Topic(
            name=entry["name"],
            direction=entry["direction"],
            description=entry["description"],
            key=entry["key"],
            other_keys=MappingProxyType(
                {name: tuple(members) for name, members in entry.get("other_keys", {}).items()}
            ),
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
def load_contracts(folder: Path = resources.SCHEMAS) -> Contracts:
    """Return the contracts of all event types in schemas/, compiled."""
    definitions = schema_document("definitions", folder)
    topic_of = {event_type: topic for topic in topics(folder) for event_type in topic.event_types}
    return Contracts(
        {
            event_type: Contract(
                event_type,
                schema_document(event_type, folder),
                definitions,
                topic.key_of(event_type),
            )
            for event_type, topic in topic_of.items()
        },
        {event_type: topic.name for event_type, topic in topic_of.items()},
    )


def schema_document(name: str, folder: Path = resources.SCHEMAS) -> dict[str, Any]:
    """Return one file of schemas/, by event type, or ``definitions``. Raises FileNotFoundError."""
    document: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return document


@cache
def reasons(folder: Path = resources.SCHEMAS) -> tuple[str, ...]:
    """Return the reasons for which a comment is reported or rejected."""
    return tuple(schema_document("definitions", folder)["$defs"]["reason"]["enum"])


class Example(NamedTuple):
    """One example of schemas/examples: a record, and what happens to it."""

    event_type: str
    """The type whose file it is in. The type of an invalid record may be another, or missing."""
    name: str
    description: str
    record: Record
    """At partition 0, offset 0, with the timestamp EXAMPLES_TIMESTAMP. A later one gives the same
    result.
    """
    code: str | None
    """The code that an invalid one fails with."""
    pointer: str | None
    """The JSON pointer that it fails with, if any."""


ExampleDocuments = Mapping[str, Mapping[str, dict[str, Any]]]
"""Examples of one event type as in their file: by kind (``valid``, ``invalid``), then by name."""


def example_documents(event_type: str, folder: Path = resources.SCHEMAS) -> ExampleDocuments:
    """Return the content of schemas/examples/<event type>.json. Without a file it is empty."""
    path = folder / "examples" / f"{event_type}.json"
    if not path.is_file():
        return {"valid": {}, "invalid": {}}
    document: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return document


EXAMPLES_TIMESTAMP = 1_793_491_200_000
"""2026-11-01T00:00:00Z in milliseconds since 1970."""


def examples(valid: bool, folder: Path = resources.SCHEMAS) -> Iterator[Example]:
    """Yield the valid or the invalid examples: types in the order of the topics, then by name."""
    kind = "valid" if valid else "invalid"
    for topic in topics(folder):
        for event_type in topic.event_types:
            for name, document in sorted(example_documents(event_type, folder)[kind].items()):
                yield Example(
                    event_type,
                    name,
                    document["description"],
                    example_record(document["record"], topic.name),
                    document.get("code"),
                    document.get("pointer"),
                )


def example_record(form: Mapping[str, Any], topic: str) -> Record:
    """Return the record of an example, from the form that schemas/README.md describes."""
    headers = [
        ((_bytes(header, "name") or b"").decode(errors="surrogateescape"), _bytes(header, "value"))
        for header in form.get("headers", ())
    ]
    value = form.get("value")
    if "value_pieces" in form:
        raw: bytes | None = "".join(text * times for text, times in form["value_pieces"]).encode()
    elif value is not None:
        raw = json.dumps(value, ensure_ascii=False).encode()
    else:
        raw = _bytes(form, "value")
    return Record(
        form.get("topic", topic), 0, 0, EXAMPLES_TIMESTAMP, _bytes(form, "key"), raw, headers
    )


def _bytes(form: Mapping[str, Any], name: str) -> bytes | None:
    if f"{name}_base64" in form:
        return base64.b64decode(form[f"{name}_base64"])
    text: str | None = form.get(f"{name}_text", form.get(name))
    return None if text is None else text.encode()
