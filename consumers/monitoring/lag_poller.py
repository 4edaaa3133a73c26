"""Asks the brokers for the ends of the logs and the database for conflicts, from time to time.

It has its own threads and clients, so it works also while the consumer hangs.
"""

import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

import kafka
import kafka.errors
import psycopg
import structlog

from below_the_line.database.connections import connect
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import logs_by_consumer
from below_the_line.kafka.options import connected
from below_the_line.resources import sql
from consumers.core.batch import Partition
from consumers.monitoring.consumer_metrics import ConsumerMetrics

log = structlog.get_logger(__name__)

ENDS_SECONDS = 5.0
CONFLICTS_SECONDS = 3_600.0
"""Counting conflicts reads all versions of all events: seldom, and for a minute at most."""

_ANSWER_MILLISECONDS = 5_000


class LagPoller:
    """Reports to a ConsumerMetrics where logs end and how many events conflict, until closed."""

    def __init__(
        self,
        metrics: ConsumerMetrics,
        options: Mapping[str, Any],
        database_url: str,
        ends_seconds: float = ENDS_SECONDS,
        conflicts_seconds: float = CONFLICTS_SECONDS,
    ) -> None:
        self._metrics = metrics
        self._options = options
        self._database_url = database_url
        self._closed = threading.Event()
        self._consumer: kafka.KafkaConsumer | None = None
        self._threads = [
            threading.Thread(
                target=self._repeat, args=args, name=f"poll {args[0].__name__}", daemon=True
            )
            for args in (
                (self._ask_for_ends, ends_seconds),
                (self._count_conflicts, conflicts_seconds),
            )
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop the threads. A question that was asked is waited for up to two seconds."""
        self._closed.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(2)

    def _repeat(self, ask: Callable[[], None], seconds: float) -> None:
        while not self._closed.is_set():
            began = monotonic()
            try:
                ask()
            except (kafka.errors.KafkaError, psycopg.Error, BelowTheLineError, OSError) as error:
                log.debug("not answered", question=ask.__name__, error=str(error))
            except Exception:
                # A defect, here or in kafka-python: the next time may go better. Without this
                # thread a consumer that has read everything would soon count as one that stands
                # still.
                log.exception("could not ask", question=ask.__name__)
            self._closed.wait(max(0.1, seconds - (monotonic() - began)))
        if ask == self._ask_for_ends:
            # On the thread that uses it: kafka-python's client is not safe for two.
            self._disconnect()

    def _ask_for_ends(self) -> None:
        partitions = self._metrics.partitions()
        if not partitions:
            # A consumer that stands by has no partitions to ask for.
            self._metrics.ends({})
            return
        if self._consumer is None:
            self._consumer = connected(
                kafka.KafkaConsumer,
                **self._options,
                enable_auto_commit=False,
                isolation_level="read_committed",
                metrics_enabled=False,
            )
        try:
            found = logs_by_consumer(self._consumer, partitions, _ANSWER_MILLISECONDS)
        except kafka.errors.KafkaError:
            self._disconnect()
            raise
        self._metrics.ends({Partition(*each): log for each, log in found.items()})

    def _disconnect(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _count_conflicts(self) -> None:
        self._metrics.conflicts(float("nan"))
        with connect(self._database_url, application_name="btl consume, conflicts") as connection:
            connection.execute("set statement_timeout = '60s'")
            row = connection.execute(sql("ingest/count_event_id_conflicts.sql")).fetchone()
        # None: another process is counting just now.
        if row is not None:
            self._metrics.conflicts(row[0])
