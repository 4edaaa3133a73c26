"""What a decision would do, and where there is nothing to decide."""

from uuid import UUID

import pytest

from below_the_line.accounting.decisions import plan_acceptance, plan_gap, plan_reset
from below_the_line.errors import BelowTheLineError
from below_the_line.partitions import PartitionLog, Position
from tests.builders import position

TOPIC, OTHER = UUID(int=1), UUID(int=2)
LOG = PartitionLog(TOPIC, 10, 20)


def test_a_gap_reaches_from_the_position_to_the_log_start() -> None:
    gap = plan_gap(position(4), LOG)
    assert gap.log_start == 10
    assert (
        str(gap)
        == "events-3: up to 6 records, offsets 4 to 9, expired before they were read; reading goes"
        " on at 10"
    )


@pytest.mark.parametrize(
    ("stored", "log", "words"),
    [
        (
            position(10),
            LOG,
            "no gap: its next offset is 10, and the log holds 10 to 20. See .*btl offsets show",
        ),
        (position(21), LOG, "no gap: its next offset is 21"),
        (
            position(4, topic_id=OTHER),
            LOG,
            "no gap: .*created again.* `btl offsets reset events 3 --to start`",
        ),
        (position(4), None, "events is not at the brokers"),
    ],
)
def test_where_there_is_no_gap_none_is_accepted(
    stored: Position, log: PartitionLog | None, words: str
) -> None:
    with pytest.raises(BelowTheLineError, match=words):
        plan_gap(stored, log)


@pytest.mark.parametrize(
    ("stored", "target", "words"),
    [
        (
            position(18),
            12,
            (
                "from offset 18 to 12 (log 10 to 20): up to 6 records are read again, 2 are still"
                " to be read"
            ),
        ),
        (
            position(12),
            18,
            (
                "from offset 12 to 18 (log 10 to 20): up to 6 records are never read, 2 are still"
                " to be read"
            ),
        ),
        (position(12), 20, "from offset 12 to 20 (log 10 to 20): up to 8 records are never read"),
        (position(20), 20, "from offset 20 to 20 (log 10 to 20): 0 are still to be read"),
        (position(35), 10, "from offset 35 to 10 (log 10 to 20): up to 10 records are read again"),
        (
            position(4),
            10,
            (
                "from offset 4 to 10 (log 10 to 20): up to 6 records are never read, 10 are still"
                " to be read"
            ),
        ),
        (
            position(18, topic_id=OTHER),
            12,
            (
                "from offset 18 to 12 (the topic created again, log 10 to 20): up to 2 records are"
                " never read, 8 are still to be read"
            ),
        ),
    ],
    ids=["back", "forward", "to the end", "nowhere", "cut log", "over a gap", "created again"],
)
def test_a_reset_says_how_much_is_read_again_or_never(
    stored: Position, target: int, words: str
) -> None:
    assert str(plan_reset(stored, LOG, target)) == f"events-3: {words}"


@pytest.mark.parametrize("target", [9, 21])
def test_a_target_outside_of_the_log_is_refused(target: int) -> None:
    with pytest.raises(
        BelowTheLineError, match=f"can't be reset to {target}: its log holds 10 to 20"
    ):
        plan_reset(position(15), LOG, target)


def test_nothing_is_reset_while_the_topic_is_gone() -> None:
    with pytest.raises(BelowTheLineError, match="events is not at the brokers"):
        plan_reset(position(15), None, 0)


def test_bad_records_are_accepted_up_to_the_present_end_or_as_far_as_is_said() -> None:
    tripped = position(15, status="tripped")
    assert plan_acceptance(tripped, LOG, None).accepted_offset == 20
    assert plan_acceptance(tripped, LOG, 16).accepted_offset == 16
    assert (
        str(plan_acceptance(tripped, LOG, 16))
        == "events-3: reading goes on at 15; the breaker does not count the records before 16"
    )


@pytest.mark.parametrize(
    ("stored", "until", "words"),
    [
        (position(15), None, r"has not tripped\."),
        (position(15, status="stopped"), None, "has not tripped: it is stopped"),
        (
            position(15, status="tripped"),
            15,
            "records before 15: those to be read are 15 to 19. Choose --until from 16 to 20",
        ),
        (position(15, status="tripped"), 21, "Choose --until from 16 to 20"),
        (position(4, status="tripped"), None, "can't be read on yet"),
    ],
    ids=["consuming", "stopped", "nothing accepted", "beyond the end", "expired as well"],
)
def test_what_is_not_there_to_accept_is_refused(
    stored: Position, until: int | None, words: str
) -> None:
    with pytest.raises(BelowTheLineError, match=words):
        plan_acceptance(stored, LOG, until)
