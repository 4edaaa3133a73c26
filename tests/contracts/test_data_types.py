"""The structs of the events' data say what the schemas say. What they cannot say is noticed, and
left to the exact path.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from below_the_line.catalogue import load_contracts, schema_document
from below_the_line.contracts.contract import Contract
from below_the_line.contracts.data_types import DataType
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Event, Rejection
from tests.contracts.records import article, cloud_event, structured
from tests.contracts.records import data as posting
from tests.contracts.test_strict_json import all_ways

EVENT_TYPES = load_contracts().event_types
DEFINITIONS = schema_document("definitions")
ARTICLE = "article.published.v1"
POSTED = "comment.posted.v1"


def resolved(member: Mapping[str, Any]) -> dict[str, Any]:
    reference = member.get("$ref")
    shared = {} if reference is None else DEFINITIONS["$defs"][reference.rpartition("/")[2]]
    return {**shared, **member}


def said_by_schema(member: Mapping[str, Any]) -> dict[str, Any]:
    """What a type must say of a member: kinds, limits, values."""
    rules = resolved(member)
    kinds: Any = rules.get("type", "string")
    said: dict[str, Any] = {"kinds": {kinds} if isinstance(kinds, str) else set(kinds)}
    if "enum" in rules:
        said["values"] = {each for each in rules["enum"] if each is not None}
        said["kinds"] |= {"null"} if None in rules["enum"] else set()
    for keyword in ("minLength", "maxLength", "minimum", "maximum"):
        if keyword in rules:
            said[keyword] = rules[keyword]
    if "pattern" in rules:
        said["pattern"] = rules["pattern"]
    if "items" in rules:
        said["items"] = said_by_schema(rules["items"])
    if "properties" in rules:
        said |= members_by_schema(rules)
    return said


def members_by_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "members": {name: said_by_schema(each) for name, each in schema["properties"].items()},
        "required": set(schema.get("required", ())),
    }


_KINDS = {
    inspect.StrType: "string",
    inspect.IntType: "integer",
    inspect.BoolType: "boolean",
    inspect.NoneType: "null",
    inspect.ListType: "array",
    inspect.StructType: "object",
    inspect.LiteralType: "string",
}


def said_by_type(info: inspect.Type) -> dict[str, Any]:
    """The same of a type, as msgspec describes it."""
    parts = info.types if isinstance(info, inspect.UnionType) else (info,)
    said: dict[str, Any] = {"kinds": set()}
    for part in parts:
        said["kinds"].add(_KINDS[type(part)])
        match part:
            case inspect.StrType():
                limits = {
                    "minLength": part.min_length,
                    "maxLength": part.max_length,
                    "pattern": part.pattern and part.pattern.removesuffix("\\Z") + "$",
                }
                said |= {name: limit for name, limit in limits.items() if limit is not None}
            case inspect.IntType():
                said["minimum"] = part.ge
                if part.le != 2**63 - 1:
                    said["maximum"] = part.le
            case inspect.LiteralType():
                said["values"] = set(part.values)
            case inspect.ListType():
                said["items"] = said_by_type(part.item_type)
            case inspect.StructType():
                said |= members_by_type(part.cls)
    return said


def members_by_type(struct: type) -> dict[str, Any]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return {
        "members": {field.name: said_by_type(field.type) for field in info.fields},
        "required": {field.name for field in info.fields if field.required},
    }


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_type_says_what_its_schema_says(event_type: str) -> None:
    schema = schema_document(event_type)
    data_type = DataType(event_type, schema, DEFINITIONS)
    assert data_type.unsaid == ()
    assert members_by_type(data_type.struct) == members_by_schema(schema)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_what_is_read_is_written_in_the_order_of_code_points(event_type: str) -> None:
    def look(struct: type[msgspec.Struct]) -> None:
        assert list(struct.__struct_fields__) == sorted(struct.__struct_fields__)
        for field in inspect.type_info(struct).fields:  # type: ignore[attr-defined]
            parts = getattr(field.type, "types", (field.type,))
            for part in parts:
                if isinstance(part, inspect.StructType):
                    look(part.cls)

    look(DataType(event_type, schema_document(event_type), DEFINITIONS).struct)


def test_absent_members_that_are_required_are_not_made_up() -> None:
    made = DataType(POSTED, schema_document(POSTED), DEFINITIONS)
    with pytest.raises(KeyError, match="author"):
        made.of({"article_id": "a1", "comment_id": "c1"})


Change = Callable[[dict[str, Any]], Any]
UNKNOWN: dict[str, tuple[str, Change, Mapping[str, Any]]] = {
    "an array's length": (
        "topics: maxItems",
        lambda schema: schema["properties"]["topics"].update(maxItems=1),
        {"topics": ["one", "two"]},
    ),
    "an array's items": (
        "topics[]: x-max-bytes",
        lambda schema: schema["properties"]["topics"]["items"].update({"x-max-bytes": 3}),
        {},
    ),
    "a factor": (
        "window_hours: multipleOf",
        lambda schema: schema["properties"]["discussion"]["properties"]["window_hours"].update(
            multipleOf=5
        ),
        {"discussion": {"window_hours": 24}},
    ),
    "a number that may be negative zero": (
        "window_hours: minimum",
        lambda schema: schema["properties"]["discussion"]["properties"]["window_hours"].update(
            minimum=0
        ),
        {"discussion": {"window_hours": -1}},
    ),
    "a number with a fraction": (
        "headline: type number",
        lambda schema: schema["properties"].update(headline={"type": "number", "description": "-"}),
        {"headline": "text"},
    ),
    "values of two kinds": (
        "url: type ['boolean', 'string']",
        lambda schema: schema["properties"].update(
            url={"type": ["boolean", "string"], "description": "-"}
        ),
        {"url": []},
    ),
    "a list of numbers": (
        "language: enum",
        lambda schema: schema["properties"].update(language={"enum": [1, 2], "description": "-"}),
        {"language": 3},
    ),
    "a pattern of digits": (
        "language: pattern",
        lambda schema: schema["properties"]["language"].update(pattern="^\\d+$"),
        {"language": "١"},
    ),
    "a pattern of any text": (
        "language: pattern",
        lambda schema: schema["properties"]["language"].update(pattern="^.+$"),
        {},
    ),
    "no other members": (
        "data: additionalProperties",
        lambda schema: schema.update(additionalProperties=False),
        {"other": "text"},
    ),
    "members that need others": (
        "data: dependentRequired",
        lambda schema: schema.update(dependentRequired={"site": ["section"]}),
        {"site": "sport"},
    ),
    "a condition of another kind": (
        "data.headline: pattern in a condition",
        lambda schema: schema.update({"not": {"properties": {"headline": {"pattern": "^h"}}}}),
        {"headline": "h"},
    ),
    "a name that is not one in code": (
        "data.own-id: name",
        lambda schema: schema["properties"].update(
            {"own-id": {"type": "string", "description": "-"}}
        ),
        {"own-id": 1},
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_a_type_cannot_say_is_named_and_left_to_the_exact_path(case: str) -> None:
    named, change, bad = UNKNOWN[case]
    schema = copy.deepcopy(schema_document(ARTICLE))
    change(schema)
    contract = Contract(ARTICLE, schema, DEFINITIONS)
    assert [each for each in contract.data_type.unsaid if named in each], contract.data_type.unsaid
    contracts = Contracts({ARTICLE: contract}, {ARTICLE: "articles"})
    assert contracts._read_fast(article()) is None
    if bad:
        result = contracts.decode(article(**bad))
        assert isinstance(result, Rejection)
        assert result.code == "schema_violation"


CONDITIONS: dict[str, Change] = {
    "anyOf": lambda schema: schema.update(
        anyOf=[{"required": ["site"]}, {"properties": {"headline": {"const": "h"}}}]
    ),
    "else": lambda schema: schema.update(
        {
            "if": {"required": ["site"], "properties": {"site": {"type": "string"}}},
            "then": {"required": ["section"]},
            "else": {"properties": {"headline": {"minLength": 2}}},
        }
    ),
    "allOf": lambda schema: schema.update(
        allOf=[{"not": {"required": ["site", "section"]}}, {"required": ["headline"]}]
    ),
}
CONTENTS: tuple[Mapping[str, Any], ...] = tuple(
    {"headline": headline} | site | section
    for headline in ("h", "other")
    for site in ({}, {"site": None}, {"site": "sport"})
    for section in ({}, {"section": None}, {"section": "football"})
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_are_decided_as_the_schema_decides_them(condition: str) -> None:
    schema = copy.deepcopy(schema_document(ARTICLE))
    CONDITIONS[condition](schema)
    contract = Contract(ARTICLE, schema, DEFINITIONS)
    assert contract.data_type.unsaid == ()
    one, other = (
        Contracts({ARTICLE: contract}, {ARTICLE: "articles"}, has_fast_path=is_fast)
        for is_fast in (True, False)
    )
    results = [other.decode(article(**content)) for content in CONTENTS]
    assert {type(each) for each in results} == {Event, Rejection}
    assert [one._read_fast(article(**content)) for content in CONTENTS] == [
        each if isinstance(each, Event) else None for each in results
    ]


def test_white_space_in_a_pattern_is_what_the_schema_says() -> None:
    spaces = [code for code in range(1, 0x110000) if chr(code).isspace()]
    near = {code + step for code in (*spaces, 0x180E, 0x200B, 0xFEFF) for step in (-1, 0, 1)} - {0}
    assert len(near) > 40
    read = {
        code
        for code in near
        if isinstance(all_ways(article(url=f"https://a.example/{chr(code)}")), Event)
    }
    assert 0x1C in read, "not white space in JSON Schema, but in Python"
    assert not read & {0x20, 0x85, 0xA0, 0x2028, 0xFEFF}
    for text in ("en\n", "\nen", "en\n\n"):
        assert isinstance(all_ways(article(language=text)), Rejection)


def test_limits_count_bytes_and_escapes_do_not_hide_them() -> None:
    for length, result in ((100, Event), (101, Rejection)):
        event = cloud_event(data=posting(comment_id="é" * length))
        record = structured(event)
        assert (record.value or b"").isascii()
        assert isinstance(all_ways(record), result)
