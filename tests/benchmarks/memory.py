"""How much memory one consumer takes while a large backlog lies before it."""

from collections.abc import Iterable
from dataclasses import dataclass

from below_the_line.kafka.envelopes import Outgoing
from tests.benchmarks.path import measure as measure_path
from tests.benchmarks.services import Services


@dataclass(frozen=True)
class Backlog:
    """One consumer, from the first record of a backlog to the last."""

    records: int
    peak_megabytes: float
    records_per_second: float


def measure(services: Services, events: Iterable[Outgoing]) -> Backlog:
    """Let one consumer take these events, all of which lie in the topics when it starts."""
    load = services.fill("backlog", events)
    try:
        taken = measure_path(services, load, processes=1)
    finally:
        services.remove(load)
    assert taken.peak_megabytes is not None
    return Backlog(load.records, taken.peak_megabytes, taken.records_per_second)
