"""What the audit finds, and what it does not complain about."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from below_the_line.accounting.audit import Report, examine, widest_logs
from below_the_line.accounting.ledger import Account, Break, Ledger, Marks
from below_the_line.partitions import Logs, PartitionLog, Position
from tests import builders

TOPIC, OTHER = UUID(int=1), UUID(int=2)
AT = datetime(2026, 5, 1, 10, tzinfo=UTC)
LOGS: Logs = {("events", 0): PartitionLog(TOPIC, 0, 120)}


def position(next_offset: int = 100, **changes: Any) -> Position:
    return builders.position(next_offset, **{"partition": 0, "moved_at": AT, **changes})


def an_account(**changes: Any) -> Account:
    """Offsets 0 to 99 in five batches, two of a hundred records dead letters."""
    return replace(
        Account(
            topic="events",
            partition=0,
            incarnation=1,
            first_offset=0,
            next_offset=100,
            reset_offset=None,
            batches=5,
            empties=0,
            gaps=0,
            resets=0,
            redrives=0,
            gap_offsets=0,
            records=100,
            applied=90,
            unchanged=8,
            dead_lettered=2,
            deleted_dead_letters=0,
            unbalanced=0,
            first_at=AT,
            last_at=AT,
        ),
        **changes,
    )


SECOND = an_account(incarnation=2, resets=1, reset_offset=40, first_offset=40)


def ledger(
    *accounts: Account,
    positions: tuple[Position, ...] = (position(),),
    breaks: tuple[Break, ...] = (),
    kept: Mapping[int, int] | None = None,
    shared: frozenset[str] = frozenset(),
) -> Ledger:
    """A ledger of one partition.

    ``kept`` has the number of dead letters per incarnation, by default what the ledger counts.
    """
    letters = {each.incarnation: each.dead_lettered for each in accounts} | dict(kept or {})
    by_incarnation = {("events", 0, incarnation): count for incarnation, count in letters.items()}
    return Ledger(positions, accounts, breaks, by_incarnation, Marks(0, None, 0, None), shared)


def findings(report: Report) -> list[str]:
    return [str(finding) for finding in report.findings]


def test_a_ledger_that_adds_up_is_told_in_one_reassuring_sentence() -> None:
    report = examine(ledger(an_account()), LOGS, "group")
    assert findings(report) == []
    assert (
        report.summary
        == "Everything adds up: 100 records in 1 partition: 90 applied, 8 unchanged, 2"
        " dead-lettered, 20 still to be read."
    )
    (account,) = report.partitions
    assert (
        account.contiguous,
        account.ledger_end,
        account.next_offset,
        account.log_end,
        account.lag,
    ) == (
        True,
        100,
        100,
        120,
        20,
    )


def test_what_is_behind_an_open_transaction_is_still_to_be_read() -> None:
    logs = {("events", 0): PartitionLog(TOPIC, 0, 120, open_transaction=100)}
    report = examine(ledger(an_account()), logs, "group")
    assert findings(report) == []
    assert report.summary.endswith(" 20 still to be read.")
    (account,) = report.partitions
    assert (account.lag, account.open_transaction) == (20, 100)


def broken(expected: int, found: int, breaks: int = 1) -> Break:
    return Break("events", 0, 1, expected, found, 77, AT, breaks)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            ledger(an_account(), breaks=(broken(40, 60),)),
            (
                "events-0: offsets 40 to 59 are not accounted for: offset 40 was expected, 60 was"
                " found in the ledger's line 77 of 2026-05-01 10:00:00 UTC."
            ),
        ),
        (
            ledger(an_account(), breaks=(broken(60, 40, 3),)),
            (
                "events-0: offsets 40 to 59 are accounted for twice: offset 60 was expected, 40 was"
                " found in the ledger's line 77 of 2026-05-01 10:00:00 UTC (the first of 3 such"
                " places)."
            ),
        ),
        (
            ledger(an_account(unbalanced=2)),
            (
                "events-0: in 2 lines of the ledger records are not what was applied, unchanged and"
                " dead-lettered together."
            ),
        ),
        (
            ledger(an_account(), positions=(position(101),)),
            "events-0: its next offset is 101, but the ledger ends at 100.",
        ),
        (
            ledger(an_account(), positions=(position(incarnation=2),)),
            "events-0: its position is in incarnation 2, but the ledger ends in incarnation 1.",
        ),
        (
            ledger(an_account(), positions=()),
            "events-0: the ledger has 100 records, but no position is stored.",
        ),
        (
            ledger(an_account(), kept={1: 1}),
            "events-0: the ledger counts 2 dead letters from offset 0 to 100, but 1 are kept.",
        ),
        (
            ledger(an_account(), kept={1: 3}),
            "events-0: the ledger counts 2 dead letters from offset 0 to 100, but 3 are kept.",
        ),
        (
            ledger(
                an_account(),
                replace(SECOND, resets=0, reset_offset=None),
                positions=(position(incarnation=2),),
            ),
            "events-0: its incarnation 2 begins with 0 lines of kind reset in the ledger, not one.",
        ),
        (
            ledger(
                an_account(), replace(SECOND, first_offset=41), positions=(position(incarnation=2),)
            ),
            "events-0: its incarnation 2 should begin at offset 40, but the ledger goes on at 41.",
        ),
        (
            ledger(
                an_account(), replace(SECOND, incarnation=3), positions=(position(incarnation=3),)
            ),
            "events-0: the ledger has its incarnations 1 and 3, but not those in between.",
        ),
        (
            ledger(
                an_account(resets=1, reset_offset=0),
                an_account(incarnation=2, resets=2),
                positions=(position(incarnation=2),),
            ),
            "events-0: its incarnation 2 begins with 2 lines of kind reset in the ledger, not one.",
        ),
    ],
    ids=[
        "hole",
        "overlap",
        "sums",
        "position moved without the ledger",
        "incarnation without the ledger",
        "position lost",
        "dead letter lost",
        "dead letter that nobody counted",
        "incarnation without a reset",
        "hole after a reset",
        "incarnation skipped",
        "two resets",
    ],
)
def test_what_does_not_add_up_is_said_in_a_sentence(given: Ledger, words: str) -> None:
    report = examine(given, LOGS, "group")
    assert findings(report) == [words]
    assert report.summary.startswith("1 thing does not add up. ")


def test_what_only_waits_or_was_not_seen_is_not_called_wrong() -> None:
    waits = examine(
        ledger(an_account(), positions=(replace(position(), status="tripped"),)), LOGS, "group"
    )
    assert waits.summary.startswith(
        "1 partition waits for a decision; everything else adds up. 100 records"
    )
    lost = examine(
        ledger(an_account(), positions=(position(),)),
        {("events", 0): replace(LOGS["events", 0], start=500, end=900)},
        "group",
    )
    assert lost.summary.startswith("1 thing does not add up. 100 records")
    assert "records expired before they were read: offsets 100 to 499" in findings(lost)[0]
    unseen = examine(ledger(an_account()), None, "group", "Kafka is away.")
    assert unseen.summary.startswith(
        "1 thing could not be checked; everything else adds up. 100 records"
    )
    both = examine(ledger(an_account(unbalanced=1), kept={1: 0}), None, "group", "Kafka is away.")
    assert both.summary.startswith(
        "2 things do not add up, 1 thing could not be checked. 100 records"
    )


def test_only_a_broken_sequence_is_not_contiguous() -> None:
    assert (
        not examine(ledger(an_account(), breaks=(broken(40, 60),)), LOGS, "group")
        .partitions[0]
        .contiguous
    )
    assert (
        not examine(
            ledger(an_account(), replace(SECOND, resets=0, reset_offset=None)), LOGS, "group"
        )
        .partitions[0]
        .contiguous
    )
    assert (
        examine(ledger(an_account(unbalanced=1), kept={1: 0}), LOGS, "group")
        .partitions[0]
        .contiguous
    )


@pytest.mark.parametrize(
    "given",
    [
        ledger(an_account(), SECOND, positions=(position(incarnation=2),)),
        ledger(
            an_account(),
            replace(SECOND, next_offset=None, first_offset=None),
            positions=(position(40, incarnation=2),),
        ),
        ledger(replace(SECOND, resets=0, reset_offset=None), positions=(position(incarnation=2),)),
        ledger(an_account(), SECOND, positions=(position(incarnation=2),), kept={2: 5}),
        ledger(an_account(), kept={1: 5}, shared=frozenset({"events"})),
        ledger(
            an_account(),
            an_account(
                incarnation=3, first_offset=None, next_offset=None, redrives=1, dead_lettered=0
            ),
        ),
        ledger(positions=(position(),)),
        ledger(),
    ],
    ids=[
        "read again",
        "reset, nothing read yet",
        "ledger begins after the reset",
        "more dead letters, of the first reading",
        "more dead letters, of another group",
        "redriven",
        "nothing in the ledger",
        "nothing at all",
    ],
)
def test_what_is_as_it_should_be_is_not_complained_about(given: Ledger) -> None:
    assert findings(examine(given, LOGS, "group")) == []


def test_a_partition_that_waits_for_a_decision_is_a_finding_with_the_command() -> None:
    report = examine(ledger(an_account()), {("events", 0): PartitionLog(TOPIC, 110, 120)}, "group")
    assert findings(report) == [
        "events-0: records expired before they were read: offsets 100 to 109. Decide: btl offsets"
        " accept-gap events 0"
    ]


def test_brokers_that_can_not_be_asked_are_a_finding_too() -> None:
    report = examine(ledger(an_account()), None, "group", "No broker at nowhere.")
    assert findings(report) == [
        "Positions were not compared with the brokers' logs: No broker at nowhere."
    ]
    assert (report.partitions[0].lag, report.partitions[0].contiguous) == (None, True)


def test_a_partition_that_nobody_took_is_listed_with_its_lag() -> None:
    report = examine(ledger(), {**LOGS, ("events", 1): PartitionLog(TOPIC, 3, 9)}, "group")
    assert [(str(each), each.lag, each.next_offset) for each in report.partitions] == [
        ("events-0", 20, 100),
        ("events-1", 6, None),
    ]
    assert findings(report) == []


def test_logs_that_move_while_the_database_is_read_leave_the_position_inside() -> None:
    before = {("events", 0): PartitionLog(TOPIC, 0, 90), ("gone", 0): PartitionLog(TOPIC, 0, 1)}
    after = {("events", 0): PartitionLog(TOPIC, 110, 120), ("events", 1): PartitionLog(TOPIC, 5, 6)}
    logs = widest_logs(before, after)
    assert logs == {
        ("events", 0): PartitionLog(TOPIC, 0, 120),
        ("events", 1): PartitionLog(TOPIC, 5, 6),
    }
    assert findings(examine(ledger(an_account()), logs, "group")) == []
    recreated = {("events", 0): PartitionLog(OTHER, 110, 120)}
    assert widest_logs(before, recreated) == recreated
