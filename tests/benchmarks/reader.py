"""Reading, decoding and validating only: the consumer as it is shipped, but with nowhere to write
to.

``python -m tests.benchmarks.reader LOAD RECORDS FILE`` is one process of the path, the whole loop
included; in place of its store is one that takes every batch at once and notes when. Neither
folding nor a database is in it.
"""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from below_the_line.catalogue import load_contracts
from below_the_line.kafka.options import kafka_options
from below_the_line.partitions import PartitionLog, Position
from consumers.adapters.kafka import Source
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch, DecodedRecord, Entry, Partition
from consumers.core.ports import Polled
from tests.benchmarks.consumer import consume, read_load
from tests.benchmarks.machine import Usage
from tests.benchmarks.rates import Throughput, window
from tests.benchmarks.services import Load, Services, input_topics
from tests.builders import position

_SECONDS = 600


class _Nowhere(Store):
    """Takes what a store takes, and keeps nothing but the times; ends the process when all records
    were taken.
    """

    _records: int
    _file: Path

    def connect(self) -> None:
        self._commits: list[tuple[float, int]] = []
        self._positions: dict[Partition, Position] = {}
        self._entries: list[Entry] = []

    def take(self, partitions: Mapping[Partition, PartitionLog]) -> dict[Partition, Position]:
        self.connect()
        self._positions = {
            partition: position(broker.start, topic_id=broker.topic_id)
            for partition, broker in partitions.items()
        }
        return dict(self._positions)

    def held(self) -> dict[Partition, str]:
        return dict.fromkeys(self._positions, "consuming")

    def begin(self, batch: Batch) -> None:
        self._entries = batch.entries(None)

    def is_ready(self) -> bool:
        return True

    def finish(self) -> list[Entry]:
        self._commits.append((time.time(), sum(entry.records for entry in self._entries)))
        if sum(records for _, records in self._commits) >= self._records:
            self._file.write_text(json.dumps(self._commits), encoding="utf-8")
            os.kill(os.getpid(), signal.SIGTERM)
        return self._entries

    def notify(self, channel: str) -> None:
        """Nobody listens."""

    def end_superseded_backends(self) -> int:
        return 0


def measure(services: Services, load: Load) -> Throughput:
    """Let one process read a load and write nothing. Raises AssertionError if it does not get to
    the end.
    """
    name = f"bench-{uuid.uuid4().hex[:12]}"
    commits, log = services.logs / f"{name}.json", services.logs / f"{name}.log"
    with services.database() as database, log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.benchmarks.reader",
                load.name,
                str(load.records),
                str(commits),
            ],
            env=services.environment
            | {
                # Asked once, at the start, whether it is migrated.
                "BTL_DATABASE_URL": database.consumer,
                "BTL_KAFKA_BOOTSTRAP": services.bootstrap,
                "BTL_CONSUMER_GROUP": name,
                "BTL_LOG_FORMAT": "json",
            },
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            with Usage([process.pid]) as usage:
                status = process.wait(_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    assert status == 0, log.read_text(errors="replace")[-3000:]
    written = json.loads(commits.read_text(encoding="utf-8"))
    return usage.throughput(window((at, records) for at, records in written))


def read_all(services: Services, load: Load, at_once: int = 5_000) -> Iterator[Polled]:
    """What lies in the topics of a load, once, as a consumer's source hands it over."""
    source = Source(
        load.topics, f"bench-{uuid.uuid4().hex[:12]}", kafka_options(services.settings), at_once, 10
    )
    try:
        deadline, left = time.monotonic() + _SECONDS, load.records
        while left > 0:
            assert time.monotonic() < deadline, (
                f"{left} of {load.records} records of {load.name} can't be read"
            )
            polled = source.poll(0.25, at_once)
            if (assigned := source.changed_assignment()) is not None:
                source.start(
                    {each: state.start for each, state in source.describe(assigned).items()}
                )
                continue
            for each in polled:
                left -= len(each.records)
                yield each
    finally:
        source.close()


def decoded_batches(services: Services, load: Load, size: int = 5_000) -> Iterator[Batch]:
    """The batches that one consumer would make of a load: of that size, in the order of its
    reading.
    """
    decode = (
        load_contracts()
        .with_topics({each.name: load.topic(each.name) for each in input_topics()})
        .decode
    )
    batch = Batch()
    for partition, records, end in read_all(services, load, size):
        while records:
            taken, records = records[: size - len(batch)], records[size - len(batch) :]
            next_offset = records[0].offset if records else end
            batch.add(
                partition,
                [DecodedRecord(each, decode(each)) for each in taken],
                taken[0].offset,
                next_offset,
                0,
            )
            if len(batch) == size:
                yield batch
                batch = Batch()
    if len(batch):
        yield batch


if __name__ == "__main__":
    read_load(sys.argv[1])
    _Nowhere._records, _Nowhere._file = int(sys.argv[2]), Path(sys.argv[3])
    from consumers import app

    vars(app)["Store"] = _Nowhere
    consume()
