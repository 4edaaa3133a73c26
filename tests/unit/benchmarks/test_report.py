import io
import json
import re

import pytest
from rich.console import Console

from tests.benchmarks import base
from tests.benchmarks.latency import Latency
from tests.benchmarks.peer import PeerRun
from tests.benchmarks.rates import Percentiles, Throughput
from tests.benchmarks.report import (
    BASE,
    FLOOR,
    ONE,
    PEER_BEST,
    PEER_DEFAULT,
    READING,
    Results,
    Target,
    as_document,
    as_markdown,
    print_report,
    ratio,
    targets,
)
from tests.benchmarks.run import SECTIONS, parse

MACHINE = {
    "cores": 2,
    "memory_gigabytes": 8,
    "processor": "some processor",
    "python": "3.11",
    "postgres": "18.4",
    "kafka": "4.3.1",
    "load_before": 0.5,
}
ABOUT = {
    "machine": MACHINE,
    "workload": "a day",
    "options": {"copies": 4, "rounds": 5, "base": "cf5a39b"},
    "commit": "abc",
}


def run_at(
    rate: float, megabytes: float | None = None, cpu: float | None = None, server: float = 8
) -> Throughput:
    return Throughput(1_000, 1_000 / rate, rate, megabytes, cpu, server)


def peer_at(rate: float, megabytes: float) -> PeerRun:
    return PeerRun(warm=run_at(rate, megabytes), whole=run_at(rate / 2, megabytes))


@pytest.mark.parametrize(
    ("target", "met", "result"),
    [
        (Target("", 0.55, 0.55, is_ratio=False), True, "met"),
        (Target("", 0.549, 0.55, is_ratio=False), False, "missed"),
        (Target("", 300, 300, at_least=False, is_ratio=False), True, "met"),
        (Target("", 301, 300, at_least=False, is_ratio=False), False, "missed"),
        (Target("", 0, 0, at_least=False, is_ratio=False), True, "met"),
        (Target("", None, 0.55, is_ratio=False), None, "not measured"),
        (Target("", 3, 1.5, other_side=2), True, "met"),
        (Target("", 3, 1.5, other_side=None), None, "not measured"),
        (Target("", 3, None, other_side=2), None, "–"),
        (Target("", 0.549, 0.55, is_ratio=False, busy=True), False, "missed, busy"),
        (Target("", 0.55, 0.55, is_ratio=False, busy=True), True, "met, busy"),
    ],
)
def test_a_target_is_met_up_to_its_bound(target: Target, met: bool | None, result: str) -> None:
    assert (target.met, target.result) == (met, result)


def test_a_target_shows_both_sides_of_its_ratio() -> None:
    rate = Target("rate", 42_600, 0.55, other_side=124_800)
    cpu = Target("CPU", 16.32, 1.5, at_least=False, other_side=10.1, unit="µs")
    alone = Target("memory", 187, 220, at_least=False, is_ratio=False, unit="MB")

    assert rate.cells() == ("rate", "42,600/s ÷ 124,800/s", "0.34 ×", "≥ 0.55 ×", "missed")
    assert cpu.cells() == ("CPU", "16.3 µs ÷ 10.1 µs", "1.62 ×", "≤ 1.50 ×", "missed")
    assert alone.cells() == ("memory", "", "187 MB", "≤ 220 MB", "met")


def test_a_ratio_needs_both_sides() -> None:
    assert ratio(1, 2) == 0.5
    assert ratio(None, 2) is ratio(1, None) is ratio(1, 0) is None


def test_ratios_are_those_of_medians_and_the_peer_is_taken_when_it_is_warm() -> None:
    results = Results(
        rates={
            FLOOR: [run_at(100), run_at(400), run_at(200)],
            READING: [run_at(150)],
            ONE: [run_at(120, 90), run_at(1, 100), run_at(5_000, 95)],
        },
        peers={PEER_DEFAULT: [peer_at(40, 700)], PEER_BEST: [peer_at(160, 380)]},
    )

    found = {each.name: each.measured for each in targets(results)}

    assert found["one process ÷ floor"] == 0.6
    assert found["one process ÷ reading and validating only"] == 0.8
    assert found["one process ÷ peer's default, 1 task"] == 3
    assert found["one process ÷ peer's best, 1 task"] == 0.75
    assert found["memory: one process ÷ peer's best, 1 task"] == 0.25


def test_cpu_of_consumer_and_server_is_compared_round_by_round() -> None:
    results = Results(
        rates={
            FLOOR: [run_at(100, cpu=2, server=8)],
            # The sums are 17, 18 and 19; the sum of the medians would be 16.
            ONE: [
                run_at(50, cpu=12, server=5),
                run_at(50, cpu=14, server=4),
                run_at(50, cpu=9, server=10),
            ],
            BASE: [run_at(40, cpu=16, server=10)],
        }
    )

    found = {each.name: each.measured for each in targets(results)}

    assert found["CPU of consumer + Postgres ÷ floor's"] == 1.8
    assert found["CPU of Postgres ÷ base's"] == 0.5
    assert found["CPU of the consumer ÷ base's"] == 0.75
    assert found["one process ÷ base"] == 1.25


def test_busy_rounds_count_only_where_none_was_quiet() -> None:
    results = Results()
    for rate, others in ((10, 0.5), (20, 0.05), (40, 0.1), (5, 0.11)):
        results.add(ONE, run_at(rate), 1.5, others)
        results.add(PEER_BEST, peer_at(rate, 70), 1.5, 0.5)

    assert (results.rate(ONE), results.quiet_rounds(ONE)) == (30, 2)
    assert (results.rate(PEER_BEST), results.quiet_rounds(PEER_BEST)) == (15, 0)
    assert {run.load for run in results.runs(PEER_BEST)} == {1.5}


def test_nothing_measured_is_nothing_met() -> None:
    assert {each.met for each in targets(Results())} == {None}


def test_a_latency_counts_only_at_the_rate_that_was_wanted() -> None:
    figures = Percentiles(50, 95, 99, 100)
    kept, missed = (Latency(100, 30, 10_000, sent, figures) for sent in (9_600, 5_800))

    assert Results(latencies=[kept]).latency(10_000) == 99
    assert Results(latencies=[missed]).latency(10_000) is None
    assert Results(latencies=[kept]).latency(2_000) is None


def test_the_document_has_every_raw_figure_and_why_one_is_missing() -> None:
    results = Results(
        rates={ONE: [run_at(10, 5), run_at(20, 6)]},
        peers={PEER_BEST: [peer_at(8, 70)]},
        not_measured={"bad": "why"},
    )

    document = json.loads(json.dumps(as_document(results, {"commit": "abc"})))

    assert document["commit"] == "abc"
    assert [each["records_per_second"] for each in document["raw"]["rates"][ONE]] == [10, 20]
    assert document["raw"]["peers"][PEER_BEST][0]["whole"]["records_per_second"] == 4
    assert document["raw"]["not_measured"] == {"bad": "why"}
    assert document["medians"][ONE]["records_per_second"] == 15


def test_the_report_says_what_was_missed_and_what_was_not_measured() -> None:
    results = Results(not_measured={"peer": "No network."})
    results.add(FLOOR, run_at(100), 0.5, 0.02)
    results.add(ONE, run_at(50), 1.25, 0.3)
    console = Console(file=io.StringIO(), width=120)

    print_report(console, results, ABOUT)

    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"one process ÷ floor +50/s ÷ 100/s +0.50 × +≥ 0.55 × +missed, busy", said)
    assert re.search(r"deadlocks +– +≤ 0 +not measured", said)
    assert re.search(r"one process +1 +50 +– +8.0 µs +1.25 +30% +busy", said)
    assert "Not measured: peer. No network." in said
    assert "a day × 4; commit abc." in said


def test_a_runs_document_becomes_a_table_to_paste() -> None:
    results = Results(
        not_measured={"quix": "No network."},
        latencies=[Latency(100, 30, 10_000, 5_800, Percentiles(50, 95, 99, 100))],
    )
    results.add(FLOOR, run_at(100), 0.5, 0.02)
    results.add(ONE, run_at(60), 1.25, 0.3)
    document = json.loads(json.dumps(as_document(results, ABOUT)))

    lines = as_markdown(document).splitlines()

    assert lines[0] == "| figure | both sides | measured | to reach | |"
    assert "| one process ÷ floor | 60/s ÷ 100/s | 0.60 × | ≥ 0.55 × | met, busy |" in lines
    assert "| deadlocks |  | – | ≤ 0 | not measured |" in lines
    assert "Quiet rounds: floor 1 of 1; one process 0 of 1." in lines
    assert "Event to row at 5,800 of 10,000 events/s: p50 50, p99 99 ms." in lines
    assert "Not measured: quix. No network." in lines


def test_a_partial_run_shows_the_targets_that_it_was_asked_for() -> None:
    results = Results()
    results.add(FLOOR, run_at(100), 0.5, 0.02)
    about = ABOUT | {
        "options": {"copies": 4, "rounds": 5, "base": "cf5a39b", "only": ["floor", "path", "bad"]}
    }
    console = Console(file=io.StringIO(), width=120)

    print_report(console, results, about)

    said = console.file.getvalue().partition("To be reached")[2]  # type: ignore[attr-defined]
    shown = ["CPU of consumer + Postgres", "one process ÷ floor", "two processes ÷ floor", "a bad"]
    lines = said.splitlines()[2:]
    assert [line.startswith(name) for line, name in zip(lines, shown, strict=False)] == [True] * 4
    assert lines[4] == f"… and {len(targets(results)) - 4} not asked for."
    document = json.loads(json.dumps(as_document(results, about)))
    assert lines[4] in as_markdown(document).splitlines()


def test_a_base_that_is_named_must_be_in_the_clone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parse(["--base", "HEAD"]).base == "HEAD"
    with pytest.raises(SystemExit):
        parse(["--base", "v0.0.0-never"])
    assert "Commit v0.0.0-never is not in this clone." in capsys.readouterr().err
    monkeypatch.setattr(base, "COMMIT", "v0.0.0-never")
    assert parse([]).base == "v0.0.0-never"


def test_all_sections_are_run_unless_some_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert tuple(parse([]).only) == SECTIONS
    assert parse(["--only", "floor,path"]).only == ["floor", "path"]
    with pytest.raises(SystemExit):
        parse(["--only", "floor,flor"])
    assert "no section flor" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        parse(["--peer", "batch.size"])


def test_the_latency_is_measured_at_two_rates_unless_one_is_named() -> None:
    assert parse([]).rate == [2_000, 10_000]
    assert parse(["--rate", "5000"]).rate == [5_000]
