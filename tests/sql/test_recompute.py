"""Units of work: marks, locks, incremental against full, and what a broken run leaves."""

import random
import threading
from typing import Any

import psycopg
import pytest

from below_the_line.closing.windows import apply_windows
from below_the_line.metrics.definitions import TABLES
from below_the_line.metrics.recompute import METRICS_LOCK, rebuild_all, recompute_dirty
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack


def figures(connection: psycopg.Connection) -> dict[str, list[dict[str, Any]]]:
    """All metric rows, but for when and behind which barrier they were computed."""
    return {
        table: [
            row[0]
            for row in connection.execute(
                f"select to_jsonb(m) - 'computed_at' - 'watermark' from metrics.{table} as m order by article_id".encode()
            )
        ]
        for table in TABLES
    }


def something_happens(room: Newsroom, chance: random.Random, number: int) -> str:
    """One random event; returns the article that it is about."""
    article, comment = f"a{chance.randrange(6)}", f"c{chance.randrange(12)}"
    at = f"05-{chance.randrange(1, 20):02} {chance.randrange(24):02}:{chance.randrange(60):02}"
    user, report = f"u{chance.randrange(7)}", f"p{number}"
    match chance.randrange(13):
        case 0:
            room.publish(at, article=article, window_hours=chance.choice([None, 48, 200]))
        case 1:
            room.override("close", at, article=article)
        case 2:
            room.override("extend", at, "05-25 00:00", article=article)
        case 3 | 4 | 5 | 6:
            comment = f"c{number}" if chance.random() < 0.5 else comment
            parent = chance.choice([None, f"c{chance.randrange(12)}"])
            role, held = chance.choice(["reader", "reader", "staff"]), chance.random() < 0.2
            room.comment(comment, at, article=article, user=user, parent=parent, role=role, held=held)
        case 7:
            room.edit(comment, at, article=article)
        case 8:
            room.delete(comment, at, article=article)
        case 9:
            decision = chance.choice(["approved", "rejected"])
            room.moderate(comment, decision, at, article=article, automated=chance.random() < 0.3)
        case 10:
            room.report(report, at, comment=comment, article=article, user=user)
        case 11:
            known = room.connection.execute(
                "select comment_id, report_id from discussion.reports where article_id = %s order by 1, 2", [article]
            ).fetchall()
            if known:
                reported, decided = chance.choice(known)
                room.decide(
                    decided, chance.choice(["upheld", "dismissed", "void"]), at, comment=reported, article=article
                )
        case _:
            room.react(comment, at, user=f"{user}-{number}", article=article, is_on=chance.random() < 0.7)
    return article


@pytest.mark.parametrize("seed", range(5))
def test_incremental_runs_give_what_a_full_rebuild_gives(newsroom: Newsroom, seed: int) -> None:
    chance = random.Random(seed)
    connection = newsroom.connection
    connection.execute("set synchronous_commit = off")
    for number in range(150):
        article = something_happens(newsroom, chance, number)
        connection.execute("insert into ingest.dirty_articles (article_id) values (%s)", [article])
        connection.execute("insert into ingest.dirty_windows (article_id) values (%s)", [article])
        if chance.random() < 0.1:
            apply_windows(connection, t(f"05-{1 + number // 8:02} 00:00"), bucket=2)
        if chance.random() < 0.15:
            recompute_dirty(connection, bucket=chance.choice([1, 3, 1000]))
    apply_windows(connection, t("05-20 00:00"))
    recompute_dirty(connection)
    incremental = figures(connection)
    assert len(incremental["article_engagement"]) == 6
    connection.execute("truncate metrics.article_engagement, metrics.article_abuse")
    rebuild_all(connection, bucket=4)
    assert figures(connection) == incremental


def test_running_again_changes_nothing(newsroom: Newsroom) -> None:
    newsroom.publish("05-01 10:00")
    newsroom.comment("c1", "05-01 12:00")
    newsroom.report("p1", "05-02 12:00")
    newsroom.close("06-01 00:00")
    newsroom.compute()
    before = figures(newsroom.connection)
    newsroom.compute()
    assert figures(newsroom.connection) == before


def test_only_marked_articles_are_computed_and_their_marks_are_gone(newsroom: Newsroom) -> None:
    connection = newsroom.connection
    for article in ("a", "b"):
        newsroom.comment("c1", "05-01 12:00", article=article)
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a'), ('a')")
    summary = recompute_dirty(connection)
    assert (summary.marks, summary.articles, summary.buckets) == (2, 1, 1)
    assert connection.execute("select article_id from metrics.article_engagement").fetchall() == [("a",)]
    assert connection.execute("select count(*) from ingest.dirty_articles").fetchone() == (0,)


def test_marks_are_taken_bucket_by_bucket_until_none_is_left(newsroom: Newsroom) -> None:
    connection = newsroom.connection
    for number in range(7):
        newsroom.comment("c1", "05-01 12:00", article=f"a{number}")
    connection.execute("insert into ingest.dirty_articles (article_id) select article_id from discussion.comments")
    assert recompute_dirty(connection, bucket=2, max_buckets=1).articles == 2
    assert recompute_dirty(connection, bucket=2).articles == 5
    assert connection.execute("select count(*) from metrics.article_abuse").fetchone() == (7,)


def test_a_mark_of_an_article_that_no_event_named_leaves_no_row(newsroom: Newsroom) -> None:
    newsroom.connection.execute("insert into ingest.dirty_articles (article_id) values ('nobody')")
    assert recompute_dirty(newsroom.connection).marks == 1
    assert figures(newsroom.connection) == {"article_engagement": [], "article_abuse": []}


def test_a_rebuild_removes_rows_of_articles_that_are_gone(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 12:00")
    newsroom.compute()
    newsroom.connection.execute("truncate discussion.comments")
    rebuild_all(newsroom.connection)
    assert figures(newsroom.connection) == {"article_engagement": [], "article_abuse": []}


def test_every_article_that_any_event_named_has_its_rows(newsroom: Newsroom) -> None:
    newsroom.unpublish("05-01 10:00", article="unpublished")
    newsroom.override("hold", "05-01 10:00", article="held")
    newsroom.delete("c1", "05-01 10:00", article="stub")
    newsroom.connection.execute(
        "insert into discussion.report_decisions (article_id, comment_id, report_id, source, event_id, digest,"
        " occurred_at, version, decision, decided_by, decided_at)"
        " values ('decided', 'c', 'p', 's', 'e', '1', now(), '1', 'void', 'm', now())"
    )
    newsroom.report("p1", "05-01 10:00", article="reported")
    newsroom.react("c1", "05-01 10:00", article="reacted")
    rebuild_all(newsroom.connection)
    names = [row["article_id"] for row in figures(newsroom.connection)["article_abuse"]]
    assert names == ["decided", "held", "reacted", "reported", "stub", "unpublished"]


def test_a_failed_run_leaves_rows_and_marks_as_they_were(newsroom: Newsroom) -> None:
    connection = newsroom.connection
    newsroom.comment("c1", "05-01 12:00")
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    connection.execute("alter table metrics.article_abuse add check (reports < 0)")
    with pytest.raises(psycopg.errors.CheckViolation):
        recompute_dirty(connection)
    assert connection.execute("select count(*) from ingest.dirty_articles").fetchone() == (1,)
    assert figures(connection) == {"article_engagement": [], "article_abuse": []}


def test_a_mark_committed_while_a_run_waits_for_the_lock_is_not_lost(newsroom: Newsroom, database_url: str) -> None:
    connection = newsroom.connection
    newsroom.comment("c1", "05-01 12:00")
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    with (
        psycopg.connect(database_url, autocommit=True) as runner,
        psycopg.connect(database_url) as writer,
    ):
        writer.execute("select pg_advisory_xact_lock(%s)", [METRICS_LOCK])
        run = threading.Thread(target=recompute_dirty, args=(runner,))
        run.start()
        # The run is waiting; now its article gets one more comment and mark.
        _until_waiting(connection, runner.info.backend_pid)
        newsroom.comment("c2", "05-01 12:01")
        connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
        writer.commit()
        run.join(30)
        assert not run.is_alive()
    assert newsroom.engagement()["comments_submitted"] == 2
    assert connection.execute("select count(*) from ingest.dirty_articles").fetchone() == (0,)


def _until_waiting(connection: psycopg.Connection, backend_pid: int) -> None:
    for _ in range(20_000):
        row = connection.execute(
            "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", [backend_pid]
        ).fetchone()
        if row == (True,):
            return
    pytest.fail("the run never waited for the lock")
