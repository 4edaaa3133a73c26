"""When batches copy rows straight into a table, and for how long they do not."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from consumers.core.straight import StraightWay


def tries(way: StraightWay, batches: int, table: str = "comments") -> list[int]:
    """The batches that try it where each one that does fails, numbered from 0."""
    tried = []
    for number in range(batches):
        if way.is_open(table):
            tried.append(number)
            way.failed([table])
    return tried


def test_after_each_batch_that_meets_a_row_twice_as_many_merge_up_to_64() -> None:
    tried = tries(StraightWay(), 392)
    pauses = [later - earlier - 1 for earlier, later in pairwise(tried)]
    assert tried[0] == 0
    assert pauses == [2, 4, 8, 16, 32, 64, 64, 64, 64]


def test_a_batch_that_passes_ends_the_series() -> None:
    way = StraightWay()
    assert tries(way, 8) == [0, 3]
    assert way.is_open("comments")
    way.passed(["comments"])
    assert way.is_open("comments")
    assert tries(way, 4) == [0, 3]


def test_each_table_has_its_own_pause() -> None:
    way = StraightWay()
    way.failed(["comments"])
    assert not way.is_open("comments")
    assert way.is_open("reports")
    way.passed(["reports"])
    assert not way.is_open("comments")
    assert way.is_open("comments")


def test_without_a_pause_every_batch_tries() -> None:
    assert tries(StraightWay(longest_pause=0), 5) == [0, 1, 2, 3, 4]


@given(st.lists(st.booleans(), min_size=80, max_size=140), st.integers(0, 64))
def test_no_outcome_keeps_a_table_from_being_tried_for_longer_than_the_longest_pause(
    outcomes: list[bool], longest: int
) -> None:
    way, since = StraightWay(longest), 0
    for is_new in outcomes:
        if not way.is_open("comments"):
            since += 1
            assert since <= longest
            continue
        since = 0
        (way.passed if is_new else way.failed)(["comments"])
