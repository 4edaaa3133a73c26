"""Where reading starts, and when it must not."""

from uuid import UUID

import pytest

from consumers.core.positions import BrokerPartition, Stopped, StoredPosition, start_position

TOPIC, OTHER = UUID(int=1), UUID(int=2)


def stored(
    next_offset: int, status: str = "consuming", detail: str | None = None
) -> StoredPosition:
    return StoredPosition(TOPIC, 1, next_offset, 7, status, detail)


@pytest.mark.parametrize("next_offset", [10, 15, 20])
def test_reading_goes_on_where_postgres_says(next_offset: int) -> None:
    assert start_position(stored(next_offset), BrokerPartition(TOPIC, 10, 20)) == next_offset


@pytest.mark.parametrize(
    ("position", "broker", "reason"),
    [
        (stored(9), BrokerPartition(TOPIC, 10, 20), "records 9 to 9 expired"),
        (stored(21), BrokerPartition(TOPIC, 10, 20), "the log ends at 20"),
        (stored(10), BrokerPartition(OTHER, 0, 20), "deleted and made anew"),
        (stored(10, "stopped", "by hand"), BrokerPartition(TOPIC, 0, 20), "by hand"),
    ],
)
def test_a_partition_stops_rather_than_lose_or_repeat_records_unnoticed(
    position: StoredPosition, broker: BrokerPartition, reason: str
) -> None:
    start = start_position(position, broker)
    assert isinstance(start, Stopped)
    assert reason in start.detail
