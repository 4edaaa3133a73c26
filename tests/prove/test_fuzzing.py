"""The decoder against whatever comes: some thousand records in ``make test``, ten minutes of them
in ``make prove``.
"""

import os
import secrets
from collections import Counter
from datetime import datetime
from time import monotonic
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from rich.console import Console

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.codes import STAGES
from below_the_line.contracts.decoder import Contracts
from below_the_line.contracts.events import Event, Record, Rejection
from consumers.core.batch import Batch, DecodedRecord
from tests.builders import members
from tests.prove.fuzzing import examples, records

PROVING = os.environ.get("BTL_PROVE") == "1"
SEED = int(os.environ.get("BTL_PROVE_SEED") or secrets.randbelow(1 << 30))
SECONDS = 600.0
QUICK = load_contracts()
PARSED = Contracts(QUICK._contracts, QUICK._topic_of, has_fast_path=False)
EXACT = Contracts(
    QUICK._contracts, QUICK._topic_of, has_fast_path=False, quick_parser=lambda _: None
)
"""The same contracts without what is quick about them, bit by bit: what all say must be the
same.
"""


def assert_decoded_well(record: Record) -> str:
    """No crash, one result, always the same one, by all ways of reading; returns what it was."""
    result = QUICK.decode(record)
    assert result == QUICK.decode(record) == PARSED.decode(record) == EXACT.decode(record)
    assert QUICK.faults(record)[:1] == ([result] if isinstance(result, Rejection) else [])
    batch = Batch.scattered([DecodedRecord(record, result)])
    fold, dead = batch.folded(), len(batch.dead_letters())
    rows = sum(map(len, fold)) + len(fold.erasures)
    assert (rows > 0) == (dead == 0), "both applied and dead-lettered, or neither"
    (entry,) = batch.entries(None)
    assert (entry.records, entry.applied, entry.dead_lettered) == (1, 1 - dead, dead)
    if isinstance(result, Rejection):
        assert STAGES[result.code] == result.stage
        assert len(result.message) < 1_000
        return result.code
    assert_storable(result)
    return result.type


def assert_storable(event: Event) -> None:
    """What Postgres takes: no U+0000, no half surrogates, and the key that the record came by."""

    def look(member: Any) -> None:
        if isinstance(member, str):
            assert "\0" not in member
            member.encode()
        elif isinstance(member, dict):
            for name, inner in member.items():
                look(name)
                look(inner)
        elif isinstance(member, list):
            for inner in member:
                look(inner)
        elif isinstance(member, datetime):
            assert member.tzinfo is not None

    look(members(event.data))
    assert len(event.digest) == 32
    assert event.article_id == getattr(event.data, "article_id", "")


@pytest.mark.timeout(1_200 if PROVING else 300)
def test_whatever_comes_gets_one_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    results: Counter[str] = Counter()
    known = examples()
    assert known

    def run(number: int, count: int) -> None:
        @seed(number)
        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            derandomize=False,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(records(known))
        def fuzz(record: Record) -> None:
            results[assert_decoded_well(record)] += 1

        fuzz()

    if PROVING:
        with capsys.disabled():
            Console().print(f"\nSeed of the fuzzing: {SEED} (BTL_PROVE_SEED repeats it)")
        began, number = monotonic(), SEED
        while monotonic() - began < SECONDS:
            number += 1
            run(number, 5_000)
    else:
        run(0, 1_500)
    with capsys.disabled():
        Console().print(
            f"\nDecoder: {sum(results.values()):,} records, {len(results)} different results."
        )
    assert {
        "schema_violation",
        "not_json",
        "not_cloudevent",
        "unknown_type",
        "comment.posted.v1",
    } <= set(results)
