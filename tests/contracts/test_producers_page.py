"""docs/producers.md: what can be said of its snippets without a broker."""

import ast
import re

import pytest

from tests.contracts.records import accept, structured
from tests.contracts.snippets import PAGE, javascript_message, snippet


def test_what_the_javascript_made_is_an_event_with_the_right_key() -> None:
    made = javascript_message()
    headers = [(name, text.encode()) for name, text in made["headers"].items()]
    event = accept(structured(made["value"], key=made["key"].encode(), headers=headers))
    assert (event.type, event.id, event.source) == (
        "comment.posted.v1",
        "posted-comment-3",
        "/comment-service",
    )


def test_the_snippets_read_what_btl_env_exports() -> None:
    names = re.findall(r"[A-Z_]*KAFKA_BOOTSTRAP", PAGE.read_text(encoding="utf-8"))
    assert set(names) == {"BTL_KAFKA_BOOTSTRAP"}


@pytest.mark.parametrize("title", ["sdk", "plain"])
def test_the_python_can_be_read(title: str) -> None:
    assert ast.parse(snippet("python", title)).body
