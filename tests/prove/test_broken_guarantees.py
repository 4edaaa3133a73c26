"""Each guarantee broken once, in a copy of the code: the tests that hold it must fail. All of them
in ``make prove``.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.stack

PROVING = os.environ.get("BTL_PROVE") == "1"
ROOT = Path(__file__).resolve().parents[2]
_NEEDED = (
    *("below_the_line", "btl", "btl_airflow", "consumers", "dags", "docs", "schemas", "sql"),
    "tests",
    *("pyproject.toml", "README.md"),
)


@dataclass(frozen=True)
class Break:
    """A change of one file that breaks a guarantee, and the tests of which at least one must then
    fail.
    """

    guarantee: str
    what: str
    path: str
    edits: Mapping[str, str]
    tests: tuple[str, ...]
    is_quick: bool = False
    """Whether it needs no service: such are tried in ``make test``, too."""

    def __str__(self) -> str:
        return f"{self.guarantee}: {self.what}"


BREAKS = (
    Break(
        "G1",
        "offsets without records at a partition's end are not entered",
        "consumers/service.py",
        {"if position is not None and position > next_offset:": "if False:"},
        ("tests/unit/consumers/test_service.py",),
    ),
    Break(
        "G2",
        "the fence lets everybody through",
        "sql/routines/ingest/advance_offsets.sql",
        {
            "        and held.owner = in_owner\n": "",
            "        and held.epoch = batch.epoch\n": "",
            "        and held.next_offset = batch.first_offset\n": "",
        },
        ("tests/integration/test_store.py",),
    ),
    Break(
        "G2",
        "rows are committed before the offsets",
        "consumers/adapters/postgres.py",
        {
            "        # One round trip. The fence": (
                "        self._open.commit()\n        # One round trip. The fence"
            )
        },
        ("tests/integration/test_store.py",),
    ),
    Break(
        "G3",
        "source before id where times are equal",
        "below_the_line/contracts/events.py",
        {
            'event_id.encode(),\n            b"\\0",\n            source.encode(),': (
                'source.encode(),\n            b"\\0",\n            event_id.encode(),'
            )
        },
        ("tests/contracts/test_order_key.py", "tests/properties/test_fold.py"),
    ),
    Break(
        "G3",
        "a later posting wins within a batch",
        "below_the_line/event_tables/description.py",
        {
            'keeps="least",\n            set_by=(POSTED,)': (
                'keeps="greatest",\n            set_by=(POSTED,)'
            )
        },
        ("tests/properties/test_fold.py",),
        is_quick=True,
    ),
    Break(
        "G3",
        "a later posting wins over the row that is there",
        "sql/generated/merge/comments.sql",
        {"ingest.precedes(excluded.posted_version": "ingest.supersedes(excluded.posted_version"},
        ("tests/properties/test_convergence.py",),
    ),
    Break(
        "G3",
        "a batch that met a row is not rolled back before it is merged",
        "consumers/adapters/postgres.py",
        {"            self._open.rollback()\n            self._begin(": "            self._begin("},
        ("tests/integration/test_store.py",),
    ),
    Break(
        "G3",
        "a merge forgets the erasures",
        "consumers/adapters/erasures.py",
        {"        if not known or not batch.has_event_until(known.latest):": "        if True:"},
        ("tests/properties/test_erasing.py",),
    ),
    Break(
        "G3",
        "a redrive forgets the erasures",
        "consumers/adapters/dead_letters.py",
        {
            "                self._begin(free,": (
                "                self._erasures._known = type(self._erasures._known)()\n"
                "                self._begin(free,"
            )
        },
        ("tests/properties/test_erasing.py",),
    ),
    Break(
        "G3",
        "rows that are copied straight are not erased",
        "consumers/adapters/postgres.py",
        {"new, others = folded.parted()": "new, others = batch.folded().tables[table].parted()"},
        ("tests/properties/test_erasing.py",),
    ),
    Break(
        "G3",
        "a person's reactions before and after the erasure are one row",
        "consumers/core/erasing.py",
        {"    if event.type not in _REACTION_TYPES or": "    if True or"},
        ("tests/unit/consumers/test_erasing.py",),
        is_quick=True,
    ),
    Break(
        "G3",
        "a decision and the posting that erases its explanation do not see each other",
        "consumers/adapters/erasures.py",
        {"    if buckets:\n": "    if False:\n"},
        ("tests/integration/test_erasures_at_ingest.py",),
    ),
    Break(
        "G3",
        "a batch that did not know an erasure is committed after it",
        "sql/routines/ingest/share_erasures.sql",
        {"if present is distinct from in_version then": "if false then"},
        ("tests/properties/test_erasing.py",),
    ),
    Break(
        "G3",
        "what a newly erased comment had in the tables stays",
        "consumers/adapters/erasures.py",
        {"        if self._completions is None:\n": "        if True:\n"},
        ("tests/integration/test_erasures_at_ingest.py",),
    ),
    Break(
        "G3",
        "a dead letter of an erased person is kept whole",
        "consumers/adapters/erasures.py",
        {"        if not known or not old:": "        if True:"},
        ("tests/integration/test_erased_dead_letters.py",),
    ),
    Break(
        "G4",
        "a comment at the very end of its window is in time",
        "sql/routines/discussion/in_intervals.sql",
        {"in_at < piece.ends_at": "in_at <= piece.ends_at"},
        ("tests/sql/test_windows.py",),
    ),
    Break(
        "G4",
        "a discussion is closed before everything produced before was ingested",
        "below_the_line/partitions.py",
        {"position.next_offset >= self.log.end": "position.next_offset >= self.log.end - 1"},
        ("tests/sql/test_barrier.py",),
    ),
    Break(
        "G4",
        "a discussion is closed without what is acknowledged behind an open transaction",
        "below_the_line/kafka/admin.py",
        {
            "                (OffsetSpec.LATEST, IsolationLevel.READ_UNCOMMITTED),\n": (
                "                (OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED),\n"
            )
        },
        ("tests/faults/test_closing_faults.py",),
    ),
    Break(
        "G5",
        "days of sections are not computed again when an article's change",
        "below_the_line/metrics/statements.py",
        {'    "article_daily": (': '    "nothing": ('},
        ("tests/sql/test_by_time.py",),
    ),
    Break(
        "G5",
        "people of days are not counted again when others commented",
        "below_the_line/metrics/statements.py",
        {'    if table == "article_commenters":\n': '    if table == "nothing":\n'},
        ("tests/sql/test_by_time.py",),
    ),
    Break(
        "G5",
        "articles of rows that are copied straight are not marked",
        "consumers/adapters/postgres.py",
        {"*copies, self._marks(straight), *merges": "*copies, *merges"},
        ("tests/integration/test_store.py",),
    ),
    Break(
        "G5",
        "marks are taken before other runs have done their work",
        "below_the_line/metrics/units.py",
        {"connection.execute(METRICS_LOCK)\n": "pass\n"},
        ("tests/sql/test_recompute.py", "tests/sql/test_runs_together.py"),
    ),
    Break(
        "G5",
        "two rebuilds compute the same article at once",
        "below_the_line/metrics/units.py",
        {"lock(connection, *shards)\n": "pass\n"},
        ("tests/sql/test_recompute.py",),
    ),
    Break(
        "G5",
        "two rebuilds compute the same day at once",
        "below_the_line/metrics/units.py",
        {
            'None if shard is None else [shard_lock("days", shard)]': (
                "None if shard is None else []"
            )
        },
        ("tests/sql/test_recompute.py",),
    ),
    Break(
        "G6",
        "a partition full of bad records is not stopped",
        "consumers/service.py",
        {"return self._ownership.breakers[polled.partition].trips(decoded, dead)": "return False"},
        ("tests/unit/consumers/test_service.py",),
    ),
    Break(
        "G7",
        "a consumer that is frozen while it copies holds its successor up",
        "sql/ingest/end_superseded_backends.sql",
        {"(is_superseded and": "(false and"},
        ("tests/integration/test_store.py",),
    ),
    Break(
        "G7",
        "rows that are there are tried to be copied for ever",
        "consumers/core/straight.py",
        {"self._pauses[table] = self._left[table] = pause": "self._pauses[table] = pause"},
        ("tests/unit/consumers/test_straight.py",),
        is_quick=True,
    ),
    Break(
        "G7",
        "a database that is away counts as bad data",
        "consumers/core/failures.py",
        {"return Failure.FAULT": "return Failure.DATA"},
        ("tests/unit/consumers/test_failures.py",),
        is_quick=True,
    ),
)


TRIED = [each for each in BREAKS if PROVING or each.is_quick]


def _copy(folder: Path) -> None:
    for name in _NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)


def _tried(folder: Path, tests: Iterable[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "BTL_PROVE": "red"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("broken", BREAKS, ids=str)
def test_what_a_break_replaces_is_in_the_code(broken: Break) -> None:
    text = (ROOT / broken.path).read_text(encoding="utf-8")
    assert [old for old in broken.edits if old not in text] == []
    assert [test for test in broken.tests if not (ROOT / test).is_file()] == []


@pytest.mark.timeout(900)
def test_in_a_copy_that_is_whole_the_same_tests_are_green(tmp_path: Path) -> None:
    _copy(tmp_path)
    outcome = _tried(tmp_path, sorted({test for each in TRIED for test in each.tests}))
    assert outcome.returncode == pytest.ExitCode.OK, outcome.stdout[-3000:] + outcome.stderr[-1000:]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("broken", TRIED, ids=str)
def test_a_broken_guarantee_turns_a_test_red(broken: Break, tmp_path: Path) -> None:
    _copy(tmp_path)
    path = tmp_path / broken.path
    text = path.read_text(encoding="utf-8")
    for old, new in broken.edits.items():
        assert old in text, f"{broken.path} no longer has: {old}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    outcome = _tried(tmp_path, broken.tests)
    assert outcome.returncode == pytest.ExitCode.TESTS_FAILED, (
        outcome.stdout[-3000:] + outcome.stderr[-1000:]
    )
    assert "1 failed" in outcome.stdout
