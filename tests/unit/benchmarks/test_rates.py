import pytest

from tests.benchmarks.latency import latencies
from tests.benchmarks.rates import Throughput, after_share, at, percentiles, throughput, window

EVEN = [(float(second), 100) for second in range(10)]


def test_the_first_commit_only_starts_the_clock() -> None:
    found = window([(12.0, 50), (10.0, 1_000), (11.0, 70)])

    assert (found.begin, found.end, found.records) == (10.0, 12.0, 120)
    assert throughput(found).records_per_second == 60


def test_each_worker_brings_a_first_commit_with_work_from_before() -> None:
    assert window(EVEN, workers=3).records == 700
    assert window(EVEN, workers=3).begin == 2


def test_the_clock_starts_at_the_first_commit_since_a_time() -> None:
    found = window(EVEN, since=4.5)

    assert (found.begin, found.records, found.share) == (5, 400, 0.4)


@pytest.mark.parametrize(("since", "workers"), [(9.0, 1), (20.0, 1), (None, 10)])
def test_there_is_no_rate_without_a_second_commit(since: float | None, workers: int) -> None:
    with pytest.raises(ValueError, match="measure more"):
        window(EVEN, since, workers)


def test_cpu_is_given_per_counted_record_and_for_both_together() -> None:
    found = throughput(window(EVEN), cpu_seconds=0.0009, postgres_seconds=0.0018)

    assert found.cpu_microseconds == pytest.approx(1)
    assert found.postgres_microseconds == pytest.approx(2)
    assert found.both_microseconds == pytest.approx(3)
    assert throughput(window(EVEN), cpu_seconds=0.0009).both_microseconds is None


@pytest.mark.parametrize(
    ("moment", "total"), [(0.0, 5), (1.0, 5), (1.5, 6), (2.0, 7), (3.0, 12), (4.0, 17), (9.0, 17)]
)
def test_a_total_lies_on_the_line_between_two_samples(moment: float, total: float) -> None:
    assert at([(1.0, 5), (2.0, 7), (4.0, 17)], moment) == total


def test_there_is_no_total_without_samples() -> None:
    with pytest.raises(ValueError, match="measure more"):
        at([], 1)


@pytest.mark.parametrize(
    ("others", "quiet"), [(None, False), (0.0, True), (0.1, True), (0.11, False)]
)
def test_a_round_is_quiet_up_to_a_tenth_of_the_cores(others: float | None, quiet: bool) -> None:
    assert Throughput(1, 1, 1, others=others).is_quiet is quiet


def test_a_share_of_the_records_is_reached_by_a_commit() -> None:
    assert after_share([(3.0, 50), (1.0, 25), (2.0, 25)], 0.25) == 1
    assert after_share([(3.0, 50), (1.0, 25), (2.0, 25)], 0.26) == 2


def test_percentiles_of_the_numbers_to_a_hundred() -> None:
    found = percentiles(range(101))

    assert (found.p50, found.p95, found.p99, found.maximum) == (50, 95, 99, 100)


def test_a_record_is_committed_with_the_line_that_covers_its_offset() -> None:
    ledger = [("t", 0, 5, 9, 20.0), ("t", 0, 0, 5, 10.0), ("t", 1, 0, 1, 15.0)]
    sent = [
        ("t", 0, 0, 1.0),
        ("t", 0, 4, 9.5),
        ("t", 0, 5, 9.0),
        ("t", 0, 8, 9.0),
        ("t", 1, 0, 14.0),
    ]

    assert latencies(sent, ledger, since=5) == [0.5, 11.0, 11.0, 1.0]


@pytest.mark.parametrize("offset", [4, 9])
def test_a_record_that_no_line_covers_is_an_error(offset: int) -> None:
    with pytest.raises(ValueError, match=f"t-0 at {offset}"):
        latencies([("t", 0, offset, 6.0)], [("t", 0, 5, 9, 20.0)], since=5)
