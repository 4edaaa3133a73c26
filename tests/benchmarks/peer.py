"""The peer: the Debezium JDBC sink in Kafka Connect (standalone), writing the same events,
flattened, by upsert.

Before anything is measured each event becomes a flat JSON object in a topic of its own; the schema
is in the connector's configuration, not in every message, which is the form that Connect reads
fastest. The table has the key of the events and no other index, and the database commits without
waiting for the disk (synchronous_commit=off), as ours does. Nothing is validated, no ledger is
kept, and positions lie in Kafka. A column with a default, of which the sink knows nothing, says
when a row was stored. The rate is counted from the first quarter of the rows on, when the Java
machine has compiled what it runs; the rate from the first commit on is reported, too.

``DEFAULT`` is the sink as it comes. ``BEST`` is what notes of trials found best: UNNEST inserts in
batches of 2,000, and a consumer that fetches enough to fill them. The Java options are those of
Kafka's own start script.
"""

import json
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import psycopg
from kafka.partitioner.default import murmur2
from psycopg.conninfo import conninfo_to_dict

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.contracts.times import EPOCH
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.producer import Publisher
from btl.stack import jars
from btl.stack.kafka import jars_folder, java_launcher
from tests.benchmarks.machine import Usage
from tests.benchmarks.rates import Throughput, after_share, window
from tests.benchmarks.services import Services

VERSION = "3.5.0"
TOPIC = "bench-flat"
PARTITIONS = 6
WARM_UP_SHARE = 0.25
_LOCK_FILE = Path(__file__).with_name("peer-jars.lock")
_SECONDS_WITHOUT_PROGRESS = 90.0
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

_KEY = ("article_id", "entity_id", "event_type")
_TEXTS = (
    *_KEY,
    *("event_id", "user_id", "display_name", "role", "parent_comment_id", "body"),
    *("url", "headline", "section", "language"),
)
_TIMES = ("occurred_at", "posted_at", "published_at")
_TABLE = f"""
create table flat_events (
    {", ".join(f'{name} text collate "C"' for name in _TEXTS)},
    {", ".join(f"{name} timestamptz" for name in _TIMES)},
    stored_at timestamptz not null default clock_timestamp(),
    primary key ({", ".join(_KEY)})
)
"""
_SCHEMA = {
    "type": "struct",
    "optional": False,
    "fields": [
        *({"field": name, "type": "string", "optional": name not in _KEY} for name in _TEXTS),
        *(
            {
                "field": name,
                "type": "int64",
                "optional": True,
                "name": "org.apache.kafka.connect.data.Timestamp",
            }
            for name in _TIMES
        ),
    ],
}

Key = tuple[str, str, str]


class FlatLoad(NamedTuple):
    """What lies in the flattened topic."""

    rows: int
    """Different keys."""
    last: Mapping[int, Key]
    """Of each partition, the key of its last record: when all of these are stored, all is."""


@dataclass(frozen=True)
class PeerRun:
    """One configuration, once."""

    warm: Throughput
    """From the first quarter of the rows on."""
    whole: Throughput
    """From the first commit on."""


def prepare(services: Services, events: Iterable[Outgoing]) -> FlatLoad:
    """Fetch the peer's jars and flatten the events. Raises BelowTheLineError where the jars can't
    be had.
    """
    jars.ensure_jars(
        _LOCK_FILE,
        _jars(services),
        name="The jars of Kafka Connect and the Debezium JDBC sink",
        hint="They need the network once; without it everything but the peer is measured.",
    )
    decode = load_contracts().decode
    services.create_topic(TOPIC, PARTITIONS, {})
    keys: set[int] = set()
    last: dict[int, Key] = {}
    timestamp = int(time.time() * 1000)
    with Publisher(services.settings) as publisher:
        for outgoing in events:
            event = decode(
                Record(
                    outgoing.topic, 0, 0, timestamp, outgoing.key, outgoing.value, outgoing.headers
                )
            )
            assert not isinstance(event, Rejection), event
            row = flattened(event)
            key = (row["article_id"], row["entity_id"], row["event_type"])
            keys.add(hash(key))
            partition_key = event.article_id.encode()
            last[(murmur2(partition_key) & 0x7FFFFFFF) % PARTITIONS] = key
            publisher.send(Outgoing(TOPIC, partition_key, orjson.dumps(row)))
    return FlatLoad(len(keys), last)


def flattened(event: Event) -> dict[str, Any]:
    """One object of texts and times (milliseconds since 1970), without what is absent."""
    data = event.data
    author = data.get("author") or {}
    row = {name: data.get(name, author.get(name)) for name in _TEXTS} | {
        "article_id": event.article_id,
        "entity_id": " ".join(
            data[name]
            for name in ("comment_id", "report_id", "user_id", "reaction")
            if data.get(name) is not None
        ),
        "event_type": event.type,
        "event_id": event.id,
        "occurred_at": event.occurred_at // 1000,
        "posted_at": _milliseconds(data.get("posted_at")),
        "published_at": _milliseconds(data.get("published_at")),
    }
    return {name: value for name, value in row.items() if value is not None}


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // timedelta(milliseconds=1)


def measure(services: Services, load: FlatLoad, settings: Mapping[str, str], tasks: int) -> PeerRun:
    """Let the sink take the flattened topic. Raises BelowTheLineError when it fails."""
    with services.database() as database:
        with psycopg.connect(database.superuser, autocommit=True) as connection:
            (name,) = connection.execute("select current_database()").fetchone() or ("",)
            connection.execute(f"alter database {name} set synchronous_commit = off".encode())
            connection.execute(_TABLE.encode())
        with (
            _connect(services, database.superuser, settings, tasks) as (process, log),
            Usage([process.pid]) as usage,
            psycopg.connect(database.superuser, autocommit=True) as connection,
        ):
            _wait(connection, load, process, log)
        with psycopg.connect(database.superuser) as connection:
            commits = connection.execute(
                "select extract(epoch from max(stored_at))::float8, count(*) from flat_events group"
                " by xmin"
            ).fetchall()
    since = after_share(commits, WARM_UP_SHARE)
    return PeerRun(
        usage.throughput(window(commits, since, tasks)),
        usage.throughput(window(commits, workers=tasks)),
    )


def _wait(
    connection: psycopg.Connection, load: FlatLoad, process: "subprocess.Popen[bytes]", log: Path
) -> None:
    texts = list(zip(*load.last.values(), strict=True))
    stored, seen, since, tick = 0, 0, time.monotonic(), threading.Event()
    while stored < load.rows:
        said = log.read_text(errors="replace")
        if (
            process.poll() is not None
            or _FAILED in said
            or time.monotonic() > since + _SECONDS_WITHOUT_PROGRESS
        ):
            errors = [
                line for line in said.splitlines() if "ERROR" in line or "Caused by" in line
            ] or said.splitlines()
            raise BelowTheLineError(
                "The Debezium JDBC sink did not get to the end:"
                f" {' … '.join(errors[-2:])[:400].rstrip('.')}."
            )
        size, last = connection.execute(
            "select pg_relation_size('flat_events'), count(*) from flat_events where (article_id,"
            " entity_id, event_type) in (select * from unnest(%s::text[], %s::text[], %s::text[]))",
            [list(each) for each in texts],
        ).fetchone() or (0, 0)
        if size > seen:
            seen, since = size, time.monotonic()
        if last == len(load.last):
            # Only now: to count is to read the whole table.
            (stored,) = connection.execute("select count(*) from flat_events").fetchone() or (0,)
        tick.wait(0.25)


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
        "topics": TOPIC,
        "connection.url": f"jdbc:postgresql://{parts['host']}:{parts['port']}/{parts['dbname']}",
        "connection.username": parts["user"],
        "connection.password": parts["password"],
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": ",".join(_KEY),
        "collection.name.format": "flat_events",
        "schema.evolution": "none",
    }


def _write(path: Path, settings: Mapping[str, str]) -> None:
    lines = (f"{name}={value}\n".replace("\\", "\\\\") for name, value in settings.items())
    path.write_text("".join(lines), encoding="utf-8")
    path.chmod(0o600)


def _jars(services: Services) -> Path:
    return jars_folder(services.layout).with_name(f"debezium-jdbc-sink-{VERSION}")
