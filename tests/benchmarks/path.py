"""The whole path: from the topics to committed rows, with ledger and positions, by the consumers as
they are shipped.

The rate is the ledger's: the records committed after the first batch, over the time from that
commit to the last one. Where several processes work, the time begins when the last of them has said
that it consumes. The partitions are stopped, as an operator's decision would have them, until each
process owns some: starting and joining the group are not in the rate.
"""

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
from kafka import KafkaConsumer

from tests.benchmarks.machine import ROOT, Usage
from tests.benchmarks.rates import Commit, Throughput, window
from tests.benchmarks.services import Database, Load, Services
from tests.pipeline import assert_accounted, wait_until

_COMMITS = """
select extract(epoch from max(committed_at))::float8, sum(records)::bigint
from ingest.batches
group by xmin
"""
_SECONDS_WITHOUT_PROGRESS = 60.0
_LEAST_SHARE = 0.25


class Program(NamedTuple):
    """A consumer of some commit, as it is started: ``python -m module LOAD`` in a folder."""

    python: Path
    module: str
    folder: Path


PRODUCT = Program(Path(sys.executable), "tests.benchmarks.consumer", ROOT)


@dataclass(frozen=True)
class Consumers:
    """Processes that consume a load into a database."""

    processes: Sequence["subprocess.Popen[bytes]"]
    logs: Sequence[Path]
    database: Database
    usage: Usage

    def commits(self) -> list[Commit]:
        """When transactions were committed, in seconds since 1970, and how many records each
        took.
        """
        with psycopg.connect(self.database.superuser) as connection:
            return connection.execute(_COMMITS).fetchall()

    def wait_for(self, records: int) -> None:
        """Wait until the ledger has this number of records.

        Raises AssertionError if a process ends or none makes progress.
        """
        with psycopg.connect(self.database.superuser, autocommit=True) as connection:
            seen, since, tick = 0, time.monotonic(), threading.Event()
            while seen < records:
                assert all(process.poll() is None for process in self.processes), self.log()[-3000:]
                (found,) = connection.execute(
                    "select coalesce(sum(records), 0)::bigint from ingest.batches"
                ).fetchone() or (0,)
                if found > seen:
                    seen, since = found, time.monotonic()
                assert time.monotonic() < since + _SECONDS_WITHOUT_PROGRESS, (
                    f"{seen} of {records}: {self.log()[-3000:]}"
                )
                # Seldom: the server's CPU for this question counts as the consumer's.
                tick.wait(0.5)

    def throughput(self) -> Throughput:
        """Of what was committed so far; checks the account first. Raises AssertionError."""
        with psycopg.connect(self.database.superuser) as connection:
            assert_accounted(connection)
        since = self.joined_at() if len(self.processes) > 1 else None
        counted = window(self.commits(), since, len(self.processes))
        assert counted.share >= _LEAST_SHARE, (
            f"{counted.share:.0%} of the records came when all had joined: measure more"
        )
        return self.usage.throughput(counted)

    def joined_at(self) -> float:
        """When the last process began, or after the last rebalance began again, in seconds since
        1970.
        """
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        told = [line["timestamp"] for line in lines if line["event"] == "consuming"]
        return max(datetime.fromisoformat(each).timestamp() for each in told)

    def deadlocks(self) -> int:
        """How many the server has counted in this database."""
        with psycopg.connect(self.database.superuser) as connection:
            row = connection.execute(
                "select deadlocks from pg_stat_database where datname = current_database()"
            ).fetchone()
        assert row is not None
        return int(row[0])

    def log(self) -> str:
        """What the processes logged."""
        return "\n".join(path.read_text(errors="replace") for path in self.logs)


@contextmanager
def consuming(
    services: Services,
    load: Load,
    database: Database,
    processes: int,
    program: Program = PRODUCT,
) -> Iterator[Consumers]:
    """Consumers of a group of their own, from the beginning of a load's topics on; stopped at the
    end.
    """
    group = f"bench-{uuid.uuid4().hex[:12]}"
    logs = [services.logs / f"{group}-{number}.log" for number in range(processes)]
    _hold_back(services, load, database, group)
    started = [_start(program, load, services, database, group, log) for log in logs]
    try:
        _release(started, database)
        with Usage((process.pid for process in started), services.postmaster()) as usage:
            yield Consumers(started, logs, database, usage)
    finally:
        for process in started:
            process.terminate()
        wait_until(lambda: all(process.poll() is not None for process in started), 30)


def _hold_back(services: Services, load: Load, database: Database, group: str) -> None:
    consumer = KafkaConsumer(bootstrap_servers=services.bootstrap)
    try:
        partitions = [
            (group, topic, number, consumer._cluster.topic_id(topic))
            for topic in load.topics
            for number in consumer.partitions_for_topic(topic) or ()
        ]
    finally:
        consumer.close()
    with psycopg.connect(database.superuser) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into ingest.partition_offsets (consumer_group, topic, partition, topic_id,"
            " next_offset, epoch, status) values (%s, %s, %s, %s, 0, 0, 'stopped')",
            partitions,
        )


def _release(processes: Sequence["subprocess.Popen[bytes]"], database: Database) -> None:
    """Let the partitions be read once every process owns some. Raises AssertionError if that does
    not come about.
    """
    with psycopg.connect(database.superuser, autocommit=True) as connection:

        def all_own() -> bool:
            row = connection.execute(
                "select count(distinct owner), count(owner) = count(*) from"
                " ingest.partition_offsets"
            )
            return row.fetchone() == (len(processes), True)

        wait_until(all_own, 60, lambda: "not every process got partitions")
        connection.execute("update ingest.partition_offsets set status = 'consuming'")


def _start(
    program: Program,
    load: Load,
    services: Services,
    database: Database,
    group: str,
    log: Path,
) -> "subprocess.Popen[bytes]":
    environment = services.environment | {
        "BTL_DATABASE_URL": database.consumer,
        "BTL_KAFKA_BOOTSTRAP": services.bootstrap,
        "BTL_CONSUMER_GROUP": group,
        "BTL_LOG_FORMAT": "json",
        # Each commit is counted and timed by its own lines of the ledger.
        "BTL_LEDGER_SECONDS": "0",
    }
    with log.open("wb") as file:
        return subprocess.Popen(
            [program.python, "-m", program.module, load.name],
            cwd=program.folder,
            env=environment,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def measure(services: Services, load: Load, processes: int) -> Throughput:
    """Let some processes take a load. Raises AssertionError if the account is not right
    afterwards.
    """
    with (
        services.database() as database,
        consuming(services, load, database, processes) as consumers,
    ):
        consumers.wait_for(load.records)
        return consumers.throughput()
