"""docs/producers.md: what can be said of its snippets without a broker."""

import ast

import pytest

from tests.contracts.records import accept, structured
from tests.contracts.snippets import javascript_message, snippet


def test_what_the_javascript_made_is_an_event_with_the_right_key() -> None:
    made = javascript_message()
    headers = [(name, text.encode()) for name, text in made["headers"].items()]
    event = accept(structured(made["value"], key=made["key"].encode(), headers=headers))
    assert (event.type, event.id, event.source) == (
        "comment.posted.v1",
        "posted-comment-3",
        "/comment-service",
    )


@pytest.mark.parametrize("title", ["sdk", "plain"])
def test_the_python_can_be_read(title: str) -> None:
    assert ast.parse(snippet("python", title)).body
