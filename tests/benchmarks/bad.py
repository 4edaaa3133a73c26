"""What one bad record in every batch costs: the same events with and without, by turns."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

import psycopg

from below_the_line.kafka.envelopes import Outgoing
from tests.benchmarks.path import consuming
from tests.benchmarks.rates import Throughput
from tests.benchmarks.services import Load, Services
from tests.benchmarks.workload import with_bad_records

EVERY = 1_250
"""Four to a batch on average, so that hardly a batch has none."""


@dataclass(frozen=True)
class BadRecords:
    """Runs with bad records and runs without."""

    without: list[float]
    """Records per second."""
    with_bad: list[float]
    dead_letters: int
    share_of_batches: float
    """That had a bad record; of the last run."""

    @property
    def ratio(self) -> float:
        """Of the medians: with, divided by without."""
        return median(self.with_bad) / median(self.without)


def measure(
    services: Services, events: Callable[[], Iterable[Outgoing]], rounds: int
) -> BadRecords:
    """One consumer takes both loads in turn, for some rounds. Raises AssertionError if dead letters
    are missing.
    """
    clean = services.fill("clean", events())
    bad = services.fill("bad", with_bad_records(events(), EVERY))
    without, with_bad = [], []
    for _ in range(rounds):
        taken, dead_letters, _ = _run(services, clean)
        assert dead_letters == 0, f"{dead_letters} dead letters of valid events"
        without.append(taken.records_per_second)
        taken, dead_letters, share = _run(services, bad)
        assert dead_letters == bad.records - clean.records, f"{dead_letters} dead letters"
        with_bad.append(taken.records_per_second)
    return BadRecords(without, with_bad, dead_letters, share)


def _run(services: Services, load: Load) -> tuple[Throughput, int, float]:
    with (
        services.database() as database,
        consuming(services, load, database, processes=1) as consumers,
    ):
        consumers.wait_for(load.records)
        with psycopg.connect(database.superuser) as connection:
            row = connection.execute(
                "select sum(dead)::bigint, avg((dead > 0)::integer)::float8 from (select"
                " sum(dead_lettered) as dead from ingest.batches group by xmin) as written"
            ).fetchone()
        assert row is not None
        return consumers.throughput(), *row
