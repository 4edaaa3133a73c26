"""The normal form: the same constraints, however a schema is written."""

from typing import Any

import pytest

from below_the_line.errors import BelowTheLineError
from btl.evolution.normal_form import constraints

DEFINITIONS = {
    "$defs": {
        "id": {"description": "An id.", "type": "string", "minLength": 1},
        "optional": {"$ref": "#/$defs/id", "maxLength": 9},
    }
}


def normal(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return constraints(schema, DEFINITIONS)


def test_members_items_and_references_are_laid_flat() -> None:
    schema = {
        "$schema": "x",
        "type": "object",
        "required": ["b", "a"],
        "properties": {
            "a": {
                "$ref": "definitions.json#/$defs/optional",
                "description": "Here.",
                "default": "x",
            },
            "b/c": {"type": ["object", "null"], "properties": {"d": {"const": 1}}},
            "e": {"type": "array", "items": {"$ref": "definitions.json#/$defs/id"}},
            "f": True,
            "g": False,
        },
    }
    assert normal(schema) == {
        "/data": {"required": ["a", "b"], "type": ["object"]},
        "/data/a": {"default": "x", "maxLength": 9, "minLength": 1, "type": ["string"]},
        "/data/b~1c": {"type": ["null", "object"]},
        "/data/b~1c/d": {"enum": [1]},
        "/data/e": {"type": ["array"]},
        "/data/e/*": {"minLength": 1, "type": ["string"]},
        "/data/f": {},
        "/data/g": {"not": {}},
    }


def test_schemas_within_combinators_are_in_normal_form_too() -> None:
    schema = {
        "oneOf": [
            {
                "description": "One.",
                "properties": {"a": {"$ref": "#/$defs/id"}},
                "required": ["b", "a"],
            }
        ],
        "if": {"properties": {"b": {"const": None}}},
        "additionalProperties": False,
    }
    assert normal(schema) == {
        "/data": {
            "additionalProperties": {"not": {}},
            "if": {"properties": {"b": {"enum": [None]}}},
            "oneOf": [
                {"properties": {"a": {"minLength": 1, "type": ["string"]}}, "required": ["a", "b"]}
            ],
        }
    }


@pytest.mark.parametrize(
    ("member", "fragment"),
    [
        (
            {"$ref": "definitions.json#/$defs/none"},
            "/data/a: the reference definitions.json#/$defs/none leads nowhere",
        ),
        ({"$ref": "elsewhere.json#/$defs/id"}, "leads nowhere"),
        (
            {"$ref": "#/$defs/id", "minLength": 2},
            "the keyword minLength stands in #/$defs/id and beside it",
        ),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(member: dict[str, Any], fragment: str) -> None:
    with pytest.raises(BelowTheLineError) as caught:
        normal({"properties": {"a": member}})
    assert fragment in str(caught.value)
