"""Exactly once, whatever dies: a small campaign in ``make test``, two hundred kills and more in
``make prove``.
"""

import os
import secrets
from pathlib import Path

import psycopg
import pytest
from rich.console import Console
from rich.table import Table

from btl.stack.stack import Stack
from tests.pipeline import Pipeline
from tests.prove.campaign import RANDOM, REJECTIONS, STEPS, Campaign, Plan, Tally

pytestmark = pytest.mark.stack

PROVING = os.environ.get("BTL_PROVE") == "1"
SEED = int(os.environ.get("BTL_PROVE_SEED") or (secrets.randbelow(1 << 30) if PROVING else 7))
LONGEST_HOLD_UP_SECONDS = 10.0


def test_the_same_seed_gives_the_same_plan_with_every_step_in_it() -> None:
    plan = Plan.drawn(3, kills=40, zombies_of_each=2, others=1)
    assert plan == Plan.drawn(3, kills=40, zombies_of_each=2, others=1)
    assert plan != Plan.drawn(4, kills=40, zombies_of_each=2, others=1)
    assert {appointment.step for appointment in plan.kills} == {*STEPS, RANDOM}
    assert len(plan.kills) == 40


@pytest.mark.timeout(3_600 if PROVING else 300)
def test_whatever_dies_stops_or_comes_back_the_tables_are_those_of_the_model(
    pipeline: Pipeline, connection: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.close()
    plan = (
        Plan.drawn(SEED, kills=200, zombies_of_each=5, others=5)
        if PROVING
        else Plan.drawn(SEED, kills=len(STEPS) + 1, zombies_of_each=1, others=1)
    )
    stack = Stack(Path(os.environ["BTL_TEST_HOME"]))
    with capsys.disabled():
        Console().print(f"\nSeed of the campaign: {SEED} (BTL_PROVE_SEED repeats it)")
    tally = Campaign(pipeline, stack, SEED).run(plan, per_second=300 if PROVING else 150)
    with capsys.disabled():
        Console().print(table(tally))
    assert sum(tally.kills.values()) == len(plan.kills)
    assert {step for step in tally.kills if step != RANDOM} == set(STEPS)
    assert sum(map(len, tally.zombies.values())) == len(plan.zombies)
    assert tally.others[REJECTIONS] > 0, "no zombie came as far as the fence"
    if PROVING:
        assert max(map(max, tally.zombies.values())) <= LONGEST_HOLD_UP_SECONDS


def table(tally: Tally) -> Table:
    """What happened, and with what result."""
    shown = Table(title="Tables equal to the model after", title_justify="left", box=None)
    shown.add_column("what")
    shown.add_column("times", justify="right")
    for step in (*STEPS, RANDOM):
        shown.add_row(f"killed, {step}", str(tally.kills[step]))
    for kind, seconds in tally.zombies.items():
        shown.add_row(
            f"zombie, {kind}: held its successor up for {max(seconds):.1f} s at most",
            str(len(seconds)),
        )
    for name, count in tally.others.items():
        shown.add_row(name, str(count))
    for name, count in tally.account.items():
        shown.add_row(
            f"records {name.replace('_', '-')}" if name != "records" else name, f"{count:,}"
        )
    return shown
