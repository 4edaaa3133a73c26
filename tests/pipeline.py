"""Running real consumers in tests, and checking their accounts."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from kafka import KafkaConsumer, TopicPartition

from below_the_line.catalogue import topics
from below_the_line.settings import Settings

BTL = [sys.executable, "-m", "btl"]
CONTIGUITY = """
select count(*)
from (
    select
        first_offset,
        lag(next_offset) over (
            partition by consumer_group, topic, partition, incarnation
            order by first_offset, batch_id
        ) as expected
    from ingest.batches
    where kind in ('batch', 'empty')
) as line
where first_offset <> expected
"""
ERASURE_KEY = "the key of tests, which is no secret"
"""Consumers need one as soon as an event asks to forget a person."""


class Pipeline:
    """A database and a consumer group of a test's own, on the shared broker, from the present end
    of its logs on.
    """

    def __init__(self, database_url: str, kafka_bootstrap: str, logs: Path) -> None:
        self.database_url = database_url
        self.group = f"test-{uuid.uuid4().hex[:12]}"
        self.bootstrap = kafka_bootstrap
        self.logs = logs
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BTL_")},
            "BTL_DATABASE_URL": database_url,
            "BTL_KAFKA_BOOTSTRAP": kafka_bootstrap,
            "BTL_CONSUMER_GROUP": self.group,
            "BTL_LOG_FORMAT": "json",
            # A killed consumer's partitions are given away when its session has run out.
            "BTL_SESSION_SECONDS": "1.5",
            "BTL_ERASURE_KEY": ERASURE_KEY,
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start_at_present_end()

    def settings(self) -> Settings:
        """The settings of this pipeline."""
        return Settings.model_validate(
            {
                "database_url": self.database_url,
                "kafka_bootstrap": self.bootstrap,
                "consumer_group": self.group,
                "erasure_key": ERASURE_KEY,
            }
        )

    def _start_at_present_end(self) -> None:
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        partitions = [
            TopicPartition(topic.name, number)
            for topic in topics()
            if topic.direction == "in"
            for number in consumer.partitions_for_topic(topic.name) or ()
        ]
        self.starts: Mapping[TopicPartition, int] = consumer.end_offsets(partitions)
        """Of each partition, where this pipeline's records begin."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            for partition, start in self.starts.items():
                connection.execute(
                    "insert into ingest.partition_offsets (consumer_group, topic, partition,"
                    " topic_id, next_offset, epoch) values (%s, %s, %s, %s, %s, 0)",
                    [
                        self.group,
                        partition.topic,
                        partition.partition,
                        consumer._cluster.topic_id(partition.topic),
                        start,
                    ],
                )
        consumer.close()

    def btl(self, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        """Run ``btl`` to its end."""
        return subprocess.run(
            [*BTL, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
            **more,
        )

    def start_consumer(
        self, *, command: Sequence[str] = (*BTL, "consume"), **environment: str
    ) -> "subprocess.Popen[bytes]":
        """Start ``btl consume``, or a command like it; its log goes to a file of the test."""
        with (self.logs / f"consumer-{uuid.uuid4().hex[:6]}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=self.environment | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    @contextmanager
    def consumer(
        self, *, command: Sequence[str] = (*BTL, "consume"), **environment: str
    ) -> "Iterator[subprocess.Popen[bytes]]":
        """A consumer that is stopped by SIGTERM at the end, and must then end well."""
        process = self.start_consumer(command=command, **environment)
        try:
            yield process
        finally:
            process.terminate()
            status = process.wait(10)
        assert status == 0, self.consumer_logs()

    def close(self) -> None:
        """End what a failed test left, stopped processes too."""
        for process in self._processes:
            process.kill()
            process.wait(10)

    def consumer_logs(self) -> str:
        """What the consumers logged."""
        return "\n".join(
            path.read_text(errors="replace") for path in sorted(self.logs.glob("consumer-*.log"))
        )

    def totals(self, connection: psycopg.Connection) -> Mapping[str, int]:
        """The account so far: records, applied, unchanged, dead_lettered."""
        row = connection.execute(
            "select coalesce(sum(records), 0)::bigint, coalesce(sum(applied), 0)::bigint,"
            " coalesce(sum(unchanged), 0)::bigint, coalesce(sum(dead_lettered), 0)::bigint"
            " from ingest.batches where kind in ('batch', 'empty')"
        ).fetchone()
        assert row is not None
        return dict(zip(("records", "applied", "unchanged", "dead_lettered"), row, strict=True))

    def wait_for_records(
        self, connection: psycopg.Connection, count: int, seconds: float = 60, every: float = 0.1
    ) -> Mapping[str, int]:
        """Wait until this number of records is accounted for."""

        def accounted() -> bool:
            # Exit status 1 is a defect; waiting does not help.
            assert all(process.poll() != 1 for process in self._processes), self.consumer_logs()[
                -4000:
            ]
            return self.totals(connection)["records"] >= count

        wait_until(
            accounted,
            seconds,
            lambda: f"{self.totals(connection)} of {count}\n{self.consumer_logs()[-4000:]}",
            every,
        )
        return self.totals(connection)


def assert_accounted(connection: psycopg.Connection) -> None:
    """G1: the ledger is contiguous, adds up, and ends where the positions stand."""
    assert connection.execute(CONTIGUITY.encode()).fetchone() == (0,)
    ends = connection.execute(
        "select topic, partition, max(next_offset) from ingest.batches group by 1, 2 order by 1, 2"
    ).fetchall()
    positions = connection.execute(
        "select topic, partition, next_offset from ingest.partition_offsets"
        " where (topic, partition) in (select topic, partition from ingest.batches) order by 1, 2"
    ).fetchall()
    assert positions == ends


def wait_until(
    condition: Callable[[], object],
    seconds: float,
    explain: Callable[[], str] = lambda: "",
    every: float = 0.1,
) -> None:
    """Look at an interval until the condition holds; fail with an explanation when it does
    not in time.
    """
    deadline = time.monotonic() + seconds
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not reached within {seconds} s: {explain()}"
        tick.wait(every)
