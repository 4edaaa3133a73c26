"""Brokers that are restarted, cut off or lost, one of three or two: waited for in plain sight, and
nothing is lost.
"""

import psycopg
import pytest

from btl.stack.stack import Stack
from consumers.core.observer import Cause
from tests.faults.cluster import Cluster
from tests.faults.outages import causes, reachable, watched
from tests.pipeline import Pipeline, wait_until

pytestmark = pytest.mark.stack


def test_a_broker_that_is_stopped_and_started_again_is_waited_for(
    pipeline: Pipeline, connection: psycopg.Connection, stack: Stack
) -> None:
    with watched(pipeline, connection) as outage:
        stack.stop_part("kafka")
        try:
            # To kafka-python's poll() it is as if there were nothing to read.
            outage.wait_until_reported(Cause.BROKER, times=1)
        finally:
            stack.start_part("kafka")
            wait_until(lambda: reachable(pipeline.bootstrap), 60)
        outage.consume(500)
        outage.assert_visible(Cause.BROKER, Cause.GROUP)


def test_a_broker_that_accepts_connections_and_says_nothing_is_waited_for(
    pipeline: Pipeline, connection: psycopg.Connection, stack: Stack
) -> None:
    with watched(pipeline, connection) as outage:
        broker = stack.processes("kafka")[0]
        broker.suspend()
        try:
            outage.wait_until_reported(Cause.BROKER, times=1)
        finally:
            broker.resume()
        outage.consume(500)
        outage.assert_visible(Cause.BROKER, Cause.GROUP)


def test_one_of_three_brokers_is_lost_and_the_work_goes_on_and_two_are_waited_for(
    clustered: Pipeline, connection: psycopg.Connection, cluster: Cluster
) -> None:
    with watched(clustered, connection) as outage:
        cluster.kill(1)
        outage.consume(1_000)
        assert {*causes(clustered)} <= {None, Cause.GROUP.value, Cause.BROKER.value}
        cluster.kill(2)
        # One of three can confirm nothing and elect nobody.
        outage.wait_until_reported(Cause.BROKER, times=1)
        cluster.start(1, 2)
        cluster.wait_until_well()
        outage.consume(1_000)
        wait_until(lambda: causes(clustered)[-1] is None, 30, clustered.consumer_logs)
    assert {*causes(clustered)} == {None, Cause.GROUP.value, Cause.BROKER.value}
