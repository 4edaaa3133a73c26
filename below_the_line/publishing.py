"""Records into Kafka: the topics of the catalogue, and a producer that loses nothing in silence."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, NamedTuple

import kafka
import tenacity
from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient
from kafka.partitioner import DefaultPartitioner
from kafka.partitioner.default import murmur2

from below_the_line import catalogue
from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings

# What kafka-python reports while it retries is no news to a person: what counts ends up in one
# BelowTheLineError.
logging.getLogger("kafka").addHandler(logging.NullHandler())

CONNECT_SECONDS = 8.0
"""An unreachable broker is given up after this long."""
ADMIN_SECONDS = 5.0
"""A request of the admin client that found its broker gone is tried again, at any other, for this
long.
"""
DELIVERY_SECONDS = 10.0
"""A record that the broker has not taken after this long is an error."""

# Measured on two cores shared with the broker, 730-byte events: 17,000 records/s with
# kafka-python's defaults, 28,000 with these batches, 40,000 with the cached partition as well. gzip
# makes that 12,000; lz4 gains nothing and is one more dependency: no compression.
_BATCH_BYTES = 262_144
_LINGER_MILLISECONDS = 10

# Futures are checked in bundles, and so many bundles may be under way: kafka-python 3 itself holds
# back nobody and would take a whole archive into memory.
_BUNDLE_RECORDS = 1_000
_BUNDLE_BYTES = 1_048_576
_BUNDLE_SECONDS = 1.0
_BUNDLES_UNDER_WAY = 16


class Outgoing(NamedTuple):
    """A record to be produced. Without a key *and* a value Kafka's client has nothing to send: one
    must be there.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def kafka_options(settings: Settings) -> dict[str, Any]:
    """What every client of kafka-python (producer, consumer, admin) needs to reach the brokers of
    ``settings``.

    Raises BelowTheLineError when no broker is configured or the security settings do not fit each
    other.
    """
    protocol = settings.kafka_security_protocol.upper()
    if protocol not in ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"):
        raise BelowTheLineError(
            f"BTL_KAFKA_SECURITY_PROTOCOL is {protocol!r}, which Kafka does not know.",
            "Use PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.",
        )
    options: dict[str, Any] = {
        "bootstrap_servers": [
            server.strip() for server in settings.require_kafka_bootstrap().split(",")
        ],
        "security_protocol": protocol,
        "bootstrap_timeout_ms": int(CONNECT_SECONDS * 1000),
    }
    if protocol.startswith("SASL_"):
        if settings.kafka_sasl_username is None or settings.kafka_sasl_password is None:
            raise BelowTheLineError(
                f"BTL_KAFKA_SECURITY_PROTOCOL is {protocol}, but the user name or the password is"
                " not set.",
                "Set BTL_KAFKA_SASL_USERNAME and BTL_KAFKA_SASL_PASSWORD.",
            )
        mechanism = (settings.kafka_sasl_mechanism or "PLAIN").upper()
        if mechanism not in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            raise BelowTheLineError(
                f"BTL_KAFKA_SASL_MECHANISM is {mechanism!r}, which is not supported.",
                "Use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.",
            )
        options |= {
            "sasl_mechanism": mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
        }
    if settings.kafka_ssl_cafile is not None and protocol.endswith("SSL"):
        if not settings.kafka_ssl_cafile.is_file():
            raise BelowTheLineError(
                f"BTL_KAFKA_SSL_CAFILE names {settings.kafka_ssl_cafile}, which is no file.",
                "Correct it or unset it.",
            )
        options["ssl_cafile"] = str(settings.kafka_ssl_cafile)
    return options


def create_topics(settings: Settings) -> list[str]:
    """Create the topics of the catalogue that do not exist, and wait until every partition of all
    of them has a leader.

    Returns the names of those it created. Safe to run twice, and by two at once. It never changes a
    topic that exists.
    """
    wanted = {topic.name: topic for topic in catalogue.topics()}
    created = []
    with admin_client(settings) as admin:
        existing = set(admin.list_topics())
        for name, topic in wanted.items():
            if name in existing:
                continue
            definition = {
                "num_partitions": topic.partitions,
                "replication_factor": topic.replication_factor,
                "configs": dict(topic.config),
            }
            try:
                admin.create_topics({name: definition}, timeout_ms=int(DELIVERY_SECONDS * 1000))
                created.append(name)
            except kafka_errors.TopicAlreadyExistsError:
                # Somebody else was quicker: just as well.
                continue
        admin.wait_for_topics(list(wanted), timeout_ms=30_000)
    return created


class Publisher:
    """An idempotent producer: acks from all replicas, no duplicates by retries, order kept per key.

    Use it as a context manager; leaving it without an error flushes. Not for several threads.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._options = kafka_options(settings)
        self._topics: set[str] = set()
        self._bundle: list[Any] = []
        self._bundle_bytes = 0
        self._bundle_since = 0.0
        self._under_way: deque[tuple[float, list[Any]]] = deque()
        self._producer: Any = None
        self.delivered = 0
        """Records that the broker has confirmed."""

    def __enter__(self) -> "Publisher":
        self._topics = self._existing_topics()
        with _explaining(self._settings):
            self._producer = _connected(
                kafka.KafkaProducer,
                **self._options,
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                batch_size=_BATCH_BYTES,
                linger_ms=_LINGER_MILLISECONDS,
                max_block_ms=int(DELIVERY_SECONDS * 1000),
                partitioner=_CachedPartitioner(),
                metrics_enabled=False,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._close()

    def send(self, outgoing: Outgoing) -> None:
        """Hand over one record; returns at once unless too much is under way.

        Raises BelowTheLineError if the topic does not exist, if an earlier record was refused, or
        if the broker has taken nothing for ten seconds.
        """
        topic, key, value, headers = outgoing
        if topic not in self._topics:
            self._require(topic)
        try:
            future = self._producer.send(topic, value=value, key=key, headers=list(headers))
        except kafka_errors.KafkaError as error:
            raise _explained(error, self._settings) from error
        now = time.monotonic()
        if not self._bundle:
            self._bundle_since = now
        self._bundle.append(future)
        self._bundle_bytes += len(value) if value is not None else 0
        if (
            len(self._bundle) >= _BUNDLE_RECORDS
            or self._bundle_bytes >= _BUNDLE_BYTES
            or now - self._bundle_since >= _BUNDLE_SECONDS
        ):
            self._close_bundle(now)
            self._check(lambda: len(self._under_way) > _BUNDLES_UNDER_WAY)

    def flush(self) -> None:
        """Wait until the broker has taken every record. Raises BelowTheLineError as ``send``
        does.
        """
        if self._bundle:
            self._close_bundle(time.monotonic())
        self._check(lambda: bool(self._under_way))

    def _close(self) -> None:
        # Nothing is waited for: flush has done so, or there is no hope. kafka-python's close raises
        # if records are still under way, stays open, and says so again when it is collected: so its
        # sender is told to give them up first.
        if self._under_way or self._bundle:
            self._producer._sender.force_close()
        with suppress(kafka_errors.KafkaError):
            self._producer.close(timeout=1)

    def _close_bundle(self, now: float) -> None:
        self._under_way.append((now, self._bundle))
        self._bundle, self._bundle_bytes = [], 0

    def _check(self, must_wait: Callable[[], bool]) -> None:
        """Take finished bundles off; while ``must_wait()``, and for a bundle that is overdue, wait
        for the oldest.
        """
        while self._under_way:
            closed_at, bundle = self._under_way[0]
            overdue = time.monotonic() - closed_at >= DELIVERY_SECONDS
            if not overdue and not must_wait() and not bundle[-1].is_done:
                return
            # Confirmations come per partition: the last record's may be there before that of
            # others.
            deadline = max(closed_at + DELIVERY_SECONDS, time.monotonic() + 0.1)
            for future in bundle:
                try:
                    future.get(timeout=max(deadline - time.monotonic(), 0.001))
                except kafka_errors.KafkaError as error:
                    raise _explained(error, self._settings) from error
            self.delivered += len(bundle)
            self._under_way.popleft()

    def _existing_topics(self) -> set[str]:
        with admin_client(self._settings) as admin:
            return set(admin.list_topics())

    def _require(self, topic: str) -> None:
        self._topics = self._existing_topics()
        if topic not in self._topics:
            raise BelowTheLineError(
                f"The topic {topic!r} is not at {self._settings.kafka_bootstrap}, or hidden from"
                " this user.",
                "Create the topics with `btl up` or `btl topics create`.",
            )


class _CachedPartitioner(DefaultPartitioner):  # type: ignore[misc]
    """The default, murmur2 of the key, remembered: that hash in Python is a tenth of the cost of a
    record.
    """

    def __init__(self) -> None:
        self._hashes: dict[bytes, int] = {}

    def partition(
        self,
        topic: str,
        key: Any,
        serialized_key: bytes | None,
        value: Any,
        serialized_value: Any,
        cluster: Any,
    ) -> Any:
        if serialized_key is None:
            return super().partition(topic, key, serialized_key, value, serialized_value, cluster)
        partitions = cluster.partitions_for_topic(topic)
        if not partitions:
            raise ValueError(f"Topic {topic} not found in ClusterMetadata")
        known = self._hashes.get(serialized_key)
        if known is None:
            if len(self._hashes) >= 200_000:
                self._hashes.clear()
            known = self._hashes[serialized_key] = murmur2(serialized_key) & 0x7FFFFFFF
        # Kafka numbers the partitions of a topic from 0 without a gap.
        return known % len(partitions)


@contextmanager
def admin_client(settings: Settings) -> Iterator[Any]:
    """An admin client, closed at the end. What Kafka raises in between, too, becomes a
    BelowTheLineError.

    One broker of several that is lost is not an error: what was to go to it is sent to another.
    """
    with _explaining(settings):
        client = _connected(kafka.KafkaAdminClient, **kafka_options(settings))
        try:
            yield _OtherBroker(client)
        finally:
            client.close()


def _found_no_broker(error: BaseException) -> bool:
    return isinstance(error, kafka_errors.KafkaConnectionError | kafka_errors.NodeNotReadyError)


class _OtherBroker:
    """An admin client whose requests are sent again if the broker could not be reached.

    kafka-python picks any broker for a request, also one that it has not connected to yet, and
    fails if that one is away: from then on it avoids it.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return tenacity.retry(
            retry=tenacity.retry_if_exception(_found_no_broker),
            stop=tenacity.stop_after_delay(ADMIN_SECONDS),
            wait=tenacity.wait_fixed(0.1),
            reraise=True,
        )(getattr(self._client, name))


def _connected(factory: Callable[..., Any], **options: Any) -> Any:
    """A client of kafka-python; if it cannot connect, its thread and selector are closed, which it
    leaves running.
    """
    begun: list[Any] = []

    def begin(**configuration: Any) -> Any:
        begun.append(KafkaNetClient(**configuration))
        return begun[-1]

    try:
        return factory(**options, kafka_client=begin)
    except BaseException:
        for client in begun:
            client.close()
        raise


@contextmanager
def _explaining(settings: Settings) -> Iterator[None]:
    """Turn what kafka-python raises inside into a BelowTheLineError.

    While it connects it swallows every reason, a refused password too, and raises a time-out: the
    reason is only in its log, as an argument of the message, and is taken from there.
    """
    reasons = _Reasons()
    log = logging.getLogger("kafka")
    log.addHandler(reasons)
    try:
        yield
    except kafka_errors.KafkaError as error:
        raise _explained(reasons.telling or error, settings) from error
    finally:
        log.removeHandler(reasons)


class _Reasons(logging.Handler):
    """Keeps the most telling exception that kafka-python logs: one that waiting would not mend."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.telling: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for argument in record.args if isinstance(record.args, tuple) else ():
            if isinstance(argument, kafka_errors.BrokerResponseError) and not argument.retriable:
                self.telling = argument


def _explained(error: Exception, settings: Settings) -> BelowTheLineError:
    """The one sentence for a person in place of what kafka-python raised."""
    where = settings.kafka_bootstrap
    if isinstance(error, kafka_errors.SaslAuthenticationFailedError):
        return BelowTheLineError(
            f"The Kafka broker at {where} refused user {settings.kafka_sasl_username!r}.",
            "Check BTL_KAFKA_SASL_USERNAME and BTL_KAFKA_SASL_PASSWORD.",
        )
    if isinstance(error, kafka_errors.UnsupportedSaslMechanismError):
        return BelowTheLineError(
            f"The Kafka broker at {where} does not offer this SASL mechanism.",
            "Check BTL_KAFKA_SASL_MECHANISM.",
        )
    if isinstance(error, kafka_errors.IllegalSaslStateError):
        return BelowTheLineError(
            f"The Kafka broker at {where} expects no SASL.", "Check BTL_KAFKA_SECURITY_PROTOCOL."
        )
    if isinstance(error, kafka_errors.AuthorizationError):
        return BelowTheLineError(
            f"The Kafka broker at {where} does not allow this: {type(error).__name__}.",
            "Ask its operator for the right to describe, create and write the topics of"
            " schemas/topics.yaml.",
        )
    if isinstance(error, kafka_errors.UnknownTopicOrPartitionError):
        return BelowTheLineError(
            f"A topic does not exist at {where}.",
            "Create the topics with `btl up` or `btl topics create`.",
        )
    if isinstance(
        error, kafka_errors.MessageSizeTooLargeError | kafka_errors.RecordListTooLargeError
    ):
        return BelowTheLineError(
            f"The Kafka broker at {where} takes no record of that size.", "Leave it out."
        )
    if isinstance(
        error,
        kafka_errors.RetriableError
        | kafka_errors.KafkaConnectionError
        | kafka_errors.KafkaTimeoutError,
    ):
        return BelowTheLineError(
            f"The Kafka broker at {where} cannot be reached, or does not answer.",
            "Start it with `btl up` (see `btl status`), or check BTL_KAFKA_BOOTSTRAP and"
            " BTL_KAFKA_SECURITY_PROTOCOL.",
        )
    return BelowTheLineError(
        f"The Kafka broker at {where} refused: {type(error).__name__}: {error}.", "See its log."
    )
