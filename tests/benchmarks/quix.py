"""What a Python team would take instead: Quix Streams with its PostgreSQL sink, by upsert, in one
process, on the same flattened events as the Debezium sink.

The sink takes the columns of a batch from the first row that it writes, leaves out nulls, and so
drops the values that only later rows have (findings/quixstreams-postgresql-sink-columns.sh). So
that all values arrive, an absent text is written as an empty one, and an absent time as 0. Times
stay numbers, as the sink writes them. The table exists beforehand, and the sink does not look for
new columns. It writes what it has collected when offsets are committed. ``commit_every`` of 10,000
messages was as cheap as any (2,500, 10,000, 50,000, and its default of five seconds: 26 to 28 µs of
CPU per record, and 13 to 16 µs in Postgres), and memory grows with it. How many rows a statement
has, 100, can't be set. Nothing is validated, and no ledger is kept.
"""

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from below_the_line.errors import BelowTheLineError
from tests.benchmarks import flat
from tests.benchmarks.environments import make_environment
from tests.benchmarks.machine import Usage
from tests.benchmarks.rates import Throughput, window
from tests.benchmarks.services import Services

COMMIT_EVERY = 10_000
_LOCK_FILE = Path(__file__).with_name("quix.lock")
_PROGRAM = Path(__file__).with_name("quix_sink.py")


def prepare(folder: Path) -> Path:
    """Install the peer into a folder, and return its Python. Raises BelowTheLineError where its
    packages can't be had.
    """
    return make_environment(folder, _LOCK_FILE)


def measure(services: Services, load: flat.FlatLoad, python: Path) -> Throughput:
    """Let the sink take the flattened topic. Raises BelowTheLineError when it fails."""
    with flat.database(services, "bigint") as database:
        with (
            _running(services, database.superuser, python) as (process, log),
            Usage([process.pid], services.postmaster()) as usage,
        ):
            flat.wait(database, load, lambda progress: _check(process, log, progress))
        # A commit of offsets writes each partition in a transaction: the first ones do not count.
        return usage.throughput(window(flat.commits(database), workers=flat.PARTITIONS))


def _check(process: "subprocess.Popen[bytes]", log: Path, progress: bool) -> None:
    if not progress or process.poll() is not None:
        wrote = log.read_text(errors="replace").strip()[-400:].rstrip(".")
        raise BelowTheLineError(f"Quix Streams did not get to the end: {wrote}.")


@contextmanager
def _running(
    services: Services, url: str, python: Path
) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    name = f"bench-quix-{uuid.uuid4().hex[:12]}"
    folder = services.logs / name
    folder.mkdir()
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, _PROGRAM],
            cwd=folder,
            env=services.environment
            | {"BENCH_QUIX": json.dumps(_settings(name, services.bootstrap, url, folder))},
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


def _settings(group: str, bootstrap: str, url: str, folder: Path) -> dict[str, object]:
    parts = conninfo_to_dict(url)
    return {
        "topic": flat.TOPIC,
        "absent": dict.fromkeys(flat.TEXTS, "") | dict.fromkeys(flat.TIMES, 0),
        "application": {
            "broker_address": bootstrap,
            "consumer_group": group,
            "commit_every": COMMIT_EVERY,
            "state_dir": str(folder),
            "loglevel": "WARNING",
        },
        "sink": {
            "host": parts["host"],
            "port": int(parts["port"] or 0),
            "dbname": parts["dbname"],
            "user": parts["user"],
            "password": parts["password"],
            "table_name": flat.TABLE,
            "primary_key_columns": list(flat.KEY),
            "upsert_on_primary_key": True,
            "schema_auto_update": False,
            "include_metadata": False,
        },
    }
