"""A redrive gives exactly what good events would have given, from the very bytes and timestamps
that were kept.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import psycopg
import pytest

from below_the_line import __version__
from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Record
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.partitions import PartitionLog
from consumers.adapters import dead_letters
from consumers.adapters.dead_letters import RedriveStore
from consumers.adapters.postgres import Store
from consumers.core.batch import Batch, DecodedRecord, Partition
from consumers.core.dead_letters import Letter, Selection
from consumers.redrive import RedriveSummary, redrive
from tests.builders import NOW_MILLISECONDS, envelope
from tests.pipeline import assert_accounted, wait_until
from tests.redrive import (
    ODD_RECORDS,
    TOPIC_IDS,
    broken_contracts,
    comment,
    comments,
    content,
    days_records,
    digest,
    load,
    rejecting,
    statuses,
)

pytestmark = pytest.mark.stack
EVERYTHING = Selection()


def run(url: str, selection: Selection = EVERYTHING, **options: object) -> RedriveSummary:
    return redrive(url, "group", load_contracts(), selection, **options)  # type: ignore[arg-type]


def redrives(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select topic, partition, incarnation, records, applied, unchanged, dead_lettered"
        " from ingest.batches where kind = 'redrive' order by batch_id"
    ).fetchall()


def test_mending_a_contract_and_redriving_gives_what_good_events_would_have_given(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    records = days_records()
    good = load_contracts()

    def outcome() -> tuple[Any, ...]:
        marked = [
            connection.execute(
                f"select distinct article_id from ingest.{marks} order by 1".encode()
            ).fetchall()
            for marks in ("dirty_articles", "dirty_windows")
        ]
        recompute_dirty(connection)
        metrics = [
            connection.execute(
                f"select to_jsonb(m) - 'computed_at' from metrics.{table} as m"
                " order by article_id".encode()
            ).fetchall()
            for table in ("article_engagement", "article_abuse")
        ]
        return content(connection), marked, metrics

    load(database_url, records, broken_contracts().decode)
    assert statuses(connection) == {"open": len(records)}
    assert not any(content(connection).values())
    summary = run(redrive_url, chunk=300)
    assert (summary.decoded, summary.redriven) == (len(records), len(records))
    assert statuses(connection) == {"redriven": len(records)}
    redriven = outcome()
    assert_accounted(connection)
    accounts = redrives(connection)
    assert sum(account[3] for account in accounts) == len(records)
    assert all(account[2] == 1 and account[6] == 0 for account in accounts)

    connection.execute(
        b"truncate discussion.articles, discussion.article_versions,"
        b" discussion.discussion_overrides, discussion.comments, discussion.comment_edits,"
        b" discussion.moderation_decisions, discussion.reports, discussion.report_decisions,"
        b" discussion.reactions, metrics.article_engagement, metrics.article_abuse,"
        b" ingest.dirty_articles, ingest.dirty_windows"
    )
    load(
        database_url,
        records,
        good.decode,
        group="another",
        topic_ids={name: UUID(int=9) for name in TOPIC_IDS},
    )
    at_once = outcome()
    assert all(at_once[0].values())
    assert redriven == at_once


def test_a_record_is_had_back_byte_for_byte(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, ODD_RECORDS, load_contracts().decode)
    with closing(RedriveStore(redrive_url, "group")) as store:
        letters = store.chunk(EVERYTHING, store.clock(), None, 100)
    assert [letter.record for letter in letters] == ODD_RECORDS
    assert {letter.topic_id for letter in letters} == {TOPIC_IDS["comment-events"]}
    # DecodedRecord again by the very same contracts, nothing about them changes.
    before = connection.execute(
        "select code, pointer, message from ingest.dead_letters order by record_offset"
    ).fetchall()
    assert run(redrive_url).still_bad == len(ODD_RECORDS)
    after = connection.execute(
        "select code, pointer, message from ingest.dead_letters order by record_offset"
    ).fetchall()
    assert after == before


def test_a_chunk_ends_where_its_values_become_too_many_bytes_to_hold(
    database_url: str, redrive_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(database_url, comments(5), rejecting())
    size = len(comment(0).value or b"")
    monkeypatch.setattr(dead_letters, "_CHUNK_BYTES", 2 * size)
    with closing(RedriveStore(redrive_url, "group")) as store:
        now = store.clock()
        first = store.chunk(EVERYTHING, now, None, 100)
        second = store.chunk(EVERYTHING, now, first[-1], 100)
    assert [letter.record.offset for letter in [*first, *second]] == [0, 1, 2, 3]
    monkeypatch.setattr(dead_letters, "_CHUNK_BYTES", 1)
    assert run(redrive_url).redriven == 5


def test_a_record_is_validated_by_its_own_timestamp_and_not_by_now(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    noon = "2026-05-01T12:00:00Z"
    at_noon = 1_777_636_800_000

    def arrived(offset: int, seconds_before_it_happened: int) -> Record:
        return comment(offset)._replace(
            timestamp=at_noon - seconds_before_it_happened * 1000,
            value=envelope(
                "comment.deleted.v1",
                {"article_id": "a1", "comment_id": "c", "deleted_at": noon},
                at=noon,
            ),
        )

    load(database_url, [arrived(0, 300), arrived(1, 301)], rejecting())
    assert run(redrive_url).outcomes == {
        ("schema_violation", "applied"): 1,
        ("schema_violation", "time_out_of_range"): 1,
    }
    # Both times are past by now; the second one stays bad however often it is validated.
    assert run(redrive_url).outcomes == {("time_out_of_range", "time_out_of_range"): 1}
    assert connection.execute(
        "select record_offset, code from ingest.dead_letters where status = 'open'"
    ).fetchall() == [(1, "time_out_of_range")]


def test_what_stays_bad_stays_open_with_the_reason_as_it_is_now(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, [comment(0)._replace(key=b"another")], rejecting("unknown_type", "envelope"))
    connection.execute("update ingest.dead_letters set software_version = '0.0.1'")
    assert run(redrive_url).outcomes == {("unknown_type", "key_mismatch"): 1}
    assert connection.execute(
        "select stage, code, pointer, message like '%%must be the article_id%%', schema_version,"
        " software_version, attempts, status, status_changed_at, judged_at > dead_lettered_at from"
        " ingest.dead_letters"
    ).fetchall() == [
        (
            "contract",
            "key_mismatch",
            "/data/article_id",
            True,
            "comment.posted.v1",
            __version__,
            2,
            "open",
            None,
            True,
        )
    ]
    assert redrives(connection) == [("comment-events", 0, 1, 1, 0, 0, 1)]


def test_what_is_redriven_keeps_the_reason_why_it_was_a_dead_letter(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, [comment(0)], rejecting("unknown_type", "envelope"))
    run(redrive_url)
    assert connection.execute(
        "select stage, code, pointer, message, attempts, status, status_changed_at >"
        " dead_lettered_at from ingest.dead_letters"
    ).fetchall() == [
        ("envelope", "unknown_type", "/data", "refused by a test", 2, "redriven", True)
    ]


def test_redriving_again_changes_nothing(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, comments(10), rejecting())
    assert run(redrive_url).redriven == 10
    before = digest(connection)
    assert run(redrive_url).decoded == 0
    assert digest(connection) == before


def test_what_the_tables_know_already_is_unchanged(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, [*comments(3), comment(3, "c3")], lambda each: rejecting()(each))
    load(
        database_url,
        comments(2),
        load_contracts().decode,
        group="another",
        topic_ids={"comment-events": UUID(int=9)},
    )
    assert run(redrive_url).outcomes == {
        ("schema_violation", "unchanged"): 2,
        ("schema_violation", "applied"): 2,
    }
    assert redrives(connection) == [("comment-events", 0, 1, 4, 2, 2, 0)]


def test_a_dry_run_judges_and_writes_nothing(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, [*comments(3), comment(3)._replace(value=b"{")], rejecting())
    before = digest(connection)
    summary = run(redrive_url, dry_run=True)
    assert summary.outcomes == {
        ("schema_violation", "valid"): 3,
        ("schema_violation", "not_json"): 1,
    }
    assert (summary.redriven, summary.still_bad) == (3, 1)
    assert digest(connection) == before


def test_a_dead_letter_that_arrives_again_is_neither_doubled_nor_reopened(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, comments(2), rejecting())
    run(redrive_url)
    load(database_url, comments(2), rejecting("unknown_type", "envelope"), group="another")
    assert (
        connection.execute("select status, code from ingest.dead_letters").fetchall()
        == [("redriven", "schema_violation")] * 2
    )
    assert run(redrive_url).decoded == 0


def test_a_value_that_only_the_database_refuses_stays_a_dead_letter_alone(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, comments(64), rejecting())
    connection.execute(
        "alter table discussion.comments add constraint refused check (comment_id <> 'c41')"
    )
    assert run(redrive_url).outcomes == {
        ("schema_violation", "applied"): 63,
        ("schema_violation", "rejected_by_database"): 1,
    }
    assert connection.execute(
        "select record_offset, stage, code, attempts from ingest.dead_letters where status = 'open'"
    ).fetchall() == [(41, "database", "rejected_by_database", 2)]
    accounts = redrives(connection)
    assert [sum(account[place] for account in accounts) for place in (3, 4, 5, 6)] == [64, 63, 0, 1]
    assert_accounted(connection)
    connection.execute("alter table discussion.comments drop constraint refused")
    assert run(redrive_url).outcomes == {("rejected_by_database", "applied"): 1}


def test_dead_letters_that_another_redrive_holds_are_left_to_it(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, comments(10), rejecting())
    with psycopg.connect(database_url) as other:
        other.execute(
            "select from ingest.dead_letters where record_offset between 3 and 5 for update"
        )
        assert run(redrive_url).redriven == 7
    assert statuses(connection) == {"redriven": 7, "open": 3}
    assert run(redrive_url).redriven == 3


def test_two_redrives_share_the_work_and_judge_nothing_twice(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    bad = [comment(offset)._replace(key=b"another") for offset in range(100, 150)]
    load(database_url, [*comments(100), *bad], rejecting())
    outcomes: list[list[tuple[int, str]]] = [[], []]
    half_way, other_done = threading.Event(), threading.Event()

    def first(letter: Letter, outcome: str) -> None:
        outcomes[0].append((letter.record.offset, outcome))
        if len(outcomes[0]) == 20:
            half_way.set()
            assert other_done.wait(60)

    def second() -> None:
        assert half_way.wait(60)
        run(
            redrive_url,
            chunk=10,
            on_outcome=lambda letter, outcome: outcomes[1].append((letter.record.offset, outcome)),
        )
        other_done.set()

    thread = threading.Thread(target=second)
    thread.start()
    run(redrive_url, chunk=10, on_outcome=first)
    thread.join()
    assert [len(each) for each in outcomes] == [20, 130]
    assert sorted(outcomes[0] + outcomes[1]) == [
        (offset, "applied" if offset < 100 else "key_mismatch") for offset in range(150)
    ]
    assert connection.execute("select distinct attempts from ingest.dead_letters").fetchall() == [
        (2,)
    ]


def test_a_redrive_that_is_interrupted_has_done_whole_chunks_and_the_next_one_goes_on(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, comments(10), rejecting())

    def interrupted(letter: Letter, _: str) -> None:
        if letter.record.offset == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(redrive_url, chunk=2, on_outcome=interrupted)
    assert statuses(connection) == {"redriven": 4, "open": 6}
    assert connection.execute("select count(*) from discussion.comments").fetchone() == (4,)
    assert [account[3] for account in redrives(connection)] == [2, 2]
    assert run(redrive_url).redriven == 6
    assert connection.execute("select count(*) from discussion.comments").fetchone() == (10,)


def test_a_fault_of_the_database_ends_the_redrive_with_nothing_done_by_halves(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, comments(10), rejecting())

    def cut(letter: Letter, _: str) -> None:
        if letter.record.offset == 3:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name ="
                " 'btl dead-letters redrive' and datname = current_database()"
            )

    with pytest.raises(
        BelowTheLineError, match=r"The database failed: .* 4 dead letters were done before"
    ):
        run(redrive_url, chunk=2, on_outcome=cut)
    assert statuses(connection) == {"redriven": 4, "open": 6}
    assert {row[0] for row in connection.execute("select code from ingest.dead_letters")} == {
        "schema_violation"
    }
    assert run(redrive_url).redriven == 6


def test_a_defect_of_ours_is_told_apart_from_a_fault_and_from_bad_data(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, comments(2), rejecting())
    connection.execute("alter table discussion.comments rename to remarks")
    with pytest.raises(BelowTheLineError, match="rejected a statement of this software: relation"):
        run(redrive_url)
    assert statuses(connection) == {"open": 2}


def test_a_redrive_waits_for_who_holds_a_lock_on_its_rows(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, comments(3), rejecting())
    load(
        database_url,
        comments(1),
        load_contracts().decode,
        group="x",
        topic_ids={"comment-events": UUID(int=9)},
    )
    summaries = []
    redriving = threading.Thread(target=lambda: summaries.append(run(redrive_url)))

    def waiting_since() -> object:
        row = connection.execute(
            "select xact_start from pg_stat_activity where application_name = 'btl dead-letters"
            " redrive' and datname = current_database() and wait_event_type = 'Lock'"
        ).fetchone()
        return row and row[0]

    with psycopg.connect(database_url) as other:
        other.execute(
            "update discussion.comments set deleted_version = null where comment_id = 'c0'"
        )
        redriving.start()
        wait_until(lambda: waiting_since() is not None, 30)
        first = waiting_since()
        # The lock's time-out has ended its first transaction: it tries again.
        wait_until(lambda: waiting_since() not in (None, first), 30)
        other.rollback()
    redriving.join()
    assert [summary.redriven for summary in summaries] == [3]


def test_redrives_and_consumers_side_by_side_lose_nothing_and_do_not_get_in_each_others_way(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    records = days_records(1_000, seed=3)
    load(database_url, records, broken_contracts().decode)
    failures: list[BaseException] = []

    def consume() -> None:
        # The same events, read again from another topic of the same name, with the same keys in
        # other batches.
        decode = load_contracts().decode
        with closing(Store(database_url, "another")) as store:
            for topic in ("comment-events", "articles"):
                partition = Partition(topic, 0)
                store.take({partition: PartitionLog(UUID(int=9), 0, 1 << 40)})
                decoded = [
                    DecodedRecord(each, decode(each))
                    for each in reversed(records)
                    if each.topic == topic
                ]
                for first in range(0, len(decoded), 60):
                    batch = Batch()
                    part = [
                        DecodedRecord(each._replace(offset=first + place, partition=0), result)
                        for place, (each, result) in enumerate(decoded[first : first + 60])
                    ]
                    batch.add(partition, part, first, first + len(part), now=0.0)
                    store.begin(batch)
                    store.finish()

    def guarded(work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except BaseException as error:
            failures.append(error)

    summaries: list[RedriveSummary] = []
    threads = [
        threading.Thread(target=guarded, args=[work])
        for work in (
            consume,
            lambda: summaries.append(run(redrive_url, chunk=50)),
            lambda: summaries.append(run(redrive_url, chunk=70)),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(summary.decoded for summary in summaries) == len(records)
    assert statuses(connection) == {"redriven": len(records)}
    assert sum(account[3] for account in redrives(connection)) == len(records)
    found = content(connection)
    connection.execute(f"truncate {', '.join(f'discussion.{name}' for name in found)}".encode())
    load(database_url, records, load_contracts().decode, group="third")
    assert content(connection) == found


def test_a_topic_that_was_made_anew_keeps_the_dead_letters_of_both_lives_apart(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, [comment(0, "old")], rejecting())
    connection.execute(
        "update ingest.partition_offsets set topic_id = %s, incarnation = 2, next_offset = 0",
        [UUID(int=9)],
    )
    load(database_url, [comment(0, "new")], rejecting(), topic_ids={"comment-events": UUID(int=9)})
    assert run(redrive_url).redriven == 2
    assert redrives(connection) == [
        ("comment-events", 0, 1, 1, 1, 0, 0),
        ("comment-events", 0, 2, 1, 1, 0, 0),
    ]
    assert connection.execute(
        "select comment_id from discussion.comments order by 1"
    ).fetchall() == [
        ("new",),
        ("old",),
    ]


def test_a_discarded_dead_letter_is_redriven_only_if_that_is_said(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, [*comments(2), comment(2)._replace(value=b"{")], rejecting())
    assert dead_letters.discard(connection, EVERYTHING) == {"schema_violation": 3}
    assert dead_letters.discard(connection, EVERYTHING) == {}
    assert run(redrive_url).decoded == 0
    assert run(redrive_url, Selection(statuses=("discarded",))).redriven == 2
    assert statuses(connection) == {"redriven": 2, "discarded": 1}


def test_a_dead_letter_that_a_redrive_applies_meanwhile_is_not_discarded(
    database_url: str, redrive_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, comments(2), rejecting())
    discarded: list[dict[str, int]] = []
    with psycopg.connect(redrive_url) as redriving:
        redriving.execute(
            "update ingest.dead_letters set status = 'redriven' where record_offset = 0"
        )

        def discard() -> None:
            with psycopg.connect(database_url, application_name="discarding") as other:
                discarded.append(dead_letters.discard(other, EVERYTHING))

        thread = threading.Thread(target=discard)
        thread.start()
        wait_until(
            lambda: (
                connection.execute(
                    "select count(*) from pg_stat_activity where application_name = 'discarding'"
                    " and datname = current_database() and wait_event_type = 'Lock'"
                ).fetchone()
                == (1,)
            ),
            30,
        )
        redriving.commit()
        thread.join()
    assert discarded == [{"schema_violation": 1}]
    assert statuses(connection) == {"redriven": 1, "discarded": 1}


def named(offset: int, event_id: str, source: str, event_type: str = "comment.posted.v1") -> Record:
    """A record of the article a3 whose event has these names."""
    at = "2026-05-01T10:00:00Z"
    value = envelope(event_type, {"article_id": "a3"}, at=at, event_id=event_id, source=source)
    return comment(offset)._replace(key=b"a3", value=value)


@pytest.fixture
def varied(database_url: str) -> None:
    """Dead letters that differ in one thing each; that at offset 0 differs in nothing."""
    plain = comment(0)
    day = 86_400_000
    judge = {2: rejecting("not_json", "decode"), 3: rejecting("unknown_type", "envelope")}
    load(
        database_url,
        [
            plain,
            plain._replace(offset=1, key=b"a2"),
            plain._replace(offset=2),
            plain._replace(offset=3),
            plain._replace(offset=4, timestamp=NOW_MILLISECONDS - day),
            plain._replace(offset=5, topic="articles"),
            plain._replace(offset=6, timestamp=NOW_MILLISECONDS + day),
            named(7, "e7", "/other"),
            named(8, "e7", "/test", "comment.pinned.v1"),
        ],
        lambda each: judge.get(each.offset, rejecting())(each),
    )


FILTERS: dict[str, tuple[Selection, set[int]]] = {
    "none": (Selection(), {0, 1, 2, 3, 4, 5, 6, 7, 8}),
    "one code": (Selection.parse(codes=["not_json"]), {2}),
    "two codes": (Selection.parse(codes=["not_json", "unknown_type"]), {2, 3}),
    "topic": (Selection.parse(topic="articles"), {5}),
    "article": (Selection.parse(article="a2"), {1}),
    "since": (Selection.parse(since="2026-06-01T00:00:00Z"), {0, 1, 2, 3, 5, 6, 7, 8}),
    "until": (Selection.parse(until="2026-06-01T00:00:00+00:00"), {4}),
    "between": (
        Selection.parse(since="2026-05-31T12:00:00Z", until="2026-06-01T12:00:00Z"),
        {0, 1, 2, 3, 5, 7, 8},
    ),
    "source": (Selection.parse(source="/other"), {7}),
    "type": (Selection.parse(event_type="comment.pinned.v1"), {8}),
    "event id": (Selection.parse(event_id="e7"), {7, 8}),
    "one event": (Selection.parse(source="/test", event_id="e7"), {8}),
    "all at once": (
        Selection.parse(codes=["schema_violation"], topic="comment-events", article="a1"),
        {0, 4, 6},
    ),
    "another status": (Selection.parse(statuses=["discarded"]), set()),
}


@pytest.mark.usefixtures("varied")
def test_a_filter_means_the_same_to_every_command(
    redrive_url: str, connection: psycopg.Connection
) -> None:
    for name, (selection, expected) in FILTERS.items():
        outcomes: list[int] = []
        run(
            redrive_url,
            selection,
            dry_run=True,
            on_outcome=lambda letter, _, outcomes=outcomes: outcomes.append(letter.record.offset),
        )
        assert Counter(outcomes) == Counter(expected), name
        assert {
            each.record_offset for each in dead_letters.latest(connection, selection, 100)
        } == expected, name
        assert sum(dead_letters.count_by_code(connection, selection).values()) == len(expected), (
            name
        )
        by_source = dead_letters.count_by_source(connection, selection, 100)
        assert sum(each.letters for each in by_source) == len(expected), name
        dead_letters.discard(connection, selection)
        discarded = connection.execute(
            "select record_offset from ingest.dead_letters where status = 'discarded'"
        )
        assert {row[0] for row in discarded} == expected, name
        connection.execute("update ingest.dead_letters set status = 'open'")


@pytest.mark.usefixtures("varied")
def test_lists_begin_with_the_newest(connection: psycopg.Connection) -> None:
    connection.execute(
        "update ingest.dead_letters set dead_lettered_at = timestamptz '2026-06-01' -"
        " make_interval(secs => record_offset)"
    )
    found = dead_letters.latest(connection, EVERYTHING, 3)
    assert [each.record_offset for each in found] == [0, 1, 2]
    assert dead_letters.count_by_code(connection, EVERYTHING) == {
        "schema_violation": 7,
        "not_json": 1,
        "unknown_type": 1,
    }
    ours, other = "comment.posted.v1", "comment.pinned.v1"
    counts = dead_letters.count_by_source(connection, EVERYTHING, 4)
    assert [(each.letters, each.source, each.event_type, each.code) for each in counts] == [
        (5, "/test", ours, "schema_violation"),
        (1, "/other", ours, "schema_violation"),
        (1, "/test", other, "schema_violation"),
        (1, "/test", ours, "not_json"),
    ]


@pytest.fixture(autouse=True)
def _nothing_is_left_open(connection: psycopg.Connection) -> Iterator[None]:
    """No redrive leaves a session behind."""
    yield
    if connection.closed:
        return
    wait_until(
        lambda: (
            connection.execute(
                "select count(*) from pg_stat_activity where application_name = 'btl dead-letters"
                " redrive' and datname = current_database()"
            ).fetchone()
            == (0,)
        ),
        10,
    )
