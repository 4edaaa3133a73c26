"""The peer: the Debezium JDBC sink in Kafka Connect (standalone), writing the same events,
flattened (tests/benchmarks/flat.py), by upsert.

The schema is in the connector's configuration, not in every message, which is the form that
Connect reads fastest. Nothing is validated, no ledger is kept, and positions lie in Kafka. The rate
is counted from the first quarter of the rows on, when the Java machine has compiled what it runs;
the rate from the first commit on is reported, too.

``DEFAULT`` is the sink as it comes. ``BEST`` is what notes of trials found best: UNNEST inserts in
batches of 2,000, and a consumer that fetches enough to fill them. The Java options are those of
Kafka's own start script.
"""

import json
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from below_the_line.errors import BelowTheLineError
from btl.stack import jars
from btl.stack.kafka import jars_folder, java_launcher
from tests.benchmarks import flat
from tests.benchmarks.machine import Usage
from tests.benchmarks.rates import Throughput, after_share, window
from tests.benchmarks.services import Services

VERSION = "3.5.0"
WARM_UP_SHARE = 0.25
_LOCK_FILE = Path(__file__).with_name("peer-jars.lock")
_FAILED = "threw an uncaught and unrecoverable exception"

DEFAULT: Mapping[str, str] = {}
BEST: Mapping[str, str] = {
    "batch.size": "2000",
    "dialect.postgres.unnest.insert.enabled": "true",
    "consumer.override.max.poll.records": "10000",
    "consumer.override.fetch.min.bytes": "1048576",
    "consumer.override.fetch.max.bytes": "52428800",
    "consumer.override.max.partition.fetch.bytes": "8388608",
}

_SCHEMA = {
    "type": "struct",
    "optional": False,
    "fields": [
        *(
            {"field": name, "type": "string", "optional": name not in flat.KEY}
            for name in flat.TEXTS
        ),
        *(
            {
                "field": name,
                "type": "int64",
                "optional": True,
                "name": "org.apache.kafka.connect.data.Timestamp",
            }
            for name in flat.TIMES
        ),
    ],
}


@dataclass(frozen=True)
class PeerRun:
    """One configuration, once."""

    warm: Throughput
    """From the first quarter of the rows on."""
    whole: Throughput
    """From the first commit on."""


def prepare(services: Services) -> None:
    """Fetch the peer's jars. Raises BelowTheLineError where they can't be had."""
    jars.ensure_jars(
        _LOCK_FILE,
        _jars(services),
        name="The jars of Kafka Connect and the Debezium JDBC sink",
        hint="They need the network once; without it everything but the peer is measured.",
    )


def measure(
    services: Services, load: flat.FlatLoad, settings: Mapping[str, str], tasks: int
) -> PeerRun:
    """Let the sink take the flattened topic. Raises BelowTheLineError when it fails."""
    with flat.database(services, "timestamptz") as database:
        with (
            _connect(services, database.superuser, settings, tasks) as (process, log),
            Usage([process.pid], services.postmaster()) as usage,
        ):
            flat.wait(database, load, lambda progress: _check(process, log, progress))
        commits = flat.commits(database)
    since = after_share(commits, WARM_UP_SHARE)
    return PeerRun(
        usage.throughput(window(commits, since, tasks)),
        usage.throughput(window(commits, workers=tasks)),
    )


def _check(process: "subprocess.Popen[bytes]", log: Path, progress: bool) -> None:
    written = log.read_text(errors="replace")
    if progress and process.poll() is None and _FAILED not in written:
        return
    lines = written.splitlines()
    errors = [line for line in lines if "ERROR" in line or "Caused by" in line] or lines
    raise BelowTheLineError(
        "The Debezium JDBC sink did not get to the end:"
        f" {' … '.join(errors[-2:])[:400].rstrip('.')}."
    )


@contextmanager
def _connect(
    services: Services, url: str, settings: Mapping[str, str], tasks: int
) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    name = f"bench-peer-{uuid.uuid4().hex[:12]}"
    folder = services.logs / name
    folder.mkdir()
    worker, sink, log = folder / "worker.properties", folder / "sink.properties", folder / "log"
    _write(worker, _worker(services.bootstrap, folder))
    _write(sink, {**_sink(name, url, tasks), **settings})
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                str(java_launcher()),
                *("-Xms256M", "-Xmx2G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"),
                *("-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"),
                *("-Djava.awt.headless=true", "-Dlog4j2.level=WARN"),
                *("-cp", f"{_jars(services)}/*"),
                "org.apache.kafka.connect.cli.ConnectStandalone",
                *(str(worker), str(sink)),
            ],
            env=services.environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process, log
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _worker(bootstrap: str, folder: Path) -> dict[str, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        "bootstrap.servers": bootstrap,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true",
        "value.converter.schema.content": json.dumps(_SCHEMA),
        "offset.storage.file.filename": str(folder / "offsets"),
        "listeners": f"http://127.0.0.1:{port}",
    }


def _sink(name: str, url: str, tasks: int) -> dict[str, str]:
    parts = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    return {
        "name": name,
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": str(tasks),
        "topics": flat.TOPIC,
        "connection.url": f"jdbc:postgresql://{parts['host']}:{parts['port']}/{parts['dbname']}",
        "connection.username": parts["user"],
        "connection.password": parts["password"],
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": ",".join(flat.KEY),
        "collection.name.format": flat.TABLE,
        "schema.evolution": "none",
    }


def _write(path: Path, settings: Mapping[str, str]) -> None:
    lines = (f"{name}={value}\n".replace("\\", "\\\\") for name, value in settings.items())
    path.write_text("".join(lines), encoding="utf-8")
    path.chmod(0o600)


def _jars(services: Services) -> Path:
    return jars_folder(services.layout).with_name(f"debezium-jdbc-sink-{VERSION}")
