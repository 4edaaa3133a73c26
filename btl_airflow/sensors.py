"""The sensor that waits, without holding a worker, until everything produced before the run is in
the tables.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.bases.sensor import PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from btl_airflow.connections import connected

if TYPE_CHECKING:
    import psycopg
    from airflow.sdk import Context


class IngestBarrierSensor(BaseSensorOperator):
    """Takes a barrier when it first pokes, and returns the barrier's id once the consumers have
    passed it.

    The barrier belongs to the task instance's try. Later pokes, each in a process of its own, find
    it again; a retry or a cleared task takes a new one. The sensor fails and names the partitions
    when it times out, and at once when one of them was stopped.
    """

    def __init__(
        self,
        *,
        mode: str = "reschedule",
        poke_interval: float = 2,
        timeout: float = 240,
        **arguments: Any,
    ) -> None:
        super().__init__(mode=mode, poke_interval=poke_interval, timeout=timeout, **arguments)

    def poke(self, context: "Context") -> PokeReturnValue:
        """Poll the barrier once. Raises AirflowFailException when a partition was stopped."""
        from below_the_line.closing import barrier
        from btl_airflow.settings import settings

        with _barrier(context) as (connection, barrier_id):
            try:
                behind = barrier.poll_barrier(connection, barrier_id)
            except barrier.PartitionStoppedError as error:
                raise AirflowFailException(str(error)) from None
            if behind:
                now = barrier.database_clock(connection)
                seen = barrier.find_transactions(behind, settings(), now)
                self.log.info("Waiting for %s", barrier.explain(seen, now))
        return PokeReturnValue(is_done=not behind, xcom_value=barrier_id)

    def execute(self, context: "Context") -> Any:
        """Wait for the barrier. Raises AirflowSensorTimeout that names the partitions behind it."""
        try:
            return super().execute(context)
        except AirflowSensorTimeout:
            raise AirflowSensorTimeout(self._timeout_message(context)) from None

    def _timeout_message(self, context: "Context") -> str:
        from below_the_line.closing import barrier
        from btl_airflow.settings import settings

        with _barrier(context) as (connection, barrier_id):
            behind = barrier.poll_barrier(connection, barrier_id)
            now = barrier.database_clock(connection)
            behind = barrier.find_transactions(behind, settings(), now, idle_seconds=0)
            return str(barrier.timed_out(behind, self.timeout, now))


@contextmanager
def _barrier(context: "Context") -> "Iterator[tuple[psycopg.Connection, int]]":
    """Open a connection, and find or take the barrier of this try."""
    from below_the_line.closing.barrier import take_barrier
    from btl_airflow.settings import site_settings

    with connected("close_discussions barrier") as connection:
        yield (
            connection,
            take_barrier(
                connection,
                site_settings(connection),
                attempt_id=str(context["ti"].id),
                run_id=context["run_id"],
            ),
        )
