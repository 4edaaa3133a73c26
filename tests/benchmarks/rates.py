"""Rates from commits, and percentiles: pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles

Commit = tuple[float, int]
"""A time in seconds since 1970, and a number of records."""


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
    """Of its processes, per record; those of broker and database are not among them. Hardly depends
    on what else runs.
    """


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
    found: Window, peak_megabytes: float | None = None, cpu_seconds: float | None = None
) -> Throughput:
    """The rate in a window; ``cpu_seconds`` are those spent in it."""
    seconds = found.end - found.begin
    cpu = None if cpu_seconds is None else cpu_seconds / found.records * 1e6
    return Throughput(found.records, seconds, found.records / seconds, peak_megabytes, cpu)


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
