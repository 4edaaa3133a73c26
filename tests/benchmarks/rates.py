"""Rates from commits, and percentiles: pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles

Commit = tuple[float, int]
"""A time in seconds since 1970, and a number of records."""
QUIET_SHARE = 0.1
"""A run is quiet if other programs took at most this share of all cores' time."""


@dataclass(frozen=True)
class Window:
    """The records of a run that count, and the time that they took."""

    begin: float
    """Seconds since 1970."""
    end: float
    records: int
    share: float
    """Of all records of the run."""


@dataclass(frozen=True)
class Throughput:
    """One run of something that takes records."""

    records: int
    """That were counted."""
    seconds: float
    records_per_second: float
    peak_megabytes: float | None = None
    """Resident memory at its peak, of all its processes together; None where it was not looked
    at.
    """
    cpu_microseconds: float | None = None
    """Of its own processes, per record."""
    postgres_microseconds: float | None = None
    """Of all processes of the database server, per record."""
    load: float | None = None
    """The machine's load average when it began."""
    others: float | None = None
    """The share of all cores' time that other programs took while it ran."""

    @property
    def both_microseconds(self) -> float | None:
        """CPU per record of its own processes and the server's together."""
        if self.cpu_microseconds is None or self.postgres_microseconds is None:
            return None
        return self.cpu_microseconds + self.postgres_microseconds

    @property
    def is_quiet(self) -> bool:
        """Whether others hardly disturbed it; not if that is not known."""
        return self.others is not None and self.others <= QUIET_SHARE


def window(commits: Iterable[Commit], since: float | None = None, workers: int = 1) -> Window:
    """From the first commit at ``since`` or later, by default of all, to the last one.

    What was in a commit was worked on before it: so the first one does not count, and of several
    workers as many as they are. Raises ValueError if nothing is left.
    """
    ordered = sorted(commits)
    counted = [each for each in ordered if since is None or each[0] >= since]
    if len(counted) <= workers or counted[-1][0] <= counted[workers - 1][0]:
        raise ValueError(f"no rate from {len(counted)} commits by {workers}: measure more records")
    records = sum(number for _, number in counted[workers:])
    return Window(
        counted[workers - 1][0],
        counted[-1][0],
        records,
        records / sum(number for _, number in ordered),
    )


def throughput(
    found: Window,
    peak_megabytes: float | None = None,
    cpu_seconds: float | None = None,
    postgres_seconds: float | None = None,
) -> Throughput:
    """The rate in a window; ``cpu_seconds`` and ``postgres_seconds`` are those spent in it."""

    def per_record(seconds: float | None) -> float | None:
        return None if seconds is None else seconds / found.records * 1e6

    seconds = found.end - found.begin
    return Throughput(
        found.records,
        seconds,
        found.records / seconds,
        peak_megabytes,
        per_record(cpu_seconds),
        per_record(postgres_seconds),
    )


def at(samples: Sequence[tuple[float, float]], moment: float) -> float:
    """Return what a growing total was at a time, from samples (time, total) in order of time: on
    the line between the two around it, and the first or the last one outside of them.

    Raises ValueError if there are no samples.
    """
    if not samples:
        raise ValueError("no samples of CPU time: measure more records")
    place = bisect_right(samples, moment, key=lambda sample: sample[0])
    if place in (0, len(samples)):
        return samples[min(place, len(samples) - 1)][1]
    (before, low), (after, high) = samples[place - 1], samples[place]
    return low + (high - low) * (moment - before) / (after - before)


def after_share(commits: Iterable[Commit], share: float) -> float:
    """The time of the commit with which this share of all records was reached."""
    ordered = sorted(commits)
    wanted = share * sum(number for _, number in ordered)
    reached = 0
    for at, number in ordered:
        reached += number
        if reached >= wanted:
            return at
    raise ValueError("no commits")


@dataclass(frozen=True)
class Percentiles:
    """Of a sample."""

    p50: float
    p95: float
    p99: float
    maximum: float


def percentiles(sample: Sequence[float]) -> Percentiles:
    """Raises ValueError for a sample of less than two."""
    if len(sample) < 2:
        raise ValueError(f"no percentiles of {len(sample)} values")
    cuts = quantiles(sample, n=100, method="inclusive")
    return Percentiles(cuts[49], cuts[94], cuts[98], max(sample))
