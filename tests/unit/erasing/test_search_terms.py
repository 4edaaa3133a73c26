"""What is looked for is found in every form in which it may stand, and a longer id is another."""

import base64
import json
import re

import pytest

from below_the_line.erasing.search_terms import Term, id_term, matching, text_terms
from below_the_line.errors import BelowTheLineError

ODD = 'Zoë "O\'Brien" \\ <b>'


@pytest.mark.parametrize(
    "written",
    [
        ODD,
        json.dumps(ODD),
        json.dumps(ODD, ensure_ascii=False),
        "name=Zo%C3%AB%20%22O%27Brien%22%20%5C%20%3Cb%3E&x=1",
        "<td>Zoë &quot;O&#x27;Brien&quot; \\ &lt;b&gt;</td>",
    ],
)
def test_a_text_is_found_as_it_is_in_json_in_a_url_and_in_html(written: str) -> None:
    [term] = text_terms([ODD])
    assert matching([term], f"before {written} after".encode()) == ["text 1"]
    assert re.search(term.pattern, written)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("user-17x", True),
        ("by user-17x.", True),
        ('{"user_id": "user-17x"}', True),
        ("user-17xy", False),
        ("auser-17x", False),
        ("user-17x_2", False),
    ],
)
def test_an_id_that_continues_is_another_id(text: str, found: bool) -> None:
    term = id_term("user id", "user-17x")
    assert term.is_in(text) is found
    assert term.is_in_bytes(text.encode()) is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"17", True),
        (b'{"data": {"author": {"user_id": "17"}}}', True),
        (b'{"data": {"author": {"user_id": 17}}}', True),
        (b'{"17": null}', True),
        (b'{"data": {"user_id": "\\u0031\\u0037"}}', True),
        (b'{"at": "2017-01-17", "n": 170}', False),
        (b"offset 17", False),
    ],
)
def test_a_short_id_is_found_where_it_is_the_whole_of_a_value(value: bytes, found: bool) -> None:
    assert id_term("user id", "17").is_in_bytes(value) is found


def test_data_in_base_64_are_read() -> None:
    data = base64.b64encode(b'{"author": {"user_id": "user-17x"}}').decode()
    value = json.dumps({"data_base64": data}).encode()
    assert matching([id_term("user id", "user-17x"), *text_terms(["absent"])], value) == ["user id"]


def test_escapes_that_nobody_needs_hide_nothing() -> None:
    value = b'{"a": ["\\u0075ser\\u002d17x"], "b": "http:\\/\\/x.example\\/"}'
    assert id_term("user id", "user-17x").is_in_bytes(value)
    [term] = text_terms(["http://x.example/"])
    assert term.is_in_bytes(value)


def test_what_is_too_short_to_be_looked_for_is_rejected_without_repeating_it() -> None:
    with pytest.raises(BelowTheLineError, match="line 3 has fewer than 4 characters"):
        text_terms(["long enough", "", "hm?"])
    with pytest.raises(BelowTheLineError, match="id is empty"):
        id_term("user id", "")


def test_a_term_never_shows_its_text_as_its_name() -> None:
    assert [term.name for term in text_terms(["one text", "another"])] == ["text 1", "text 2"]
    assert isinstance(id_term("user id", "u1"), Term)
