"""The map of personal data (sql/personal-data.yaml) is complete. In a day of one person all that is
theirs is a text of its own. Before the erasure each place of the map has one of these texts, and no
other place has; after it none is anywhere.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import kafka
import psycopg
import pytest

from below_the_line.accounting.hourly_audit import AuditFailedError, audit_and_record
from below_the_line.catalogue import load_contracts, topics
from below_the_line.closing.outbox import publish_outbox
from below_the_line.closing.windows import apply_windows
from below_the_line.erasing.erasures import Person
from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.recording import record
from below_the_line.erasing.search_terms import Term
from below_the_line.erasing.verification import Verification, search_database, search_files
from below_the_line.erasing.wiping import carry_out_all
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.options import kafka_options
from below_the_line.kafka.producer import Publisher
from below_the_line.metrics.definitions import TABLES as METRIC_TABLES
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.personal_data import columns
from below_the_line.quality import gate
from below_the_line.quality.checks import checks
from below_the_line.settings import Settings
from consumers.adapters.dead_letters import discard
from consumers.core.dead_letters import Selection
from consumers.redrive import redrive
from tests import person
from tests.commands import Btl
from tests.integration.test_monitoring import ask, free_port
from tests.pipeline import Pipeline, wait_until
from tests.redrive import broken_contracts, load, rejecting
from tests.sql.newsroom import t
from tests.traces import Marks, Places, as_json, database_texts, file_texts, in_places

pytestmark = pytest.mark.stack

KEY = "a key of this test alone"
PAGES = ("/metrics", "/readyz", "/healthz")
TRANSIENT = "subject"
"""The class of ids that are kept only while an erasure is carried out."""


class Day:
    """The day, in a database and a state folder of its own."""

    def __init__(self, pipeline: Pipeline, connection: psycopg.Connection, folder: Path) -> None:
        self.pipeline, self.connection, self.folder = pipeline, connection, folder
        self.settings = Settings.model_validate(
            {**pipeline.settings().model_dump(exclude_defaults=True), "erasure_key": KEY}
        )
        self.marks = person.new_marks()
        self.port = free_port()
        self.sent = 0

    def send(self, outgoing: list[Outgoing]) -> None:
        with Publisher(self.settings) as publisher:
            for each in outgoing:
                publisher.send(each)
        self.sent += len(outgoing)

    def ingested(self) -> None:
        self.pipeline.wait_for_records(self.connection, self.sent)

    def places(self) -> Places:
        """Everything that can be read, but the input topics."""
        found = in_places(database_texts(self.connection), self.marks)
        found |= in_places(file_texts(self.folder), self.marks)
        found |= in_places(file_texts(Path(os.environ["BTL_TEST_HOME"]) / "logs"), self.marks)
        return found | in_places(((page, ask(self.port, page)[1]) for page in PAGES), self.marks)


def live(day: Day, btl: Btl) -> None:
    """All that happens before somebody asks to be forgotten."""
    connection, marks, pipeline = day.connection, day.marks, day.pipeline
    events, now = person.events(marks), int(time.time() * 1_000)
    person.add_digests(marks, events, now)
    day.send(events)
    day.send(person.bad_records(marks))
    day.ingested()
    # The breaker trips: a person reads why, and accepts.
    day.send(person.flood(marks))

    def tripped() -> list[tuple[int, str]]:
        return connection.execute(
            "select partition, status_detail from ingest.partition_offsets where status = 'tripped'"
        ).fetchall()

    wait_until(lambda: tripped() and "tripped" in ask(day.port, "/readyz")[1], 30)
    ((partition, detail),) = tripped()
    assert "schema_violation" in detail
    assert in_places([("breaker", detail), ("/readyz", ask(day.port, "/readyz")[1])], marks) == {}
    btl("breaker", "accept", "comment-events", str(partition))
    assert btl.exit_code == 0, btl.stdout + btl.stderr
    day.ingested()
    # Dead letters of the database, ones that were redriven, and ones that were discarded.
    again = list(person.records([each for each in events if each.topic != "articles"], now))
    for number, decode in enumerate((broken_contracts().decode, rejecting(
        "rejected_by_database", "database")), 1):  # fmt: skip
        ids = {topic.name: UUID(int=100 * number) for topic in topics()}
        load(pipeline.database_url, again, decode, group="another", topic_ids=ids)
    summary = redrive(
        pipeline.database_url,
        "another",
        load_contracts(),
        Selection.parse(codes=["schema_violation"], event_type="comment.posted.v1"),
    )
    assert summary.redriven >= 4
    assert discard(connection, Selection.parse(codes=["key_mismatch"])) == {"key_mismatch": 1}
    # Closing, metrics, quality, audit.
    connection.execute("insert into ingest.dirty_windows (article_id) values (%s)", ["harbour"])
    apply_windows(connection, t("06-01 00:00"))
    publish_outbox(connection, day.settings)
    recompute_dirty(connection)
    # A comment has a decision without its event now, which the checks show.
    connection.execute("delete from discussion.moderation_decisions")
    keep_quality_results(connection)
    with suppress(AuditFailedError):
        audit_and_record(connection, day.settings)
    # As a run of metrics leaves it that was killed.
    connection.execute("insert into ingest.dirty_reporters (user_id) values (%s)", [marks["user"]])
    connection.execute("analyze")


def keep_quality_results(connection: psycopg.Connection) -> None:
    """Keep the results of all checks with their examples, as the gate does. Without Great
    Expectations, which takes long and keeps counts only.
    """
    found = [
        gate._with_examples(connection, gate.Result(check, False, None, ())) for check in checks()
    ]
    assert any(result.examples for result in found)
    gate._store(connection, "of the day", datetime.now(UTC), found)


def erase(day: Day) -> None:
    key = ErasureKey(KEY)
    people = [Person("user", day.marks["user"]), Person("reporter", day.marks["anonymous"])]
    asked = record(day.connection, key, people, None, "command", "somebody")
    assert len(carry_out_all(day.connection, key, asked.pending)) == len(people)


def verified(day: Day) -> set[str]:
    """The places in which the search of `btl erase --verify` finds something."""
    terms = [
        Term(name, text, is_id=name in ("user", "anonymous"))
        for name, text in day.marks.texts.items()
    ]
    found = Verification()
    search_database(day.connection, terms, found)
    search_files(day.folder, terms, found, left_out={})
    assert found.not_searched == []
    return {each.where for each in found.remains}


def in_topic(day: Day) -> set[str]:
    """What of the person is in the records that this test has sent."""
    consumer = kafka.KafkaConsumer(**kafka_options(day.settings), enable_auto_commit=False)
    consumer.assign(list(day.pipeline.starts))
    for partition, start in day.pipeline.starts.items():
        consumer.seek(partition, start)
    found: set[str] = set()
    read = 0
    while read < day.sent:
        for records in consumer.poll(timeout_ms=200).values():
            read += len(records)
            for each in records:
                found |= day.marks.found_in(f"{each.key!r} {each.value!r}")
    consumer.close()
    return found


@pytest.fixture
def day(pipeline: Pipeline, connection: psycopg.Connection, tmp_path: Path) -> Iterator[Day]:
    pipeline.environment["BTL_ERASURE_KEY"] = KEY
    made = Day(pipeline, connection, tmp_path)
    with pipeline.consumer(BTL_HTTP_PORT=str(made.port)):
        wait_until(lambda: ask(made.port, "/healthz")[0] == 200, 30, pipeline.consumer_logs)
        yield made


def test_the_map_is_complete_and_after_an_erasure_nothing_is_left(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, marks = day.connection, day.marks
    btl = Btl(day.settings, monkeypatch)
    live(day, btl)
    before = day.places()
    named = {
        f"{table}.{column}"
        for table, of_table in columns().items()
        for column, of_class in of_table.items()
        if of_class.is_erased and of_class.name != TRANSIENT
    }
    assert named - before.keys() == set(), "this day does not reach these places of the map"
    tables = {f"{table}.{column}" for table, of in columns().items() for column in of}
    assert {place: what for place, what in before.items() if place in tables - named} == {}
    views = {"discussion.discussion_thread", "discussion.moderation_queue", "ingest.kept_versions"}
    assert {
        place
        for place in before.keys() - named
        if not place.startswith("statistics of ") and place.rpartition(".")[0] not in views
    } == set(), "a place that is on no map"
    assert {*marks.texts} <= {name for what in before.values() for name in what}

    # `btl erase --verify` finds what is found here, and knows no map either.
    assert verified(day) == {
        place.replace("statistics of", "pg_stats of")
        for place, what in before.items()
        if what & marks.texts.keys() and place.removeprefix("statistics of ") in tables
    }

    erase(day)
    recompute_dirty(connection)
    # The same records again bring nobody back.
    day.send(person.events(marks))
    day.ingested()
    recompute_dirty(connection)
    for table in METRIC_TABLES:
        btl("export", table, "-o", str(day.folder / f"{table}.csv"))
        assert btl.exit_code == 0, btl.stdout + btl.stderr
    btl("archive", "export", "--output", str(day.folder / "archive"))
    assert btl.exit_code == 0, btl.stdout + btl.stderr
    shown = {
        " ".join(command): btl(*command)
        for command in (
            ("explain", "comment", "first", "--article", person.ARTICLE, "--json"),
            ("explain", "comment", "of-another", "--article", person.ARTICLE),
            ("thread", person.ARTICLE, "--json"),
            ("queue", "--json"),
            ("dead-letters", "list", "--status", "discarded", "--json"),
            ("discussion", person.ARTICLE, "--json"),
        )
    }
    left = day.places() | in_places(shown.items(), marks)
    assert not left, "\n".join(f"{place}: {sorted(what)}" for place, what in sorted(left.items()))
    assert verified(day) == set()
    # The one exception, with its end.
    assert marks.texts.keys() <= in_topic(day)
    (topic,) = (each for each in topics() if each.name == "comment-events")
    assert 0 < int(topic.config["retention.ms"]) <= 30 * 24 * 3_600_000

    leave_something(connection, marks)
    assert day.places() == {
        "discussion.comment_edits.body": {"edit"},
        "ingest.dead_letters.record_value": {"user"},
        "metrics.article_abuse.most_active": {"name"},
    }


def leave_something(connection: psycopg.Connection, marks: Marks) -> None:
    """What a faulty erasure could leave is found: an edit, a dead letter, a column of tomorrow."""
    connection.execute(
        "update discussion.comment_edits set body = %s where body = ''", [marks["edit"]]
    )
    connection.execute(
        "update ingest.dead_letters set record_value = %s where code = 'key_mismatch'",
        [as_json({"user_id": marks["user"]})],
    )
    connection.execute("alter table metrics.article_abuse add column most_active text")
    connection.execute("update metrics.article_abuse set most_active = %s", [marks["name"]])
