"""What closing runs tell: history, outbox and late comments, as rows in and rows out. Articles are
published on 05-01 10:00.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.closing.announcements import SOURCE, TOPIC
from below_the_line.closing.windows import apply_windows
from below_the_line.contracts.events import Event, Record
from below_the_line.database.locks import CLOSING_LOCK, lock
from below_the_line.kafka.envelopes import rfc3339, structured
from tests.pipeline import wait_until
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack
ANCHOR = t("05-01 10:00")
DEFAULT_END = t("05-15 10:00")
OPENED = ("discussion.opened", None, ANCHOR, "published")
CLOSED = ("discussion.closed", None, DEFAULT_END, "schedule")


def test_a_discussion_opens_and_closes_once_however_often_runs_come(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    for cut_off in ("05-01 09:59", "05-01 10:00", "05-10 00:00", "05-15 10:00", "05-16 00:00"):
        newsroom.close(cut_off)
    assert newsroom.announced() == [OPENED, CLOSED]
    assert newsroom.history() == [(ANCHOR, "opened", "rule"), (DEFAULT_END, "closed", "rule")]


def test_an_embargoed_discussion_is_announced_when_it_opens_and_not_before(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("04-20 10:00", published_at="05-01 10:00")
    newsroom.close("04-21 00:00")
    assert newsroom.announced() == []
    assert newsroom.history() == []
    assert newsroom.window()["due_at"] == ANCHOR
    apply_windows(newsroom.connection, ANCHOR)
    assert newsroom.announced() == [OPENED]


def test_an_event_says_what_a_site_needs(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.close("05-02 00:00")
    row = connection.execute(
        "select sequence, data, status, event_id::text from ingest.outbox"
    ).fetchone()
    assert row is not None
    assert row[:3] == (
        1,
        {
            "article_id": "a",
            "sequence": 1,
            "effective_at": "2026-05-01T10:00:00Z",
            "cause": "published",
            "closes_at": "2026-05-15T10:00:00Z",
        },
        "pending",
    )
    # For good: sites know the events by it.
    assert row[3] == "392e7c10-cb60-53a4-8475-f54c38c7774f"


def test_hold_release_and_an_editors_decisions_are_announced_with_who_and_why_in_the_history(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.override("hold", "05-02 00:00")
    newsroom.override("release", "05-03 00:00")
    newsroom.override("close", "05-04 00:00")
    newsroom.override("hold", "05-05 00:00")
    newsroom.override("release", "05-06 00:00")
    newsroom.override("reopen", "05-07 00:00", "05-08 00:00")
    newsroom.unpublish("05-09 00:00")
    newsroom.close("05-10 00:00")
    assert newsroom.announced() == [
        OPENED,
        ("discussion.closed", None, t("05-02 00:00"), "hold"),
        ("discussion.reopened", None, t("05-03 00:00"), "release"),
        ("discussion.closed", None, t("05-04 00:00"), "override"),
        ("discussion.reopened", None, t("05-07 00:00"), "override"),
        ("discussion.closed", None, t("05-08 00:00"), "schedule"),
    ]
    assert newsroom.history()[4:] == [
        (t("05-05 00:00"), "stays_closed", "hold"),
        (t("05-06 00:00"), "stays_closed", "close"),
        (t("05-07 00:00"), "reopened", "reopen"),
        (t("05-08 00:00"), "closed", "reopen"),
        (t("05-09 00:00"), "stays_closed", "unpublished"),
    ]
    rows = connection.execute(
        "select change, override_action, decided_by, decision_reason, rule_id is not null,"
        " rule_created_by, event_source from discussion.discussion_history order by effective_at"
        " limit 2"
    ).fetchall()
    assert rows == [
        ("opened", None, None, None, True, "below-the-line", None),
        ("closed", "hold", "editor", "other", False, None, "/test"),
    ]


def test_an_extend_that_covers_the_closing_opens_again_and_takes_lateness_back(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("in time", "05-15 09:59:59.999999")
    newsroom.comment("late", "05-15 10:00")
    newsroom.close("05-15 12:00")
    assert newsroom.announced() == [
        OPENED,
        CLOSED,
        ("comment.late", "late", DEFAULT_END, "schedule"),
    ]
    newsroom.override("extend", "05-16 00:00", "05-18 00:00")
    newsroom.comment("too late", "05-19 00:00")
    newsroom.close("05-17 00:00")
    newsroom.close("05-20 00:00")
    assert newsroom.announced()[3:] == [
        ("discussion.reopened", None, t("05-16 00:00"), "override; after 2"),
        ("comment.late_withdrawn", "late", t("05-16 00:00"), "override; after 3"),
        ("discussion.closed", None, t("05-18 00:00"), "schedule"),
        ("comment.late", "too late", t("05-19 00:00"), "schedule"),
    ]
    assert newsroom.history() == [
        (ANCHOR, "opened", "extend"),
        (t("05-18 00:00"), "closed", "extend"),
    ]


def test_an_extend_that_is_known_before_the_closing_is_no_event(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.close("05-02 00:00")
    newsroom.override("extend", "05-10 00:00", "05-18 00:00")
    newsroom.close("05-16 00:00")
    assert newsroom.announced() == [OPENED]
    newsroom.close("05-19 00:00")
    assert newsroom.announced() == [
        OPENED,
        ("discussion.closed", None, t("05-18 00:00"), "schedule"),
    ]


def test_a_close_that_arrives_late_shrinks_the_window_and_makes_comments_late(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-03 00:00")
    newsroom.close("05-04 00:00")
    assert newsroom.announced() == [OPENED]
    newsroom.override("close", "05-02 00:00", occurred="05-02 00:00")
    newsroom.close("05-04 00:00")
    assert newsroom.announced() == [
        OPENED,
        ("discussion.closed", None, t("05-02 00:00"), "override"),
        ("comment.late", "c1", t("05-03 00:00"), "override"),
    ]


def test_a_window_taken_away_after_the_posting_makes_late_when_that_was_decided(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-03 00:00")
    newsroom.unpublish("05-03 12:00", effective="05-02 00:00")
    newsroom.close("05-04 00:00")
    assert newsroom.announced()[2:] == [("comment.late", "c1", t("05-03 12:00"), "unpublished")]


def test_the_past_can_change_without_the_present_and_the_last_word_is_the_present(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.close("05-16 00:00")
    newsroom.override("hold", "05-03 00:00")
    newsroom.override("release", "05-04 00:00")
    newsroom.close("05-16 00:00")
    assert newsroom.announced() == [
        OPENED,
        CLOSED,
        ("discussion.closed", None, t("05-03 00:00"), "hold"),
        ("discussion.reopened", None, t("05-04 00:00"), "release"),
        ("discussion.closed", None, DEFAULT_END, "schedule; after 4"),
    ]


def test_what_is_superseded_stays_in_the_history_and_the_same_state_is_announced_under_a_new_id(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-15 12:00")
    newsroom.close("05-15 12:00")
    newsroom.override("extend", "05-16 00:00", "05-20 00:00")
    newsroom.close("05-16 01:00")
    # Decided before, known only now: it ends the extend from before the comment on.
    newsroom.override("clear", "05-15 10:00", occurred="05-16 00:30")
    newsroom.close("05-16 02:00")
    assert newsroom.announced() == [
        OPENED,
        CLOSED,
        ("comment.late", "c1", t("05-15 12:00"), "schedule"),
        ("discussion.reopened", None, t("05-16 00:00"), "override; after 2"),
        ("comment.late_withdrawn", "c1", t("05-16 00:00"), "override; after 3"),
        ("discussion.closed", None, DEFAULT_END, "schedule; after 4"),
        ("comment.late", "c1", t("05-16 00:00"), "schedule; after 5"),
    ]
    assert connection.execute("select count(distinct event_id) from ingest.outbox").fetchone() == (
        7,
    )
    assert connection.execute(
        "select count(*), count(superseded_at) from discussion.state_changes where change ="
        " 'closed'"
    ).fetchone() == (2, 1)


def test_a_retroactive_rule_takes_away_what_the_one_before_gave_and_gives_it_back(
    newsroom: Newsroom,
) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-05 00:00")
    newsroom.close("05-06 00:00")
    newsroom.rule(24)
    apply_windows(newsroom.connection, t("05-06 00:00"))
    newsroom.rule(48 * 7)
    apply_windows(newsroom.connection, t("05-06 00:00"))
    types = [(event_type, comment, cause) for event_type, comment, _, cause in newsroom.announced()]
    assert types == [
        ("discussion.opened", None, "published"),
        ("discussion.closed", None, "schedule"),
        ("comment.late", "c1", "schedule"),
        ("discussion.reopened", None, "rule; after 2"),
        ("comment.late_withdrawn", "c1", "rule; after 3"),
    ]


def test_without_a_publication_time_it_opens_when_first_heard_of(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00", published_at=None)
    newsroom.override("close", "05-03 00:00")
    newsroom.close("05-04 00:00")
    assert newsroom.announced() == [
        OPENED,
        ("discussion.closed", None, t("05-03 00:00"), "override"),
    ]
    assert newsroom.history()[0] == (ANCHOR, "opened", "no_publication_time")


def test_a_discussion_that_never_opened_is_announced_as_closed(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00", enabled=False)
    newsroom.close("05-02 00:00")
    assert newsroom.announced() == [("discussion.closed", None, ANCHOR, "settings")]
    newsroom.publish("05-03 00:00", published_at="05-01 10:00")
    newsroom.close("05-04 00:00")
    assert newsroom.announced()[1:] == [("discussion.opened", None, t("05-03 00:00"), "settings")]


def test_late_comments_are_found_when_they_arrive_and_before_the_closing_they_wait(
    newsroom: Newsroom,
) -> None:
    connection = newsroom.connection
    newsroom.publish("05-01 10:00")
    newsroom.close("05-15 09:58")
    # In its producer's clock the window has ended; behind the barrier it has not.
    newsroom.comment("early", "05-15 10:00:01")
    newsroom.changed("05-15 10:00:02")
    apply_windows(connection, t("05-15 09:59"))
    assert newsroom.announced() == [OPENED]
    assert newsroom.window()["undecided_comments"]
    apply_windows(connection, t("05-15 10:01"))
    assert newsroom.announced()[1:] == [
        CLOSED,
        ("comment.late", "early", t("05-15 10:00:01"), "schedule"),
    ]
    assert not newsroom.window()["undecided_comments"]
    newsroom.comment("later", "05-15 11:00")
    newsroom.changed("05-15 11:00")
    assert apply_windows(connection, t("05-15 11:30")).announced == {"comment.late.v1": 1}
    assert apply_windows(connection, t("05-15 11:30")).announced == {}
    assert connection.execute("select count(*) from ingest.dirty_discussions").fetchone() == (0,)


def test_closing_by_the_clock_alone_reads_no_comments(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.close("05-10 00:00")
    # No mark: it is found only by who reads all comments of the article.
    newsroom.comment("c1", "05-16 00:00")
    apply_windows(newsroom.connection, t("05-17 00:00"))
    assert newsroom.announced() == [OPENED, CLOSED]


def test_comments_of_an_unknown_article_are_judged_once_it_is_known(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-20 00:00")
    newsroom.changed("05-20 00:00")
    apply_windows(newsroom.connection, t("05-21 00:00"))
    assert newsroom.connection.execute(
        "select count(*) from ingest.dirty_discussions"
    ).fetchone() == (1,)
    newsroom.publish("05-01 10:00")
    newsroom.close("05-21 00:00")
    assert newsroom.announced() == [
        OPENED,
        CLOSED,
        ("comment.late", "c1", t("05-20 00:00"), "schedule"),
    ]
    assert newsroom.window()["comments_changed_at"] == t("05-20 00:00")


def test_what_took_effect_more_than_seven_days_ago_is_written_down_but_not_sent(
    newsroom: Newsroom, connection: psycopg.Connection
) -> None:
    newsroom.publish("05-01 10:00", window_hours=24)
    newsroom.comment("old", "05-02 12:00")
    newsroom.comment("young", "05-03 00:00")
    newsroom.close("05-10 00:00")
    assert connection.execute(
        "select event_type, status from ingest.outbox order by sequence"
    ).fetchall() == [
        ("discussion.opened.v1", "suppressed"),
        ("discussion.closed.v1", "suppressed"),
        ("comment.late.v1", "suppressed"),
        ("comment.late.v1", "pending"),
    ]
    newsroom.override("extend", "05-10 00:00", "05-12 00:00")
    newsroom.close("05-11 00:00")
    # Nobody received that the old one was late.
    assert connection.execute(
        "select event_type, comment_id, status from ingest.outbox where sequence > 4 order by"
        " sequence"
    ).fetchall() == [
        ("discussion.reopened.v1", None, "pending"),
        ("comment.late_withdrawn.v1", "old", "suppressed"),
        ("comment.late_withdrawn.v1", "young", "pending"),
    ]


def test_nothing_is_announced_twice_when_the_outbox_has_been_emptied(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("late", "05-16 00:00")
    newsroom.close("05-17 00:00")
    newsroom.connection.execute("delete from ingest.outbox")
    newsroom.changed("05-17 00:00")
    newsroom.close("05-18 00:00")
    assert newsroom.announced() == []
    newsroom.override("reopen", "05-18 00:00")
    newsroom.close("05-19 00:00")
    assert newsroom.connection.execute("select min(sequence) from ingest.outbox").fetchone() == (4,)


def something_decided(room: Newsroom, chance: random.Random, number: int) -> None:
    article = f"a{chance.randrange(3)}"
    at = f"05-{chance.randrange(1, 20):02} {chance.choice(['00:00', '12:00', '18:30'])}"
    later = f"05-{chance.randrange(20, 28):02} 00:00"
    match chance.randrange(8):
        case 0 | 1:
            published = chance.choice(["same", None, at])
            room.publish(
                at,
                article=article,
                published_at=published,
                enabled=chance.choice([None, False]),
                window_hours=chance.choice([None, 48, 200]),
                section=chance.choice(["politics", "sports"]),
            )
        case 2:
            room.unpublish(at, article=article)
        case 3 | 4:
            room.comment(f"c{number}", at, article=article)
            room.changed(at, article=article)
            return
        case _:
            action = chance.choice(["close", "reopen", "extend", "clear", "hold", "release"])
            closes = later if action == "extend" or chance.random() < 0.3 else None
            room.override(action, at, closes, article=article)
    room.connection.execute("insert into ingest.dirty_windows (article_id) values (%s)", [article])


HISTORY = """
select article_id, effective_at, change, reason, rule_id, deciding_event
from discussion.state_changes
where superseded_at is null order by article_id, effective_at, change_id
"""


@pytest.mark.parametrize("seed", range(12))
def test_whatever_came_in_whatever_order_the_history_is_one_and_the_last_word_announced_is_true(
    newsroom: Newsroom, seed: int
) -> None:
    chance, connection = random.Random(seed), newsroom.connection
    connection.execute("set synchronous_commit = off")
    newsroom.rule(100, section="sports")
    day = 1
    for number in range(60):
        something_decided(newsroom, chance, number)
        if chance.random() < 0.2:
            day = min(day + chance.randrange(4), 25)
            apply_windows(connection, t(f"05-{day:02} 12:00"), bucket=chance.choice([1, 2, 100]))
    apply_windows(connection, t("05-26 00:00"))
    history = connection.execute(HISTORY.encode()).fetchall()
    assert history

    # What was announced last is what holds, of each discussion and of each comment.
    assert_last_words(connection)
    assert_contracts_hold(connection)
    numbers = (
        "select article_id, array_agg(sequence order by outbox_id) from ingest.outbox group by"
        " article_id"
    )
    assert all(
        sequences == list(range(1, len(sequences) + 1))
        for _, sequences in connection.execute(numbers)
    )

    # Once more changes nothing, and computed from nothing it is the same.
    before = connection.execute("select count(*) from discussion.told_events").fetchone()
    newsroom.close("05-26 00:00")
    assert connection.execute("select count(*) from discussion.told_events").fetchone() == before
    connection.execute(
        "truncate discussion.windows, discussion.window_intervals, discussion.state_changes"
    )
    newsroom.close("05-26 00:00")
    assert connection.execute(HISTORY.encode()).fetchall() == history


def assert_last_words(connection: psycopg.Connection) -> None:
    states = connection.execute("""
        select distinct on (announced.article_id)
            announced.article_id,
            announced.event_type != 'discussion.closed.v1',
            closing_window.state != 'closed'
        from discussion.told_events as announced
        inner join discussion.windows as closing_window
            on closing_window.article_id = announced.article_id
        where announced.comment_id is null
        order by announced.article_id, announced.sequence desc
        """).fetchall()
    assert states
    assert all(announced == is_open for _, announced, is_open in states), states
    late = connection.execute(
        "select article_id, comment_id from discussion.late_comments order by 1, 2"
    ).fetchall()
    announced = connection.execute("""
        select last.article_id, last.comment_id
        from (
            select distinct on (article_id, comment_id) article_id, comment_id, event_type
            from discussion.told_events
            where comment_id is not null
            order by article_id, comment_id, sequence desc
        ) as last
        where last.event_type = 'comment.late.v1'
        order by 1, 2
        """).fetchall()
    assert announced == late


def assert_contracts_hold(connection: psycopg.Connection) -> None:
    """Every event of the outbox, as it is published, is one by the project's own contracts."""
    decode = load_contracts().decode
    rows = connection.execute(
        "select article_id, comment_id, event_id::text, event_type, effective_at, data from"
        " ingest.outbox"
    ).fetchall()
    for article, comment, event_id, event_type, effective_at, data in rows:
        sent = structured(
            topic=TOPIC,
            event_type=event_type,
            event_id=event_id,
            source=SOURCE,
            time=rfc3339(effective_at),
            subject=comment or article,
            data=data,
        )
        timestamp = round(t("12-01 00:00").timestamp() * 1000)
        read = decode(Record(sent.topic, 0, 0, timestamp, sent.key, sent.value, list(sent.headers)))
        assert isinstance(read, Event), read


# Runs that meet, and runs that die.


def everything(connection: psycopg.Connection) -> dict[str, list[Any]]:
    """Return what runs write, without the time and order of articles."""
    return {
        table: (
            connection.execute(
                f"select {columns} from {table} order by 1, 2, 3".encode()
            ).fetchall()
        )
        for table, columns in {
            "discussion.windows": "article_id, state, closed_at, closes_at, final, due_at",
            "discussion.window_intervals": "article_id, ordinal, starts_at, ends_at",
            "discussion.state_changes": (
                "article_id, effective_at, change, reason, superseded_at is null"
            ),
            "discussion.told_events": "article_id, sequence, event_id, event_type, comment_id",
            "ingest.outbox": "article_id, sequence, event_id, data, status",
        }.items()
    }


@pytest.fixture
def busy(newsroom: Newsroom) -> Newsroom:
    """Forty articles that close, with late comments."""
    for number in range(40):
        newsroom.publish("05-01 10:00", article=f"a{number}")
        newsroom.comment("late", "05-16 00:00", article=f"a{number}")
    newsroom.connection.execute(
        "insert into ingest.dirty_windows (article_id) select article_id from"
        " discussion.article_versions"
    )
    return newsroom


@contextmanager
def another(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, options="-c timezone=UTC", autocommit=True) as opened:
        yield opened


def expected(busy: Newsroom) -> dict[str, list[Any]]:
    """What one run that nothing happens to leaves; then everything is as before it."""
    connection = busy.connection
    apply_windows(connection, t("05-17 00:00"))
    result = everything(connection)
    connection.execute(
        "truncate discussion.windows, discussion.window_intervals, discussion.state_changes,"
        " discussion.told_events, ingest.outbox, ingest.dirty_articles"
    )
    connection.execute(
        "insert into ingest.dirty_windows (article_id) select article_id from"
        " discussion.article_versions"
    )
    return result


def test_two_runs_at_once_leave_what_one_leaves(busy: Newsroom, database_url: str) -> None:
    alone = expected(busy)
    announced: list[int] = []

    def run() -> None:
        with another(database_url) as connection:
            announced.append(
                sum(apply_windows(connection, t("05-17 00:00"), bucket=3).announced.values())
            )

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert everything(busy.connection) == alone
    assert sum(announced) == 120


def test_a_run_that_is_killed_in_the_middle_is_gone_on_with(
    busy: Newsroom, database_url: str
) -> None:
    alone = expected(busy)
    connection = busy.connection
    # It gets as far as its fourth bucket of windows, which somebody holds.
    holder = psycopg.connect(database_url)
    holder.execute(
        "insert into discussion.windows (article_id, state, reason, has_gaps) values ('a17',"
        " 'open', 'rule', true)"
    )
    failed: list[str] = []

    def run() -> None:
        with psycopg.connect(
            database_url, application_name="to be killed", autocommit=True
        ) as dying:
            try:
                apply_windows(dying, t("05-17 00:00"), bucket=3)
            except psycopg.OperationalError as error:
                failed.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    waiting = (
        "select pid from pg_stat_activity where application_name = 'to be killed' and"
        " wait_event_type = 'Lock'"
    )
    wait_until(lambda: connection.execute(waiting).fetchone(), 20)
    done = connection.execute("select count(*) from discussion.windows").fetchone()
    assert done is not None
    assert 0 < done[0] < 40
    connection.execute(f"select pg_terminate_backend(({waiting}))".encode())
    thread.join(20)
    holder.rollback()
    holder.close()
    assert failed
    apply_windows(connection, t("05-17 00:00"), bucket=3)
    assert everything(connection) == alone


def test_a_run_waits_for_another_and_then_sees_what_came_meanwhile(
    busy: Newsroom, database_url: str
) -> None:
    connection = busy.connection
    with psycopg.connect(database_url) as holder:
        lock(holder, CLOSING_LOCK)
        thread = threading.Thread(target=lambda: apply_windows(connection, t("05-17 00:00")))
        thread.start()
        waiting = "select 1 from pg_locks where locktype = 'transactionid' and not granted"
        wait_until(lambda: holder.execute(waiting).fetchone(), 20)
        with another(database_url) as writer:
            room = Newsroom(writer)
            room.publish("05-01 10:00", article="new")
            writer.execute("insert into ingest.dirty_windows (article_id) values ('new')")
    thread.join(20)
    assert [event[0] for event in busy.announced("new")] == [
        "discussion.opened",
        "discussion.closed",
    ]


def test_missed_runs_tell_the_same(busy: Newsroom) -> None:
    alone = expected(busy)
    for day in range(1, 18):
        apply_windows(busy.connection, t(f"05-{day:02} 00:00"))
    # All but what depends on how long ago a change was when it was found.
    every_day = everything(busy.connection)
    for rows in (every_day, alone):
        rows["ingest.outbox"] = [row[:4] for row in rows["ingest.outbox"]]
    assert every_day == alone
