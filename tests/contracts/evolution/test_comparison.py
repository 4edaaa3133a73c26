"""Each way of breaking a released contract is named in words, with the member and for whom; what
only adds passes.
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from below_the_line.catalogue import schema_document
from btl.evolution.comparison import additions, breaking_changes
from btl.evolution.normal_form import constraints
from btl.evolution.release import Release, ReleasedType

POSTED, LATE = "comment.posted.v1", "comment.late.v1"
DEFINITIONS = schema_document("definitions")

Edit = Callable[[dict[str, Any]], Any]


def release(schema: dict[str, Any], event_type: str = POSTED, **more: Any) -> Release:
    promised: dict[str, Any] = {
        "topic": "comment-events",
        "direction": "in",
        "key": "article_id",
        "examples": {"valid/one": "11", "invalid/other": "22"},
        **more,
    }
    return Release(
        "1.0", {event_type: ReleasedType(constraints=constraints(schema, DEFINITIONS), **promised)}
    )


def edited(schema: dict[str, Any], edit: Edit) -> dict[str, Any]:
    now = copy.deepcopy(schema)
    edit(now)
    return now


def broken_by(
    edit: Edit, event_type: str = POSTED, direction: str = "in"
) -> list[tuple[str | None, str]]:
    schema = rich(schema_document(event_type))
    then = release(schema, event_type, direction=direction)
    now = release(edited(schema, edit), event_type, direction=direction)
    return [(change.pointer, change.text) for change in breaking_changes(then, now)]


def rich(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with a member of every kind of rule."""
    schema["properties"] |= {
        "count": {
            "description": "A number.",
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 10,
        },
        "share": {"description": "A share.", "type": ["number", "null"], "exclusiveMinimum": 0},
        "tags": {
            "description": "Some tags.",
            "type": ["array", "null"],
            "minItems": 1,
            "maxItems": 5,
            "items": {"description": "A tag.", "type": "string", "minLength": 1, "maxLength": 20},
        },
        "things": {"description": "Anything.", "type": ["array", "null"]},
        "language": {
            "description": "A language.",
            "type": ["string", "null"],
            "pattern": "^[a-z]+$",
        },
        "anything": {"description": "Any value."},
        "colour": {"description": "A colour.", "enum": ["red", "green", None]},
    }
    schema["allOf"] = [{"if": {"required": ["count"]}, "then": {"required": ["tags"]}}]
    return schema


def member(name: str, **rules: Any) -> Edit:
    return lambda schema: schema["properties"][name].update(rules)


def without(name: str, rule: str) -> Edit:
    return lambda schema: schema["properties"][name].pop(rule)


PRODUCERS = "producers that use the last release are rejected."
CONSUMERS = "consumers of the last release make dead letters of newly accepted events."

BREAKING: dict[str, tuple[Edit, str, str]] = {
    "member removed": (
        lambda schema: schema["properties"].pop("held"),
        "/data/held",
        "is gone: consumers ignore what producers send, and miss it.",
    ),
    "object removed": (
        lambda schema: (schema["properties"].pop("author"), schema["required"].remove("author")),
        "/data/author",
        "is gone: consumers ignore what producers send, and miss it.",
    ),
    "member of an object removed": (
        lambda schema: schema["properties"]["author"]["properties"].pop("role"),
        "/data/author/role",
        "is gone: consumers ignore what producers send, and miss it.",
    ),
    "newly required": (
        lambda schema: schema["required"].append("held"),
        "/data/held",
        f"is required: {PRODUCERS}",
    ),
    "new and required": (
        lambda schema: (
            schema["properties"].update(new={"type": "string"}),
            schema["required"].append("new"),
        ),
        "/data/new",
        f"is required: {PRODUCERS}",
    ),
    "required in an object": (
        lambda schema: schema["properties"]["author"]["required"].append("role"),
        "/data/author/role",
        f"is required: {PRODUCERS}",
    ),
    "no longer required": (
        lambda schema: schema["required"].remove("body"),
        "/data/body",
        f"is no longer required: {CONSUMERS}",
    ),
    "type narrowed": (
        member("held", type="boolean"),
        "/data/held",
        f"no longer takes the type null: {PRODUCERS}",
    ),
    "type widened": (
        member("count", type=["integer", "null", "string"]),
        "/data/count",
        f"takes the type string, too: {CONSUMERS}",
    ),
    "number narrowed to integer": (
        member("share", type=["integer", "null"]),
        "/data/share",
        f"no longer takes the type number: {PRODUCERS}",
    ),
    "integer widened to number": (
        member("count", type=["number", "null"]),
        "/data/count",
        f"takes the type number, too: {CONSUMERS}",
    ),
    "type added": (
        member("anything", type=["string", "null"]),
        "/data/anything",
        f"takes the type null or string only, and took any: {PRODUCERS}",
    ),
    "type removed": (
        without("share", "type"),
        "/data/share",
        f"takes any type, and took null or number only: {CONSUMERS}",
    ),
    "value removed": (
        member("colour", enum=["red", None]),
        "/data/colour",
        f'no longer takes "green": {PRODUCERS}',
    ),
    "value added": (
        member("colour", enum=["red", "green", "blue", None]),
        "/data/colour",
        f'takes "blue", too: {CONSUMERS}',
    ),
    "values closed": (
        member("anything", enum=["x"]),
        "/data/anything",
        f'takes ["x"] only, and took any value: {PRODUCERS}',
    ),
    "values closed to one": (
        member("anything", const="x"),
        "/data/anything",
        f'takes ["x"] only, and took any value: {PRODUCERS}',
    ),
    "values opened": (
        without("colour", "enum"),
        "/data/colour",
        f'takes any value, and took ["green", "red", null] only: {CONSUMERS}',
    ),
    "upper bound tightened": (
        member("count", maximum=9),
        "/data/count",
        f"has the greatest value 9, and had 10: {PRODUCERS}",
    ),
    "lower bound tightened": (
        member("count", minimum=2),
        "/data/count",
        f"has the least value 2, and had 1: {PRODUCERS}",
    ),
    "lower bound loosened": (
        member("share", exclusiveMinimum=-1),
        "/data/share",
        f"has the least value (exclusive) -1, and had 0: {CONSUMERS}",
    ),
    "bound added": (
        member("share", maximum=1),
        "/data/share",
        f"has the greatest value 1, and had none: {PRODUCERS}",
    ),
    "bound removed": (
        without("count", "maximum"),
        "/data/count",
        f"has no greatest value, and had 10: {CONSUMERS}",
    ),
    "fewer items": (
        member("tags", maxItems=4),
        "/data/tags",
        f"has the greatest number of items 4, and had 5: {PRODUCERS}",
    ),
    "shorter items": (
        lambda schema: schema["properties"]["tags"]["items"].update(maxLength=19),
        "/data/tags/*",
        f"has the greatest number of characters 19, and had 20: {PRODUCERS}",
    ),
    "rules for items": (
        member("things", items={"type": "string"}),
        "/data/things/*",
        f"has rules, and there were none for items: {PRODUCERS}",
    ),
    "longer at least": (
        lambda schema: schema["properties"]["tags"]["items"].update(minLength=2),
        "/data/tags/*",
        f"has the least number of characters 2, and had 1: {PRODUCERS}",
    ),
    "fewer bytes": (
        lambda schema: schema["properties"].update(
            comment_id={"type": "string", "minLength": 1, "maxLength": 200, "x-max-bytes": 100}
        ),
        "/data/comment_id",
        f"has the greatest number of bytes 100, and had 200: {PRODUCERS}",
    ),
    "pattern changed": (
        member("language", pattern="^[a-z]{2}$"),
        "/data/language",
        f"has the pattern ^[a-z]{{2}}$, and had ^[a-z]+$: {PRODUCERS}",
    ),
    "pattern added": (
        member("body", pattern="^a"),
        "/data/body",
        f"has the pattern ^a, and had none: {PRODUCERS}",
    ),
    "pattern removed": (
        without("language", "pattern"),
        "/data/language",
        f"has no pattern, and had ^[a-z]+$: {CONSUMERS}",
    ),
    "format added": (
        member("body", format="email"),
        "/data/body",
        f"has the format email, and had none: {PRODUCERS}",
    ),
    "time allowed in the future": (
        lambda schema: schema["properties"].update(
            posted_at={"type": "string", "format": "date-time", "x-time-bound": "closing"}
        ),
        "/data/posted_at",
        f"has the bound of time closing, and had past: {PRODUCERS}",
    ),
    "default changed": (
        member("held", default=True),
        "/data/held",
        "has the default true, and had false: events that leave it out change their meaning.",
    ),
    "default added": (
        member("count", default=1),
        "/data/count",
        "has the default 1, and had none: events that leave it out change their meaning.",
    ),
    "default removed": (
        without("held", "default"),
        "/data/held",
        "has the default none, and had false: events that leave it out change their meaning.",
    ),
    "closed to unknown members": (
        lambda schema: schema.update(additionalProperties=False),
        "/data",
        f"is closed to members that the contract does not know: {PRODUCERS}",
    ),
    "closed to some unknown members": (
        lambda schema: schema["properties"]["author"].update(
            additionalProperties={"type": "string"}
        ),
        "/data/author",
        f"is closed to members that the contract does not know: {PRODUCERS}",
    ),
    "combinator changed": (
        lambda schema: schema["allOf"][0]["then"]["required"].append("share"),
        "/data",
        (
            'has another rule allOf, [{"if": {"required": ["count"]}, "then": {"required":'
            ' ["share", "tags"]}}], and had [{"if": {"required": ["count"]}, "then": {"required":'
            ' ["tags"]}}]: what was valid may not be.'
        ),
    ),
    "combinator added": (
        lambda schema: schema.update({"not": {"required": ["held"]}}),
        "/data",
        'has another rule not, {"required": ["held"]}, and had none: what was valid may not be.',
    ),
    "combinator removed": (
        lambda schema: schema.pop("allOf"),
        "/data",
        (
            'has another rule allOf, none, and had [{"if": {"required": ["count"]}, "then":'
            ' {"required": ["tags"]}}]: what was valid may not be.'
        ),
    ),
    "a rule of another kind": (
        member("tags", uniqueItems=True),
        "/data/tags",
        "has another rule uniqueItems, true, and had none: what was valid may not be.",
    ),
}


@pytest.mark.parametrize("kind", BREAKING)
def test_a_breaking_change_is_named(kind: str) -> None:
    edit, pointer, text = BREAKING[kind]
    assert broken_by(edit) == [(pointer, text)]


def test_of_what_we_send_a_change_breaks_for_others() -> None:
    def more(schema: dict[str, Any]) -> None:
        schema["properties"]["colour"]["enum"].append("blue")
        schema["properties"]["count"]["maximum"] = 5

    assert broken_by(more, LATE, "out") == [
        (
            "/data/count",
            "has the greatest value 5, and had 10: older events in the topic do not match.",
        ),
        (
            "/data/colour",
            'takes "blue", too: consumers that use the last release reject new events.',
        ),
    ]


ADDING: dict[str, tuple[Edit, list[str]]] = {
    "optional member": (
        lambda schema: schema["properties"].update(
            new={"type": ["string", "null"], "maxLength": 5}
        ),
        ["/data/new"],
    ),
    "optional member of an object": (
        lambda schema: schema["properties"]["author"]["properties"].update(
            new={"type": ["string", "null"]}
        ),
        ["/data/author/new"],
    ),
    "optional object with required members of its own": (
        lambda schema: schema["properties"].update(
            new={
                "type": ["object", "null"],
                "required": ["x"],
                "properties": {"x": {"type": "string"}},
            }
        ),
        ["/data/new"],
    ),
    "optional array": (
        lambda schema: schema["properties"].update(
            new={"type": ["array", "null"], "items": {"type": "string"}}
        ),
        ["/data/new"],
    ),
    "optional member with a default": (
        lambda schema: schema["properties"].update(new={"type": ["integer", "null"], "default": 3}),
        ["/data/new"],
    ),
    "descriptions": (
        lambda schema: (
            schema.update(description="Otherwise.", title="Other", examples=[{}]),
            schema["properties"]["author"].update(description="Somebody."),
        ),
        [],
    ),
    "descriptions within combinators": (
        lambda schema: schema["allOf"][0]["if"].update(description="Otherwise."),
        [],
    ),
    "order": (
        lambda schema: (
            schema["required"].reverse(),
            schema["properties"]["colour"]["enum"].reverse(),
            schema["properties"]["count"]["type"].reverse(),
        ),
        [],
    ),
    "rules written out instead of referred to": (
        lambda schema: schema["properties"].update(
            article_id={"type": "string", "minLength": 1, "maxLength": 200, "x-max-bytes": 200}
        ),
        [],
    ),
    "open as it was, but said": (lambda schema: schema.update(additionalProperties=True), []),
}


@pytest.mark.parametrize("kind", ADDING)
def test_what_only_adds_breaks_nothing(kind: str) -> None:
    edit, pointers = ADDING[kind]
    schema = rich(schema_document(POSTED))
    then, now = release(schema), release(edited(schema, edit))
    assert breaking_changes(then, now) == []
    assert [change.pointer for change in additions(then, now)] == pointers


def changed_type(**facts: Any) -> tuple[Release, Release]:
    then = release(schema_document(POSTED))
    return then, replace(then, event_types={POSTED: replace(then.event_types[POSTED], **facts)})


def test_a_type_that_is_gone_is_named() -> None:
    then = release(schema_document(POSTED))
    (change,) = breaking_changes(then, replace(then, event_types={}))
    assert (
        str(change)
        == "comment.posted.v1 is gone: its producers are rejected, and its events in topic"
        " comment-events cannot be read."
    )


@pytest.mark.parametrize("fact", ["topic", "direction", "key"])
def test_a_type_that_moved_is_named(fact: str) -> None:
    then, now = changed_type(**{fact: "elsewhere"})
    (change,) = breaking_changes(then, now)
    was = getattr(then.event_types[POSTED], fact)
    assert (
        str(change)
        == f"comment.posted.v1 has moved: its {fact} was {was} and is elsewhere; producers and"
        " consumers use the old one."
    )


def test_examples_that_are_gone_or_altered_are_named_and_further_ones_are_welcome() -> None:
    then, now = changed_type(examples={"invalid/other": "33", "valid/another": "44"})
    assert [change.text for change in breaking_changes(then, now)] == [
        "has lost the example valid/one, which shows what was promised.",
        "has another record or result in the example invalid/other: add one beside it instead.",
    ]
    assert [str(change) for change in additions(then, now)] == [
        "comment.posted.v1 has a further example, valid/another."
    ]


def test_a_further_version_is_an_addition() -> None:
    then = release(schema_document(POSTED))
    second = {**then.event_types, "comment.posted.v2": then.event_types[POSTED]}
    now = replace(then, event_types=second)
    assert breaking_changes(then, now) == []
    assert [str(change) for change in additions(then, now)] == [
        "comment.posted.v2 is new, on topic comment-events."
    ]
