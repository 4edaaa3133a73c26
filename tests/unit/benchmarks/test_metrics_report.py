"""Figures of metrics against their targets: both sides of each ratio, and how quiet it was."""

import json
from dataclasses import replace

import pytest

from tests.benchmarks.metrics_report import Floor, Size, as_document, figures, markdown, read
from tests.benchmarks.spent import Spent
from tests.benchmarks.statement_times import named

AGGREGATE, REBUILD = (
    Spent(wall=8.0, cpu=6.0, rest_of_server_cpu=0.0, load_before=0.5, others=0.02),
    Spent(wall=60.0, cpu=102.0, rest_of_server_cpu=5.0, load_before=0.7, others=0.01),
)
SIZE = Size(
    comments=10_000_000,
    articles=100_000,
    aggregates=[AGGREGATE] * 4,
    rebuild=REBUILD,
    backend_megabytes=300,
    temporary_megabytes=25,
    floor=Floor(replace(AGGREGATE, cpu=2.0), replace(AGGREGATE, cpu=18.4), rows=7_000_000),
    spread_articles=1_000,
    spread=replace(REBUILD, cpu=3.4),
    median_article=[replace(AGGREGATE, wall=each) for each in (0.05, 0.06, 0.2)],
)


def test_a_ratio_has_both_sides_and_is_held_against_its_target() -> None:
    found = {each["name"]: each for each in as_document(SIZE)["figures"]}
    rebuild = found["full rebuild ÷ one aggregate of the comments, CPU"]
    assert (rebuild["value"], rebuild["other"], rebuild["measured"]) == (102.0, 6.0, 17.0)
    assert (rebuild["at_most"], rebuild["met"]) == (16, False)
    floor = found["full rebuild ÷ floor (read once, write in key order), CPU"]
    assert (floor["other"], floor["measured"], floor["met"]) == (20.4, 5.0, False)
    wall = found["full rebuild by two connections ÷ one aggregate, wall time"]
    assert (wall["measured"], wall["at_most"], wall["met"]) == (7.5, 8, True)


@pytest.mark.parametrize(
    ("comments", "bounds"),
    [(1_000_000, [11, None, 4.5, None, None]), (10_000_000, [16, 8, 4.5, 0.04, 0.06])],
)
def test_large_sites_have_targets_of_their_own(comments: int, bounds: list[float | None]) -> None:
    found = figures(replace(SIZE, comments=comments))
    assert [each.bound for each in found][:5] == bounds


def test_a_report_is_read_again() -> None:
    document = json.loads(json.dumps(as_document(SIZE)))
    assert json.loads(json.dumps(as_document(read(document)))) == document
    assert read(document).floor == SIZE.floor


def test_the_page_has_a_row_for_each_figure_with_its_quietness() -> None:
    text = markdown(replace(SIZE, compared="all rows", differences=["one", "two"]))
    assert (
        "| one new comment in each of 1,000 articles ÷ full rebuild, CPU"
        " | 3.4 s | 102 s | 1/30 | ≤ 1/25 | met |  | 0.7, 1% |"
    ) in text
    assert (
        "| one new comment in a median article, median wall time"
        " | 0.06 s |  |  | ≤ 0.06 s | met | p95 0.186 s, CPU 6.000 s | 0.5, 2% |"
    ) in text
    assert "(all rows): 2 differences." in text


def test_a_result_of_busy_minutes_says_so() -> None:
    [quiet, *_] = [each for each in figures(SIZE) if each.met is not None and each.spents]
    busy = replace(quiet, spents=[replace(each, others=0.3) for each in quiet.spents])
    assert f"| {quiet.cells[5]}, busy |" in f"| {busy.cells[5]} |"
    assert quiet.cells[5] in ("met", "missed")


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("-- insert into nothing\ninsert into metrics.a (b) select 1", "insert into metrics.a"),
        (
            "with gone as (delete from metrics.a as kept returning 1) insert into m select 1",
            "delete from metrics.a",
        ),
        ("set local jit = off", "set local jit = off"),
    ],
)
def test_a_statement_is_named_by_what_it_writes_first(statement: str, name: str) -> None:
    assert named(statement) == name
