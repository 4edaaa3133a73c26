"""How to connect to the brokers: the options of kafka-python's clients, from the settings."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from kafka.net.compat import KafkaNetClient

from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings

# kafka-python logs each of its retries. What fails in the end becomes one BelowTheLineError.
logging.getLogger("kafka").addHandler(logging.NullHandler())

_Client = TypeVar("_Client")

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")

CONNECT_SECONDS = 8.0
"""An unreachable broker is given up after this time."""


def kafka_options(settings: Settings) -> dict[str, Any]:
    """Return what every client of kafka-python (producer, consumer, admin) needs to connect.

    Raises BelowTheLineError when no broker is configured, or when the security settings do not fit
    each other.
    """
    protocol = settings.kafka_security_protocol.upper()
    if protocol not in PROTOCOLS:
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
    _reject_unused(protocol, settings)
    if protocol.startswith("SASL_"):
        options |= _sasl_options(protocol, settings)
    if settings.kafka_ssl_cafile is not None:
        if not settings.kafka_ssl_cafile.is_file():
            raise BelowTheLineError(
                f"BTL_KAFKA_SSL_CAFILE is {settings.kafka_ssl_cafile}, which is not a file.",
                "Correct it or unset it.",
            )
        options["ssl_cafile"] = str(settings.kafka_ssl_cafile)
    return options


def _reject_unused(protocol: str, settings: Settings) -> None:
    """Raise BelowTheLineError for a setting that the protocol does not use: its owner believes
    that the connection is safer than it is.
    """
    needed = {
        "kafka_sasl_mechanism": "SASL_",
        "kafka_sasl_username": "SASL_",
        "kafka_sasl_password": "SASL_",
        "kafka_ssl_cafile": "SSL",
    }
    unused = [
        name
        for name, part in needed.items()
        if getattr(settings, name) is not None and part not in protocol
    ]
    if unused:
        variables = ", ".join(f"BTL_{name.upper()}" for name in unused)
        fitting = [
            each
            for each in PROTOCOLS
            if all(needed[name] in each for name in unused) and "SSL" in each
        ]
        raise BelowTheLineError(
            f"{variables} {'is' if len(unused) == 1 else 'are'} set, but"
            f" BTL_KAFKA_SECURITY_PROTOCOL is {protocol}, which does not use"
            f" {'it' if len(unused) == 1 else 'them'}.",
            f"Set BTL_KAFKA_SECURITY_PROTOCOL (to {' or '.join(fitting)}), or unset {variables}.",
        )


def _sasl_options(protocol: str, settings: Settings) -> dict[str, Any]:
    if settings.kafka_sasl_username is None or settings.kafka_sasl_password is None:
        raise BelowTheLineError(
            f"BTL_KAFKA_SECURITY_PROTOCOL is {protocol}, but the user name or the password is not"
            " set.",
            "Set BTL_KAFKA_SASL_USERNAME and BTL_KAFKA_SASL_PASSWORD.",
        )
    mechanism = (settings.kafka_sasl_mechanism or "PLAIN").upper()
    if mechanism not in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        raise BelowTheLineError(
            f"BTL_KAFKA_SASL_MECHANISM is {mechanism!r}, which is not supported.",
            "Use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.",
        )
    return {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
    }


def connected(factory: Callable[..., _Client], **options: object) -> _Client:
    """Return the client that ``factory`` makes.

    It never makes a topic: kafka-python 3.0.12 keeps ``allow_auto_create_topics`` to itself, and
    asks the brokers for metadata as if it were True. If it cannot connect, kafka-python leaves its
    thread and its selector running: they are closed here before the error goes on.
    """
    started: list[KafkaNetClient] = []

    def start(**configuration: object) -> KafkaNetClient:
        client = KafkaNetClient(**configuration)
        started.append(client)
        client.cluster.config["allow_auto_create_topics"] = False
        return client

    try:
        return factory(**options, kafka_client=start)
    except BaseException:
        for client in started:
            client.close()
        raise
