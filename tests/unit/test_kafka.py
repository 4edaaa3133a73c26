"""How clients of Kafka are configured, and how their errors are reported."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import errors as kafka_errors
from kafka.cluster import ClusterMetadata
from kafka.partitioner import DefaultPartitioner
from pydantic import SecretStr

from below_the_line.errors import BelowTheLineError
from below_the_line.kafka import admin as kafka_admin
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.errors import translate, translated_errors
from below_the_line.kafka.options import kafka_options
from below_the_line.kafka.producer import _CachedPartitioner
from below_the_line.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


class Cluster(ClusterMetadata):
    """As much of kafka-python's metadata as a partitioner asks for."""

    def __init__(self) -> None:
        pass

    def topics(self) -> set[str]:
        return {"articles"}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(6)) if topic == "articles" else None

    def available_partitions_for_topic(self, topic: str) -> set[int] | None:
        return self.partitions_for_topic(topic)


def with_sasl(**changes: object) -> Settings:
    options: dict[str, object] = {
        "kafka_bootstrap": "one:9092, two:9092",
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_mechanism": "SCRAM-SHA-512",
        "kafka_sasl_username": "alice",
        "kafka_sasl_password": SecretStr("secret"),
    }
    return Settings(**{**options, **changes})  # type: ignore[arg-type]


def test_options_carry_servers_and_security() -> None:
    options = kafka_options(with_sasl())
    assert options["bootstrap_servers"] == ["one:9092", "two:9092"]
    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "alice"
    assert options["sasl_plain_password"] == "secret"
    assert "sasl_mechanism" not in kafka_options(Settings(kafka_bootstrap="one:9092"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kafka_bootstrap": None}, "No Kafka broker is configured"),
        ({"kafka_security_protocol": "TLS"}, "BTL_KAFKA_SECURITY_PROTOCOL is 'TLS'"),
        ({"kafka_sasl_password": None}, "the user name or the password is not set"),
        ({"kafka_sasl_mechanism": "GSSAPI"}, "BTL_KAFKA_SASL_MECHANISM is 'GSSAPI'"),
        (
            {"kafka_ssl_cafile": Path("/nowhere/ca.pem")},
            "BTL_KAFKA_SSL_CAFILE is /nowhere/ca.pem",
        ),
    ],
)
def test_settings_that_do_not_fit_are_reported_with_their_variable(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(BelowTheLineError, match=message) as caught:
        kafka_options(with_sasl(**changes))
    assert caught.value.hint


ATTEMPT = """
import threading, time
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka import admin, options, producer
from below_the_line.settings import Settings

options.CONNECT_SECONDS = 0.3
settings = Settings(kafka_bootstrap="127.0.0.1:1")
for attempt in (admin.create_topics, lambda given: producer.Publisher(given).__enter__()):
    started = time.monotonic()
    try:
        attempt(settings)
    except BelowTheLineError as error:
        assert time.monotonic() - started < 10
        print(error)
assert threading.active_count() == 1
"""


def test_an_unreachable_broker_is_one_sentence_and_nothing_else() -> None:
    # In a process of its own: kafka-python leaves the sockets of refused connections to the garbage
    # collector.
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPT], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("127.0.0.1:1 cannot be reached" in line and "btl up" in line for line in lines)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (kafka_errors.SaslAuthenticationFailedError(), "rejected user 'alice'"),
        (kafka_errors.UnsupportedSaslMechanismError(), "does not offer this SASL mechanism"),
        (
            kafka_errors.TopicAuthorizationFailedError(),
            "does not allow this: TopicAuthorizationFailedError",
        ),
        (kafka_errors.UnknownTopicOrPartitionError(), "A topic does not exist"),
        (kafka_errors.MessageSizeTooLargeError(), "takes no record of that size"),
        (kafka_errors.KafkaTimeoutError(), "cannot be reached, or does not answer"),
        (
            kafka_errors.InvalidReplicationFactorError(),
            "rejected this: InvalidReplicationFactorError",
        ),
    ],
)
def test_each_failure_has_its_sentence_and_hint(error: Exception, message: str) -> None:
    translated = translate(error, with_sasl())
    assert message in translated.message
    assert translated.hint


def test_a_rejected_password_is_found_behind_the_time_out_that_kafka_python_raises() -> None:
    log = logging.getLogger("kafka.net.manager")

    def connect() -> None:
        with translated_errors(with_sasl()):
            log.warning(
                "Bootstrap connection to %s failed: %s",
                "one",
                kafka_errors.SaslAuthenticationFailedError(),
            )
            raise kafka_errors.KafkaTimeoutError

    before = list(logging.getLogger("kafka").handlers)
    with pytest.raises(BelowTheLineError, match="rejected user 'alice'"):
        connect()
    assert logging.getLogger("kafka").handlers == before


def test_partitions_are_those_of_every_other_kafka_client() -> None:
    cached, reference, cluster = _CachedPartitioner(), DefaultPartitioner(), Cluster()
    for number in range(500):
        key = f"article-{number % 300}ä".encode()
        expected = reference.partition("articles", key, key, None, None, cluster)
        assert cached.partition("articles", key, key, None, None, cluster) == expected
    assert cached.partition("articles", None, None, None, None, cluster) in range(6)


def test_an_outgoing_record_has_no_headers_unless_given() -> None:
    assert Outgoing("articles", b"key", None) == ("articles", b"key", None, ())


class OneBrokerAway:
    """As much of an admin client as a caller sees while one of its brokers is away: the first
    requests fail.
    """

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    def list_topics(self) -> list[str]:
        if self.failures:
            raise self.failures.pop(0)
        return ["articles"]

    def close(self) -> None:
        pass


def admin_that_meets(monkeypatch: pytest.MonkeyPatch, *failures: Exception) -> OneBrokerAway:
    client = OneBrokerAway(*failures)
    monkeypatch.setattr(kafka_admin, "connected", lambda *_, **__: client)
    return client


def test_an_admin_request_that_found_its_broker_gone_goes_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = admin_that_meets(
        monkeypatch, kafka_errors.KafkaConnectionError(), kafka_errors.NodeNotReadyError(1)
    )
    with kafka_admin.admin_client(Settings(kafka_bootstrap="one:9092,two:9092")) as admin:
        assert admin.list_topics() == ["articles"]
    assert not client.failures


@pytest.mark.parametrize(
    "failure",
    [kafka_errors.ClusterAuthorizationFailedError(), kafka_errors.UnknownTopicOrPartitionError()],
)
def test_what_a_broker_answered_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    client = admin_that_meets(monkeypatch, failure, failure)
    with (
        pytest.raises(BelowTheLineError),
        kafka_admin.admin_client(Settings(kafka_bootstrap="one:9092,two:9092")) as admin,
    ):
        admin.list_topics()
    assert len(client.failures) == 1
