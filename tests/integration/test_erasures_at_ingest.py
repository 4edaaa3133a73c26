"""Erasures and batches that are under way at the same time, and the key that both need."""

import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from pydantic import SecretStr

from below_the_line.catalogue import load_contracts
from below_the_line.erasing.erasures import Person
from below_the_line.erasing.keys import ErasureKey
from below_the_line.erasing.recording import pending, record
from below_the_line.erasing.wiping import carry_out_all
from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings
from below_the_line.times import parse_time
from btl.archives.restoration import restore
from consumers.adapters.postgres import Store
from consumers.app import build_consumer
from consumers.core.dead_letters import Selection
from consumers.redrive import redrive
from tests.pipeline import wait_until
from tests.properties import model
from tests.properties.ingest import Process
from tests.properties.model import CloudEvent

pytestmark = pytest.mark.stack

KEY = ErasureKey("a key of the tests, long enough")
OTHER_KEY = ErasureKey("another key, long enough, too")
AT, ERASED_AT = "2026-05-04T10:00:00Z", parse_time("2026-05-05T00:00:00Z", "erased_at")
ABOUT = {"article_id": "a1", "comment_id": "c1"}
POSTING = CloudEvent(
    "comment.posted.v1",
    "posting",
    "/a",
    AT,
    {
        **ABOUT,
        "author": {"user_id": "u1", "display_name": "A name"},
        "body": "A text",
        "posted_at": AT,
    },
)
EDIT = CloudEvent(
    "comment.edited.v1", "edit", "/a", AT, {**ABOUT, "body": "Another text", "edited_at": AT}
)
DECISION = CloudEvent(
    "report.decided.v1",
    "decision",
    "/a",
    AT,
    {
        **ABOUT,
        "report_id": "r1",
        "decision": "upheld",
        "decided_by": "m1",
        "decided_at": AT,
        "explanation": "What a moderator wrote about the comment",
    },
)


def wish(event_id: str, erased_at: str, **person: str) -> CloudEvent:
    data = {**person, "erased_at": erased_at}
    return CloudEvent("commenter.erased.v1", event_id, "/site", "2026-05-06T10:00:00Z", data)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


def erase(connection: psycopg.Connection, user_id: str = "u1") -> None:
    record(connection, KEY, [Person("user", user_id)], ERASED_AT, "command", None)


def explanations(connection: psycopg.Connection) -> list[tuple[str | None]]:
    return connection.execute("select explanation from discussion.report_decisions").fetchall()


def test_a_posting_that_comes_after_its_edits_erases_them_with_it(
    database_url: str, connection: psycopg.Connection
) -> None:
    process = Process(database_url, [0], 0, KEY)
    with closing(process.store):
        process.write([(EDIT, 0), (DECISION, 0)])
        erase(connection)
        carry_out_all(connection, KEY, pending(connection))
        assert pending(connection) == []
        assert explanations(connection) == [(DECISION.data["explanation"],)]
        process.write([(POSTING, 0)])
    edits = connection.execute("select body, digest from discussion.comment_edits").fetchall()
    assert edits == [("", KEY.keyed(model.version(EDIT).digest))]
    comments = "select first_body, edited_body from discussion.comments"
    assert connection.execute(comments).fetchall() == [("", "")]
    assert explanations(connection) == [(None,)]


@pytest.mark.parametrize("first", ["the posting", "the decision"])
def test_a_decision_and_the_posting_that_erases_its_explanation_wait_for_each_other(
    database_url: str, connection: psycopg.Connection, first: str
) -> None:
    erase(connection)
    one, other = Process(database_url, [0], 0, KEY), Process(database_url, [1], 0, KEY)
    with closing(one.store), closing(other.store):
        events = [POSTING, DECISION] if first == "the posting" else [DECISION, POSTING]
        one.begin([(events[0], 0)])
        one.wait()
        begun = threading.Thread(target=other.begin, args=([(events[1], 0)],))
        begun.start()
        waiting = "select from pg_stat_activity where wait_event_type = 'Lock'"
        wait_until(
            lambda: connection.execute(waiting).fetchone() is not None or not begun.is_alive(), 10
        )
        one.finish()
        begun.join()
        other.finish()
    assert explanations(connection) == [(None,)]


def test_a_batch_in_flight_when_an_erasure_is_recorded_is_written_again_erased(
    database_url: str, connection: psycopg.Connection
) -> None:
    process = Process(database_url, [0], 0, KEY)
    with closing(process.store):
        process.begin([(POSTING, 0)])
        process.wait()
        erase(connection)
        assert process.finish() == (1, 1, 0)
    assert connection.execute(
        "select user_id, display_name, first_body, erased_at from discussion.comments"
    ).fetchall() == [(KEY.pseudonym("user", "u1"), "", "", ERASED_AT)]


def test_an_event_that_asks_to_forget_a_person_is_recorded_and_applies_to_its_own_batch(
    database_url: str, connection: psycopg.Connection
) -> None:
    process = Process(database_url, [0], 0, KEY)
    asked = wish("1", "2026-05-05T00:00:00Z", user_id="u1")
    with closing(process.store):
        assert process.write([(POSTING, 0), (asked, 0)]) == (2, 2, 0)
        (erasure,) = pending(connection)
        assert (erasure.pseudonym, erasure.subject) == (KEY.pseudonym("user", "u1"), "u1")
        assert erasure.erased_at == ERASED_AT
        origin = "select origin, requested_by from ingest.erasures"
        assert connection.execute(origin).fetchall() == [("event", "/site")]
        body = "select first_body from discussion.comments"
        assert connection.execute(body).fetchall() == [("",)]
        earlier = wish("2", "2026-05-04T00:00:00Z", user_id="u1")
        assert process.write([(asked, 0), (earlier, 0)]) == (2, 0, 2)
        assert pending(connection) == [erasure]
        later = wish("3", "2026-05-05T00:00:01Z", user_id="u1")
        assert process.write([(later, 0)]) == (1, 1, 0)
        assert process.write([(DECISION, 0)]) == (1, 1, 0)
    assert explanations(connection) == [(None,)]


def test_two_processes_that_record_at_once_know_each_other_s_erasures(
    database_url: str, connection: psycopg.Connection
) -> None:
    one, other = Process(database_url, [0], 0, KEY), Process(database_url, [1], 0, KEY)
    with closing(one.store), closing(other.store):
        one.begin([(wish("1", "2026-05-05T00:00:00Z", user_id="u1"), 0)])
        other.begin([(wish("2", "2026-05-05T00:00:00Z", user_id="u2"), 0), (POSTING, 0)])
        assert one.finish() == (1, 1, 0)
        assert other.finish() == (2, 2, 0)
    assert len(pending(connection)) == 2
    assert connection.execute("select first_body from discussion.comments").fetchall() == [("",)]


@pytest.mark.parametrize(
    ("key", "said"), [(None, "BTL_ERASURE_KEY is not set"), (OTHER_KEY, "is not the key that made")]
)
def test_without_the_key_of_the_erased_people_nothing_is_merged(
    database_url: str,
    kafka_bootstrap: str,
    connection: psycopg.Connection,
    key: ErasureKey | None,
    said: str,
) -> None:
    erase(connection)
    with pytest.raises(BelowTheLineError, match=said):
        redrive(database_url, "group", load_contracts(), Selection.parse(), erasure_key=key)
    with pytest.raises(BelowTheLineError, match=said):
        restore([], connection, database_url, erasure_key=key)
    store = Store(database_url, "group", erasure_key=key)
    with closing(store), pytest.raises(BelowTheLineError, match=said):
        store.connect()
    settings = Settings(
        database_url=SecretStr(database_url),
        kafka_bootstrap=kafka_bootstrap,
        erasure_key=None if key is None else SecretStr("another key, long enough, too"),
    )
    with pytest.raises(BelowTheLineError, match=said):
        build_consumer(settings)


def test_a_consumer_that_runs_without_the_key_stops_when_somebody_is_erased(
    database_url: str, connection: psycopg.Connection
) -> None:
    process = Process(database_url, [0], 0, None)
    with closing(process.store):
        process.begin([(POSTING, 0)])
        process.wait()
        erase(connection, "u2")
        with pytest.raises(BelowTheLineError, match="BTL_ERASURE_KEY is not set"):
            process.finish()
    assert connection.execute("select from discussion.comments").fetchall() == []
    other = Process(database_url, [1], 0, KEY)
    with closing(other.store):
        assert other.write([(POSTING, 0)]) == (1, 1, 0)


def test_an_event_that_asks_to_forget_a_person_needs_the_key(database_url: str) -> None:
    process = Process(database_url, [0], 0, None)
    with (
        closing(process.store),
        pytest.raises(BelowTheLineError, match="An event asks to forget a person, and"),
    ):
        process.begin([(wish("1", "2026-05-05T00:00:00Z", user_id="u1"), 0)])
