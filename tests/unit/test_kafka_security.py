"""What is wrong with TLS is said; settings of security are used or rejected; no client makes a
topic.
"""

import ast
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient
from pydantic import SecretStr

from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.diagnosis import connection_problem
from below_the_line.kafka.errors import translated_errors
from below_the_line.kafka.options import connected, kafka_options
from below_the_line.settings import Settings, from_environment

ROOT = Path(__file__).resolve().parents[2]


class Issuer:
    """Makes certificates, and keeps its own in a file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.cafile = self._write(name, self._name, self._key, days=1, is_issuer=True)

    def certificate(self, name: str, *, host: str = "localhost", days: int = 1) -> Path:
        """A certificate and its key for this host name, that ends after ``days``."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        key = ec.generate_private_key(ec.SECP256R1())
        return self._write(name, subject, key, days=days, host=host)

    def _write(
        self,
        name: str,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        days: int,
        host: str = "localhost",
        is_issuer: bool = False,
    ) -> Path:
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(is_issuer, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(self._key, SHA256())
        )
        path = self._folder / f"{name}.pem"
        path.write_bytes(
            certificate.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return path


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("issuer"), "issuer")


@contextmanager
def answering(certificate: Path | None, client_issuer: Path | None = None) -> Iterator[str]:
    """A server on localhost that speaks TLS with this certificate, or none; asks clients for a
    certificate of an issuer if one is given.
    """
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if client_issuer is not None:
            context.load_verify_locations(client_issuer)
            context.verify_mode = ssl.CERT_REQUIRED

    def serve() -> None:
        connection, _ = server.accept()
        connection.settimeout(5)
        try:
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            connection.recv(100)
        except OSError:
            pass
        finally:
            connection.close()

    with create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"localhost:{server.getsockname()[1]}"
        thread.join(5)


def problem_of(server: str, protocol: str, cafile: Path | None = None) -> str:
    found = connection_problem(
        kafka_options(
            Settings(
                kafka_bootstrap=server,
                kafka_security_protocol=protocol,
                kafka_ssl_cafile=cafile,
            )
        )
    )
    if found is None:
        return ""
    assert found.hint
    return found.message


def test_a_certificate_that_fits_is_no_problem(issuer: Issuer) -> None:
    with answering(issuer.certificate("good")) as server:
        assert problem_of(server, "SSL", issuer.cafile) == ""


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda its, _: its.certificate("other", host="kafka.invalid"), "is not for the name"),
        (lambda its, _: its.certificate("old", days=-1), "has expired"),
        (
            lambda _, folder: Issuer(folder, "stranger").certificate("strange"),
            "is not trusted by BTL_KAFKA_SSL_CAFILE",
        ),
        (lambda _its, _folder: None, "does not speak TLS"),
    ],
    ids=["other name", "expired", "not trusted", "plain text"],
)
def test_what_is_wrong_with_tls_is_said(
    issuer: Issuer, tmp_path: Path, make: Callable[[Issuer, Path], Path | None], words: str
) -> None:
    with answering(make(issuer, tmp_path)) as server:
        message = problem_of(server, "SSL", issuer.cafile)
    assert words in message
    assert server in message


def test_a_broker_that_asks_for_a_certificate_is_said(issuer: Issuer) -> None:
    with answering(issuer.certificate("mutual"), client_issuer=issuer.cafile) as server:
        assert "ends the TLS handshake" in problem_of(server, "SSL", issuer.cafile)


def test_a_file_without_certificates_is_named(issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with answering(issuer.certificate("good2")) as server:
        assert "which holds no certificate" in problem_of(server, "SSL", tmp_path / "empty.pem")


def test_plain_text_at_a_port_with_tls_is_said(issuer: Issuer) -> None:
    with answering(issuer.certificate("good3")) as server:
        assert f"{server} expects TLS" in problem_of(server, "PLAINTEXT")
    with answering(None) as server:
        assert problem_of(server, "PLAINTEXT") == ""


def test_nobody_there_is_no_problem_of_tls() -> None:
    assert problem_of("127.0.0.1:1", "SSL") == ""
    assert problem_of("no port", "PLAINTEXT") == ""


def test_a_time_out_is_looked_at_again(issuer: Issuer) -> None:
    with answering(issuer.certificate("good4")) as server:
        settings = Settings(kafka_bootstrap=server)
        with (
            pytest.raises(BelowTheLineError, match="expects TLS") as found,
            translated_errors(settings),
        ):
            raise kafka_errors.KafkaTimeoutError
    assert found.value.hint is not None
    assert "to SSL" in found.value.hint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kafka_sasl_username": "alice"}, "BTL_KAFKA_SASL_USERNAME is set.* PLAINTEXT"),
        ({"kafka_sasl_password": SecretStr("x")}, "BTL_KAFKA_SASL_PASSWORD is set"),
        (
            {"kafka_sasl_mechanism": "PLAIN", "kafka_security_protocol": "ssl"},
            "BTL_KAFKA_SASL_MECHANISM is set.* SSL",
        ),
        ({"kafka_ssl_cafile": Path("ca.pem")}, "BTL_KAFKA_SSL_CAFILE is set"),
        (
            {
                "kafka_ssl_cafile": Path("ca.pem"),
                "kafka_security_protocol": "SASL_PLAINTEXT",
                "kafka_sasl_username": "alice",
                "kafka_sasl_password": SecretStr("x"),
            },
            "BTL_KAFKA_SSL_CAFILE is set.* SASL_PLAINTEXT",
        ),
    ],
)
def test_settings_of_security_that_would_not_be_used_are_rejected(
    changes: dict[str, object], words: str
) -> None:
    with pytest.raises(BelowTheLineError, match=words) as found:
        kafka_options(Settings(kafka_bootstrap="one:9092", **changes))  # type: ignore[arg-type]
    assert found.value.hint is not None
    assert "SSL" in found.value.hint


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("BTL_KAFKA_SASL_USER", "BTL_KAFKA_SASL_USERNAME"),
        ("BTL_KAFKA_SSL_CA_FILE", "BTL_KAFKA_SSL_CAFILE"),
        ("BTL_KAFKA_SECURITY_PROTOCOLL", "BTL_KAFKA_SECURITY_PROTOCOL"),
        ("BTL_KAFKA_FOO", "Settings of Kafka are BTL_KAFKA_BOOTSTRAP"),
        ("btl_kafka_zzzzzzzz_qqqqqqqq", "Settings of Kafka are BTL_KAFKA_BOOTSTRAP"),
    ],
)
def test_an_unknown_setting_of_kafka_is_rejected_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, hint: str
) -> None:
    monkeypatch.setenv(variable, "")
    from_environment()
    monkeypatch.setenv(variable, "set")
    with pytest.raises(BelowTheLineError, match=f"{variable} is not a setting") as found:
        from_environment()
    assert found.value.hint is not None
    assert hint in found.value.hint


def test_no_client_asks_the_brokers_to_make_a_topic() -> None:
    clients = []

    def client(*, kafka_client: Callable[..., KafkaNetClient]) -> KafkaNetClient:
        # As kafka-python's clients make it, with their own configuration.
        clients.append(kafka_client(bootstrap_servers="127.0.0.1:1", allow_auto_create_topics=True))
        return clients[-1]

    made = connected(client)
    try:
        made.cluster.set_topics(["articles"])  # type: ignore[attr-defined]
        request = made.cluster.metadata_request()  # type: ignore[attr-defined]
        assert request.allow_auto_topic_creation is False
    finally:
        made.close()
    for kind in (KafkaConsumer, KafkaProducer, KafkaAdminClient):
        assert vars(kind)["DEFAULT_CONFIG"]["kafka_client"] is KafkaNetClient


def test_every_client_is_made_in_one_place() -> None:
    clients = {"KafkaConsumer", "KafkaProducer", "KafkaAdminClient"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("below_the_line", "btl", "btl_airflow", "consumers", "dags")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", None)) in clients
    ]
    assert found == []
