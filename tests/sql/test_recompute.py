"""Units of work: marks, locks, incremental against full, and what a broken run leaves."""

import random
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from below_the_line.closing.windows import apply_windows
from below_the_line.database.locks import lock
from below_the_line.metrics import statements
from below_the_line.metrics.definitions import TABLES
from below_the_line.metrics.dirty_run import ArticlesFailedError, recompute_dirty
from below_the_line.metrics.drift import drift
from below_the_line.metrics.rebuild import Selection, ranges, rebuild_all
from below_the_line.metrics.units import METRICS_LOCK, SHARDS, SHARED_METRICS_LOCK, shard_lock
from tests.pipeline import wait_until
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack


def figures(connection: psycopg.Connection) -> dict[str, list[dict[str, Any]]]:
    """Return all metric rows without the time and barrier of their computation."""
    return {
        table: sorted(
            (
                row[0]
                for row in connection.execute(
                    f"""
                    select to_jsonb(m) - 'computed_at' - 'watermark' from metrics.{table} as m
                    """.encode()
                )
            ),
            key=lambda row: (row.get("article_id", ""), str(row)),
        )
        for table in TABLES
    }


NOTHING: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}


def test_staged_ids_are_compared_byte_by_byte(connection: psycopg.Connection) -> None:
    statements.prepare(connection)
    staged = connection.execute(
        """
        select c.relname, a.attname, a.attcollation = '"C"'::regcollation
        from pg_class as c
        inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
        where c.relpersistence = 't' and c.relkind = 'r' and c.relname like 'computing_%'
            and a.attname like '%\\_id'
        """
    ).fetchall()
    assert len(staged) > 6
    assert [(table, column) for table, column, is_bytes in staged if not is_bytes] == []


def something_happens(room: Newsroom, chance: random.Random, number: int) -> str:
    """One random event; returns the article that it is about."""
    article, comment = f"a{chance.randrange(6)}", f"c{chance.randrange(12)}"
    at = f"05-{chance.randrange(1, 20):02} {chance.randrange(24):02}:{chance.randrange(60):02}"
    user, report = f"u{chance.randrange(7)}", f"p{number}"
    match chance.randrange(13):
        case 0:
            section = chance.choice([None, "politics", "sport"])
            room.publish(
                at, article=article, window_hours=chance.choice([None, 48, 200]), section=section
            )
            room.connection.execute(
                "insert into discussion.articles (article_id, site, section) values (%s, 'daily',"
                " %s) on conflict (article_id) do update set section = excluded.section",
                [article, section],
            )
        case 1:
            room.override("close", at, article=article)
        case 2:
            room.override("extend", at, "05-25 00:00", article=article)
        case 3 | 4 | 5 | 6:
            comment = f"c{number}" if chance.random() < 0.5 else comment
            parent = chance.choice([None, f"c{chance.randrange(12)}"])
            role, held = chance.choice(["reader", "reader", "staff"]), chance.random() < 0.2
            room.comment(
                comment, at, article=article, user=user, parent=parent, role=role, held=held
            )
        case 7:
            room.edit(comment, at, article=article)
        case 8:
            room.delete(comment, at, article=article)
        case 9:
            decision = chance.choice(["approved", "rejected"])
            room.moderate(comment, decision, at, article=article, automated=chance.random() < 0.3)
        case 10:
            anonymous = f"v{user}" if chance.random() < 0.2 else None
            reason = chance.choice(["spam", "threat_violence", "harassment"])
            room.report(
                report,
                at,
                comment=comment,
                article=article,
                user=None if anonymous else user,
                anonymous=anonymous,
                reason=reason,
            )
        case 11:
            known = room.connection.execute(
                "select comment_id, report_id from discussion.reports where article_id = %s order"
                " by 1, 2",
                [article],
            ).fetchall()
            if known:
                reported, decided = chance.choice(known)
                room.decide(
                    decided,
                    chance.choice(["upheld", "dismissed", "void"]),
                    at,
                    comment=reported,
                    article=article,
                )
        case _:
            room.react(
                comment, at, user=f"{user}-{number}", article=article, is_on=chance.random() < 0.7
            )
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
            recompute_dirty(
                connection, bucket=chance.choice([1, 3, 1000]), time_zone="Europe/Vienna"
            )
    apply_windows(connection, t("05-20 00:00"))
    recompute_dirty(connection, time_zone="Europe/Vienna")
    incremental = figures(connection)
    assert len(incremental["article_engagement"]) == 6
    assert all(incremental.values()), "every table has rows"
    connection.execute(f"truncate {', '.join(f'metrics.{table}' for table in TABLES)}".encode())
    rebuild_all(connection, bucket=4, time_zone="Europe/Vienna")
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
    assert connection.execute("select article_id from metrics.article_engagement").fetchall() == [
        ("a",)
    ]
    assert connection.execute("select count(*) from ingest.dirty_articles").fetchone() == (0,)


def test_marks_are_taken_bucket_by_bucket_until_none_is_left(newsroom: Newsroom) -> None:
    connection = newsroom.connection
    for number in range(7):
        newsroom.comment("c1", "05-01 12:00", article=f"a{number}")
    connection.execute(
        "insert into ingest.dirty_articles (article_id) select article_id from discussion.comments"
    )
    assert recompute_dirty(connection, bucket=2, max_buckets=1).articles == 2
    assert recompute_dirty(connection, bucket=2).articles == 5
    assert connection.execute("select count(*) from metrics.article_abuse").fetchone() == (7,)


def test_a_mark_of_an_article_that_no_event_named_leaves_no_row(newsroom: Newsroom) -> None:
    newsroom.connection.execute("insert into ingest.dirty_articles (article_id) values ('nobody')")
    assert recompute_dirty(newsroom.connection).marks == 1
    assert figures(newsroom.connection) == NOTHING


def test_a_rebuild_removes_rows_of_articles_that_are_gone(newsroom: Newsroom) -> None:
    newsroom.comment("c1", "05-01 12:00")
    newsroom.compute()
    newsroom.connection.execute("truncate discussion.comments")
    rebuild_all(newsroom.connection)
    assert figures(newsroom.connection) == NOTHING


def test_every_article_that_any_event_named_has_its_rows(newsroom: Newsroom) -> None:
    newsroom.unpublish("05-01 10:00", article="unpublished")
    newsroom.override("hold", "05-01 10:00", article="held")
    newsroom.delete("c1", "05-01 10:00", article="stub")
    newsroom.connection.execute(
        "insert into discussion.report_decisions (article_id, comment_id, report_id, source,"
        " event_id, digest, occurred_at, version, decision, decided_by, decided_at) values"
        " ('decided', 'c', 'p', 's', 'e', '1', now(), '1', 'void', 'm', now())"
    )
    newsroom.report("p1", "05-01 10:00", article="reported")
    newsroom.react("c1", "05-01 10:00", article="reacted")
    rebuild_all(newsroom.connection)
    names = [row["article_id"] for row in figures(newsroom.connection)["article_abuse"]]
    assert names == ["decided", "held", "reacted", "reported", "stub", "unpublished"]


def spoil(connection: psycopg.Connection, what: str, *articles: str) -> None:
    """Computing one of the articles does ``what`` (PL/pgSQL) in the second metric table, from now
    on.
    """
    listed = ", ".join(f"'{article}'" for article in articles)
    connection.execute(
        f"""
        create or replace function spoil() returns trigger language plpgsql as
        $$ begin if new.article_id in ({listed}) then {what}; end if; return new; end $$;
        create or replace trigger spoil before insert on metrics.article_abuse
            for each row execute function spoil()
        """.encode()
    )


def marked(connection: psycopg.Connection) -> list[str]:
    """The article of each mark."""
    return [
        row[0]
        for row in connection.execute(
            "select article_id from ingest.dirty_articles order by mark_id"
        ).fetchall()
    ]


@pytest.fixture
def seven_marked(newsroom: Newsroom) -> psycopg.Connection:
    """Articles a0 to a6, each with a comment, marked twice, in that order."""
    connection = newsroom.connection
    for number in range(7):
        newsroom.comment("c1", "05-01 12:00", article=f"a{number}")
    for _ in range(2):
        connection.execute(
            "insert into ingest.dirty_articles (article_id) select article_id from"
            " discussion.comments order by article_id"
        )
    return connection


@pytest.mark.parametrize("bucket", [1, 2, 3, 1000])
def test_articles_that_fail_do_not_keep_others_from_being_computed(
    seven_marked: psycopg.Connection, bucket: int
) -> None:
    spoil(seven_marked, "raise 'no good'", "a0", "a3")
    with pytest.raises(ArticlesFailedError) as raised:
        recompute_dirty(seven_marked, bucket=bucket)
    assert (
        raised.value.message
        == "The metrics of 2 articles could not be computed: 'a0' (no good); 'a3' (no good)."
    )
    assert sorted(marked(seven_marked)) == ["a0", "a0", "a3", "a3"]
    for table in ("article_engagement", "article_abuse", "article_hourly"):
        assert [row["article_id"] for row in figures(seven_marked)[table]] == [
            "a1",
            "a2",
            "a4",
            "a5",
            "a6",
        ]


def test_a_whole_bucket_of_failures_does_not_keep_the_next_from_being_computed(
    seven_marked: psycopg.Connection,
) -> None:
    articles = [f"a{number}" for number in range(6)]
    spoil(seven_marked, "raise 'no good'", *articles)
    with pytest.raises(ArticlesFailedError, match=r"6 articles .* and 1 more"):
        recompute_dirty(seven_marked, bucket=2)
    assert sorted(marked(seven_marked)) == sorted(articles * 2)
    assert [row["article_id"] for row in figures(seven_marked)["article_abuse"]] == ["a6"]


def test_articles_that_failed_are_tried_again_by_the_next_run(
    seven_marked: psycopg.Connection,
) -> None:
    spoil(seven_marked, "raise 'no good'", "a0")
    with pytest.raises(ArticlesFailedError):
        recompute_dirty(seven_marked)
    spoil(seven_marked, "raise 'no good'", "nothing")
    summary = recompute_dirty(seven_marked)
    assert (summary.marks, summary.articles, summary.failed) == (2, 1, {})
    assert marked(seven_marked) == []
    assert len(figures(seven_marked)["article_abuse"]) == 7


def test_an_article_that_takes_too_long_does_not_keep_others_from_being_computed(
    seven_marked: psycopg.Connection,
) -> None:
    spoil(seven_marked, "perform pg_sleep(60)", "a2")
    with pytest.raises(
        ArticlesFailedError,
        match=r"1 article .* 'a2' \(canceling statement due to statement timeout\)",
    ):
        recompute_dirty(seven_marked, max_statement_seconds=1)
    assert marked(seven_marked) == ["a2", "a2"]
    assert len(figures(seven_marked)["article_abuse"]) == 6
    assert seven_marked.execute("show statement_timeout").fetchone() == ("0",)


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("raise insufficient_privilege", psycopg.errors.InsufficientPrivilege),
        ("raise disk_full", psycopg.errors.DiskFull),
        ("perform pg_terminate_backend(pg_backend_pid())", psycopg.OperationalError),
    ],
    ids=["right", "disk", "connection"],
)
def test_what_is_no_articles_fault_ends_the_run_and_all_marks_stay(
    seven_marked: psycopg.Connection, database_url: str, what: str, error: type[psycopg.Error]
) -> None:
    spoil(seven_marked, what, "a0")
    with psycopg.connect(database_url, autocommit=True) as runner, pytest.raises(error):
        recompute_dirty(runner)
    assert len(marked(seven_marked)) == 14
    assert figures(seven_marked) == NOTHING


def test_a_mark_committed_while_a_run_waits_for_the_lock_is_not_lost(
    newsroom: Newsroom, database_url: str
) -> None:
    connection = newsroom.connection
    newsroom.comment("c1", "05-01 12:00")
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    with (
        psycopg.connect(database_url, autocommit=True) as runner,
        psycopg.connect(database_url) as writer,
    ):
        writer.execute(METRICS_LOCK)
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


def _shard(connection: psycopg.Connection, article: str) -> int:
    row = connection.execute("select abs(mod(hashtext(%s), %s))", [article, SHARDS]).fetchone()
    assert row is not None
    return int(row[0])


def test_rebuilds_share_the_work_but_no_article_is_computed_by_two_at_once(
    newsroom: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = newsroom.connection
    articles = [f"article-{number}" for number in range(40)]
    for article in articles:
        newsroom.comment("c1", "05-01 12:00", article=article)
    shards = {article: _shard(connection, article) for article in articles}
    held = shards[articles[0]]
    assert set(shards.values()) > {held}
    with (
        psycopg.connect(database_url, autocommit=True) as runner,
        psycopg.connect(database_url, autocommit=True) as helper,
        psycopg.connect(database_url) as other,
    ):
        # As another rebuild that works on one shard.
        other.execute(SHARED_METRICS_LOCK)
        lock(other, shard_lock("articles", held))
        run = threading.Thread(
            target=rebuild_all, args=(runner,), kwargs={"bucket": 4, "helpers": [helper]}
        )
        # The held shard comes first: only the other connection can get past it.
        monkeypatch.setattr("random.randrange", lambda _: sorted(set(shards.values())).index(held))
        run.start()
        expected = sum(shard != held for shard in shards.values())
        wait_until(
            lambda: (
                connection.execute("select count(*) from metrics.article_engagement").fetchone()
                == (expected,)
            ),
            30,
            lambda: "the other shards were not computed",
        )
        newsroom.comment("c2", "05-01 12:01", article=articles[0])
        other.commit()
        run.join(30)
        assert not run.is_alive()
    assert newsroom.engagement(articles[0])["comments_submitted"] == 2
    assert connection.execute("select count(*) from metrics.article_engagement").fetchone() == (
        len(articles),
    )


def test_each_bucket_is_planned_for_itself_however_many_a_session_has_computed(
    newsroom: Newsroom,
) -> None:
    connection = newsroom.connection
    for number in range(15):
        newsroom.comment(f"c{number}", "05-01 12:00")
        connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
        recompute_dirty(connection)
    # The driver has prepared them, and after five executions Postgres may keep a plan.
    kept = connection.execute(
        "select left(statement, 60), generic_plans from pg_prepared_statements"
        " where statement ~ '^insert into comput' and cardinality(parameter_types) > 0"
    ).fetchall()
    assert kept
    assert [each for each in kept if each[1]] == []


WINDOW = """
insert into discussion.windows (article_id, opens_at, closes_at, state, reason, has_gaps)
values (%s, %s, %s::timestamptz + interval '14 days', 'open', 'rule', false)
on conflict (article_id) do update
set opens_at = excluded.opens_at, closes_at = excluded.closes_at
"""


def test_articles_of_one_week_are_computed_together_in_the_order_of_their_publication(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = newsroom.connection
    published = {
        f"{letter}-{week}": f"2026-05-{day} 10:00+00"
        for week, days in (("first", ("08", "07", "09")), ("second", ("16", "14", "15")))
        for letter, day in zip("abc", days, strict=True)
    }
    for article, at in published.items():
        newsroom.comment("c1", "05-20 12:00", article=article)
        connection.execute(WINDOW, [article, at, at])
    buckets: list[list[str]] = []
    monkeypatch.setattr(
        "below_the_line.metrics.rebuild.compute_articles",
        lambda _, articles, __: buckets.append(list(articles)),
    )
    rebuild_all(connection, bucket=3)
    assert sorted(buckets) == [
        ["b-first", "a-first", "c-first"],
        ["b-second", "c-second", "a-second"],
    ]
    assert ranges(connection, Selection(), max_ranges=2) == [
        ("a-first", "b-first"),
        ("b-second", "c-second"),
    ]


def test_what_is_published_at_another_time_meanwhile_is_left_to_the_run_that_its_mark_starts(
    newsroom: Newsroom, database_url: str
) -> None:
    connection = newsroom.connection
    for article in ("a", "b"):
        newsroom.comment("c1", "05-08 12:00", article=article)
        connection.execute(WINDOW, [article, *["2026-05-08 10:00+00"] * 2])
    with (
        psycopg.connect(database_url, autocommit=True) as runner,
        psycopg.connect(database_url) as other,
    ):
        other.execute(METRICS_LOCK)
        rebuild = threading.Thread(target=rebuild_all, args=(runner,))
        rebuild.start()
        _until_waiting(connection, runner.info.backend_pid)
        # Another rebuild may be computing it now, under the lock of its new shard.
        connection.execute(WINDOW, ["a", *["2026-05-15 10:00+00"] * 2])
        connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
        other.commit()
        rebuild.join(30)
        assert not rebuild.is_alive()
    computed = "select article_id from metrics.article_engagement order by article_id"
    assert connection.execute(computed).fetchall() == [("b",)]
    recompute_dirty(connection)
    assert connection.execute(computed).fetchall() == [("a",), ("b",)]


def test_of_two_rebuilds_that_meet_one_article_the_later_one_computes_it_again(
    newsroom: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = newsroom.connection
    newsroom.comment("c1", "05-08 12:00")
    connection.execute(WINDOW, ["a", *["2026-05-08 10:00+00"] * 2])
    write, has_written, may_go_on = statements.write, threading.Event(), threading.Event()
    with (
        psycopg.connect(database_url, autocommit=True) as first,
        psycopg.connect(database_url, autocommit=True) as second,
        ThreadPoolExecutor(2) as pool,
    ):

        def write_and_wait(
            worker: psycopg.Connection, table: str, parameters: Mapping[str, Any]
        ) -> None:
            write(worker, table, parameters)
            if worker is first and not has_written.is_set():
                has_written.set()
                assert may_go_on.wait(30)

        monkeypatch.setattr(statements, "write", write_and_wait)
        rebuilds = [pool.submit(rebuild_all, first)]
        assert has_written.wait(30)
        # Published in another week: another shard, which nobody has locked.
        connection.execute(WINDOW, ["a", *["2026-05-15 10:00+00"] * 2])
        newsroom.comment("c2", "05-08 13:00")
        rebuilds.append(pool.submit(rebuild_all, second))
        _until_waiting(connection, second.info.backend_pid)
        may_go_on.set()
        assert [rebuild.result(30).articles for rebuild in rebuilds] == [1, 1]
    assert newsroom.engagement()["comments_submitted"] == 2
    assert drift(connection, None, time_zone="UTC") == []


def test_a_run_waits_for_rebuilds_and_rebuilds_for_a_run(
    newsroom: Newsroom, database_url: str
) -> None:
    connection = newsroom.connection
    newsroom.comment("c1", "05-01 12:00")
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    for work, held in (
        (recompute_dirty, SHARED_METRICS_LOCK),
        (rebuild_all, METRICS_LOCK),
    ):
        with (
            psycopg.connect(database_url, autocommit=True) as runner,
            psycopg.connect(database_url) as other,
        ):
            other.execute(held)
            run = threading.Thread(target=work, args=(runner,))
            run.start()
            _until_waiting(connection, runner.info.backend_pid)
            other.commit()
            run.join(30)
            assert not run.is_alive()
    assert newsroom.engagement()["comments_submitted"] == 1


def test_no_day_is_computed_by_two_at_once(newsroom: Newsroom, database_url: str) -> None:
    connection = newsroom.connection
    newsroom.article_as_published_at("01-02 10:00")
    for day in ("01-03", "06-03"):
        newsroom.comment(f"of {day}", f"{day} 12:00")
    held = connection.execute(
        "select mod((date '2026-01-03' - date '1970-01-01') / 32, %s)", [SHARDS]
    ).fetchone()
    assert held is not None
    with (
        psycopg.connect(database_url, autocommit=True) as runner,
        psycopg.connect(database_url, autocommit=True) as helper,
        psycopg.connect(database_url) as other,
    ):
        lock(other, shard_lock("days", held[0]))
        run = threading.Thread(target=rebuild_all, args=(runner,), kwargs={"helpers": [helper]})
        run.start()
        days = "select day::text from metrics.site_daily order by day"
        wait_until(
            lambda: connection.execute(days).fetchall() == [("2026-06-03",)],
            30,
            lambda: "no other day came",
        )
        _until_waiting(connection, runner.info.backend_pid, helper.info.backend_pid)
        assert connection.execute(days).fetchall() == [("2026-06-03",)]
        other.commit()
        run.join(30)
        assert not run.is_alive()
        assert connection.execute(days).fetchall() == [("2026-01-03",), ("2026-06-03",)]


def test_a_run_does_not_wait_for_who_waits_for_a_shard(
    newsroom: Newsroom, database_url: str
) -> None:
    connection = newsroom.connection
    newsroom.comment("c1", "05-01 12:00")
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    with (
        psycopg.connect(database_url, autocommit=True) as runner,
        psycopg.connect(database_url) as other,
    ):
        lock(other, shard_lock("articles", _shard(connection, "a")))
        rebuild = threading.Thread(target=rebuild_all, args=(runner,))
        rebuild.start()
        _until_waiting(connection, runner.info.backend_pid)
        assert recompute_dirty(connection).articles == 1
        other.commit()
        rebuild.join(30)
        assert not rebuild.is_alive()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where a shell started the tests in the background and
    had it ignored.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_who_interrupts_a_rebuild_need_not_wait_for_its_connections(
    newsroom: Newsroom, database_url: str
) -> None:
    newsroom.comment("c1", "05-01 12:00")
    with (
        psycopg.connect(database_url, autocommit=True) as runner,
        psycopg.connect(database_url, autocommit=True) as helper,
        psycopg.connect(database_url) as other,
    ):
        other.execute(METRICS_LOCK)

        def interrupt() -> None:
            _until_waiting(newsroom.connection, runner.info.backend_pid, helper.info.backend_pid)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            rebuild_all(runner, helpers=[helper])
        assert (
            runner.info.transaction_status
            == helper.info.transaction_status
            == TransactionStatus.IDLE
        )
        other.commit()
        assert rebuild_all(runner, helpers=[helper]).articles == 1


def _until_waiting(connection: psycopg.Connection, *backend_pids: int) -> None:
    """Until one of these sessions waits for a lock."""

    def waiting() -> bool:
        row = connection.execute(
            "select coalesce(bool_or(wait_event_type = 'Lock'), false) from pg_stat_activity where"
            " pid = any(%s)",
            [list(backend_pids)],
        ).fetchone()
        return row == (True,)

    wait_until(waiting, 30, lambda: "the run never waited for the lock")
