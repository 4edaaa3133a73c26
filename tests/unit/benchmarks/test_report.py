import io
import json
import re

import pytest
from rich.console import Console

from tests.benchmarks.peer import PeerRun
from tests.benchmarks.rates import Throughput
from tests.benchmarks.report import (
    FLOOR,
    ONE,
    PEER_BEST,
    PEER_DEFAULT,
    READING,
    Results,
    Target,
    as_document,
    print_report,
    ratio,
    targets,
)
from tests.benchmarks.run import SECTIONS, parse


def run_at(rate: float, megabytes: float | None = None) -> Throughput:
    return Throughput(1_000, 1_000 / rate, rate, megabytes)


def peer_at(rate: float, megabytes: float) -> PeerRun:
    return PeerRun(warm=run_at(rate, megabytes), whole=run_at(rate / 2, megabytes))


@pytest.mark.parametrize(
    ("target", "met", "result"),
    [
        (Target("", 0.55, 0.55), True, "met"),
        (Target("", 0.549, 0.55), False, "missed"),
        (Target("", 300, 300, at_least=False), True, "met"),
        (Target("", 301, 300, at_least=False), False, "missed"),
        (Target("", 0, 0, at_least=False), True, "met"),
        (Target("", None, 0.55), None, "not measured"),
    ],
)
def test_a_target_is_met_up_to_its_bound(target: Target, met: bool | None, result: str) -> None:
    assert (target.met, target.result) == (met, result)


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


def test_nothing_measured_is_nothing_met() -> None:
    assert {each.met for each in targets(Results())} == {None}


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
    results = Results(
        rates={FLOOR: [run_at(100)], ONE: [run_at(50)]}, not_measured={"peer": "No network."}
    )
    console = Console(file=io.StringIO(), width=100)

    print_report(
        console,
        results,
        {"machine": {"cores": 2}, "workload": "a day", "options": {"copies": 4}, "commit": "abc"},
    )

    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"one process ÷ floor +0.50 × +≥ 0.55 × +missed", said)
    assert re.search(r"deadlocks +– +≤ 0 +not measured", said)
    assert "Not measured: peer. No network." in said
    assert "a day × 4; commit abc." in said


def test_all_sections_are_run_unless_some_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert tuple(parse([]).only) == SECTIONS
    assert parse(["--only", "floor,path"]).only == ["floor", "path"]
    with pytest.raises(SystemExit):
        parse(["--only", "floor,flor"])
    assert "no section flor" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        parse(["--peer", "batch.size"])
