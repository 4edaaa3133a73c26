"""``btl dead-letters``: what an operator sees and does, and what a terminal never gets."""

import io
import json
import os
import signal
import subprocess
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Rejection
from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings
from btl.cli.configuration import settings
from btl.cli.main import app
from btl.stack import checks
from btl.stack.checks import System
from tests.pipeline import BTL, wait_until
from tests.redrive import ODD_RECORDS, comment, comments, digest, load, rejecting, statuses

pytestmark = pytest.mark.stack
Run = Callable[..., Result]


@pytest.fixture
def btl(ingest_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """``btl dead-letters`` on this test's database."""
    monkeypatch.setenv("BTL_DATABASE_URL", ingest_url)
    monkeypatch.setenv("BTL_CONSUMER_GROUP", "group")
    settings.cache_clear()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["dead-letters", *arguments], catch_exceptions=False)

    yield run
    settings.cache_clear()


def test_the_value_is_written_byte_for_byte(btl: Run, database_url: str) -> None:
    load(database_url, ODD_RECORDS, load_contracts().decode)
    for each in ODD_RECORDS:
        done = btl("show", each.topic, str(each.partition), str(each.offset), "--raw")
        assert done.stdout_bytes == (each.value or b"")
        assert ("no value" in done.stderr) == (each.value is None)


def test_all_that_was_kept_is_shown_and_nothing_of_it_reaches_the_terminal_as_a_command(
    btl: Run, database_url: str
) -> None:
    load(database_url, ODD_RECORDS, load_contracts().decode)
    for each in ODD_RECORDS:
        shown = btl("show", each.topic, str(each.partition), str(each.offset)).stdout
        assert all(character.isprintable() or character == "\n" for character in shown)
    shown = btl("show", "comment-events", "0", "3").stdout
    for said in (
        "not_utf8",
        "decode",
        r"header     \xff\u0000\xc3: \xff",
        r"\u001b[2J\r\n\x9b",
        "7 bytes",
        "attempt 1",
    ):
        assert said in shown
    assert "key        null" in btl("show", "comment-events", "0", "0").stdout
    assert "value     null" in btl("show", "comment-events", "0", "0").stdout
    assert "header     n: null" in btl("show", "comment-events", "0", "2").stdout
    assert "cut here" in btl("show", "comment-events", "0", "4").stdout


def test_a_value_that_is_json_is_laid_out(btl: Run, database_url: str) -> None:
    load(database_url, comments(1), rejecting())
    assert (
        '\n  "data": {\n    "article_id": "a1",\n' in btl("show", "comment-events", "0", "0").stdout
    )


def test_of_a_topic_that_was_made_anew_the_life_is_asked_for(
    btl: Run, database_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, [comment(0, "old")], rejecting())
    connection.execute(
        "update ingest.partition_offsets set topic_id = %s, incarnation = 2, next_offset = 0",
        [UUID(int=9)],
    )
    load(database_url, [comment(0, "new")], rejecting(), topic_ids={"comment-events": UUID(int=9)})
    with pytest.raises(
        BelowTheLineError, match=r"created again.*--topic-id 00000000-0000-0000-0000-000000000009 "
    ):
        btl("show", "comment-events", "0", "0")
    assert (
        b'"new"'
        in btl(
            "show", "comment-events", "0", "0", "--raw", "--topic-id", str(UUID(int=9))
        ).stdout_bytes
    )
    with pytest.raises(BelowTheLineError, match="no dead letter at offset 1 of comment-events-0"):
        btl("show", "comment-events", "0", "1")


def test_lists_say_how_many_there_are_of_each_code(btl: Run, database_url: str) -> None:
    load(database_url, [*comments(3), ODD_RECORDS[3]._replace(offset=3)], load_contracts().decode)
    load(
        database_url,
        comments(30),
        rejecting(),
        group="another",
        topic_ids={"comment-events": UUID(int=9)},
    )
    shown = btl("list", "--limit", "2").stdout.splitlines()
    assert shown[0] == "31 dead letters: 30 schema_violation, 1 not_utf8"
    assert [line.split()[4] for line in shown[2:4]] == ["29", "28"]
    assert shown[4:] == ["… and 29 more: --limit 31 lists all."]
    summary = btl("list", "--summary", "--event-type", "comment.posted.v1").stdout.splitlines()
    assert summary[0] == "30 dead letters: 30 schema_violation"
    assert summary[1].split()[:4] == ["records", "source", "type", "code"]
    assert summary[2].split()[:4] == ["30", "/test", "comment.posted.v1", "schema_violation"]
    unreadable = btl("list", "--summary", "--code", "not_utf8").stdout.splitlines()
    assert "(not readable)" in unreadable[2]
    (counted,) = json.loads(btl("list", "--summary", "--json", "--source", "/test").stdout)[
        "sources"
    ]
    assert (counted["source"], counted["letters"]) == ("/test", 30)
    assert btl("list", "--source", "/test", "--event-id", "x").stdout.startswith(
        "No dead letter matches.\n"
    )
    found = json.loads(btl("list", "--json", "--limit", "1", "--code", "not_utf8").stdout)
    assert found["counts"] == {"not_utf8": 1}
    assert [(each["offset"], each["key"], each["status"]) for each in found["dead_letters"]] == [
        (3, "a", "open")
    ]
    assert btl("list", "--topic", "articles").stdout == "No dead letter matches.\n"
    for command in (("list",), ("list", "--json"), ("redrive",), ("discard",)):
        for option, name, told in (
            ("--topic", "comments-events", "no topic .* Did you mean comment-events"),
            ("--event-type", "comment.post.v1", r"no event type .* Did you mean comment\.posted"),
            ("--article", "nosuch", "No event has named the article 'nosuch'"),
        ):
            with pytest.raises(BelowTheLineError, match=told):
                btl(*command, option, name)


@pytest.mark.parametrize("width", [60, 80, 120, 170])
def test_on_any_terminal_each_is_listed_with_what_names_it(
    btl: Run, database_url: str, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    records = [
        comment(offset)._replace(partition=4, offset=123_456_789 + offset, key=b"k" * 60)
        for offset in range(2)
    ]
    load(
        database_url,
        records,
        lambda _: Rejection("contract", "schema_violation", "/data/" + "p" * 80, "m " * 200),
    )
    terminal = Console(highlight=False, width=width, force_terminal=True, color_system=None)
    monkeypatch.setattr("btl.cli.output.console", lambda: terminal)
    terminal.file = io.StringIO()
    btl("list")
    shown = terminal.file.getvalue()
    for offset in (123_456_789, 123_456_790):
        assert len([line for line in shown.splitlines() if str(offset) in line]) == 1
    for part in ("comment-events", " 4", "schema_violation", "open", "k" * 60, "m m m"):
        assert part in shown


def test_what_is_no_code_status_or_time_is_told_with_what_is(btl: Run) -> None:
    for arguments, said in {
        (
            "list",
            "--code",
            "bad",
        ): r"'bad' is not a code .*no_value, too_large, .*rejected_by_database\.",
        ("redrive", "--code", "bad"): "'bad' is not a code",
        ("discard", "--code", "bad"): "'bad' is not a code",
        ("list", "--status", "closed"): "'closed' is not a status .*open, redriven, discarded",
        ("list", "--since", "yesterday"): "since is not a time: 'yesterday'",
        ("list", "--until", "0000-01-01T00:00:00+23:00"): "until is not a time",
        ("redrive", "--status", "redriven"): "are in the tables",
        ("discard",): "needs either a filter or --all",
        ("discard", "--all", "--code", "not_json"): "needs either a filter or --all",
    }.items():
        with pytest.raises(BelowTheLineError, match=said):
            btl(*arguments)


def test_a_dry_run_tells_of_each_what_would_become_of_it(
    btl: Run, database_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, [comment(0), comment(1)._replace(value=b"{")], rejecting())
    before = digest(connection)
    shown = btl("redrive", "--dry-run").stdout.splitlines()
    assert shown[:2] == [
        "comment-events-0 offset 0: schema_violation → would be applied",
        "comment-events-0 offset 1: schema_violation → still bad: not_json",
    ]
    assert "nothing was changed" in shown[-1]
    assert btl("redrive", "--dry-run", "--summary").stdout.splitlines() == shown[2:]
    assert digest(connection) == before


def test_a_redrive_says_what_became_of_them(btl: Run, database_url: str) -> None:
    load(database_url, [comment(0), comment(1)._replace(value=b"{"), comment(2)], rejecting())
    shown = btl("redrive").stdout.splitlines()
    assert [line.split() for line in shown[1:3]] == [
        ["schema_violation", "applied", "2"],
        ["schema_violation", "still", "bad:", "not_json", "1"],
    ]
    assert shown[-1] == "2 redriven, 1 still dead letters."
    assert btl("redrive", "--code", "schema_violation").stdout == "No dead letter matches.\n"


def test_all_that_was_kept_is_json_too(btl: Run, database_url: str) -> None:
    load(database_url, ODD_RECORDS, load_contracts().decode)
    shown = json.loads(btl("show", "comment-events", "0", "3", "--json").stdout)
    assert (shown["topic"], shown["offset"], shown["code"]) == ("comment-events", 3, "not_utf8")
    assert shown["headers"] == [{"name_base64": "/wDD", "value_base64": "/w=="}]
    assert len(b64decode(shown["value_base64"])) == 7
    with pytest.raises(BelowTheLineError, match="--raw and --json were given"):
        btl("show", "comment-events", "0", "3", "--json", "--raw")


def test_a_redrive_and_a_discard_are_json_too(btl: Run, database_url: str) -> None:
    load(database_url, [comment(0), comment(1)._replace(value=b"{")], rejecting())
    rehearsed = json.loads(btl("redrive", "--dry-run", "--json").stdout)
    assert (rehearsed["dry_run"], rehearsed["redriven"], rehearsed["still_bad"]) == (True, 1, 1)
    assert [(each["offset"], each["outcome"]) for each in rehearsed["dead_letters"]] == [
        (0, "valid"),
        (1, "not_json"),
    ]
    done = json.loads(btl("redrive", "--json").stdout)
    assert done["outcomes"] == [
        {"code": "schema_violation", "outcome": "applied", "records": 1},
        {"code": "schema_violation", "outcome": "not_json", "records": 1},
    ]
    assert done["dead_letters"] == []
    discarded = json.loads(btl("discard", "--all", "--json").stdout)
    assert discarded == {"dry_run": False, "counts": {"not_json": 1}}


def test_discarding_sets_aside_what_was_chosen(
    btl: Run, database_url: str, connection: psycopg.Connection
) -> None:
    load(
        database_url,
        comments(3),
        lambda each: rejecting("not_json", "decode")(each) if each.offset else rejecting()(each),
    )
    before = digest(connection)
    assert btl("discard", "--code", "not_json", "--dry-run").stdout.splitlines() == [
        "2 dead letters: 2 not_json",
        "Dry run: nothing was changed.",
    ]
    assert digest(connection) == before
    btl("discard", "--code", "not_json")
    assert statuses(connection) == {"open": 1, "discarded": 2}
    assert btl("list", "--summary").stdout.startswith("1 dead letter:")
    assert btl("list", "--summary", "--status", "discarded", "--status", "open").stdout.startswith(
        "3 dead letters:"
    )
    btl("discard", "--all")
    assert btl("discard", "--all").stdout == "No dead letter matches.\n"
    assert statuses(connection) == {"discarded": 3}


def test_a_redrive_that_is_killed_loses_nothing(
    ingest_url: str, database_url: str, connection: psycopg.Connection
) -> None:
    load(database_url, comments(2_500), rejecting())
    load(
        database_url,
        [comment(2_100)],
        load_contracts().decode,
        group="x",
        topic_ids={"comment-events": UUID(int=9)},
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BTL_")},
        "BTL_DATABASE_URL": ingest_url,
        "BTL_CONSUMER_GROUP": "group",
    }
    command = [*BTL, "dead-letters", "redrive"]

    def sessions(waiting_for: str = "%") -> object:
        return connection.execute(
            "select count(*) from pg_stat_activity where application_name = 'btl dead-letters"
            " redrive' and datname = current_database() and coalesce(wait_event_type, '') like %s",
            [waiting_for],
        ).fetchone()

    with psycopg.connect(database_url) as other:
        # Holds the redrive up in its third chunk.
        other.execute("update discussion.comments set first_body = first_body")
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: sessions("Lock") == (1,), 60)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        other.rollback()
    wait_until(lambda: sessions() == (0,), 30)
    assert statuses(connection) == {"redriven": 2_000, "open": 500}
    assert connection.execute("select count(*) from discussion.comments").fetchone() == (2_001,)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "500 redriven, 0 still dead letters." in done.stdout
    assert connection.execute(
        "select count(*), count(distinct first_body) from discussion.comments"
    ).fetchone() == (
        2_500,
        1,
    )
    assert connection.execute(
        "select sum(records) from ingest.batches where kind = 'redrive'"
    ).fetchone() == (2_500,)


def test_a_flood_is_discarded_chunk_by_chunk(
    btl: Run,
    database_url: str,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("consumers.adapters.dead_letters._DISCARDED_AT_ONCE", 2)
    load(database_url, comments(5), rejecting())
    counts = json.loads(btl("discard", "--all", "--json").stdout)["counts"]
    assert sum(counts.values()) == 5
    assert statuses(connection) == {"discarded": 5}


def test_status_says_who_sent_them(btl: Run, database_url: str) -> None:
    load(database_url, comments(3), rejecting())
    settings = Settings.model_validate({"database_url": database_url})
    with closing(System(settings, datetime.now(UTC))) as system:
        (notice,) = checks.dead_letters(system)
        assert "3 open ones of /test (comment.posted.v1, " in notice.sentence
        assert not notice.wrong
    btl("discard", "--all")
    with closing(System(settings, datetime.now(UTC))) as system:
        assert list(checks.dead_letters(system)) == []


def test_where_nothing_is_found_the_names_that_exist_are_told(btl: Run, database_url: str) -> None:
    load(database_url, comments(1), rejecting())
    nothing = btl("list", "--source", "/tets").stdout.splitlines()
    assert nothing == [
        "No dead letter matches.",
        "Only open ones were looked for; see also --status redriven or discarded.",
        "Did you mean --source /test?",
        "Sources of open dead letters: /test.",
    ]
    with pytest.raises(BelowTheLineError, match="no topic 'comments'") as error:
        btl("show", "comments", "2", "9")
    assert "comment-events" in (error.value.hint or "")
