"""Every export made by hand, from its files to the tables: each cell is what expected.json says,
and the late comments are those that were announced before anything was sent.

Events go through contracts and merges, but not through Kafka: what producing adds is tested
elsewhere.
"""

import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from below_the_line.closing.windows import apply_windows
from below_the_line.contracts.events import Record
from below_the_line.kafka.envelopes import rfc3339
from below_the_line.settings import Settings
from tests.commands import Btl
from tests.properties.ingest import Database, Process
from tests.properties.test_closing import Newsroom
from tests.recorded_publisher import Recorder
from tests.sql.timeline_model import Rule

pytestmark = pytest.mark.stack

EXPORTS = Path(__file__).parents[1] / "archive_exports"
FORMATS = sorted(path.name for path in EXPORTS.iterdir() if path.is_dir())
MADE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
"""A UUID of version 5, as the import makes them."""

TABLES = {
    "articles": """
        select
            article.article_id, url, headline, nullif(site, 'default') as site, section,
            topics, bylines, language, published_at, updated_at,
            discussion_closes_at as closes_at, discussion_window_hours as window_hours,
            nullif(discussion_enabled, true) = false as disabled,
            nullif(status, 'published') as status, unpublished_at
        from discussion.articles as article
        left join lateral (
            select max(published_at) as published_at, max(unpublished_at) as unpublished_at
            from discussion.article_versions as version
            where version.article_id = article.article_id
        ) as said on true""",
    "comments": """
        select
            article_id, comment_id, parent_comment_id, user_id, display_name,
            nullif(role, 'reader') as role, first_body as body, posted_at, held, deleted_at,
            edited_body, edited_at, decision, decision_reason, decided_by, decided_at
        from discussion.comments""",
    "edits": "select article_id, comment_id, body, edited_at from discussion.comment_edits",
    "decisions": """
        select article_id, comment_id, decision, reason, decided_by, automated, decided_at
        from discussion.moderation_decisions""",
    "reports": """
        select
            article_id, comment_id, report_id, reporter_user_id as user_id,
            reporter_anonymous_id as anonymous_id, reason, note, law, reported_at
        from discussion.reports""",
    "report_decisions": """
        select article_id, comment_id, report_id, decision, decided_by, decided_at, explanation
        from discussion.report_decisions""",
    "reactions": """
        select article_id, comment_id, user_id, reaction, first_added_at as reacted_at
        from discussion.reactions""",
}

WINDOWS = {
    "as the format is": ([], None),
    "never": (["--never-close"], None),
    "by the default rule": (["--close-by-rules"], None),
    "by a short rule": (["--close-by-rules"], Rule(1, 0)),
}
"""Options of the import, and a rule for all articles."""


@pytest.fixture(scope="module")
def newsroom(shared_database_url: str) -> Iterator[Newsroom]:
    options = "-c timezone=UTC -c synchronous_commit=off"
    with psycopg.connect(shared_database_url, options=options, autocommit=True) as connection:
        process = Process(shared_database_url, [0])
        with closing(process.store):
            yield Newsroom(process, Database(connection), connection)


@pytest.fixture
def btl(shared_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Btl:
    monkeypatch.setattr("btl.archives.production.Publisher", Recorder)
    monkeypatch.setattr("btl.cli.archive.existing_topics", lambda _: set())
    settings = Settings.model_validate({"database_url": shared_database_url})
    return Btl(settings, monkeypatch)


def files(name: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The export as it comes out of its system, and what is expected of it."""
    shutil.copytree(EXPORTS / name, folder)
    for text in folder.glob("*.sql"):
        with closing(sqlite3.connect(text.with_suffix(""))) as database:
            database.executescript(text.read_text())
        text.unlink()
    stated = folder / "expected.json"
    expected: dict[str, Any] = json.loads(stated.read_text())
    stated.unlink()
    return folder, expected


def do_import(
    btl: Btl, folder: Path, expected: dict[str, Any], options: Sequence[str]
) -> dict[str, Any]:
    """Import with the command line. Returns what it prints as JSON."""
    own = [option.format(folder=folder) for option in expected.get("options", [])]
    named = [str(folder / each) for each in expected.get("files", ["."])]
    btl("archive", "import", *named, *own, *options, "--json", "--rejects", f"{folder}.csv")
    said: dict[str, Any] = json.loads(btl.stdout)
    assert btl.exit_code == int(said["dry_run"] and said["rejected_rows"] > 0)
    return said


def ingest(newsroom: Newsroom) -> None:
    now = datetime.now(UTC)
    newsroom.process.write_records(
        Record(topic, 0, 0, int(now.timestamp() * 1000), key, value, headers)
        for topic, key, value, headers in Recorder.sent
    )


def found_in(newsroom: Newsroom, said: dict[str, Any]) -> dict[str, Any]:
    """What an expected.json of this import says."""
    tables = {name: rows(newsroom.connection, query) for name, query in TABLES.items()}
    left_out: Counter[str] = Counter()
    for each in said["left_out"]:
        left_out[each["what"]] += each["number"]
    return {name: found for name, found in tables.items() if found} | {
        "left_out": dict(left_out),
        "rejected": said["rejected_rows"],
    }


def rows(connection: psycopg.Connection[Any], query: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = [
            {column: cell(value) for column, value in row.items() if value is not None}
            for row in cursor.execute(query.encode())
        ]
    times = Counter(map(json.dumps, found))
    return ordered(
        json.loads(row) | ({"times": number} if number > 1 else {}) for row, number in times.items()
    )


def cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return MADE_ID.sub("…", value) if isinstance(value, str) else value


def ordered(found: Any) -> list[dict[str, Any]]:
    return sorted(
        found, key=lambda row: (row["article_id"], row.get("comment_id", ""), json.dumps(row))
    )


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_becomes_the_rows_that_are_expected(
    newsroom: Newsroom, btl: Btl, tmp_path: Path, name: str
) -> None:
    folder, expected = files(name, tmp_path / name)
    newsroom.begin_empty()
    said = do_import(btl, folder, expected, [])
    assert said["format"] == expected.get("format", name)
    ingest(newsroom)

    found = found_in(newsroom, said)
    # To write a new expected.json: pytest shows it where the test fails.
    print(
        json.dumps({"options": expected.get("options", [])} | found, indent=2, ensure_ascii=False)
    )
    for table in TABLES:
        assert found.get(table, []) == ordered(expected.get(table, [])), table
    assert found["left_out"] == expected.get("left_out", {})
    assert found["rejected"] == expected.get("rejected", 0)


@pytest.mark.parametrize("windows", WINDOWS)
@pytest.mark.parametrize("name", FORMATS)
def test_the_late_comments_are_those_that_were_announced(
    newsroom: Newsroom, btl: Btl, tmp_path: Path, name: str, windows: str
) -> None:
    options, rule = WINDOWS[windows]
    folder, expected = files(name, tmp_path / name)
    newsroom.begin_empty()
    if rule is not None:
        newsroom.add(rule)
    announced = do_import(btl, folder, expected, [*options, "--dry-run"])["survey"]
    do_import(btl, folder, expected, options)
    ingest(newsroom)
    apply_windows(newsroom.connection, datetime.now(UTC) + timedelta(days=1))

    late = Counter(
        site
        for (site,) in newsroom.connection.execute(
            "select article.site from discussion.late_comments"
            " inner join discussion.articles as article using (article_id)"
        )
    )
    assert announced["late_comments"]["by_site"] == late
    assert announced["late_comments"]["number"] == late.total()
    stored = newsroom.connection.execute(
        "select count(*) from discussion.comments where posted_at is not null"
    ).fetchone()
    assert stored == (announced["comments"],)
    if rule is not None:
        assert late.total() == expected.get("late_after_an_hour", 0)
    if "--never-close" in options:
        again = do_import(btl, folder, expected, ["--close-by-rules", "--dry-run"])["survey"]
        assert announced["late_by_rules"] == again["late_comments"]["number"]


def test_ids_that_the_database_has_for_other_pages_are_said_before_anything_is_sent(
    newsroom: Newsroom, btl: Btl, tmp_path: Path
) -> None:
    folder, expected = files("isso-json", tmp_path / "isso-json")
    newsroom.begin_empty()

    def finding(*options: str) -> dict[str, Any] | None:
        said = do_import(btl, folder, expected, [*options, "--dry-run"])
        found: dict[str, Any] | None = said["survey"]["findings"].get("ids_of_other_articles")
        return found

    other = ["--base-url", "https://other.example"]
    assert finding("--site", "weekly") is None
    do_import(btl, folder, expected, [])
    ingest(newsroom)
    assert finding() is None
    # Isso's ids have the host.
    assert finding(*other) is None
    found = finding("--site", "weekly")
    assert found is not None
    assert found["number"] == len(expected["articles"]) == 2
    assert expected["articles"][0]["url"] in found["examples"][0]["what"]
    assert finding("--site", "weekly", "--id-prefix", "weekly:") is None
