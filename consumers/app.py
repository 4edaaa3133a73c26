"""Builds a consumer, its metrics and its health server from the settings."""

import gc
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from fnmatch import fnmatchcase

import psycopg

from below_the_line.catalogue import load_contracts, topics
from below_the_line.database.connections import connect, forbidden, require_own_session
from below_the_line.database.migrations import require_current
from below_the_line.erasing.keys import given_key
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.errors import translated_errors
from below_the_line.kafka.options import kafka_options
from below_the_line.settings import Settings
from below_the_line.site_settings import agreed
from consumers.adapters.erasures import require_key_of_recorded
from consumers.adapters.kafka import Source
from consumers.adapters.postgres import Store
from consumers.core.batch import BatchPolicy
from consumers.core.observer import Observer
from consumers.service import Consumer

_CONTAINERS_BETWEEN_COLLECTIONS = 200_000
"""A few batches. Records live until their commit and form no cycles: with Python's own 700, looking
for cycles in them again and again takes an eighth of a consumer's time.
"""
_SECONDS_BETWEEN_COLLECTIONS = 30.0
_SECONDS_BETWEEN_THREADS = 0.0005
"""kafka-python's thread reads an answer from its socket in dozens of pieces. For each it must get
the interpreter from the decoder, which releases it after this time. With Python's own 5 ms the next
records arrive too late.
"""


def relieve_collector() -> None:
    """Make Python look for cyclic garbage rarely, and not among present objects. For a process that
    only consumes.

    It also looks every 30 seconds: while a broker is away, kafka-python leaves the socket of each
    attempt to the collector.
    """
    gc.freeze()
    gc.set_threshold(_CONTAINERS_BETWEEN_COLLECTIONS, 10, 10)

    def collect_now_and_then() -> None:
        while True:
            time.sleep(_SECONDS_BETWEEN_COLLECTIONS)
            gc.collect()

    threading.Thread(target=collect_now_and_then, name="collector", daemon=True).start()


def alternate_threads() -> None:
    """Let reading continue beside decoding. For a process that only consumes."""
    sys.setswitchinterval(_SECONDS_BETWEEN_THREADS)


@contextmanager
def monitoring(settings: Settings) -> Iterator[Observer]:
    """Yield an observer for a consumer. If a port is set, its metrics and health are served over
    HTTP while the block lasts. If a webhook is set, it hears of partitions that stop.

    Raises BelowTheLineError when the port is not free, or for an unknown type in BTL_SOURCES.
    """
    from consumers.monitoring.webhook import Webhook

    alerts = (
        Observer() if settings.alert_url is None else Webhook(settings.alert_url.get_secret_value())
    )
    if settings.http_port is None:
        yield alerts
        return
    from consumers.monitoring.consumer_metrics import ConsumerMetrics
    from consumers.monitoring.health_server import HealthServer
    from consumers.monitoring.lag_poller import LagPoller

    metrics = ConsumerMetrics(sources=known_sources(settings), also=alerts)
    server = HealthServer(metrics, settings.http_host, settings.http_port)
    poller = LagPoller(metrics, kafka_options(settings), settings.require_database_url())
    poller.start()
    try:
        yield metrics
    finally:
        poller.close()
        server.close()


def known_sources(settings: Settings) -> Mapping[str, Sequence[str]]:
    """Return BTL_SOURCES. Raises BelowTheLineError for a type or pattern that no event can have."""
    known = [name for topic in topics() for name in topic.event_types]
    for source, types in settings.sources.items():
        for each in types:
            if not any(fnmatchcase(name, each) for name in known):
                near = get_close_matches(each, known, n=1)
                raise BelowTheLineError(
                    f"BTL_SOURCES gives {each} to {source}, and no event type is called so.",
                    f"Did you mean {near[0]}?" if near else f"Types are {', '.join(known)}.",
                )
    return settings.sources


def build_consumer(
    settings: Settings, only: Collection[str] = (), observer: Observer | None = None
) -> Consumer:
    """Return a consumer of all input topics, or ``only`` of these. It has read nothing yet.

    Raises BelowTheLineError when a topic is not an input topic, the database is not migrated,
    people are erased in it and BTL_ERASURE_KEY is missing or another one, or no broker can be
    reached.
    """
    url = settings.require_database_url()
    inputs = [each.name for each in topics() if each.direction == "in"]
    unknown = sorted(set(only) - set(inputs))
    if unknown:
        raise BelowTheLineError(
            f"{', '.join(unknown)} is not an input topic.",
            f"The input topics are {', '.join(inputs)}.",
        )
    require_current(url)
    erasure_key = given_key(settings.erasure_key)
    with connect(url, application_name="btl consume", autocommit=True) as connection:
        require_own_session(connection)
        try:
            require_key_of_recorded(connection, erasure_key)
        except psycopg.errors.InsufficientPrivilege as error:
            raise forbidden(error) from error
        settings = agreed(settings, connection)
    with translated_errors(settings):
        source = Source(
            only or inputs,
            settings.consumer_group,
            kafka_options(settings),
            settings.batch_records,
            settings.session_seconds,
        )
    return Consumer(
        source,
        Store(
            url,
            settings.consumer_group,
            observer,
            settings.ledger_seconds,
            erasure_key=erasure_key,
        ),
        load_contracts(),
        BatchPolicy(settings.batch_records, settings.batch_seconds),
        observer,
    )
