"""Every member of an event that can hold a text has a class: no new one is forgotten."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from below_the_line.catalogue import schema_document, topics
from below_the_line.contracts.data_types import resolved
from below_the_line.personal_data import columns, members

DEFINITIONS = schema_document("definitions")
INPUTS = [name for topic in topics() if topic.direction == "in" for name in topic.event_types]


def free_texts(schema: Mapping[str, Any], path: str = "data") -> Iterator[str]:
    """The paths of members that are neither of a closed list nor times, numbers, true or false."""
    for name, member in schema["properties"].items():
        rules = resolved(member, DEFINITIONS)
        kinds = rules.get("type", ())
        kinds = {kinds} if isinstance(kinds, str) else {*kinds}
        if "properties" in rules:
            yield from free_texts(rules, f"{path}.{name}")
        elif kinds & {"string", "array"} and not {"x-time-bound", "enum"} & rules.keys():
            yield f"{path}.{name}"


@pytest.mark.parametrize("event_type", INPUTS)
def test_a_member_that_can_hold_a_text_has_a_class(event_type: str) -> None:
    found = {*free_texts(schema_document(event_type))} - {"data.article_id"}
    assert found - members(event_type).keys() == set()


def test_members_have_the_classes_of_their_columns() -> None:
    posted = {path: each.name for path, each in members("comment.posted.v1").items()}
    assert posted == {
        "data.comment_id": "contribution",
        "data.parent_comment_id": "contribution",
        "data.author.user_id": "user",
        "data.author.display_name": "name",
        "data.author.role": "nobody",
        "data.body": "text",
    }
    assert members("comment.unknown.v1") == {}
    assert columns()["discussion.comments"]["first_body"].is_erased
    assert not columns()["discussion.comments"]["decided_by"].is_erased
