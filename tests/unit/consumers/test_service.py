"""The consumer's loop, turn by turn, with a clock, a source and a store that do as they are
recorder.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import kafka.errors
import psycopg
import pytest
from structlog.testing import capture_logs

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.errors import BelowTheLineError
from below_the_line.partitions import PartitionLog, Position
from consumers.adapters.postgres import StoreError
from consumers.core.batch import Batch, BatchPolicy, Entry, Partition
from consumers.core.failures import Failure
from consumers.core.observer import Cause, Halt, Observer
from consumers.core.ports import Polled
from consumers.service import Consumer
from tests.builders import position, record

ZERO, ONE = Partition("comment-events", 0), Partition("comment-events", 1)
TOPIC = UUID(int=1)
GOOD = "good"


def deletion(partition: Partition, offset: int, comment_id: str = GOOD) -> Record:
    data = {"article_id": "a", "comment_id": comment_id, "deleted_at": "2026-05-01T10:00:00Z"}
    return record(
        "comment.deleted.v1",
        data,
        at="2026-05-01T10:00:00Z",
        offset=offset,
        partition=partition.number,
    )


def failure(kind: Failure) -> StoreError:
    return StoreError(kind, psycopg.OperationalError(f"made up: {kind.value}"))


@dataclass
class World:
    """Broker, group, database and clock of a test. Time passes only while the consumer polls."""

    assigned: frozenset[Partition] = frozenset({ZERO})
    log_ends: dict[Partition, int] = field(
        default_factory=lambda: {ZERO: 1_000_000, ONE: 1_000_000}
    )
    now: float = 0.0
    seconds: float = 5.0
    """When the consumer is asked to stop."""
    counts_us_in: bool = True
    """What the group says of us when it is asked."""
    is_rebalancing: bool = False
    """The group has taken the partitions away and not assigned them again yet."""
    records: Callable[[Partition, int, int], list[Record]] = lambda _p, _o, _n: []
    """Returns up to a number of records of a partition, from an offset on."""
    refuse: Callable[[Batch], Failure | None] = lambda _batch: None
    on_ask: Callable[[], None] = lambda: None
    """The brokers are asked whether they are there."""
    topic_id: UUID = TOPIC
    on_describe: Callable[[int], None] = lambda _count: None
    markers: dict[Partition, int] = field(default_factory=dict)
    """Positions beyond the last record, as after a transaction marker."""

    changed: bool = True
    reading: dict[Partition, int] = field(default_factory=dict)
    stored: dict[Partition, int] = field(default_factory=lambda: {ZERO: 0, ONE: 0})
    stopped: dict[Partition, str] = field(default_factory=dict)
    statuses: dict[Partition, str] = field(default_factory=dict)
    accepted: dict[Partition, int] = field(default_factory=dict)
    lost: frozenset[Partition] = frozenset()
    """Taken by another owner, or by an operator."""
    meanwhile: Callable[[], None] = lambda: None
    """What others do in the database between two batches."""
    ledger: list[Entry] = field(default_factory=list)
    dead_letters: list[Rejection] = field(default_factory=list)
    takes: list[float] = field(default_factory=list)
    notified: list[float] = field(default_factory=list)
    asked: int = 0
    described: int = 0
    writing: Batch | None = None
    owner: UUID = TOPIC

    # What the consumer sees of Kafka

    def poll(self, timeout_seconds: float, max_records: int) -> list[Polled]:
        self.now += max(timeout_seconds, 0.01)
        if self.now >= self.seconds:
            self.consumer.stop()
        polled = []
        for partition, offset in self.reading.items():
            found = self.records(partition, offset, max_records)
            if found:
                self.reading[partition] = found[-1].offset + 1
                polled.append(Polled(partition, found, found[-1].offset + 1))
        return polled

    def changed_assignment(self) -> frozenset[Partition] | None:
        changed, self.changed = self.changed, False
        return self.assigned if changed else None

    def describe(self, partitions: Iterable[Partition]) -> dict[Partition, PartitionLog]:
        self.described += 1
        self.on_describe(self.described)
        return {
            partition: PartitionLog(self.topic_id, 0, self.log_ends[partition])
            for partition in partitions
        }

    @property
    def topic_ids(self) -> dict[str, UUID]:
        return {ZERO.topic: self.topic_id}

    def require_answer(self, partitions: Iterable[Partition]) -> None:  # noqa: ARG002
        self.on_ask()

    def start(self, positions: Mapping[Partition, int]) -> None:
        self.reading = dict(positions)

    def pause(self) -> None:
        self.reading = {}

    def position(self, partition: Partition) -> int | None:
        return max(self.reading.get(partition, 0), self.markers.get(partition, 0))

    def is_member(self, next_offsets: Mapping[Partition, int]) -> bool:  # noqa: ARG002
        self.asked += 1
        return self.counts_us_in

    def mirror(self, next_offsets: Mapping[Partition, int]) -> None: ...

    # What it sees of Postgres

    def take(self, partitions: Mapping[Partition, PartitionLog]) -> dict[Partition, Position]:
        self.takes.append(self.now)
        self.lost = frozenset()
        return {
            partition: position(
                self.stored[partition],
                topic=partition.topic,
                partition=partition.number,
                topic_id=TOPIC,
                epoch=len(self.takes),
                status=self.statuses.get(partition, "consuming"),
                status_detail=self.stopped.get(partition),
                accepted_offset=self.accepted.get(partition),
            )
            for partition in partitions
        }

    def stop_partition(self, partition: Partition, status: str, detail: str) -> None:
        self.stopped[partition] = detail
        self.statuses[partition] = status

    def held(self) -> dict[Partition, str]:
        self.meanwhile()
        return {
            partition: self.statuses.get(partition, "consuming")
            for partition in self.assigned - self.lost
        }

    def end_superseded_backends(self) -> int:
        return 0

    def begin(self, batch: Batch) -> None:
        refused = self.refuse(batch)
        if refused is not None:
            raise failure(refused)
        self.writing = batch

    def is_ready(self) -> bool:
        return True

    def finish(self) -> list[Entry]:
        assert self.writing is not None
        entries = self.writing.entries(None)
        self.dead_letters += [rejection for _, rejection in self.writing.dead_letters()]
        for entry in entries:
            assert entry.first_offset == self.stored[entry.partition]
            self.stored[entry.partition] = entry.next_offset
        self.ledger += entries
        self.writing = None
        return entries

    def abandon(self) -> None:
        self.writing = None

    def notify(self, channel: str) -> None:  # noqa: ARG002
        self.notified.append(self.now)

    def close(self) -> None: ...

    def shorten_timeouts(self) -> None: ...

    def run(self, *, batch_records: int = 10, observer: Observer | None = None) -> None:
        self.consumer = Consumer(
            self,
            self,
            load_contracts(),
            BatchPolicy(batch_records, 0.1),
            observer,
            clock=lambda: self.now,
        )
        self.consumer.run()


def until(
    last: int, bad: frozenset[int] = frozenset()
) -> Callable[[Partition, int, int], list[Record]]:
    """Records up to an offset; those in ``bad`` name a comment that a test's database may
    refuse.
    """

    def records(partition: Partition, offset: int, max_records: int) -> list[Record]:
        end = min(last, offset + max_records)
        return [
            deletion(partition, each, "bad" if each in bad else GOOD) for each in range(offset, end)
        ]

    return records


def has_bad_event(batch: Batch) -> bool:
    return any(
        isinstance(result, Event) and result.data.comment_id == "bad" for _, result in batch.decoded
    )


def has_events(batch: Batch) -> bool:
    return any(isinstance(result, Event) for _, result in batch.decoded)


def test_everything_that_is_there_is_written_once_and_notified() -> None:
    world = World(records=until(95))
    world.run()
    assert world.stored[ZERO] == 95
    assert sum(entry.records for entry in world.ledger) == 95
    assert world.notified


def test_after_a_fault_partitions_are_taken_again_only_while_the_group_counts_us_in() -> None:
    faults = iter([Failure.FAULT])
    world = World(records=until(20), refuse=lambda _: next(faults, None), counts_us_in=False)
    world.run()
    assert world.asked > 1
    assert len(world.takes) == 1
    assert world.ledger == []

    faults = iter([Failure.FAULT])
    world = World(records=until(20), refuse=lambda _: next(faults, None))
    world.run()
    assert (world.asked, len(world.takes), world.stored[ZERO]) == (1, 2, 20)


@pytest.mark.parametrize("kind", [Failure.FENCED, Failure.CANCELED])
def test_a_rejected_batch_is_read_and_written_again(kind: Failure) -> None:
    failures = iter([kind])
    world = World(records=until(20), refuse=lambda _: next(failures, None))
    world.run()
    assert (world.asked, world.stored[ZERO], world.dead_letters) == (1, 20, [])


def test_a_position_that_an_owner_before_us_moved_beyond_the_end_we_saw_is_no_loss_of_records() -> (
    None
):
    def meanwhile(count: int) -> None:
        if count == 1:
            world.stored[ZERO] = 13
        else:
            world.log_ends[ZERO] = 13

    world = World(records=until(20), log_ends={ZERO: 10}, on_describe=meanwhile)
    world.run()
    assert world.stopped == {}
    assert world.stored[ZERO] == 20


def test_a_partition_whose_records_are_gone_is_stopped_and_the_others_go_on() -> None:
    world = World(
        assigned=frozenset({ZERO, ONE}),
        records=until(20),
        stored={ZERO: 50, ONE: 0},
        log_ends={ZERO: 40, ONE: 20},
    )
    world.run()
    assert "the brokers lost records" in world.stopped[ZERO]
    assert world.stored == {ZERO: 50, ONE: 20}


def test_a_server_that_is_too_slow_for_anything_dead_letters_nothing() -> None:
    world = World(
        records=until(64),
        refuse=lambda batch: Failure.CANCELED if has_events(batch) else None,
        seconds=30,
    )
    world.run(batch_records=64)
    assert world.dead_letters == []
    assert world.stored[ZERO] == 0


@pytest.mark.parametrize("kind", [Failure.CANCELED, Failure.DATA])
def test_a_record_that_alone_is_refused_is_dead_lettered_alone(kind: Failure) -> None:
    world = World(
        records=until(64, bad=frozenset({41})),
        refuse=lambda batch: kind if has_bad_event(batch) else None,
    )
    world.run(batch_records=64)
    assert [(letter.stage, letter.code) for letter in world.dead_letters] == [
        ("database", "rejected_by_database")
    ]
    assert world.stored[ZERO] == 64
    assert sum(entry.applied for entry in world.ledger) == 63


def test_writing_that_keeps_failing_is_tried_less_and_less_often() -> None:
    world = World(records=until(20), refuse=lambda _: Failure.FAULT, seconds=30)
    world.run()
    gaps = [later - earlier for earlier, later in zip(world.takes, world.takes[1:], strict=False)]
    assert len(gaps) < 20
    assert max(gaps) > 2


def test_the_metrics_are_woken_about_once_a_second_however_much_there_is_to_do() -> None:
    world = World(records=until(1_000_000), seconds=5)
    world.run()
    assert len(world.ledger) > 100
    assert 4 <= len(world.notified) <= 7


def test_a_position_that_moves_without_records_is_an_empty_entry_also_while_others_are_busy() -> (
    None
):
    world = World(
        assigned=frozenset({ZERO, ONE}),
        records=lambda partition, offset, max_records: (
            until(1_000_000)(partition, offset, max_records) if partition == ONE else []
        ),
        markers={ZERO: 3},
    )
    world.run()
    assert [
        (entry.kind, entry.first_offset, entry.next_offset)
        for entry in world.ledger
        if entry.partition == ZERO
    ] == [("empty", 0, 3)]


def test_a_defect_of_ours_stops_the_consumer_and_dead_letters_nothing() -> None:
    world = World(records=until(20), refuse=lambda _: Failure.DEFECT)
    with pytest.raises(BelowTheLineError, match="Nothing was dead-lettered"):
        world.run()
    assert world.ledger == []


def test_a_broker_that_is_away_is_waited_for() -> None:
    away = iter(
        [kafka.errors.KafkaConnectionError("away"), kafka.errors.LogTruncationError("truncated")]
    )

    class Flaky(World):
        def poll(self, timeout_seconds: float, max_records: int) -> list[Polled]:
            if self.reading and (error := next(away, None)):
                raise error
            return super().poll(timeout_seconds, max_records)

    world = Flaky(records=until(20))
    world.run()
    assert world.stored[ZERO] == 20
    # A truncated log means another look at the broker's log and our position.
    assert len(world.takes) == 2


def test_brokers_that_are_away_in_silence_are_reported_until_they_answer() -> None:
    """To ``poll()`` it is as if there were nothing to read."""

    def ask() -> None:
        if 4 < world.now < 9:
            world.now += 2
            raise kafka.errors.KafkaTimeoutError("no answer")

    recorder = Recorder()
    world = World(
        records=lambda partition, offset, max_records: (
            until(40)(partition, offset, max_records) if world.now > 12 else []
        ),
        on_ask=ask,
        seconds=15,
    )
    world.run(observer=recorder)
    assert recorder.reports[:3] == [Cause.GROUP, frozenset({ZERO}), ({ZERO: 0}, {})]
    *waited, read = recorder.reports[3:]
    assert waited
    assert set(waited) == {Cause.BROKER}
    assert read == ({ZERO: 0}, {})
    assert world.stored[ZERO] == 40


def test_what_was_read_is_written_also_while_the_broker_is_away() -> None:
    written = []

    class Away(World):
        def poll(self, timeout_seconds: float, max_records: int) -> list[Polled]:
            found = super().poll(timeout_seconds, max_records)
            if found or self.now > 0.5:
                written.append(self.stored[ZERO])
            if self.now > 0.5:
                raise kafka.errors.KafkaConnectionError("away")
            return found

    # The first records come with the last answer of the broker.
    world = Away(
        records=lambda partition, offset, max_records: (
            until(12)(partition, offset, max_records) if world.now > 0.3 else []
        ),
        seconds=0.9,
    )
    world.run(batch_records=1_000)
    assert written[-1] == 12


@pytest.mark.parametrize("kind", [Failure.FAULT, Failure.CANCELED])
def test_a_fault_that_keeps_batches_from_being_written_is_reported_until_one_is(
    kind: Failure,
) -> None:
    """Taking partitions may work all the while: with a full disk, or a table that somebody
    locked.
    """
    recorder = Recorder()
    world = World(records=until(20), refuse=lambda _: kind if world.now < 8 else None, seconds=15)
    world.run(batch_records=1, observer=recorder)
    assert recorder.reports[:3] == [Cause.GROUP, frozenset({ZERO}), ({ZERO: 0}, {})]
    *waited, read = recorder.reports[3:]
    assert len(waited) > 2
    assert set(waited) == {Cause.DATABASE}
    assert read not in waited
    assert (world.stored[ZERO], world.dead_letters) == (20, [])


def test_a_fault_is_over_when_somebody_moved_the_position_past_what_could_not_be_written() -> None:
    faults = iter([Failure.FAULT] * 3)

    def move() -> None:
        world.stored[ZERO] = 20

    def refuse(_: Batch) -> Failure | None:
        move()
        return next(faults, None)

    recorder = Recorder()
    world = World(records=until(20), refuse=refuse)
    world.run(observer=recorder)
    assert recorder.reports[-2:] == [Cause.DATABASE, ({ZERO: 20}, {})]


def test_a_topic_that_was_created_again_is_noticed_even_if_its_offsets_look_like_ours() -> None:
    def replace() -> None:
        if world.now > 1:
            world.topic_id = UUID(int=2)

    world = World(records=until(20), meanwhile=replace)
    world.run()
    assert "created again" in world.stopped[ZERO]


def bad_until(last: int) -> Callable[[Partition, int, int], list[Record]]:
    """Records without a value in the first partition, good ones in the other."""

    def records(partition: Partition, offset: int, max_records: int) -> list[Record]:
        found = until(last)(partition, offset, max_records)
        return [each._replace(value=None) for each in found] if partition == ZERO else found

    return records


def test_the_breaker_rolls_the_batch_back_and_stops_its_partition_until_it_is_accepted() -> None:
    world = World(assigned=frozenset({ZERO, ONE}), records=bad_until(500))
    world.run(batch_records=150)
    assert world.statuses == {ZERO: "tripped"}
    assert "(no_value 200); offset 199: The record has no value" in world.stopped[ZERO]
    assert world.stored == {
        ZERO: 150,
        ONE: 500,
    }, "what was committed before stays; the batch that tripped is not kept"
    assert len(world.dead_letters) == 150

    def accept() -> None:
        if world.now > 2:
            world.statuses, world.stopped, world.accepted = {}, {}, {ZERO: 500}

    world = World(assigned=frozenset({ZERO, ONE}), records=bad_until(500), meanwhile=accept)
    world.run(batch_records=150)
    assert world.stored == {ZERO: 500, ONE: 500}
    assert len(world.dead_letters) == 500


def test_the_breaker_trips_over_records_that_the_database_refuses_too() -> None:
    world = World(
        records=until(900, bad=frozenset(range(900))),
        refuse=lambda batch: Failure.DATA if has_bad_event(batch) else None,
    )
    world.run(batch_records=900)
    # A record counts as good while it is read: 200 rejected records are more than half only of a
    # window that is full.
    assert world.statuses == {ZERO: "tripped"}
    assert 199 <= len(world.dead_letters) < 900


def test_partitions_that_another_hand_moved_are_taken_again_and_read_from_there() -> None:
    lost = iter([False, False, True])

    def move() -> None:
        if next(lost, False):
            world.stored[ZERO] = 5
            world.lost = frozenset({ZERO})

    world = World(records=until(20), meanwhile=move)
    world.run()
    assert (len(world.takes), world.asked) == (
        2,
        1,
    ), "it asks the group before it takes what is no longer its own"
    assert world.stored[ZERO] == 20
    assert sum(entry.records for entry in world.ledger) == 35


class Recorder(Observer):
    """Keeps the reports about waiting and reading."""

    def __init__(self) -> None:
        self.turns = 0
        self.reports: list[object] = []
        self.rejected: list[str] = []
        self.trips: list[Partition] = []

    def turn(self) -> None:
        self.turns += 1

    def waiting(self, cause: Cause, detail: str) -> None:  # noqa: ARG002
        self.reports.append(cause)

    def assigned(self, partitions: Collection[Partition]) -> None:
        self.reports.append(frozenset(partitions))

    def reading(self, positions: Mapping[Partition, int], halted: Mapping[Partition, Halt]) -> None:
        self.reports.append(
            (dict(positions), {partition: halt.status for partition, halt in halted.items()})
        )

    def fenced(self, detail: str) -> None:
        self.rejected.append(detail)

    def tripped(self, partition: Partition, detail: str) -> None:  # noqa: ARG002
        self.trips.append(partition)


def test_it_reports_what_it_waits_for_what_it_reads_and_that_its_loop_turns() -> None:
    recorder = Recorder()
    world = World(assigned=frozenset({ZERO, ONE}), records=bad_until(300), seconds=3)
    world.run(batch_records=1_000, observer=recorder)
    assert recorder.reports == [
        Cause.GROUP,
        frozenset({ZERO, ONE}),
        ({ZERO: 0, ONE: 0}, {}),
        ({ONE: 0}, {ZERO: "tripped"}),
    ]
    assert world.stored == {ZERO: 0, ONE: 300}
    assert recorder.turns > 5
    assert recorder.trips == [ZERO]


@pytest.mark.parametrize(
    "begun",
    [True, False],
    ids=["at the end of the batch", "when it is settled for a new assignment"],
)
def test_each_rejection_by_the_fence_is_reported_and_logged_once(begun: bool) -> None:
    class Fenced(World):
        def changed_assignment(self) -> frozenset[Partition] | None:
            # The group changes its mind while the batch is being written.
            self.changed |= not begun and self.writing is not None
            return super().changed_assignment()

        def is_ready(self) -> bool:
            return begun

        def finish(self) -> list[Entry]:
            if not recorder.rejected:
                raise failure(Failure.FENCED)
            return super().finish()

    recorder = Recorder()
    world = Fenced(records=until(20))
    with capture_logs() as logs:
        world.run(observer=recorder)
    assert recorder.rejected == ["made up: fenced"]
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["fenced"]
    assert (world.stored[ZERO], world.dead_letters) == (20, [])


def test_while_the_group_assigns_partitions_again_that_is_reported() -> None:
    class Rebalancing(World):
        def changed_assignment(self) -> frozenset[Partition] | None:
            if self.now > 2 and not self.is_rebalancing:
                self.assigned, self.is_rebalancing, self.changed = frozenset(), True, True
            return super().changed_assignment()

    recorder = Recorder()
    Rebalancing(records=until(20), seconds=4).run(observer=recorder)
    assert recorder.reports[-2:] == [frozenset(), Cause.GROUP]


def test_what_is_read_but_not_written_yet_is_not_reported_as_committed() -> None:
    class Away(World):
        """A broker that is away for a moment while the first batch waits to be written."""

        away = True

        def is_ready(self) -> bool:
            return self.now > 3

        def poll(self, timeout_seconds: float, max_records: int) -> list[Polled]:
            if self.writing is not None and self.away:
                self.away = False
                raise kafka.errors.KafkaConnectionError("away")
            return super().poll(timeout_seconds, max_records)

    recorder = Recorder()
    world = Away(records=until(20))
    world.run(batch_records=1_000, observer=recorder)
    assert recorder.reports[-2:] == [Cause.BROKER, ({ZERO: 0}, {})]
    assert world.stored[ZERO] == 20


def test_a_batch_that_is_taken_apart_for_long_counts_as_alive() -> None:
    recorder, turns = Recorder(), []

    def refuse(batch: Batch) -> Failure | None:
        turns.append(recorder.turns)
        return Failure.DATA if has_bad_event(batch) else None

    World(records=until(64, bad=frozenset({5, 40})), refuse=refuse, seconds=1).run(
        batch_records=64, observer=recorder
    )
    assert len(turns) > 20
    assert len({*turns}) == len(turns), "a turn is reported before each part"


def test_a_group_that_takes_its_time_is_no_fault_of_the_database() -> None:
    class Late(World):
        def changed_assignment(self) -> frozenset[Partition] | None:
            return super().changed_assignment() if self.now > 3 else None

        def held(self) -> dict[Partition, str]:
            if not self.takes:
                raise failure(Failure.FAULT)
            return super().held()

    recorder = Recorder()
    Late().run(observer=recorder)
    assert recorder.reports == [Cause.GROUP, frozenset({ZERO}), ({ZERO: 0}, {})]


def test_no_partitions_is_standing_by_only_once_the_group_has_said_so() -> None:
    recorder = Recorder()
    World(assigned=frozenset(), is_rebalancing=True, seconds=1).run(observer=recorder)
    assert recorder.reports == [Cause.GROUP, frozenset(), Cause.GROUP]

    recorder = Recorder()
    World(assigned=frozenset(), seconds=1).run(observer=recorder)
    assert recorder.reports == [Cause.GROUP, frozenset(), ({}, {})]
