"""How far a log may be cut: up to the offset that is wanted, and no reader loses a record."""

import uuid
from typing import Any

import pytest

from below_the_line.kafka.cuts import Cut, plan_cuts
from below_the_line.partitions import PartitionLog
from tests.builders import position

TOPIC_ID = uuid.UUID(int=1)
PLACE = ("events", 3)


def cut(wanted: dict[Any, int], *held: int, log: Any = None, **more: Any) -> Cut:
    """The cut of a log from 100 to 200, with readers of the database that stand at these
    offsets.
    """
    (found,) = plan_cuts(
        {PLACE: log or PartitionLog(TOPIC_ID, 100, 200)},
        wanted,
        [position(offset, consumer_group=f"group-{offset}") for offset in held],
        more.pop("committed", {}),
        must_be_read=more.pop("must_be_read", True),
    )
    return found


@pytest.mark.parametrize(
    ("wanted", "held", "to_offset", "held_by"),
    [
        ({PLACE: 150}, [200], 150, None),
        ({PLACE: 150}, [150], 150, None),
        ({PLACE: 150}, [200, 149], 149, "group-149 has read up to 149"),
        ({}, [200], 200, None),
        ({}, [180], 180, "group-180 has read up to 180"),
        ({PLACE: 150}, [], 100, "no consumer has read it"),
        ({PLACE: 150}, [90], 100, "group-90 has read up to 90"),
        ({PLACE: 50}, [200], 100, None),
    ],
)
def test_a_cut_stops_at_the_reader_that_is_furthest_behind(
    wanted: dict[Any, int], held: list[int], to_offset: int, held_by: str | None
) -> None:
    assert cut(wanted, *held) == Cut("events", 3, 100, to_offset, held_by)


def test_a_group_that_commits_in_kafka_and_an_open_transaction_hold_it_as_well() -> None:
    other = {"theirs": {PLACE: 120, ("others", 0): 1}}
    found = cut({}, 200, committed=other)
    assert (found.to_offset, found.held_by) == (120, "theirs has committed 120")
    found = cut({}, 200, log=PartitionLog(TOPIC_ID, 100, 200, open_transaction=110))
    assert (found.to_offset, found.held_by) == (110, "a transaction is open at 110")


def test_a_position_in_the_topic_s_former_life_says_nothing_of_this_one() -> None:
    found = cut({}, 200, log=PartitionLog(uuid.UUID(int=2), 0, 50))
    assert (found.to_offset, found.held_by) == (0, "no consumer has read it")


def test_what_nobody_here_reads_needs_no_position() -> None:
    found = cut({}, must_be_read=False)
    assert (found.to_offset, found.held_by) == (200, None)
