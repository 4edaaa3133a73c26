"""The whole day: every article's discussion, one person's farewell and the bad records, in the
order of sending.
"""

import heapq
import random
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

from below_the_line.contracts.times import from_datetime
from below_the_line.kafka.envelopes import Outgoing
from btl.simulation.arrivals import Arrival
from btl.simulation.bad import WEIGHTS, bad_record
from btl.simulation.farewell import RECORDS, farewell
from btl.simulation.plan import DAY, HOUR, READING, ArticlePlan, plan_articles
from btl.simulation.threads import Discussion

DEFAULT_RECORDS = 24_000
DEFAULT_BAD_SHARE = 0.004
MIN_RECORDS = 1_000
"""A day with fewer records could not have everything. For a smaller number, only its beginning is
made.
"""


class Day:
    """A simulated day: iterate over it for the records. Each iteration gives the same ones, byte
    for byte.
    """

    def __init__(
        self, seed: int, day_start: datetime, records: int, bad_share: float, *, erasure: bool
    ) -> None:
        self._seed = f"{seed}:{day_start:%Y-%m-%d}"
        self._start = from_datetime(day_start)
        self._end = self._start + DAY
        rng = random.Random(self._seed)  # noqa: S311 - repeatable
        codes = _codes(rng, round(records * bad_share)) if bad_share > 0 else []
        self.expected: Mapping[str, int] = Counter(codes)
        """How many dead letters of each code the day must leave."""
        self._has_farewell = erasure
        others = len(codes) + (RECORDS if erasure else 0)
        self.articles: list[ArticlePlan] = plan_articles(
            rng, seed, day_start.date(), self._start, records - others
        )
        self._bad = sorted(
            (self._moment(rng), rng.choice(self.articles).article_id, code) for code in codes
        )
        self._readers = max(300, records // 6)

    def __iter__(self) -> Iterator[Outgoing]:
        for arrival in self.arrivals():
            yield arrival.outgoing

    def arrivals(self) -> Iterator[Arrival]:
        """Yield the records, each with the moment of sending, ascending. No event is sent before it
        happened.
        """
        waiting: list[tuple[int, int, Iterator[Arrival], Arrival]] = []
        # A discussion is generated when its article comes up, so that not all are in memory at
        # once.
        coming = sorted(self.articles, key=self._begins_at)
        for number, others in ((-1, self._bad_arrivals()), (-2, self._farewell())):
            first = next(others, None)
            if first is not None:
                heapq.heappush(waiting, (first.arrives_at, number, others, first))
        upcoming = iter(coming)
        article = next(upcoming, None)
        while waiting or article is not None:
            while article is not None and (
                not waiting or self._begins_at(article) <= waiting[0][0]
            ):
                discussion = iter(
                    Discussion(
                        self._seed, article, self._start, self._end, self._readers
                    ).arrivals()
                )
                first = next(discussion)
                heapq.heappush(waiting, (first.arrives_at, article.number, discussion, first))
                article = next(upcoming, None)
            _, number, source, arrival = waiting[0]
            yield arrival
            following = next(source, None)
            if following is None:
                heapq.heappop(waiting)
            else:
                heapq.heapreplace(waiting, (following.arrives_at, number, source, following))

    def _begins_at(self, article: ArticlePlan) -> int:
        # Three hours before: an embargoed article is announced ahead.
        return max(self._start, article.published_at - 3 * HOUR)

    def _bad_arrivals(self) -> Iterator[Arrival]:
        rng = random.Random(f"{self._seed}:bad")  # noqa: S311
        for at, article_id, code in self._bad:
            yield Arrival(at, bad_record(code, rng, article_id, at), code)

    def _farewell(self) -> Iterator[Arrival]:
        if self._has_farewell:
            rng = random.Random(f"{self._seed}:farewell")  # noqa: S311
            # Its discussion is open for the whole day.
            plan = next(each for each in self.articles if each.role == "embargoed")
            # The discussions' readers have the numbers below.
            yield from farewell(rng, plan, self._start, self._end, self._readers)

    def _moment(self, rng: random.Random) -> int:
        hours = list(accumulate(READING))
        hour = bisect(hours, rng.random() * hours[-1]) + rng.random()
        return self._start + int(hour * HOUR) // 1000 * 1000


def simulate_day(
    seed: int,
    day_start: datetime,
    *,
    records: int = DEFAULT_RECORDS,
    bad_share: float = DEFAULT_BAD_SHARE,
    erasure: bool = True,
) -> Day:
    """Return a newsroom day of ``records`` records from ``day_start`` on (aware, midnight UTC).

    The same arguments give the same day. ``bad_share`` of the records are bad, at least one of
    every code unless it is 0. With ``erasure`` one reader asks to be forgotten. Raises ValueError
    below MIN_RECORDS.
    """
    if records < MIN_RECORDS:
        raise ValueError(f"a day has at least {MIN_RECORDS} records")
    return Day(seed, day_start, records, bad_share, erasure=erasure)


def last_full_day(now: datetime) -> date:
    """Return the start of the last day that has ended, in UTC. Its windows and reports lie in the
    past.
    """
    return now.astimezone(UTC).date() - timedelta(days=1)


def _codes(rng: random.Random, count: int) -> list[str]:
    more = max(0, count - len(WEIGHTS))
    return [*WEIGHTS, *rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=more)]
