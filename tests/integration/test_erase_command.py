"""``btl erase``: what a person who erases sees, and what is left of the erased one."""

import json
from pathlib import Path

import psycopg
import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Record
from below_the_line.erasing import requests
from below_the_line.erasing.erasures import Person
from below_the_line.erasing.keys import ErasureKey
from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.settings import Settings
from tests.builders import record
from tests.commands import Btl
from tests.databases import Databases
from tests.redrive import digest, load, rejecting

pytestmark = pytest.mark.stack

KEY = "a key of tests, long enough"
READER = "reader-4711"
NAME, BODY, EDITED = "Walburga Öhm", "What an opinion that was", "On reflection it was not"


def event(kind: str, offset: int, **data: object) -> Record:
    return record(
        kind,
        {"article_id": "a1", "comment_id": "c1", **data},
        at=f"2026-05-01T10:{offset:02}:00Z",
        offset=offset,
        event_id=f"e{offset}",
    )


POSTED = {"display_name": NAME, "user_id": READER}
EVENTS = [
    event("comment.posted.v1", 0, author=POSTED, body=BODY, posted_at="2026-05-01T10:00:00Z"),
    event("comment.edited.v1", 1, body=EDITED, edited_at="2026-05-01T10:01:00Z"),
    event(
        "comment.reported.v1",
        2,
        report_id="r1",
        reporter={"user_id": READER},
        reason="spam",
        note="Please look",
        reported_at="2026-05-01T10:02:00Z",
    ),
    event(
        "reaction.added.v1",
        3,
        user_id=READER,
        reaction="like",
        reacted_at="2026-05-01T10:03:00Z",
    ),
    event(
        "comment.posted.v1",
        4,
        comment_id="c2",
        author={"user_id": "reader-47110", "display_name": "Somebody"},
        body="Another body",
        posted_at="2026-05-01T10:04:00Z",
    ),
]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"database_url": database_url, "erasure_key": KEY, "home": tmp_path / "home"}
    )


@pytest.fixture
def btl(settings: Settings, monkeypatch: pytest.MonkeyPatch, connection: psycopg.Connection) -> Btl:
    load(settings.require_database_url(), EVENTS, load_contracts().decode)
    recompute_dirty(connection)
    return Btl(settings, monkeypatch)


def remains(btl: Btl, *arguments: str) -> dict[str, int]:
    """Rows by place in the database, as a verification finds them."""
    found = json.loads(btl("erase", "--verify", "--json", *arguments))
    assert btl.exit_code == 1
    return {each["where"]: each["rows"] for each in found["remains"]}


def test_a_dry_run_counts_and_changes_nothing(btl: Btl, connection: psycopg.Connection) -> None:
    before = digest(connection)
    said = btl("erase", READER, "--dry-run")
    assert "To be erased: 1 person." in said
    assert "discussion.comments" in said
    assert "a1/c1" in said
    assert READER not in said
    assert NAME not in said
    (document,) = json.loads(btl("erase", READER, "--dry-run", "--json"))
    counts = {each["place"]: each["rows"] for each in document["found"]}
    assert counts["discussion.comments"] == counts["discussion.comment_edits"] == 1
    assert counts["discussion.reports"] == counts["discussion.reactions"] == 1
    assert document["case"] == ErasureKey(KEY).pseudonym("user", READER)[7:19]
    assert digest(connection) == before


def test_what_is_erased_is_certified_and_found_nowhere_in_the_database(
    btl: Btl, tmp_path: Path
) -> None:
    texts = tmp_path / "texts"
    texts.write_text(f"{NAME}\n{BODY}\n\n{EDITED}\nPlease look\n", encoding="utf-8")
    before = remains(btl, READER, "--text", str(texts))
    assert before["discussion.comments.user_id"] == before["discussion.comments.first_body"] == 1
    assert before["discussion.reports.note"] == before["discussion.reactions.user_id"] == 1
    assert before["metrics.article_reporters.user_id"] == 1

    certificate = tmp_path / "certificate.json"
    said = btl("erase", READER, "--yes", "--certificate", str(certificate))
    case = ErasureKey(KEY).pseudonym("user", READER)[7:19]
    assert f"Case {case}: erased, " in said
    (document,) = json.loads(certificate.read_text())
    assert document["removed"]["discussion.comments"] == 1
    assert document["removed_in_all"] == sum(document["removed"].values()) >= 5
    assert document["completed_at"]
    assert certificate.stat().st_mode & 0o777 == 0o600
    assert READER not in certificate.read_text()

    again = btl("erase", "--case", case, "--certificate", "-")
    assert f"Case:      {case}\n" in again
    assert "1  discussion.comments\n" in again
    assert json.loads(btl("erase", "--case", case, "--json")) == [document]
    assert remains(btl, READER, "--text", str(texts)) == {}
    # The reader whose id only begins like this one is somebody else.
    assert remains(btl, "reader-47110")["discussion.comments.user_id"] == 1


def test_a_verification_finds_columns_that_were_added_later_and_names_what_it_cannot_read(
    btl: Btl, connection: psycopg.Connection, settings: Settings
) -> None:
    btl("erase", READER, "--yes")
    connection.execute(
        "create table discussion.profiles (a jsonb, b text[], c bytea, d bytea[], e varchar(99))"
    )
    connection.execute(
        "insert into discussion.profiles values (%s, %s, %s, %s, %s), (%s, null, null, null, '')",
        [
            json.dumps({"x": [{"who": READER}]}),
            ["x", READER],
            b'{"user_id": "\\u0072eader-4711"}',
            [b"ce_subject", READER.encode()],
            f"by {READER}.",
            json.dumps({READER: 1}),
        ],
    )
    connection.execute("analyze discussion.profiles")
    where = remains(btl, READER)
    assert {name: rows for name, rows in where.items() if "pg_stats" not in name} == {
        "discussion.profiles.a": 2,
        "discussion.profiles.b": 1,
        "discussion.profiles.c": 1,
        "discussion.profiles.d": 1,
        "discussion.profiles.e": 1,
    }
    assert "pg_stats of discussion.profiles.e" in where
    found = json.loads(btl("erase", READER, "--verify", "--json"))
    named = {each["where"] for each in found["not_searched"]}
    assert named >= {"Airflow's metadata", "topic comment-events", str(settings.home)}


def test_a_dead_letter_with_the_id_is_found_whatever_its_escapes(
    btl: Btl, settings: Settings
) -> None:
    letters = [
        event("comment.posted.v1", 5)._replace(value=b'{"author": "\\u0072eader-4711"}'),
        event("comment.posted.v1", 6)._replace(value=b"reader-4711, not JSON"),
        event("comment.posted.v1", 7)._replace(key=READER.encode()),
        event("comment.posted.v1", 8)._replace(headers=(("x", READER.encode()),)),
        event("comment.posted.v1", 9)._replace(value=b"reader-47110"),
    ]
    load(settings.require_database_url(), letters, rejecting())
    found = remains(btl, READER)
    assert {name: rows for name, rows in found.items() if "dead_letters" in name} == {
        "ingest.dead_letters.record_value": 2,
        "ingest.dead_letters.record_key": 1,
        "ingest.dead_letters.record_headers": 1,
    }


def test_an_erasure_needs_a_confirmation_and_takes_ids_from_standard_input(
    btl: Btl, connection: psycopg.Connection, tmp_path: Path
) -> None:
    before = digest(connection)
    with pytest.raises(BelowTheLineError, match="needs a confirmation"):
        btl("erase", READER)
    assert digest(connection) == before
    ids = tmp_path / "ids"
    ids.write_text(f"{READER}\nreporter\tanonymous-1\ncomment\ta1\tc2\n\ncomment\tc1\n")
    said = btl("erase", "--list", str(ids), "--yes")
    assert said.count("erased, ") == 4
    query = "select kind, subject, completed_at is not null from ingest.erasures order by 1"
    assert connection.execute(query).fetchall() == [
        ("comment", None, True),
        ("comment", None, True),
        ("reporter", None, True),
        ("user", None, True),
    ]
    bodies = "select distinct first_body, edited_body from discussion.comments order by 2"
    assert connection.execute(bodies).fetchall() == [("", ""), ("", None)]


def test_who_is_erased_again_keeps_the_certificate(btl: Btl) -> None:
    btl("erase", READER, "--yes")
    case = ErasureKey(KEY).pseudonym("user", READER)[7:19]
    (before,) = json.loads(btl("erase", "--case", case, "--json"))
    btl("erase", READER, "--yes")
    (after,) = json.loads(btl("erase", "--case", case, "--json"))
    assert after["removed"] == before["removed"] != {}


def test_what_is_pending_is_carried_out(btl: Btl, connection: psycopg.Connection) -> None:
    btl("erase", READER, "--yes")
    connection.execute("update ingest.erasures set completed_at = null, found = null")
    assert "erased, 0 rows" in btl("erase", "--pending", "--yes")
    assert "Nothing is to be done." in btl("erase", "--pending")


def test_a_request_erases_nothing_and_forgets_whom_it_was_about_once_that_is_erased(
    btl: Btl, connection: psycopg.Connection
) -> None:
    ours = {"ingest.erasure_requests", "ingest.erasure_requests_request_id_seq"}
    before = {name: each for name, each in digest(connection).items() if name not in ours}
    assert 'erase_commenter with {"request": 1}' in btl("erase", READER, "--request")
    assert json.loads(btl("erase", READER, "--request", "--json")) == {"requests": [1]}
    assert {name: each for name, each in digest(connection).items() if name not in ours} == before
    (listed,) = json.loads(btl("erase", "--requests", "--json"))
    assert (listed["request"], listed["id"], listed["state"]) == (1, READER, "open")
    assert READER in btl("erase", "--requests")
    btl("erase", READER, "--yes")
    assert btl("erase", "--requests") == "No request is open.\n"
    found = requests.the_request(connection, 1)
    assert (found.state, found.subject) == ("done", None)
    with pytest.raises(BelowTheLineError, match="The request 1 is done"):
        _ = found.whom


def test_a_request_is_declined_once_and_may_be_made_again(connection: psycopg.Connection) -> None:
    asked = [Person("user", READER), Person("reporter", READER)]
    assert requests.add(connection, asked, None, "ann") == [1, 2]
    declined = requests.decide(connection, 1, approved=False, decided_by="ben")
    assert (declined.state, declined.subject, declined.decided_by) == ("declined", None, "ben")
    with pytest.raises(BelowTheLineError, match="The request 1 is declined"):
        requests.decide(connection, 1, approved=True, decided_by="ann")
    assert requests.add(connection, asked, None, "ann") == [3, 2]
    approved = requests.decide(connection, 2, approved=True, decided_by="ben")
    assert approved.whom == Person("reporter", READER)
    assert approved.erased_at is not None
    assert requests.decide(connection, 2, approved=True, decided_by="eve") == approved
    with pytest.raises(BelowTheLineError, match="There is no request 9"):
        requests.the_request(connection, 9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Whom to erase is missing"),
        (("u1", "--pending"), "ids and --pending do not go together"),
        (("u1", "--verify", "--dry-run"), "--verify and --dry-run do not go together"),
        (("--requests", "--dry-run"), "--requests and --dry-run do not go together"),
        (("u1", "--text", "x"), "--text was given without --verify"),
        (("u1", "--article", "a1"), "--article was given without --comment"),
        (
            ("u1", "--verify", "--certificate", "-"),
            "--certificate was given, and nothing is erased",
        ),
        (("--case", "x"), "'x' is not a case number"),
        (("--case", "0123456789ab"), "no erasure with the case number"),
        (("--comment", "c9", "--dry-run"), "No comment c9 is known"),
        (("--comment", "c9", "--article", "a", "--verify"), "nothing to look for"),
        (("x" * 201, "--dry-run"), "1 to 200 bytes"),
    ],
)
def test_what_cannot_be_meant_is_rejected(btl: Btl, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(BelowTheLineError, match=said):
        btl("erase", *arguments)


def test_erasures_go_to_another_installation_without_any_id_of_a_person(
    btl: Btl,
    connection: psycopg.Connection,
    databases: Databases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "erasures.jsonl"
    btl("erase", READER, "--comment", "c2", "--yes")
    assert "Wrote 2 erasures" in btl("erase", "--export", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert READER not in file.read_text()
    assert btl("erase", "--export", "-") == file.read_text()
    assert "0 erasures; 2 of the file were known" in btl("erase", "--import", str(file))
    with databases.lent() as url:
        load(url, EVENTS, load_contracts().decode)
        there = Btl(
            Settings.model_validate(
                {"database_url": url, "erasure_key": KEY, "home": tmp_path / "home"}
            ),
            monkeypatch,
        )
        assert "Recorded: 2 erasures; 0 " in there("erase", "--import", str(file))
        there("erase", "--pending", "--yes")
        query = "select article_id, comment_id, user_id, first_body from discussion.comments"
        with psycopg.connect(url) as other:
            assert other.execute(query).fetchall() == connection.execute(query).fetchall() != []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "Line 1 is not a JSON object"),
        ('{"format": "other"}', "does not hold erasures"),
        (
            '{"format": "below-the-line erasures 1", "key_check": "0"}',
            "made with another key",
        ),
        (
            '{"format": "below-the-line erasures 1"}\n'
            '{"kind": "user", "pseudonym": "u1", "erased_at": "2026-05-01T10:00:00Z"}',
            "Line 2 is not an erasure",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_changes_nothing(
    btl: Btl, connection: psycopg.Connection, tmp_path: Path, lines: str, said: str
) -> None:
    file = tmp_path / "erasures.jsonl"
    file.write_text(lines)
    before = digest(connection)
    with pytest.raises(BelowTheLineError, match=said):
        btl("erase", "--import", str(file))
    assert digest(connection) == before
