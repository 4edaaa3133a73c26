"""Waits, without holding a worker, until everything produced before the run has been ingested."""

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.bases.sensor import PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from btl_airflow.connections import database_url

if TYPE_CHECKING:
    from airflow.sdk import Context


class IngestBarrierSensor(BaseSensorOperator):
    """Takes a barrier at its first look and returns the barrier's id once the consumers have passed
    it.

    The barrier belongs to the task instance's try: its later looks, in processes of their own, find
    it again; a retry or a cleared task takes a new one. On time-out, and at once if a partition was
    stopped, it fails naming the partitions.
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
        """One look."""
        from below_the_line.closing import barrier
        from below_the_line.database.connections import connect
        from below_the_line.settings import from_environment

        with connect(database_url(), application_name="close_discussions barrier") as connection:
            barrier_id = barrier.take_barrier(
                connection,
                from_environment(),
                attempt_id=str(context["ti"].id),
                run_id=context["run_id"],
            )
            try:
                behind = barrier.look(connection, barrier_id)
            except barrier.PartitionStoppedError as error:
                raise AirflowFailException(str(error)) from None
            if behind:
                self.log.info(
                    "Waiting for %s", barrier.explain(behind, barrier.database_clock(connection))
                )
        return PokeReturnValue(is_done=not behind, xcom_value=barrier_id)

    def execute(self, context: "Context") -> Any:
        """Look, and say on time-out what a person needs to know."""
        try:
            return super().execute(context)
        except AirflowSensorTimeout:
            raise AirflowSensorTimeout(self._what_is_missing(context)) from None

    def _what_is_missing(self, context: "Context") -> str:
        from below_the_line.closing import barrier
        from below_the_line.database.connections import connect
        from below_the_line.settings import from_environment

        with connect(database_url(), application_name="close_discussions barrier") as connection:
            barrier_id = barrier.take_barrier(
                connection,
                from_environment(),
                attempt_id=str(context["ti"].id),
                run_id=context["run_id"],
            )
            behind = barrier.look(connection, barrier_id)
            return str(barrier.timed_out(behind, self.timeout, barrier.database_clock(connection)))
