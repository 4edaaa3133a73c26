"""Which comment a look has found: by how many an article has, as rows and in figures."""

import pytest

from tests.benchmarks.freshness import arrivals


def test_a_comment_has_arrived_with_the_first_look_that_finds_so_many() -> None:
    sent = {"a": [1.0, 2.0, 3.0], "b": [1.5]}
    looks = [
        (2.0, {"a": (1, 0)}),
        (3.0, {"a": (2, 1), "b": (1, 0)}),
        (4.0, {"a": (3, 3), "b": (1, 1)}),
    ]
    assert arrivals(sent, looks) == [
        (1.0, 2.0, 3.0),
        (2.0, 3.0, 4.0),
        (3.0, 4.0, 4.0),
        (1.5, 3.0, 4.0),
    ]


def test_a_comment_that_is_never_counted_is_an_error() -> None:
    with pytest.raises(ValueError, match="of 2 comments on a, 2 are rows and 1 counted"):
        arrivals({"a": [1.0, 2.0]}, [(3.0, {"a": (2, 1)})])
