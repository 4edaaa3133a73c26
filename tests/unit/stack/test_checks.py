"""What `btl status` says below its table, by where partitions stand."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.partitions import PartitionLog, Position, partition_statuses
from below_the_line.settings import Settings
from btl.stack import checks
from btl.stack.checks import Notice, System, notices
from consumers.adapters.dead_letters import SourceCount
from tests.builders import position

TOPIC = UUID(int=1)


def system(*held: Position, end: int = 20) -> System:
    """A system whose partitions are those of these positions, each with this log end."""
    found = System(Settings(), datetime(2026, 5, 1, tzinfo=UTC))
    logs = {(each.topic, each.partition): PartitionLog(TOPIC, 0, end) for each in held}
    found.partitions = partition_statuses(held, logs, "group")
    return found


def said(system: System) -> list[Notice]:
    return list(checks.partitions(system))


def test_partitions_that_are_read_are_nothing_to_speak_of() -> None:
    assert said(system(position(7), position(20, partition=4))) == []


def test_a_stopped_partition_is_named_with_what_happened_and_the_command_that_decides() -> None:
    tripped = position(7, status="tripped", status_detail="all bad")
    assert said(system(tripped, position(3, partition=4))) == [
        Notice(
            "events-3",
            "tripped, it is not read: all bad",
            "btl breaker accept events 3",
            wrong=True,
        )
    ]


def test_of_many_stopped_partitions_some_are_named_and_the_others_counted() -> None:
    stopped = [position(7, partition=number, status="stopped") for number in range(12)]
    *named, rest = said(system(*stopped))
    assert [each.subject for each in named] == ["events-0", "events-1", "events-2"]
    assert str(rest) == "partitions: 9 more partitions not read: btl offsets show"
    tripped = [position(7, partition=number, status="tripped") for number in range(4)]
    assert said(system(*tripped))[-1].command == "btl breaker accept --all-partitions"
    assert said(system(stopped[4], *tripped))[-1].command == "btl offsets show"


def test_records_that_nobody_reads_are_counted_and_an_idle_partition_is_nothing() -> None:
    alone = [position(15, partition=number, owner_connected=False) for number in range(3)]
    (notice,) = said(system(position(0, partition=9), *alone))
    assert notice.subject == "consumers"
    assert notice.sentence == "none reads 3 partitions with 15 records to read"
    assert said(system(*alone, end=15)) == []


def test_a_partition_that_stands_still_for_an_open_transaction_is_named() -> None:
    logs = {("events", 3): PartitionLog(TOPIC, 0, 20, open_transaction=15)}

    def after(seconds: int) -> list[Notice]:
        found = system()
        held = position(15, moved_at=found.now - timedelta(seconds=seconds))
        found.partitions = partition_statuses([held], logs, "group")
        return list(checks.open_transactions(found))

    assert after(59) == []
    (notice,) = after(60)
    assert str(notice).startswith("events-3: open transaction since offset 15, nothing from there")
    assert notice.command == "btl offsets show"


def test_a_check_that_can_not_look_is_said_once_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_: System) -> Iterator[Notice]:
        raise BelowTheLineError("Nobody is there.")

    def half(_: System) -> Iterator[Notice]:
        yield Notice("half", "was seen")
        raise psycopg.OperationalError("cut\noff")

    def whole(_: System) -> Iterable[Notice]:
        return [Notice("whole", "was seen", wrong=False)]

    monkeypatch.setattr(checks, "CHECKS", (away, half, away, whole))
    assert [str(each) for each in notices(system())] == [
        "status: not all could be looked at: Nobody is there",
        "half: was seen",
        "status: not all could be looked at: cut off",
        "whole: was seen",
    ]


def test_what_the_table_says_is_away_is_not_said_again() -> None:
    settings = Settings.model_validate(
        {"database_url": "postgresql://127.0.0.1:1/none", "kafka_bootstrap": "x:1"}
    )
    now = datetime(2026, 5, 1, tzinfo=UTC)
    assert notices(System(settings, now, frozenset({"postgres", "kafka"}))) == []
    assert notices(System(Settings(), now)) == []


@pytest.mark.parametrize(
    ("groups", "total"),
    [
        (1, None),
        (3, "12 open ones, in 3 groups by source, type and code"),
        (5, "20 open ones, in 5 groups by source, type and code, the largest 3 of them here"),
    ],
)
def test_of_dead_letters_the_total_is_said_first_and_the_command_once(
    monkeypatch: pytest.MonkeyPatch, groups: int, total: str | None
) -> None:
    newest = datetime(2026, 5, 1, tzinfo=UTC)
    counts = [SourceCount(f"/{number}", None, "not_json", 4, newest) for number in range(groups)]
    monkeypatch.setattr(checks, "count_by_source", lambda *_: counts)
    looked_at = system()
    looked_at.connection = None  # type: ignore[assignment]

    found = list(checks.dead_letters(looked_at))

    command = "btl dead-letters list --summary"
    assert [each.command for each in found] == [command] + [None] * (len(found) - 1)
    assert not any(each.wrong for each in found)
    named = found if total is None else found[1:]
    assert total is None or found[0].sentence == total
    assert [each.sentence for each in named] == [
        f"4 open ones of /{number} (unreadable type, not_json), the latest of 2026-05-01 00:00 UTC"
        for number in range(min(groups, 3))
    ]
