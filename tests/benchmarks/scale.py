"""Several processes on one group: with few and many partitions, and with one article that half of
all comments belong to.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from below_the_line.kafka.envelopes import Outgoing
from tests.benchmarks.path import consuming
from tests.benchmarks.services import Load, Services
from tests.benchmarks.workload import with_hot_article

PROCESSES = (1, 2, 4)
PARTITIONS = (6, 24)


@dataclass(frozen=True)
class Shared:
    """One run."""

    processes: int
    partitions: int
    hot_article: bool
    records_per_second: float
    peak_megabytes: float
    """Of all processes together."""
    deadlocks: int
    """Number that the server counted, or that a consumer saw."""


def measure(services: Services, events: Callable[[], Iterable[Outgoing]]) -> Iterator[Shared]:
    """Every combination, one after the other; the hot article with the fewest and the most
    partitions, too.
    """
    for partitions in PARTITIONS:
        for hot in (False, True):
            name = f"{'hot' if hot else 'even'}-{partitions}"
            load = services.fill(name, with_hot_article(events()) if hot else events(), partitions)
            try:
                for processes in PROCESSES:
                    yield _run(services, load, processes, partitions, hot)
            finally:
                services.remove(load)


def _run(services: Services, load: Load, processes: int, partitions: int, hot: bool) -> Shared:
    services.say(
        f"{processes} {'process' if processes == 1 else 'processes'}, {partitions} partitions a"
        f" topic{', half of all comments on one article' if hot else ''} …"
    )
    with services.database() as database:
        with consuming(services, load, database, processes) as consumers:
            consumers.wait_for(load.records)
            taken = consumers.throughput()
        # After the processes have ended: until then their sessions may not have reported the
        # server's statistics.
        deadlocks = max(consumers.deadlocks(), consumers.log().count("deadlock detected"))
    assert taken.peak_megabytes is not None
    return Shared(
        processes, partitions, hot, taken.records_per_second, taken.peak_megabytes, deadlocks
    )
