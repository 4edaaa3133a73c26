"""Events as records with a time of arrival: late, twice or out of order, as in a real network."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from below_the_line.kafka.envelopes import Outgoing, binary, structured
from btl.simulation.plan import HOUR, MINUTE, SECOND

COMMENTS = "https://comments.example.org/service"
PUBLISHING_SYSTEM = "https://cms.example.org/publishing"
ACCOUNTS = "https://accounts.example.org/service"
MODERATION = "https://moderation.example.org/desk"

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - only ever written out, as UTC
_ARTICLE_TYPES = (
    "article.published.v1",
    "article.updated.v1",
    "article.unpublished.v1",
    "discussion.overridden.v1",
)


class Arrival(NamedTuple):
    """A record and the moment at which it is sent."""

    arrives_at: int
    """Microseconds since 1970."""
    outgoing: Outgoing
    code: str | None = None
    """The dead-letter code of a bad record; None for a good event."""


def stamp(moment: int) -> str:
    """Return microseconds since 1970 as RFC 3339 with milliseconds."""
    return (_EPOCH + timedelta(microseconds=moment)).isoformat(timespec="milliseconds") + "Z"


class Writer:
    """Collects the records of one article or one person."""

    def __init__(
        self, rng: random.Random, day_start: int, day_end: int, *, repeats: float = 0.008
    ) -> None:
        """``repeats``: the share of events that are sent twice."""
        self._rng = rng
        self._repeats = repeats
        self._day_start = day_start
        self._day_end = day_end
        self.arrivals: list[Arrival] = []

    def write(
        self,
        event_type: str,
        subject: str,
        data: Mapping[str, Any],
        occurred_at: int,
        source: str = COMMENTS,
        key: str | None = None,
    ) -> bool:
        """Add an event, with its article's id as the key unless one is given. Return False, and
        add nothing, if it lies after the day.
        """
        if occurred_at >= self._day_end - SECOND:
            return False
        rng = self._rng
        # The moderation desk is an older program: it writes CloudEvents in binary mode.
        form = binary if source is MODERATION else structured
        outgoing = form(
            topic="articles" if event_type in _ARTICLE_TYPES else "comment-events",
            event_type=event_type,
            event_id=f"{rng.getrandbits(128):032x}",
            source=source,
            time=stamp(occurred_at),
            subject=subject,
            data=data,
            key=key,
        )
        arrives_at = self._arrival(occurred_at + self._delay())
        self.arrivals.append(Arrival(arrives_at, outgoing))
        if rng.random() < self._repeats:
            # Sent again after a time-out: the same event, byte for byte.
            again = self._arrival(arrives_at + int(rng.expovariate(1 / (5 * MINUTE))))
            self.arrivals.append(Arrival(again, outgoing))
        return True

    def _delay(self) -> int:
        chance = self._rng.random()
        if chance < 0.9:
            return int(SECOND * (0.05 + self._rng.random() * 2))
        if chance < 0.985:
            return int(self._rng.expovariate(1 / (2 * MINUTE)))
        # A phone without a network, a queue that was stuck.
        return int(self._rng.random() * 6 * HOUR)

    def _arrival(self, moment: int) -> int:
        # The events of the days before are sent at the beginning of this one.
        return max(self._day_start, min(moment, self._day_end - 1_000))
