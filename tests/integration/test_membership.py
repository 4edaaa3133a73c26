"""Joining the group again takes longer than one poll, and is brought to its end all the same."""

import uuid
from contextlib import closing

import pytest

from below_the_line.kafka.options import kafka_options
from below_the_line.settings import Settings
from consumers.adapters.kafka import Source
from tests.pipeline import wait_until

pytestmark = pytest.mark.stack


def test_a_leader_that_saw_partitions_change_gets_its_partitions_also_when_a_poll_ends_first(
    kafka_bootstrap: str,
) -> None:
    options = kafka_options(Settings.model_validate({"kafka_bootstrap": kafka_bootstrap}))
    with closing(Source(["articles"], f"test-{uuid.uuid4().hex}", options, 100, 6)) as source:
        coordinator = source._consumer._coordinator

        def settled() -> bool:
            source.poll(0.3, 1)
            return (
                len(source.assigned) == 6
                and not source.is_rebalancing
                and not coordinator.need_rejoin()
            )

        def left_under_way() -> bool:
            # As if the topic had had no partitions when this member, the group's leader, gave them
            # out.
            coordinator._assignment_snapshot = {}
            source.poll(0.001, 1)
            return source.is_rebalancing

        wait_until(settled, 30, every=0)
        wait_until(left_under_way, 30, every=0)
        # It has assigned them again, so the partitions do not cause another join.
        wait_until(
            lambda: coordinator._assignment_snapshot == coordinator._metadata_snapshot,
            30,
            every=0.001,
        )
        assert coordinator.need_rejoin()
        wait_until(settled, 30, every=0)
