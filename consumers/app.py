"""A consumer from the settings: its source, its store and the contracts, put together."""

import gc
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from below_the_line.catalogue import load_contracts, topics
from below_the_line.database.migrations import require_current
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.options import kafka_options
from below_the_line.settings import Settings
from consumers.adapters.kafka import Source
from consumers.adapters.postgres import Store
from consumers.core.batch import BatchPolicy
from consumers.core.observer import Observer
from consumers.service import Consumer

_CONTAINERS_BETWEEN_COLLECTIONS = 200_000
"""Some batches' worth. Records live until their commit and form no cycles: with Python's own 700,
searching them for cycles over and over takes an eighth of a consumer's time.
"""
_SECONDS_BETWEEN_COLLECTIONS = 30.0
_SECONDS_BETWEEN_THREADS = 0.0005
"""kafka-python's thread takes an answer off its socket in dozens of pieces. For each it has to get
the interpreter from the decoder, which gives it away after this time; with Python's own 5 ms the
next records come after those at hand are used up.
"""


def relieve_collector() -> None:
    """Have Python look for cyclic garbage rarely, and not among what is there now. For a process
    that only consumes.

    By the clock, too: while a broker is away, kafka-python leaves a socket of each attempt to the
    collector.
    """
    gc.freeze()
    gc.set_threshold(_CONTAINERS_BETWEEN_COLLECTIONS, 10, 10)

    def collect_now_and_then() -> None:
        while True:
            time.sleep(_SECONDS_BETWEEN_COLLECTIONS)
            gc.collect()

    threading.Thread(target=collect_now_and_then, name="collector", daemon=True).start()


def alternate_threads() -> None:
    """Have reading go on beside decoding. For a process that only consumes."""
    sys.setswitchinterval(_SECONDS_BETWEEN_THREADS)


@contextmanager
def telling(settings: Settings) -> Iterator[Observer]:
    """An observer for a consumer, whose figures and health are served over HTTP while the block
    lasts, if a port is set.

    Raises BelowTheLineError when the port can't be had.
    """
    if settings.http_port is None:
        yield Observer()
        return
    from consumers.monitoring.consumer_metrics import ConsumerMetrics
    from consumers.monitoring.health_server import HealthServer
    from consumers.monitoring.lag_poller import LagPoller

    consumer_metrics = ConsumerMetrics()
    server = HealthServer(consumer_metrics, settings.http_host, settings.http_port)
    poller = LagPoller(consumer_metrics, kafka_options(settings), settings.require_database_url())
    poller.start()
    try:
        yield consumer_metrics
    finally:
        poller.close()
        server.close()


def build_consumer(
    settings: Settings, only: Collection[str] = (), observer: Observer | None = None
) -> Consumer:
    """A consumer of all input topics, or ``only`` of these, that has joined the group and not read
    anything yet.

    Raises BelowTheLineError when a topic is none of ours, the database is not migrated, or no
    broker can be reached.
    """
    url = settings.require_database_url()
    inputs = [each.name for each in topics() if each.direction == "in"]
    unknown = sorted(set(only) - set(inputs))
    if unknown:
        raise BelowTheLineError(
            f"{', '.join(unknown)} is no input topic.", f"The input topics are {', '.join(inputs)}."
        )
    require_current(url)
    source = Source(
        only or inputs,
        settings.consumer_group,
        kafka_options(settings),
        settings.batch_records,
        settings.session_seconds,
    )
    return Consumer(
        source,
        Store(url, settings.consumer_group, observer),
        load_contracts(),
        BatchPolicy(settings.batch_records, settings.batch_seconds),
        observer,
    )
