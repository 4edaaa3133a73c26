"""Why brokers cannot be used although something answers at their address: TLS on one side only, or
a certificate that is not accepted.

kafka-python tries again and raises a time-out, whatever the reason was.
"""

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from below_the_line.errors import BelowTheLineError

_CONNECT_SECONDS = 2.0
_MAX_SERVERS = 3
"""The number of brokers that are looked at, one after the other."""
_ALERT_SECONDS = 0.3
"""A broker that rejects a client after its handshake says so within this time."""
_PROTOCOL = "BTL_KAFKA_SECURITY_PROTOCOL"

# OpenSSL's numbers of what is wrong with a certificate (X509_V_ERR_…).
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME = (62, 64)


def connection_problem(options: Mapping[str, Any]) -> BelowTheLineError | None:
    """Return what is wrong with a connection with these options of ``kafka_options``; None if no
    broker can be reached, or if nothing is wrong with TLS.

    Connects, and sends nothing but the beginning of a TLS handshake. Takes up to a few seconds.
    """
    protocol = options["security_protocol"]
    for server in options["bootstrap_servers"][:_MAX_SERVERS]:
        host, _, port = server.rpartition(":")
        try:
            connection = socket.create_connection(
                (host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS
            )
        except (OSError, ValueError):
            continue
        with connection:
            if protocol.endswith("SSL"):
                return _tls_problem(connection, server, host, options.get("ssl_cafile"))
            if _speaks_tls(connection):
                return BelowTheLineError(
                    f"The Kafka broker at {server} expects TLS, but {_PROTOCOL} is {protocol}.",
                    f"Set {_PROTOCOL} to {protocol.replace('PLAINTEXT', 'SSL')}, or take the"
                    " broker's port without TLS.",
                )
            return None
    return None


def _speaks_tls(connection: socket.socket) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nothing is sent, so it does not matter who answers.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        context.wrap_socket(connection).close()
    except OSError:
        return False
    return True


def _tls_problem(
    connection: socket.socket, server: str, host: str, cafile: str | None
) -> BelowTheLineError | None:
    try:
        context = ssl.create_default_context(cafile=cafile)
    except ssl.SSLError:
        return BelowTheLineError(
            f"BTL_KAFKA_SSL_CAFILE is {cafile}, which holds no certificate in PEM format.",
            "Write the certificates that brokers are checked against into it.",
        )
    try:
        with context.wrap_socket(connection, server_hostname=host.strip("[]").rstrip(".")) as tls:
            tls.settimeout(_ALERT_SECONDS)
            with suppress(TimeoutError):
                tls.recv(1)
    except ssl.SSLCertVerificationError as error:
        return _certificate_problem(error, server, host, cafile)
    except ssl.SSLError as error:
        if error.reason and "ALERT" in error.reason:
            return BelowTheLineError(
                f"The Kafka broker at {server} ends the TLS handshake: {error.reason}.",
                "Does it ask for a certificate of the client? That is not supported: use SASL_SSL"
                " with a user name and a password.",
            )
        return _no_tls(server)
    except OSError:
        return _no_tls(server)
    return None


def _no_tls(server: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"What answers at {server} does not speak TLS, but {_PROTOCOL} asks for it.",
        f"Take the broker's port with TLS, or set {_PROTOCOL} to PLAINTEXT or SASL_PLAINTEXT.",
    )


def _certificate_problem(
    error: ssl.SSLCertVerificationError, server: str, host: str, cafile: str | None
) -> BelowTheLineError:
    if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
        when = "has expired" if error.verify_code == _EXPIRED else "is not valid yet"
        return BelowTheLineError(
            f"The certificate of the Kafka broker at {server}, or of its issuer, {when}.",
            "Its operator must renew it; or is this machine's clock wrong?",
        )
    if error.verify_code in _OTHER_NAME:
        return BelowTheLineError(
            f"The certificate of the Kafka broker at {server} is not for the name {host}.",
            "Use a name in BTL_KAFKA_BOOTSTRAP that the certificate has, or ask its operator for"
            " one with this name.",
        )
    checked = (
        "this machine's certificates" if cafile is None else f"BTL_KAFKA_SSL_CAFILE ({cafile})"
    )
    return BelowTheLineError(
        f"The certificate of the Kafka broker at {server} is not trusted by {checked}:"
        f" {error.verify_message}.",
        "Set BTL_KAFKA_SSL_CAFILE to a file with the certificate that issued it.",
    )
