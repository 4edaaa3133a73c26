"""The files of schemas/: complete, described, consistent with each other, and read alike by another
implementation.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import referencing
from referencing.jsonschema import DRAFT202012

from below_the_line.catalogue import Example, examples, load_contracts, schema_document, topics
from below_the_line.resources import SCHEMAS

EVENT_TYPES = load_contracts().event_types
TOPIC_OF = {event_type: topic for topic in topics() for event_type in topic.event_types}
DEFINITIONS = schema_document("definitions")


def members(schema: dict[str, Any], pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, member in schema.get("properties", {}).items():
        yield f"{pointer}/{name}", member
        yield from members(member, f"{pointer}/{name}")
        if "items" in member:
            yield f"{pointer}/{name}/items", member["items"]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_schema_is_well_formed_and_names_itself(event_type: str) -> None:
    schema = schema_document(event_type)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f"/{event_type}.json")
    assert schema["title"] == event_type
    assert schema["type"] == "object"
    key = TOPIC_OF[event_type].key_of(event_type)
    if len(key) == 1:
        assert key[0] in schema["required"]
    else:
        assert schema["oneOf"] == [
            {"required": [name], "properties": {name: {"type": "string"}}} for name in key
        ], "an event has exactly one of them"


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_member_is_described(event_type: str) -> None:
    schema = schema_document(event_type)
    assert len(schema["description"]) > 20
    found = dict(members(schema))
    assert set(schema["required"]) <= {pointer.removeprefix("/") for pointer in found}
    for pointer, member in found.items():
        assert member.get("description", "").endswith("."), pointer


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_unknown_members_are_tolerated(event_type: str) -> None:
    assert "additionalProperties" not in json.dumps(schema_document(event_type))
    assert "unevaluatedProperties" not in json.dumps(schema_document(event_type))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_optional_member_may_be_null_and_a_required_one_may_not(event_type: str) -> None:
    def check(schema: dict[str, Any], pointer: str) -> None:
        for name, member in schema["properties"].items():
            rules = {**definition(member), **member}
            nullable = "null" in rules.get("type", ()) or None in rules.get("enum", ())
            assert nullable == (name not in schema.get("required", ())), f"{pointer}/{name}"
            if "properties" in rules:
                check(rules, f"{pointer}/{name}")

    check(schema_document(event_type), "")


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_time_has_a_bound_and_every_default_is_valid(event_type: str) -> None:
    for pointer, member in members(schema_document(event_type)):
        rules = {**definition(member), **member}
        assert (rules.get("format") == "date-time") == ("x-time-bound" in rules), pointer
        assert (pointer.endswith("_at")) == ("x-time-bound" in rules), pointer
        assert rules.get("x-time-bound", "past") in ("past", "publication", "closing")
        if "x-max-bytes" in rules:
            assert rules["maxLength"] == rules["x-max-bytes"]
        if "default" in rules:
            jsonschema.Draft202012Validator(
                {k: v for k, v in rules.items() if k != "$ref"}
            ).validate(rules["default"])


def definition(member: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in member:
        return {}
    found: dict[str, Any] = DEFINITIONS["$defs"][
        member["$ref"].removeprefix("definitions.json#/$defs/")
    ]
    return found


def test_every_definition_is_described_and_used() -> None:
    texts = "".join(json.dumps(schema_document(event_type)) for event_type in EVENT_TYPES)
    for name, content in DEFINITIONS["$defs"].items():
        assert content["description"].endswith(".")
        assert f'"definitions.json#/$defs/{name}"' in texts, name


def test_each_schema_file_belongs_to_one_topic_and_each_topic_s_type_has_a_file() -> None:
    listed = [event_type for topic in topics() for event_type in topic.event_types]
    files = {path.name.removesuffix(".json") for path in SCHEMAS.glob("*.json")} - {
        "definitions",
        "released",
    }
    assert len(listed) == len(set(listed))
    assert set(listed) == files


def test_the_topics_state_what_the_broker_and_the_reader_need() -> None:
    assert [(topic.name, topic.direction) for topic in topics()] == [
        ("articles", "in"),
        ("comment-events", "in"),
        ("discussion-events", "out"),
    ]
    for topic in topics():
        assert topic.partitions == 6
        assert topic.key == "article_id"
        assert topic.other_keys.keys() <= set(topic.event_types)
        assert topic.config["message.timestamp.type"] == "LogAppendTime"
        assert topic.config["cleanup.policy"] == "delete"
        assert int(topic.config["max.message.bytes"]) >= 1_048_576
        assert topic.config["retention.ms"]
        assert topic.producers
        assert topic.consumers
        assert topic.description


def other_validator(event_type: str) -> jsonschema.Draft202012Validator:
    resource = referencing.Resource.from_contents(DEFINITIONS, default_specification=DRAFT202012)
    registry: Any = referencing.Registry().with_resource(DEFINITIONS["$id"], resource)
    return jsonschema.Draft202012Validator(schema_document(event_type), registry=registry)


def structured_data(example: Example) -> Any:
    value = json.loads(example.record.value or b"")
    if "data_base64" in value:
        return json.loads(base64.b64decode(value["data_base64"]))
    return value["data"] if "specversion" in value else value


@pytest.mark.parametrize(
    "example", list(examples(True)), ids=lambda example: f"{example.event_type}/{example.name}"
)
def test_another_implementation_accepts_the_valid_examples(example: Example) -> None:
    other_validator(example.event_type).validate(structured_data(example))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_another_implementation_refuses_what_the_schema_itself_refuses(event_type: str) -> None:
    schema = schema_document(event_type)
    found = dict(members(schema)) | ({"": schema} if "oneOf" in schema else {})
    checked = 0
    for example in examples(False):
        pointer = (example.pointer or "").removeprefix("/data").rstrip("/0123456789")
        if (
            example.event_type != event_type
            or example.code != "schema_violation"
            or pointer not in found
        ):
            continue
        rules = {**definition(found[pointer]), **found[pointer]}
        if (
            "x-max-bytes" not in rules and "x-time-bound" not in rules
        ):  # their limits are beyond JSON Schema
            assert not other_validator(event_type).is_valid(structured_data(example)), example.name
            checked += 1
    assert checked > 0 or event_type in (
        "comment.deleted.v1",
        "report.withdrawn.v1",
        "reaction.added.v1",
        "reaction.removed.v1",
    )
