"""schemas/asyncapi.yaml: up to date, valid by the specification's own schema, and true of the
examples.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import jsonschema_rs
import pytest
import referencing
import yaml
from referencing.jsonschema import DRAFT7

from below_the_line.catalogue import Example, examples, topics
from below_the_line.resources import SCHEMAS
from btl.evolution import asyncapi

SPECIFICATION = Path(__file__).parent / "asyncapi_specification" / "3.0.0.json"
PLACE = "https://somewhere.example/schemas/"
DOCUMENT: dict[str, Any] = yaml.safe_load(
    (SCHEMAS / asyncapi.FILE_NAME).read_text(encoding="utf-8")
)
KEYED = "keyed-by-article_id"
DIRECTIONS = {event_type: topic.direction for topic in topics() for event_type in topic.event_types}


def test_the_committed_document_is_what_topics_and_schemas_say() -> None:
    assert (SCHEMAS / asyncapi.FILE_NAME).read_text(encoding="utf-8") == asyncapi.as_text()


@pytest.fixture(scope="module")
def specification() -> Any:
    return jsonschema_rs.validator_for(json.loads(SPECIFICATION.read_text(encoding="utf-8")))


def test_the_document_is_valid_by_the_specification(specification: Any) -> None:
    assert [error.message for error in specification.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.pop("info"),
        lambda document: document.update(asyncapi="2.6.0"),
        lambda document: document["operations"]["receive-articles"].update(action="take"),
        lambda document: document["channels"]["articles"]["bindings"]["kafka"].update(partitions=0),
        lambda document: document["channels"]["articles"].update(topic="articles"),
        lambda document: document["components"]["messages"]["comment.posted.v1"].update(payload=1),
        lambda document: document["components"]["messageBindings"][KEYED]["kafka"].update(keys=1),
    ],
)
def test_the_specification_refuses_what_is_no_such_document(
    specification: Any, spoil: Callable[[Any], Any]
) -> None:
    document = copy.deepcopy(DOCUMENT)
    spoil(document)
    assert not specification.is_valid(document)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, inner in node.items():
            if name == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def registry() -> Any:
    """The document and the schemas by their places, as AsyncAPI's tools find them: whatever ``$id``
    says.
    """
    resources = {PLACE + asyncapi.FILE_NAME: DOCUMENT}
    for path in SCHEMAS.glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        resources[PLACE + path.name] = {
            name: rule for name, rule in content.items() if name not in ("$id", "$schema")
        }
    return referencing.Registry().with_resources(
        (place, DRAFT7.create_resource(content)) for place, content in resources.items()
    )


def test_every_reference_leads_somewhere() -> None:
    resolver = registry().resolver(PLACE + asyncapi.FILE_NAME)
    found = set(references(DOCUMENT))
    assert {reference for reference in found if not reference.startswith("#")} == {
        f"./{event_type}.json" for event_type in DIRECTIONS
    }
    for reference in found:
        assert resolver.lookup(reference).contents, reference


def test_each_channel_is_its_topic_and_has_the_messages_of_its_types() -> None:
    assert list(DOCUMENT["channels"]) == [topic.name for topic in topics()]
    for topic in topics():
        channel, binding = (
            DOCUMENT["channels"][topic.name],
            DOCUMENT["channels"][topic.name]["bindings"]["kafka"],
        )
        assert (channel["address"], binding["partitions"]) == (topic.name, topic.partitions)
        configured = binding["topicConfiguration"]
        assert configured["cleanup.policy"] == [topic.config["cleanup.policy"]]
        assert str(configured["retention.ms"]) == topic.config["retention.ms"]
        names = {DOCUMENT["components"]["messages"][name]["name"] for name in channel["messages"]}
        assert names == set(topic.event_types)
        (operation,) = (
            operation
            for operation in DOCUMENT["operations"].values()
            if operation["channel"]["$ref"] == f"#/channels/{topic.name}"
        )
        assert operation["action"] == {"in": "receive", "out": "send"}[topic.direction]
        assert len(operation["messages"]) == len(channel["messages"])


REGISTRY = registry()


def fits(event_type: str, example: Example) -> bool:
    """Whether an example's record is this message, by the rules of draft 7, which are those of
    AsyncAPI's schemas.
    """
    headers = {name: (content or b"").decode() for name, content in example.record.headers}
    name = f"{event_type}-binary" if "ce_id" in headers else event_type
    for part, content in (
        ("headers", headers),
        ("payload", json.loads(example.record.value or b"")),
        ("key", None),
    ):
        pointer = f"#/components/messages/{name}/{part}"
        if part == "key":
            binding = DOCUMENT["components"]["messages"][name]["bindings"]["$ref"]
            pointer, content = f"{binding}/kafka/key", (example.record.key or b"").decode()
        schema = {"$ref": f"{PLACE}{asyncapi.FILE_NAME}{pointer}"}
        if not jsonschema.Draft7Validator(schema, registry=REGISTRY).is_valid(content):
            return False
    return True


@pytest.mark.parametrize(
    "example", list(examples(True)), ids=lambda example: f"{example.event_type}/{example.name}"
)
def test_a_valid_example_is_a_message_of_its_type_and_of_no_other(example: Example) -> None:
    in_same_direction = [
        event_type
        for event_type, direction in DIRECTIONS.items()
        if direction == DIRECTIONS[example.event_type]
    ]
    assert [event_type for event_type in in_same_direction if fits(event_type, example)] == [
        example.event_type
    ]


def test_an_example_that_misses_or_mistakes_a_member_is_no_such_message() -> None:
    refused = [
        example
        for example in examples(False)
        if example.code == "schema_violation"
        and example.name.endswith(("-missing", "-unknown", "-empty", "-zero"))
    ]
    assert len(refused) > 20
    for example in refused:
        assert not fits(example.event_type, example), (example.event_type, example.name)
