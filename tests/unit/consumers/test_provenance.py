"""Which refused records were meant for a comment."""

import pytest

from consumers.adapters.log_search import may_be_about


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'{"data": {"comment_id": "c1", "body": 7}}', True),
        (b'{"data": {"comment_id": "\\u0063\\u0031"}}', True),
        (b'{"comment_id": "c1"}', True),
        (b'{"data": {"comment_id": "c10"}}', False),
        (b'{"data": {"comment_id": "c2", "body": "see c1"}}', False),
        (b'{"data": {"comment_id": "c1", ', True),
        (b'{"data": {"comment_id": "c2", ', False),
        (b'[{"comment_id": "c1"}]', False),
        (b"", False),
        (None, False),
    ],
)
def test_it_is_the_comment_id_that_counts_and_the_bytes_only_of_what_is_no_json(
    value: bytes | None, expected: bool
) -> None:
    assert may_be_about(value, "c1") is expected
    assert may_be_about(value, None)
