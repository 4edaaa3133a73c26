"""Pace events: at a rate, or with the time between them as it was, perhaps faster."""

import time
from collections.abc import Callable

_SLICE_SECONDS = 0.25


class Pacer:
    """Waits before each event until it is due: by a rate, by the events' times, by the later of
    both, or not at all.
    """

    def __init__(
        self,
        rate: float | None = None,
        speed: float | None = None,
        first: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``rate`` is in events per second. With ``speed`` 60, a minute between two events takes a
        second, counted from ``first`` (seconds since 1970; the first event's own time by default),
        which is due at once.
        """
        self._rate = rate
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._started: float | None = None
        self._first = first
        self._count = 0

    @property
    def waits(self) -> bool:
        """Whether events are paced at all."""
        return self._rate is not None or self._speed is not None

    def wait(self, occurred_at: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Return when the event of ``occurred_at`` (seconds since 1970) is due.

        ``meanwhile`` is called before a pause that a person would notice, and several times a
        second during it.
        """
        if not self.waits:
            return
        if self._started is None:
            self._started = self._clock()
        if self._first is None:
            self._first = occurred_at
        by_rate = self._count / self._rate if self._rate else 0.0
        by_time = (occurred_at - self._first) / self._speed if self._speed else 0.0
        self._count += 1
        due = self._started + max(by_rate, by_time)
        # Pauses below two milliseconds are joined: sleeping so briefly is neither exact nor cheap.
        while (left := due - self._clock()) > 0.002:
            if left > _SLICE_SECONDS:
                meanwhile()
            self._sleep(min(left, _SLICE_SECONDS))
