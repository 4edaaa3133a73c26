"""What an operator decides is in the ledger with the position that it moved, and fences the
owner of the partition.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from below_the_line.accounting import decisions
from below_the_line.accounting.decisions import plan_acceptance, plan_gap, plan_reset
from below_the_line.accounting.positions import read_positions
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import partition_logs
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.producer import Publisher
from below_the_line.partitions import PartitionLog, Position, blocker_of
from below_the_line.settings import Settings
from consumers.adapters.postgres import Store, StoreError
from consumers.core.batch import Batch, DecodedRecord, Partition
from consumers.core.failures import Failure
from tests.builders import posted, record
from tests.commands import Btl
from tests.pipeline import Pipeline, wait_until

pytestmark = pytest.mark.stack

OLD, NEW = UUID(int=7), UUID(int=8)
PLACE = Partition("comment-events", 3)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with closing(Store(database_url, "group")) as opened:
        yield opened


@pytest.fixture
def operator(connection: psycopg.Connection) -> psycopg.Connection:
    """A partition at 4000 in its first incarnation, as the consumers' role, which may decide."""
    connection.execute(
        "insert into ingest.partition_offsets (consumer_group, topic, partition, topic_id,"
        " next_offset, epoch, owner, status, status_detail) values ('group', 'comment-events', 3,"
        " %s, 4000, 5, gen_random_uuid(), 'stopped', 'why')",
        [OLD],
    )
    connection.execute("set role btl_ingest")
    return connection


def held(connection: psycopg.Connection) -> Position:
    (only,) = read_positions(connection, "group")
    return only


def ledger(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select kind, incarnation, first_offset, next_offset, records, applied, unchanged,"
        " dead_lettered from ingest.batches order by batch_id"
    ).fetchall()


def test_an_accepted_gap_moves_the_position_and_stands_in_the_ledger(
    operator: psycopg.Connection,
) -> None:
    decisions.accept_gap(operator, plan_gap(held(operator), PartitionLog(OLD, 4711, 9000)))
    after = held(operator)
    assert (after.next_offset, after.epoch, after.owner) == (4711, 6, None)
    assert (after.status, after.status_detail, after.incarnation) == ("consuming", None, 1)
    assert ledger(operator) == [("gap", 1, 4000, 4711, 0, 0, 0, 0)]


def test_a_gap_that_somebody_else_accepted_is_not_accepted_again(
    operator: psycopg.Connection,
) -> None:
    gap = plan_gap(held(operator), PartitionLog(OLD, 4711, 9000))
    decisions.accept_gap(operator, gap)
    with pytest.raises(
        BelowTheLineError,
        match=r"has changed since it was read: nothing was done\. .*offsets show",
    ):
        decisions.accept_gap(operator, gap)
    assert len(ledger(operator)) == 1
    assert held(operator).epoch == 6


def test_an_accepted_gap_leaves_the_breaker_as_it_is(operator: psycopg.Connection) -> None:
    operator.execute("update ingest.partition_offsets set status = 'tripped'")
    decisions.accept_gap(operator, plan_gap(held(operator), PartitionLog(OLD, 4711, 9000)))
    assert (held(operator).status, held(operator).status_detail) == ("tripped", "why")


@pytest.mark.parametrize("topic_id", [OLD, NEW], ids=["same topic", "created again"])
def test_a_reset_starts_another_incarnation_at_its_target(
    operator: psycopg.Connection, topic_id: UUID
) -> None:
    decisions.reset(operator, [plan_reset(held(operator), PartitionLog(topic_id, 10, 900), 42)])
    after = held(operator)
    assert (after.next_offset, after.incarnation, after.topic_id) == (42, 2, topic_id)
    assert (after.epoch, after.owner, after.status, after.status_detail) == (
        6,
        None,
        "consuming",
        None,
    )
    assert ledger(operator) == [("reset", 2, 42, 42, 0, 0, 0, 0)]
    assert blocker_of(after, PartitionLog(topic_id, 10, 900)) is None


def test_resets_are_done_all_or_none(operator: psycopg.Connection) -> None:
    operator.execute("reset role")
    operator.execute(
        "insert into ingest.partition_offsets (consumer_group, topic, partition, topic_id,"
        " next_offset, epoch) values ('group', 'comment-events', 4, %s, 0, 1)",
        [OLD],
    )
    resets = [
        plan_reset(each, PartitionLog(NEW, 0, 9), 0) for each in read_positions(operator, "group")
    ]
    operator.execute("update ingest.partition_offsets set incarnation = 2 where partition = 4")
    with pytest.raises(BelowTheLineError, match="comment-events-4 has changed since it was read"):
        decisions.reset(operator, resets)
    assert ledger(operator) == []
    assert [each.topic_id for each in read_positions(operator, "group")] == [OLD, OLD]


@pytest.mark.parametrize(
    ("topic_id", "accepted", "kept"),
    [(OLD, 5000, 4500), (NEW, 5000, None), (OLD, None, None)],
    ids=["same topic", "created again", "none were accepted"],
)
def test_records_that_were_accepted_stay_so_as_long_as_they_are_the_same(
    operator: psycopg.Connection, topic_id: UUID, accepted: int | None, kept: int | None
) -> None:
    operator.execute("update ingest.partition_offsets set accepted_offset = %s", [accepted])
    decisions.reset(operator, [plan_reset(held(operator), PartitionLog(topic_id, 0, 4500), 0)])
    assert held(operator).accepted_offset == kept


def test_a_tripped_partition_goes_on_with_its_records_accepted(
    operator: psycopg.Connection,
) -> None:
    operator.execute("update ingest.partition_offsets set status = 'tripped'")
    acceptance = plan_acceptance(held(operator), PartitionLog(OLD, 10, 4321), None)
    decisions.accept_bad_records(operator, acceptance)
    after = held(operator)
    assert (after.status, after.status_detail, after.accepted_offset) == ("consuming", None, 4321)
    assert (after.next_offset, ledger(operator)) == (4000, [])
    with pytest.raises(BelowTheLineError, match="has changed since it was read"):
        decisions.accept_bad_records(operator, acceptance)


@pytest.mark.parametrize("decision", ["accept_gap", "reset"])
def test_a_batch_begun_before_a_decision_is_fenced_and_the_next_one_follows_the_ledger(
    store: Store, connection: psycopg.Connection, decision: str
) -> None:
    topic = PartitionLog(OLD, 0, 90)
    store.take({PLACE: topic})
    store.begin(batch_at(0))
    log = PartitionLog(OLD, 5, 90)
    if decision == "accept_gap":
        decisions.accept_gap(connection, plan_gap(held(connection), log))
    else:
        decisions.reset(connection, [plan_reset(held(connection), log, 5)])
    with pytest.raises(StoreError) as refused:
        store.finish()
    assert refused.value.failure is Failure.FENCED
    assert store.held() == {}
    assert store.take({PLACE: topic})[PLACE].next_offset == 5
    store.begin(batch_at(5))
    store.finish()
    assert [line[2:4] for line in ledger(connection)] == [
        (0, 5) if decision == "accept_gap" else (5, 5),
        (5, 6),
    ]


def batch_at(offset: int) -> Batch:
    batch = Batch()
    event = posted()
    at = record(
        "comment.posted.v1",
        {"article_id": "a1"},
        at="2026-05-01T10:00:00Z",
        offset=offset,
        partition=PLACE.number,
    )
    batch.add(PLACE, [DecodedRecord(at, event)], offset, offset + 1, now=0.0)
    return batch


# The command line


def test_the_commands_say_what_a_partition_needs_and_do_it_when_told_to(
    btl: Btl, connection: psycopg.Connection
) -> None:
    connection.execute(
        "update ingest.partition_offsets set next_offset = next_offset + 5 where topic = 'articles'"
    )
    shown = json.loads(btl("offsets", "show", "--json"))
    assert shown["broker"] is None
    assert {
        (each["topic"], (each["required_decision"] or {}).get("blocker"), each["lag"])
        for each in shown["partitions"]
    } == {
        ("articles", "truncated", 0),
        ("comment-events", None, 0),
    }
    table = btl("offsets", "show")
    assert "articles-0: the brokers lost records" in table
    assert "Decide: btl offsets reset articles 0 --to start" in table

    before = read_positions(connection)
    with pytest.raises(BelowTheLineError, match="give --yes"):
        btl("offsets", "reset", "articles", "0", "--to", "end")
    assert (
        btl("offsets", "reset", "articles", "--all-partitions", "--to", "end", "--dry-run").count(
            "articles-"
        )
        == 6
    )
    assert read_positions(connection) == before

    rehearsed = btl("offsets", "reset", "articles", "0", "--to", "end", "--dry-run", "--json")
    (move,) = json.loads(rehearsed[rehearsed.index("[\n") :])
    assert (move["topic"], move["partition"], move["done"]) == ("articles", 0, False)
    assert move["to_offset"] == move["from_offset"] - 5
    assert read_positions(connection) == before

    btl("offsets", "reset", "articles", "--all-partitions", "--to", "end", "--yes")
    after = [each for each in read_positions(connection) if each.topic == "articles"]
    assert [(each.incarnation, each.epoch) for each in after] == [(2, 1)] * 6
    assert [each.next_offset + 5 for each in after] == [
        each.next_offset for each in before if each.topic == "articles"
    ]


def test_a_gap_and_a_breaker_are_rehearsed_and_accepted(
    btl: Btl, connection: psycopg.Connection
) -> None:
    detail = "9 of the last 9 records could not be applied (not_json 9); offset 8: \x1b[2J"
    connection.execute(
        "update ingest.partition_offsets set status = 'tripped', status_detail = %s", [detail]
    )
    with pytest.raises(BelowTheLineError, match="articles-0 has no gap"):
        btl("offsets", "accept-gap", "articles", "0")
    shown = btl("breaker", "show")
    assert "articles-0 tripped at offset" in shown
    assert r"(not_json 9); offset 8: \u001b[2J" in shown
    assert "btl breaker accept articles 0\n" in shown
    (plan,) = json.loads(btl("breaker", "accept", "articles", "0", "--dry-run", "--json"))
    assert (plan["topic"], plan["partition"], plan["done"]) == ("articles", 0, False)
    assert plan["accepted_offset"] >= plan["next_offset"]
    btl("breaker", "accept", "articles", "0", "--dry-run")
    assert {each.status for each in read_positions(connection)} == {"tripped"}
    btl("breaker", "accept", "articles", "0")
    assert {
        (each.topic, each.partition)
        for each in read_positions(connection)
        if each.status == "consuming"
    } == {("articles", 0)}
    assert "articles-0 (no consumer): bad records before offset" in btl("breaker", "show")


def test_the_breakers_of_many_partitions_are_accepted_at_once(
    btl: Btl, connection: psycopg.Connection
) -> None:
    def tripped(topic: str) -> list[int]:
        found = read_positions(connection)
        return [each.partition for each in found if (each.topic, each.status) == (topic, "tripped")]

    with pytest.raises(BelowTheLineError, match=r"^No breaker of articles has tripped\."):
        btl("breaker", "accept", "articles", "--all-partitions")
    connection.execute("update ingest.partition_offsets set status = 'tripped' where partition < 3")
    assert "All 6 at once: btl breaker accept --all-partitions\n" in btl("breaker", "show")
    plan = json.loads(btl("breaker", "accept", "--all-partitions", "--dry-run", "--json"))
    assert [each["done"] for each in plan] == [False] * 6
    btl("breaker", "accept", "articles", "--all-partitions")
    assert (tripped("articles"), tripped("comment-events")) == ([], [0, 1, 2])
    btl("breaker", "accept", "--all-partitions")
    assert tripped("comment-events") == []


def test_a_partition_whose_consumer_has_gone_is_not_said_to_be_consuming(
    btl: Btl, connection: psycopg.Connection, database_url: str, pipeline: Pipeline
) -> None:
    def states() -> set[tuple[str, str]]:
        shown = json.loads(btl("offsets", "show", "--json"))["partitions"]
        return {(each["topic"], each["state"]) for each in shown}

    assert states() == {("articles", "no consumer"), ("comment-events", "no consumer")}
    with closing(Store(database_url, pipeline.group)) as opened:
        opened.take(
            {
                Partition(each.topic, each.partition): PartitionLog(each.topic_id, 0, 0)
                for each in read_positions(connection)
                if each.topic == "articles"
            }
        )
        assert states() == {("articles", "consuming"), ("comment-events", "no consumer")}
        reset = ("offsets", "reset", "comment-events", "0", "--to", "start", "--yes")
        assert "no consumer runs, the next one continues there" in btl(*reset)
        reset = ("offsets", "reset", "articles", "0", "--to", "start", "--yes")
        assert "consumers continue within seconds" in btl(*reset)
    wait_until(lambda: {state for _, state in states()} == {"no consumer"}, 30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("offsets reset articles 0 --to yesterday", "--to is not a place in a log: 'yesterday'"),
        (
            "offsets reset articles 0 --all-partitions --to end",
            "Partition 0 and --all-partitions were given",
        ),
        ("offsets reset articles --to end", "Give its number or --all-partitions"),
        ("offsets reset articles 0 --to 999999999 --yes", "can't be reset to 999999999"),
        ("offsets accept-gap articles 77", "No consumer of this group has ever taken articles-77"),
        ("breaker accept articles 0", r"The breaker of articles-0 has not tripped\."),
        ("breaker accept articles", "The partition is missing"),
        ("breaker accept", "The topic is missing"),
        ("breaker accept articles 0 --all-partitions", "Partition 0 and --all-partitions"),
        ("breaker accept --all-partitions --until 7", "--until is an offset of one partition"),
    ],
)
def test_what_can_not_be_decided_is_refused_in_words(btl: Btl, arguments: str, words: str) -> None:
    with pytest.raises(BelowTheLineError, match=words):
        btl(*arguments.split())


def test_positions_are_shown_also_while_the_brokers_are_away(
    btl: Btl, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_settings: Settings, _topics: object) -> None:
        raise BelowTheLineError("The Kafka broker at nowhere cannot be reached.")

    # Not a real attempt: kafka-python leaves its sockets open when it fails, and warns later, in
    # somebody else's test.
    monkeypatch.setattr("btl.cli.partitions.partition_logs", unreachable)
    connection.execute(
        "update ingest.partition_offsets set status = 'stopped', status_detail = 'records [0]"
        " expired'"
    )
    shown = btl("offsets", "show")
    assert "comment-events-5 is stopped: records [0] expired" in shown
    assert "nowhere cannot be reached" in shown


def test_a_time_names_the_first_record_of_then_or_later_and_else_the_end(
    btl: Btl, pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    row = connection.execute("select clock_timestamp() at time zone 'UTC'").fetchone()
    assert row is not None
    with Publisher(pipeline.settings()) as publisher:
        publisher.send(Outgoing("articles", b"key", b"{}"))
    btl(
        "offsets",
        "reset",
        "articles",
        "--all-partitions",
        "--to",
        f"{row[0].isoformat()}Z",
        "--yes",
    )
    logs = partition_logs(pipeline.settings(), ["articles"])
    behind = [
        logs["articles", each.partition].end - each.next_offset
        for each in read_positions(connection)[:6]
    ]
    assert sorted(behind) == [0, 0, 0, 0, 0, 1]
