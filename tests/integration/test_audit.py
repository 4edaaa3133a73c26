"""The audit over a real ledger: what consumers and operators write adds up, and whatever is damaged
afterwards is found.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from below_the_line.accounting import decisions
from below_the_line.accounting.audit import Report, examine
from below_the_line.accounting.decisions import plan_gap, plan_reset
from below_the_line.accounting.ledger import read_ledger
from below_the_line.accounting.positions import read_positions
from below_the_line.contracts.events import Rejection
from below_the_line.partitions import PartitionLog, Position
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch, DecodedRecord, Partition
from tests.builders import posted, record
from tests.commands import Btl
from tests.pipeline import Pipeline

pytestmark = pytest.mark.stack

TOPIC = UUID(int=7)
PLACE = Partition("comment-events", 3)
BAD = Rejection(
    "contract", "schema_violation", "/data/body", "body is missing", "comment.posted.v1"
)
BROKER = PartitionLog(TOPIC, 0, 90)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with closing(Store(database_url, "group")) as opened:
        yield opened


def read(store: Store, first_offset: int, records: int, next_offset: int | None = None) -> None:
    """A batch of records, the last of them a dead letter."""
    batch = Batch()
    decoded = [
        DecodedRecord(
            record(
                "comment.posted.v1",
                {"article_id": "a1"},
                at="2026-05-01T10:00:00Z",
                offset=first_offset + place,
                partition=PLACE.number,
            ),
            posted(f"c{first_offset + place}") if place < records - 1 else BAD,
        )
        for place in range(records)
    ]
    batch.add(PLACE, decoded, first_offset, next_offset or first_offset + records, now=0.0)
    store.begin(batch)
    store.finish()


@pytest.fixture
def ledger(store: Store, connection: psycopg.Connection) -> psycopg.Connection:
    """Everything that a ledger can hold: 0-9 read, 10-14 without records, 15-19 expired, 20-29
    read; and again from 5 on.
    """
    store.take({PLACE: BROKER})
    read(store, 0, 5)
    read(store, 5, 5)
    read(store, 10, 0, 15)
    (position,) = read_positions(connection)
    decisions.accept_gap(connection, plan_gap(position, PartitionLog(TOPIC, 20, 90)))
    store.take({PLACE: BROKER})
    read(store, 20, 5)
    read(store, 25, 5)
    (position,) = read_positions(connection)
    decisions.reset(connection, [plan_reset(position, PartitionLog(TOPIC, 0, 90), 5)])
    store.take({PLACE: BROKER})
    read(store, 5, 5)
    read(store, 10, 10, 30)
    return connection


def audit(connection: psycopg.Connection, since: datetime | None = None) -> Report:
    logs = {(PLACE.topic, PLACE.number): PartitionLog(TOPIC, 0, 90)}
    return examine(read_ledger(connection, "group", since), logs, "group")


def test_what_consumers_and_operators_write_adds_up(ledger: psycopg.Connection) -> None:
    report = audit(ledger)
    assert report.findings == ()
    (account,) = report.partitions
    assert account.contiguous
    assert (account.records, account.applied, account.unchanged, account.dead_lettered) == (
        35,
        25,
        4,
        6,
    )
    assert (
        account.batches,
        account.empties,
        account.gaps,
        account.resets,
        account.gap_offsets,
    ) == (6, 1, 1, 1, 5)
    assert (account.incarnations, account.ledger_end, account.next_offset, account.lag) == (
        2,
        30,
        30,
        60,
    )
    assert report.marks.articles > 0


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            "delete from ingest.batches where incarnation = 1 and first_offset = 5",
            "offsets 5 to 9 are not accounted for",
        ),
        (
            "delete from ingest.batches where kind = 'gap'",
            "offsets 15 to 19 are not accounted for",
        ),
        (
            "delete from ingest.batches where kind = 'empty'",
            "offsets 10 to 14 are not accounted for",
        ),
        (
            "delete from ingest.batches where incarnation = 2 and first_offset = 10",
            "its next offset is 30, but the ledger ends at 10",
        ),
        (
            "delete from ingest.batches where kind = 'reset'",
            "its incarnation 2 begins with 0 lines of kind reset",
        ),
        (
            (
                "delete from ingest.batches where incarnation = 2 and first_offset = 5 and kind ="
                " 'batch'"
            ),
            "its incarnation 2 should begin at offset 5, but the ledger goes on at 10",
        ),
        (
            "update ingest.batches set first_offset = 4 where incarnation = 1 and first_offset = 5",
            "offsets 4 to 4 are accounted for twice",
        ),
        (
            (
                "update ingest.batches set records = 99, applied = 99, unchanged = 0, dead_lettered"
                " = 0 where first_offset = 20"
            ),
            "in 1 lines of the ledger records are not",
        ),
        (
            (
                "alter table ingest.batches drop constraint batches_check; update ingest.batches"
                " set applied = applied + 1 where first_offset = 20"
            ),
            "in 1 lines of the ledger records are not",
        ),
        (
            "update ingest.partition_offsets set next_offset = next_offset + 1",
            "its next offset is 31, but the ledger ends at 30",
        ),
        (
            "update ingest.partition_offsets set incarnation = 3",
            "its position is in incarnation 3, but the ledger ends in incarnation 2",
        ),
        (
            "delete from ingest.partition_offsets",
            "the ledger has 35 records, but no position is stored",
        ),
        (
            "delete from ingest.dead_letters where record_offset in (9, 19, 24)",
            "the ledger counts 4 dead letters from offset 0 to 30, but 2 are kept",
        ),
        (
            "update ingest.dead_letters set topic_id = gen_random_uuid()",
            "the ledger counts 2 dead letters from offset 5 to 30, but 0 are kept",
        ),
    ],
)
def test_damage_is_found(ledger: psycopg.Connection, damage: str, words: str) -> None:
    ledger.execute(damage.encode())
    found = [finding.sentence for finding in audit(ledger).findings]
    assert any(words in sentence for sentence in found), found


def test_only_what_was_written_since_is_audited(ledger: psycopg.Connection) -> None:
    ledger.execute("update ingest.batches set committed_at = '2026-01-01' where batch_id <= 2")
    ledger.execute("delete from ingest.batches where batch_id = 2")
    assert audit(ledger).findings != ()
    report = audit(ledger, datetime(2026, 2, 1, tzinfo=UTC))
    assert report.findings == ()
    assert report.partitions[0].records == 25
    assert audit(ledger, datetime.now(UTC) + timedelta(days=1)).partitions[0].records == 0


def test_another_group_is_another_account(ledger: psycopg.Connection) -> None:
    assert examine(read_ledger(ledger, "another"), {}, "another").partitions == ()


def test_consumers_that_write_meanwhile_do_not_make_it_look_wrong(
    store: Store, ledger: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def positions_and_a_batch_after_them(connection: psycopg.Connection) -> list[Position]:
        found = read_positions(connection)
        read(store, 30, 5)
        return found

    monkeypatch.setattr(
        "below_the_line.accounting.ledger.read_positions", positions_and_a_batch_after_them
    )
    report = audit(ledger)
    assert (report.findings, report.partitions[0].records) == ((), 35)
    monkeypatch.undo()
    assert audit(ledger).partitions[0].records == 40


@pytest.mark.parametrize("role", ["btl_ingest", "btl_scheduler", "btl_owner"])
def test_consumers_and_dags_may_audit(ledger: psycopg.Connection, role: str) -> None:
    ledger.execute(f"set role {role}".encode())
    assert audit(ledger).findings == ()


def test_the_command_ends_with_one_line_that_says_it_all_and_with_a_status(
    btl: Btl, pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    well = btl("audit")
    assert btl.exit_code == 0
    assert well.splitlines()[-1].startswith("Everything adds up: 0 records in 12 partitions")
    connection.execute(
        "insert into ingest.batches (consumer_group, topic, partition, incarnation, kind,"
        " first_offset, next_offset, records, applied, unchanged, dead_lettered) values (%s,"
        " 'articles', 0, 1, 'batch', 999990, 999999, 9, 9, 0, 0)",
        [pipeline.group],
    )
    unwell = btl("audit")
    assert btl.exit_code == 1
    assert "but the ledger ends at 999999." in unwell
    assert unwell.splitlines()[-1].startswith("1 thing does not add up. 9 records")
    report = json.loads(btl("audit", "--json", "--since", "2026-01-01T00:00:00Z"))
    assert [finding["partition"] for finding in report["findings"]] == ["articles-0"]
    assert len(report["partitions"]) == 12
