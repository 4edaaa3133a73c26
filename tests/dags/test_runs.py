"""The DAGs run: by Airflow's own command, against real services; and the trigger wakes them."""

import contextlib
import json
import os
import queue
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest

from below_the_line.closing.barrier import input_logs, take_barrier
from below_the_line.erasing import requests
from below_the_line.erasing.erasures import Person
from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.recording import record
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.producer import Publisher
from below_the_line.partitions import PartitionLog
from below_the_line.settings import Settings
from below_the_line.site_settings import establish
from tests.announcements import statuses
from tests.dags.conftest import ERASURE_KEY, Dags, connection_json
from tests.pipeline import wait_until
from tests.redrive import comments, digest, load, rejecting
from tests.simulated_year import Site
from tests.sql.newsroom import Newsroom, t
from tests.sql.test_recompute import figures

pytestmark = [pytest.mark.stack, pytest.mark.airflow]


def test_both_dags_run_and_their_tables_fill(
    dags: Dags,
    connection: psycopg.Connection,
    kafka_bootstrap: str,
) -> None:
    newsroom = Newsroom(connection)
    newsroom.publish("01-01 10:00")
    newsroom.comment("c1", "01-01 12:00")
    newsroom.comment("late", "01-20 12:00")
    # An earlier run announced that it opened.
    newsroom.close("01-02 00:00")
    connection.execute("insert into ingest.dirty_windows (article_id) values ('a')")
    consumers_at_the_end(connection, kafka_bootstrap)

    assert "now_closed" in dags.run("close_discussions")
    assert (newsroom.window()["state"], newsroom.window()["closed_at"]) == (
        "closed",
        t("01-15 10:00"),
    )
    passed = connection.execute(
        "select taken_at, applied_at is not null from ingest.barriers"
    ).fetchall()
    assert [row[1] for row in passed] == [True]
    # What happened months ago is written down, but not sent.
    assert statuses(connection) == {"sent": 1, "suppressed": 2}

    dags.run("article_metrics")
    row = newsroom.engagement()
    assert (row["comments_published"], row["late_comments"], row["state"]) == (1, 1, "closed")
    assert row["watermark"] == passed[0][0]
    assert connection.execute("select count(*) from ingest.dirty_articles").fetchone() == (0,)


def test_runs_for_past_intervals_leave_the_rows_that_any_run_leaves(
    dags: Dags,
    connection: psycopg.Connection,
    kafka_bootstrap: str,
) -> None:
    newsroom = Newsroom(connection)
    newsroom.publish("01-01 10:00")
    newsroom.comment("late", "01-20 12:00")
    newsroom.close("01-02 00:00")
    consumers_at_the_end(connection, kafka_bootstrap)
    query = (
        "select to_jsonb(w) from discussion.windows as w union all select to_jsonb(o) - 'sent_at'"
        " from ingest.outbox as o"
    )

    dags.run("close_discussions", "2026-01-10T00:00:00+00:00")
    rows = connection.execute(query).fetchall()
    assert newsroom.window()["state"] == "closed"
    dags.run("close_discussions", "2026-01-05T00:00:00+00:00")
    assert connection.execute(query).fetchall() == rows
    cut_offs = connection.execute(
        "select cut_off from ingest.barriers order by barrier_id"
    ).fetchall()
    assert len(cut_offs) == 2
    assert cut_offs[0] < cut_offs[1]


def test_what_is_pending_is_sent_also_when_the_barrier_fails_and_the_run_fails_all_the_same(
    dags: Dags,
    connection: psycopg.Connection,
    kafka_bootstrap: str,
) -> None:
    newsroom = Newsroom(connection)
    newsroom.publish("01-01 10:00")
    newsroom.close("01-02 00:00")
    consumers_at_the_end(connection, kafka_bootstrap)
    connection.execute(
        "update ingest.partition_offsets set next_offset = 0, status = 'stopped', status_detail ="
        " 'a gap'"
    )
    # So that there is a record that nobody has read.
    with Publisher(Settings(kafka_bootstrap=kafka_bootstrap)) as publisher:
        publisher.send(Outgoing("comment-events", b"a", b"no event"))
    printed = dags.fail("close_discussions")
    assert "Discussions can't be closed" in printed
    assert statuses(connection) == {"sent": 1}


def consumers_at_the_end(connection: psycopg.Connection, kafka_bootstrap: str) -> None:
    """As if the consumers had read everything: the broker is shared with other tests."""
    logs = input_logs(Settings(kafka_bootstrap=kafka_bootstrap))
    for (topic, partition), log in logs.items():
        connection.execute(
            "insert into ingest.partition_offsets (consumer_group, topic, partition, topic_id,"
            " next_offset, epoch) values ('dag-tests', %s, %s, %s, 1000000000000, 1)",
            [topic, partition, log.topic_id],
        )


ZONE = "Europe/Vienna"


@pytest.fixture
def counted(connection: psycopg.Connection) -> Newsroom:
    """Two articles with comments on three days of Vienna, all computed; some of those days begin on
    another in UTC.
    """
    newsroom = Newsroom(connection)
    for article in ("a", "b"):
        newsroom.publish("01-01 10:00", article=article)
        connection.execute(
            "insert into discussion.articles (article_id, site, section) values (%s, 'daily', %s)",
            [article, article],
        )
        for number, at in enumerate(("01-03 22:30", "01-03 23:30", "01-05 12:00")):
            newsroom.comment(f"c{number}", at, article=article, user=f"u{number}")
        newsroom.report("p1", "01-05 13:00", article=article)
    newsroom.close("02-01 00:00")
    newsroom.compute(ZONE)
    return newsroom


def test_a_rebuild_takes_its_articles_from_the_form(dags: Dags, counted: Newsroom) -> None:
    dags = dags.where(BTL_SITE_TIMEZONE=ZONE)
    before = figures(counted.connection)
    counted.connection.execute("update metrics.article_abuse set rejected = 7")
    counted.connection.execute("update metrics.article_hourly set late = 7")

    # By its former name, too.
    dags.run("rebuild_metrics", ids=["b"], published_since="2026-01-01T00:00:00Z", buckets=2)
    assert (counted.abuse("a")["rejected"], counted.abuse("b")["rejected"]) == (7, 0)

    counted.connection.execute("update metrics.site_daily set comments = 7")
    dags.run("rebuild_metrics", buckets=2)
    assert figures(counted.connection) == before


@pytest.mark.parametrize(
    ("dag_id", "params", "says"),
    [
        ("rebuild_metrics", {"articles": ["a", "bee"]}, "No event has named this article: 'bee'"),
        ("rebuild_metrics", {"article_ids": ["a"]}, "(did you mean 'articles'?). It has these:"),
        ("rebuild_metrics", {"ids": ["a"], "articles": ["a"]}, "is the former name of 'articles'"),
        ("rebuild_metrics", {"ids": "a"}, "Parameter 'ids': 'a' is not of type"),
        ("redrive_dead_letters", {"since": "2026-13-01T00:00:00Z"}, "is not a time"),
        ("redrive_dead_letters", {"dry-run": True}, "'dry-run' (did you mean 'dry_run'?)"),
        ("daily_metrics", {"from": "2026-01-03"}, "Only the first day was given: 2026-01-03"),
        ("data_quality", {"ids": ["a"]}, "This DAG has no parameter 'ids'. It has none."),
    ],
)
def test_what_no_retry_makes_right_fails_at_once(
    dags: Dags, counted: Newsroom, dag_id: str, params: dict[str, object], says: str
) -> None:
    before = figures(counted.connection)
    printed = dags.fail(dag_id, **params)
    assert says in printed
    assert "AirflowFailException" in printed
    assert figures(counted.connection) == before


def test_a_rebuild_of_nothing_does_no_harm(dags: Dags, counted: Newsroom) -> None:
    dags = dags.where(BTL_SITE_TIMEZONE=ZONE)
    before = figures(counted.connection)
    dags.run("rebuild_metrics", published_since="2030-01-01T00:00:00Z")
    assert figures(counted.connection) == before


def test_days_of_the_past_are_computed_anew_to_identical_rows(
    dags: Dags, counted: Newsroom
) -> None:
    dags = dags.where(BTL_SITE_TIMEZONE=ZONE)
    connection = counted.connection
    days: LiteralString = (
        "select to_jsonb(d) from metrics.section_daily as d"
        " union all select to_jsonb(d) from metrics.site_daily as d"
        " union all select to_jsonb(d) from metrics.article_daily as d order by 1"
    )
    before, rows = figures(connection), connection.execute(days).fetchall()
    for table in ("section_daily", "site_daily", "article_daily"):
        connection.execute(f"update metrics.{table} set comments = comments + 7".encode())
    connection.execute("delete from metrics.site_daily where day = '2026-01-04'")
    dags.run("daily_metrics", **{"from": "2026-01-03", "to": "2026-01-05"})
    assert figures(connection) == before
    assert len(connection.execute(days).fetchall()) == len(rows)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna", "America/New_York", "Pacific/Auckland"])
def test_a_run_without_dates_computes_yesterday_of_the_site(
    dags: Dags, connection: psycopg.Connection, zone: str
) -> None:
    newsroom = Newsroom(connection)
    midnight = datetime.now(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = midnight.date() - timedelta(days=1)
    for article, minutes in (("a", -24 * 60 - 30), ("b", -30), ("c", 30)):
        newsroom.article_as_published_at("01-01 10:00", article=article)
        newsroom.comment("c1", "01-01 12:00", article=article)
        connection.execute(
            "update discussion.comments set posted_at = %s where article_id = %s",
            [midnight.astimezone(UTC) + timedelta(minutes=minutes), article],
        )
    newsroom.compute(zone)
    wrong: LiteralString = "update metrics.site_daily set comments = 7"
    assert connection.execute(wrong).rowcount == 3
    # Airflow's own environment says nothing: the database does.
    establish(connection, {"site_timezone": zone, "consumer_group": "dag-tests"})
    dags.run("daily_metrics")
    counted: LiteralString = "select day, comments from metrics.site_daily order by day"
    assert connection.execute(counted).fetchall() == [
        (yesterday - timedelta(days=1), 7),
        (yesterday, 1),
        (yesterday + timedelta(days=1), 7),
    ]


def test_a_redrive_takes_its_filters_from_the_form(
    dags: Dags,
    database_url: str,
    connection: psycopg.Connection,
) -> None:
    refused = {1: rejecting("unknown_type", "envelope"), 2: rejecting("not_json", "decode")}
    load(database_url, comments(9), lambda each: refused.get(each.offset, rejecting())(each))
    connection.execute("update ingest.dead_letters set event_id = 'e'")
    changes = (
        *("topic = 'other'", "record_key = 'a2'", "record_timestamp = '2020-01-01'"),
        *("source = '/other'", "event_type = 'other'", "event_id = 'other'"),
    )
    for offset, change in enumerate(changes, 3):
        connection.execute(
            f"update ingest.dead_letters set {change} where record_offset = {offset}".encode()
        )
    filters = {
        "code": ["schema_violation", "unknown_type"],
        "topic": "comment-events",
        "article": "a1",
        "since": "2026-05-31T00:00:00+00:00",
        "until": "2026-07-01T00:00:00Z",
        "source": "/test",
        "event_type": "comment.posted.v1",
        "event_id": "e",
    }
    before = digest(connection)
    assert "'schema_violation → valid': 1" in dags.run(
        "redrive_dead_letters", **filters, dry_run=True
    )
    assert digest(connection) == before
    assert "'redriven': 2" in dags.run("redrive_dead_letters", **filters)
    assert connection.execute(
        "select record_offset from ingest.dead_letters where status = 'redriven' order by 1"
    ).fetchall() == [(0,), (1,)]
    assert connection.execute("select count(*) from discussion.comments").fetchone() == (2,)


READER = "reader-4711"


def person_asked_for(connection: psycopg.Connection) -> int:
    """A comment of a reader, and the number of the request to erase the reader."""
    newsroom = Newsroom(connection)
    newsroom.publish("01-01 10:00")
    newsroom.comment("c1", "01-01 12:00", user=READER)
    (number,) = requests.add(connection, [Person("user", READER)], None, "ann")
    return number


def is_in_airflow(text: str, environment: dict[str, str]) -> bool:
    """Whether Airflow's metadata or logs hold a text."""
    home = Path(environment["AIRFLOW_HOME"])
    return any(text.encode() in each.read_bytes() for each in home.rglob("*") if each.is_file())


def test_an_erasure_is_given_a_number_and_airflow_never_sees_the_id(
    dags: Dags, connection: psycopg.Connection, airflow_environment: dict[str, str]
) -> None:
    number = person_asked_for(connection)
    author: LiteralString = "select user_id, first_body from discussion.comments"
    before = connection.execute(author).fetchall()
    # Nobody is asked in a dry run.
    assert "'discussion.comments': 1" in dags.run("erase_commenter", request=number, dry_run=True)
    assert connection.execute(author).fetchall() == before
    printed = dags.where(BTL_ERASURE_APPROVAL="off").run("erase_commenter", request=number)
    pseudonym = ErasureKey(ERASURE_KEY).pseudonym("user", READER)
    assert connection.execute(author).fetchall() == [(pseudonym, "")]
    assert requests.the_request(connection, number).state == "done"
    assert pseudonym[7:19] in printed
    assert READER not in printed
    assert is_in_airflow(pseudonym[7:19], airflow_environment)
    assert not is_in_airflow(READER, airflow_environment)


def test_a_request_that_nobody_made_fails_at_once_and_says_what_to_do(dags: Dags) -> None:
    assert "There is no request 7" in dags.fail("erase_commenter", request=7)
    assert "prints its number" in dags.fail("erase_commenter")


def test_an_erasure_is_approved_by_a_second_person(airflow_environment: dict[str, str]) -> None:
    cases = [
        ("ann", "Erase", "ben"),
        ("ann", "Do not erase", "ann"),
        (None, "Erase", "ann"),
        ("ann", "Erase", "ann"),
    ]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("approve.py")), json.dumps(cases)],
        env=airflow_environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    *decided, (error, message) = json.loads(done.stdout.splitlines()[-1])
    assert decided == [
        {"choice": "Erase", "by": "ben"},
        {"choice": "Do not erase", "by": "ann"},
        {"choice": "Erase", "by": "ann"},
    ]
    assert error == "AirflowFailException"
    assert "a second person must" in message


def test_erasures_that_are_recorded_only_are_carried_out(
    dags: Dags, connection: psycopg.Connection
) -> None:
    person_asked_for(connection)
    assert "'erasures': 0" in dags.where(BTL_ERASURE_KEY="").run("apply_erasures")
    record(connection, ErasureKey(ERASURE_KEY), [Person("user", READER)], None, "event", None)
    assert "BTL_ERASURE_KEY is not set" in dags.where(BTL_ERASURE_KEY="").fail("apply_erasures")
    assert "'discussion.comments': 1" in dags.run("apply_erasures")
    query: LiteralString = "select completed_at is not null, subject from ingest.erasures"
    assert connection.execute(query).fetchall() == [(True, None)]
    assert requests.pending(connection) == []


class Alerted(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    posted: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        self.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not to standard error."""


def test_a_failed_gate_says_what_is_wrong_in_its_log_and_to_the_webhook(
    dags: Dags,
    connection: psycopg.Connection,
    tmp_path: Path,
) -> None:
    newsroom = Newsroom(connection)
    newsroom.publish("01-01 10:00")
    newsroom.article_as_published()
    newsroom.comment("c1", "01-01 12:00")
    newsroom.close("01-02 00:00")
    newsroom.compute()
    connection.execute("update metrics.article_engagement set replies = 7")
    with ThreadingHTTPServer(("127.0.0.1", 0), Alerted) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hook = f"http://127.0.0.1:{server.server_port}/hook"
        printed = dags.where(BTL_QUALITY_HOME=str(tmp_path), BTL_ALERT_URL=hook).fail(
            "data_quality"
        )
        server.shutdown()
    assert "figures of an article's engagement contradict each other (1 row)" in printed
    (told,) = Alerted.posted
    assert (told["dag"], told["task"]) == ("data_quality", "check")
    assert "no figures become final" in told["message"]
    assert '"replies": 7' in told["message"]
    assert connection.execute(
        "select count(*) from metrics.quality_results where not success"
    ).fetchone() == (2,)
    assert (tmp_path / "docs" / "index.html").is_file()


def test_an_audit_run_keeps_what_it_saw(
    dags: Dags,
    connection: psycopg.Connection,
    kafka_bootstrap: str,
) -> None:
    consumers_at_the_end(connection, kafka_bootstrap)
    connection.execute(
        "update ingest.partition_offsets set next_offset = 0 where topic = 'articles'"
    )
    printed = dags.fail("ingest_audit")
    # The positions were made up: nothing in the ledger leads there.
    assert " attention:" in printed
    lines = connection.execute(
        "select distinct what from ingest.audit_results order by 1"
    ).fetchall()
    assert ("finding",) in lines
    assert ("lag",) in lines


def test_a_run_of_retention_deletes_what_is_old_here_and_in_airflow_and_announces_the_rest(
    dags: Dags,
    connection: psycopg.Connection,
    airflow_with_metadata: dict[str, str],
) -> None:
    site = Site(connection, datetime.now(UTC) - timedelta(days=60))
    site.live(60)
    connection.execute(
        "update ingest.dead_letters set dead_lettered_at = now() - interval '360 days'"
        " where status = 'open'"
    )
    home = Path(airflow_with_metadata["AIRFLOW_HOME"])
    old, new = (home / "logs" / f"{name}.log" for name in ("old", "new"))
    for path in (old, new):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    os.utime(old, times=(0, 0))
    address = airflow_with_metadata["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    metadata = address.removeprefix("sqlite:///")
    with closing(sqlite3.connect(metadata)) as rows:
        rows.execute("insert into log (dttm, event) values ('2020-01-01 00:00:00', 'old')")
        rows.execute("insert into log (dttm, event) values ('2100-01-01 00:00:00', 'new')")
        rows.commit()

    with ThreadingHTTPServer(("127.0.0.1", 0), Alerted) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Alerted.posted.clear()
        dags.where(
            BTL_ALERT_URL=f"http://127.0.0.1:{server.server_port}/hook",
            AIRFLOW_CONN_BTL_AIRFLOW=json.dumps({"conn_type": "generic", "password": address}),
        ).run("retention")
        server.shutdown()

    assert not any(site.retain(retention_open_dead_letters=365).values())
    assert site.audit().findings == ()
    (announced,) = Alerted.posted
    assert (announced["dag"], announced["task"]) == ("retention", "delete_old_rows")
    assert "open ones go within 7 days" in announced["message"]
    assert (old.exists(), new.exists()) == (False, True)
    with closing(sqlite3.connect(metadata)) as rows:
        found = rows.execute("select event from log where event in ('old', 'new')").fetchall()
    assert found == [("new",)]


def test_without_access_to_airflows_tables_retention_deletes_all_the_same(
    dags: Dags, connection: psycopg.Connection
) -> None:
    site = Site(connection, datetime.now(UTC) - timedelta(days=60))
    site.live(60)
    printed = dags.run("retention")
    assert "There is no Airflow connection 'btl_airflow'" in printed
    assert site.retain()["ledger"] == 0


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        ("consuming", "AirflowSensorTimeout: Discussions were not closed: after 1 s"),
        ("stopped", "AirflowFailException"),
    ],
)
def test_a_barrier_that_does_not_pass_fails_saying_which_partition_and_why(
    airflow_with_metadata: dict[str, str],
    with_services: dict[str, str],
    connection: psycopg.Connection,
    status: str,
    failure: str,
) -> None:
    # The barrier that an earlier look of this attempt took.
    barrier_id = take_barrier(
        connection,
        Settings(),
        attempt_id="attempt",
        run_id="run",
        read_logs=lambda _settings: {("comment-events", 3): PartitionLog(UUID(int=1), 0, 10)},
    )
    connection.execute(
        "insert into ingest.partition_offsets"
        " (consumer_group, topic, partition, topic_id, next_offset, epoch, status, status_detail)"
        " values (%s, 'comment-events', 3, %s, 9, 1, %s, 'the breaker tripped')",
        [Settings().consumer_group, UUID(int=1), status],
    )
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("wait_in_vain.py"))],
        env=airflow_with_metadata | with_services | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = next(line for line in result.stdout.splitlines() if line.startswith("FAILED"))
    assert failure in said, result.stdout + result.stderr
    assert "comment-events[3]: 1 behind (at 9 of 10" in said
    assert ("the breaker tripped" in said) == (status == "stopped")
    assert connection.execute(
        "select passed_at from ingest.barriers where barrier_id = %s", [barrier_id]
    ).fetchone() == (None,)


class Watcher:
    """The trigger in a process of its own, and the events that it printed."""

    def __init__(self, environment: dict[str, str], **arguments: Any) -> None:
        script = str(Path(__file__).with_name("watch_marks.py"))
        self.process = subprocess.Popen(
            [sys.executable, script, json.dumps(arguments)],
            env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._lines: queue.Queue[Any] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # Airflow may print a line of its own.
            with contextlib.suppress(ValueError):
                self._lines.put(json.loads(line))

    def next(self, seconds: float = 60) -> Any:
        """The next event; fails if there is none in time."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            pytest.fail(f"the trigger said nothing for {seconds} s")

    def is_silent(self, seconds: float) -> bool:
        """Whether no event comes for some seconds."""
        try:
            self._lines.get(timeout=seconds)
        except queue.Empty:
            return True
        return False

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def watcher(
    airflow_with_metadata: dict[str, str], with_services: dict[str, str]
) -> Iterator[Watcher]:
    """Looks without a notification only every ten minutes; what it sees sooner was notified."""
    opened = Watcher(airflow_with_metadata | with_services, recheck=600.0, min_gap=0.2)
    try:
        assert opened.next() == "watching"
        yield opened
    finally:
        opened.stop()


def test_the_trigger_wakes_on_a_notification_and_only_while_articles_are_marked(
    watcher: Watcher, connection: psycopg.Connection
) -> None:
    _until_listening(connection)
    connection.execute("notify btl_dirty")
    assert watcher.is_silent(1), "woke although no article is marked"
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    connection.execute("notify btl_dirty")
    assert watcher.next(10)["why"] == "notified"


def test_the_trigger_finds_marks_that_were_there_before_it_and_comes_back_after_a_lost_connection(
    airflow_with_metadata: dict[str, str],
    with_services: dict[str, str],
    connection: psycopg.Connection,
) -> None:
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    watcher = Watcher(airflow_with_metadata | with_services, recheck=600.0)
    try:
        assert watcher.next() == "watching"
        assert watcher.next(30)["why"] == "connected"
        _until_listening(connection)
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name ="
            " 'airflow marked articles trigger' and datname = current_database()"
        )
        assert watcher.next(30)["why"] == "connected"
    finally:
        watcher.stop()


def test_the_trigger_watches_again_once_it_may_and_says_meanwhile_that_it_may_not(
    airflow_with_metadata: dict[str, str],
    with_services: dict[str, str],
    connection: psycopg.Connection,
    as_role: Callable[[str], str],
) -> None:
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a')")
    connection.execute("revoke select on ingest.dirty_articles from btl_scheduler")
    scheduler = {"AIRFLOW_CONN_BTL": connection_json(as_role("btl_scheduler"))}
    watcher = Watcher(airflow_with_metadata | with_services | scheduler, recheck=1.0)
    try:
        assert watcher.next() == "watching"
        assert "Events do not start article_metrics (InsufficientPrivilege" in watcher.next(30)
        connection.execute("grant select on ingest.dirty_articles to btl_scheduler")
        while isinstance(said := watcher.next(30), str):
            assert "InsufficientPrivilege" in said
        assert said["why"] == "connected"
    finally:
        watcher.stop()


def _until_listening(connection: psycopg.Connection) -> None:
    def listening() -> bool:
        row = connection.execute(
            "select count(*) from pg_stat_activity where application_name = 'airflow marked"
            " articles trigger' and datname = current_database() and state = 'idle'"
        ).fetchone()
        return row == (1,)

    wait_until(listening, 30, lambda: "the trigger never listened")
