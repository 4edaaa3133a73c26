"""From a producer's hand to the committed row, at a steady rate.

Each record carries the time at which it was handed to the producer (before its linger and its way
to the broker) in a header that no contract looks at. Afterwards the topics are read again: a
record's latency is the commit of the ledger's line that covers its offset, less that time. Both
clocks are this machine's. ``committed_at`` is taken in the statement before the COMMIT, which does
not wait for the disk (synchronous_commit=off). What was sent in the first seconds is left out.
"""

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import psycopg

from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.producer import Publisher
from btl.pacing import Pacer
from tests.benchmarks.path import consuming
from tests.benchmarks.rates import Percentiles, percentiles
from tests.benchmarks.reader import read_all
from tests.benchmarks.services import Load, Services

_SENT = "bench-sent"
_WARM_UP_SECONDS = 5.0

Key = tuple[str, int]
Line = tuple[str, int, int, int, float]
"""Of the ledger: topic, partition, first offset, next offset, commit in seconds since 1970."""


@dataclass(frozen=True)
class Latency:
    """Of the records of one run."""

    records: int
    seconds: float
    wanted_per_second: float
    sent_per_second: float
    """What the producer came to: less than was wanted if the machine is too busy."""
    milliseconds: Percentiles

    @property
    def kept_the_rate(self) -> bool:
        """Whether about as many were sent as were wanted."""
        return self.sent_per_second >= 0.95 * self.wanted_per_second


def measure(
    services: Services, events: Iterable[Outgoing], per_second: float, seconds: float
) -> Latency:
    """Send events at a rate for some seconds to one running consumer.

    A warm-up of five seconds comes before.
    """
    load = services.create(f"latency-{per_second:.0f}")
    # Made beforehand: making them costs as much as sending them.
    total = int(per_second * (_WARM_UP_SECONDS + seconds))
    made = list(islice(events, total))
    with (
        services.database() as database,
        consuming(services, load, database, processes=1) as consumers,
    ):
        with Publisher(services.settings) as publisher:
            started = time.time()
            pacer = Pacer(rate=per_second)
            first = True
            for event in made:
                if first:
                    publisher.send(_stamped(event, load))
                    publisher.flush()
                    consumers.wait_for(1)
                    started, first = time.time(), False
                    continue
                pacer.wait(0)
                publisher.send(_stamped(event, load))
            took = time.time() - started
            publisher.flush()
        consumers.wait_for(total)
        with psycopg.connect(database.superuser) as connection:
            ledger: list[Line] = connection.execute(
                "select topic, partition, first_offset, next_offset, extract(epoch from"
                " committed_at)::float8 from ingest.batches where records > 0"
            ).fetchall()
    sent = list(_sent(services, replace(load, records=total)))
    measured = latencies(sent, ledger, since=started + _WARM_UP_SECONDS)
    return Latency(
        len(measured),
        seconds,
        per_second,
        (total - 1) / took,
        percentiles([each * 1000 for each in measured]),
    )


def _stamped(event: Outgoing, load: Load) -> Outgoing:
    sent = (_SENT, str(time.time_ns()).encode())
    return event._replace(topic=load.topic(event.topic), headers=(*event.headers, sent))


def _sent(services: Services, load: Load) -> Iterator[tuple[str, int, int, float]]:
    for partition, records, _ in read_all(services, load):
        for record in records:
            yield (*partition, record.offset, int(dict(record.headers)[_SENT] or b"") / 1e9)


def latencies(
    sent: Iterable[tuple[str, int, int, float]], ledger: Iterable[Line], since: float
) -> list[float]:
    """Seconds from sending to commit, of each record (topic, partition, offset, time sent) that was
    sent ``since`` or later.

    Raises ValueError for a record that no line of the ledger covers.
    """
    lines: dict[Key, list[tuple[int, int, float]]] = defaultdict(list)
    for topic, partition, first_offset, next_offset, committed_at in sorted(ledger):
        lines[topic, partition].append((first_offset, next_offset, committed_at))
    found = []
    for topic, partition, offset, sent_at in sent:
        if sent_at < since:
            continue
        of_partition = lines[topic, partition]
        place = bisect_right(of_partition, offset, key=lambda line: line[0]) - 1
        if place < 0 or offset >= of_partition[place][1]:
            raise ValueError(f"{topic}-{partition} at {offset} is in no line of the ledger")
        found.append(of_partition[place][2] - sent_at)
    return found
