"""Whatever came in which order, an archive brings back every row, and events that come again change
nothing.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.databases import Databases
from tests.hypothesis_profiles import examples
from tests.properties import model
from tests.properties.histories import histories
from tests.properties.ingest import Database, Process
from tests.properties.model import CloudEvent
from tests.properties.test_convergence import marks
from tests.round_trip import connected, export_and_restore

pytestmark = pytest.mark.stack


@dataclass
class Installation:
    url: str
    connection: psycopg.Connection[Any]
    process: Process

    @property
    def database(self) -> Database:
        return Database(self.connection)


@pytest.fixture(scope="module")
def installations(databases: Databases) -> Iterator[tuple[Installation, Installation]]:
    with (
        databases.lent() as left_url,
        databases.lent() as right_url,
        connected(left_url) as left_connection,
        connected(right_url) as right_connection,
        closing((left := Process(left_url, [0])).store),
        closing((right := Process(right_url, [0])).store),
    ):
        yield (
            Installation(left_url, left_connection, left),
            Installation(right_url, right_connection, right),
        )


@examples(12, in_prove=500)
@given(
    sent=histories(4).filter(bool),
    known=st.lists(st.integers(0, 99), max_size=10),
    form=st.sampled_from(["jsonl", "jsonl", "parquet"]),
)
def test_every_row_comes_back_also_beside_rows_that_are_there(
    installations: tuple[Installation, Installation],
    tmp_path_factory: pytest.TempPathFactory,
    sent: list[CloudEvent],
    known: list[int],
    form: Any,
) -> None:
    """Some of the events, and so parts of the rows, are known to the other installation before."""
    source, target = installations
    for each in installations:
        each.process.store.abandon()
        each.database.empty()
    source.process.write((event, 0) for event in sent)
    before = [sent[number % len(sent)] for number in known]
    target.process.write((event, 0) for event in before)
    target.database.take_marks()
    folder: Path = tmp_path_factory.mktemp("archive") / "it"

    done = export_and_restore(source.url, target.url, folder, form)

    expected = model.tables(sent)
    assert target.database.tables() == source.database.tables() == expected
    there = model.tables(before)
    changed = {
        (table, *key)
        for table, rows in expected.items()
        for key, row in rows.items()
        if there[table].get(key) != row
    }
    assert sum(done.changed.values()) == len(changed)
    assert target.database.take_marks() == marks(changed)
    assert target.process.write((event, 0) for event in sent)[1] == 0
