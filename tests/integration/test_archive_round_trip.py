"""An export that is restored into an empty installation: after a closing run and a metrics run
every table is equal.
"""

import gzip
import hashlib
import html
import json
import os
import shutil
import signal
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from below_the_line.closing.windows import apply_windows
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import as_structured_line
from below_the_line.metrics.dirty_run import recompute_dirty
from below_the_line.settings import Settings
from btl.archives.exporter import export_archive
from btl.archives.layout import ARCHIVED, Form
from btl.archives.restoration import restore
from btl.archives.sources import files_of
from btl.simulation.day import simulate_day
from btl.stack.stack import Stack
from consumers.adapters.restore import RestoreStore
from tests import archive_page, erased_rows
from tests.commands import Btl
from tests.databases import Databases, with_database
from tests.example_export import Export, export_to_prove, instant
from tests.properties.ingest import Process
from tests.properties.model import CloudEvent
from tests.round_trip import assert_equal, connected, export_and_restore, restored

pytestmark = pytest.mark.stack

DAY = datetime(2026, 5, 20, tzinfo=UTC)
ZONE = "Europe/Vienna"
BATCH = 2_000
RULES = """
insert into discussion.closing_rules
    (scope, site, section, window_hours, reactions_window_hours, valid_from, created_at, created_by,
    note, retroactive)
values
    ('all', null, null, 30, 5, '-infinity', '2026-05-01', 'desk', 'shorter', true),
    ('section', null, 'politics', 8, 2, '2026-05-01', '2026-05-02', 'desk', null, true),
    ('site', 'default', null, 20, 1, '2026-05-01', '2026-05-03', 'desk', 'one "site"', true)
"""


@pytest.fixture
def other_url(databases: Databases) -> Iterator[str]:
    """A second installation, empty."""
    with databases.lent() as url:
        yield url


@pytest.fixture(scope="module")
def simulated() -> list[CloudEvent]:
    return [
        CloudEvent(*map(json.loads(line).get, CloudEvent._fields))
        for line in map(
            as_structured_line, simulate_day(11, DAY, records=3_000, bad_share=0, erasure=False)
        )
    ]


def ingest(url: str, sent: Sequence[CloudEvent]) -> tuple[int, int, int]:
    """Records, applied, unchanged."""
    process = Process(url, [0])
    totals = (0, 0, 0)
    with closing(process.store):
        for start in range(0, len(sent), BATCH):
            written = process.write((each, 0) for each in sent[start : start + BATCH])
            totals = tuple(map(sum, zip(totals, written, strict=True)))  # type: ignore[assignment]
    return totals


def run(url: str, cut_off: datetime | None = None) -> None:
    """A closing run and a metrics run, after which nothing waits for a grace period."""
    with connected(url) as connection:
        apply_windows(
            connection, cut_off or datetime.now(UTC) + timedelta(minutes=1), grace=timedelta(0)
        )
        recompute_dirty(connection, time_zone=ZONE)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_simulated_day_comes_back_with_every_table(
    database_url: str, other_url: str, tmp_path: Path, simulated: list[CloudEvent], form: Form
) -> None:
    with connected(database_url) as connection:
        connection.execute(RULES)
    ingest(database_url, simulated)
    done = export_and_restore(database_url, other_url, tmp_path / "archive", form)
    assert done.changed == done.rows | {"closing_rules": 3}
    assert done.notes == []
    run(database_url)
    run(other_url)
    sizes = assert_equal(database_url, other_url, with_history=True)
    # All of them have rows, or equal would mean little.
    empty = {table for table, count in sizes.items() if not count}
    assert empty <= {"metrics.article_engagement_revisions", "metrics.reporter_accuracy"}
    with connected(other_url) as connection:
        used = connection.execute("select count(distinct rule_id) from discussion.windows")
        assert used.fetchone() != (1,)

    # What was restored is what the topics say: to replay them changes nothing.
    records, applied, unchanged = ingest(other_url, simulated)
    assert (applied, unchanged) == (0, records)
    # And to restore it again changes nothing, either.
    again = restored(other_url, tmp_path / "archive")
    assert set(again.changed.values()) == {0}
    assert marks(other_url) == 0


def test_what_is_erased_comes_back_as_it_is(
    database_url: str,
    other_url: str,
    tmp_path: Path,
    simulated: list[CloudEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ingest(database_url, simulated)
    with connected(database_url) as connection:
        ((article, comment, user, reporter),) = connection.execute(
            "select article_id, comment_id, user_id, (select max(reporter_user_id) from"
            " discussion.reports) from discussion.comments where edited_at is not null and user_id"
            " is not null order by article_id, comment_id limit 1"
        ).fetchall()
        erased_rows.erase_comment(connection, article, comment, datetime.now(UTC))
        for person in (user, reporter):
            erased_rows.erase_user(connection, person, datetime.now(UTC))
    done = export_and_restore(database_url, other_url, tmp_path / "archive")
    assert done.changed == done.rows | {"closing_rules": 0}
    run(database_url)
    run(other_url)
    assert_equal(database_url, other_url, with_history=True)

    btl = Btl(Settings.model_validate({"database_url": database_url}), monkeypatch)
    with connected(database_url) as connection:
        (erased,) = connection.execute(
            "select (select count(*) from discussion.comments where erased_at is not null)"
            " + (select count(*) from discussion.reports where erased_at is not null)"
        ).fetchone() or (0,)
    assert f"{erased:,} rows of comments and reports are erased: pseudonyms stand for" in btl(
        "archive", "export", "--output", str(tmp_path / "again")
    )


def marks(url: str) -> int:
    with connected(url) as connection:
        row = connection.execute(
            "select (select count(*) from ingest.dirty_articles)"
            " + (select count(*) from ingest.dirty_windows)"
            " + (select count(*) from ingest.dirty_discussions)"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_runs_before_the_export_leave_only_history_that_differs(
    database_url: str, other_url: str, tmp_path: Path, simulated: list[CloudEvent]
) -> None:
    """The source closed and computed while events came, some of them late."""
    with connected(database_url) as connection:
        connection.execute(RULES)
    for number in range(4):
        ingest(database_url, simulated[number::4])
        run(database_url, DAY + timedelta(hours=18 * (number + 1)))
    run(database_url)
    export_and_restore(database_url, other_url, tmp_path / "archive")
    run(other_url)
    assert_equal(database_url, other_url, with_history=False)


def test_an_export_of_another_system_comes_back(
    database_url: str,
    other_url: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    sent = list(events_of(export_to_prove(tmp_path_factory.mktemp("export"))))
    ingest(database_url, sent)
    run(database_url)
    done = export_and_restore(database_url, other_url, tmp_path / "archive")
    assert done.rows["articles"] + done.rows["comments"] == len(sent)
    run(other_url)
    assert_equal(database_url, other_url, with_history=True)


def events_of(export: Export) -> Iterator[CloudEvent]:
    for row in export.article_rows():
        at = instant(row["published"]).isoformat()
        yield CloudEvent(
            "article.published.v1",
            f"article-{row['article_id']}",
            "/cms",
            at,
            {
                "article_id": row["article_id"],
                "url": f"https://example.org/{row['article_id']}",
                "headline": html.unescape(row["title"]),
                "section": html.unescape(row["channel"]),
                "published_at": at,
            },
        )
    for row in export.comment_rows():
        at = instant(row["created_at"]).isoformat()
        text = "\n".join(part for part in (row["headline"], row["text"]) if part) or " "
        user = row["user_id"] or "nobody"
        yield CloudEvent(
            "comment.posted.v1",
            f"comment-{row['comment_id']}",
            "/comments",
            at,
            {
                "article_id": row["article_id"],
                "comment_id": row["comment_id"],
                "author": {"user_id": user, "display_name": row["user_name"] or user},
                "body": text,
                "posted_at": at,
                "parent_comment_id": None if row["parent_id"] == "0" else row["parent_id"],
            },
        )


def test_the_page_describes_every_table_and_column(connection: psycopg.Connection[Any]) -> None:
    assert archive_page.PAGE.path.read_text() == archive_page.PAGE.text(connection), (
        "docs/archive-export.md differs: `python -m tests.archive_page` writes it"
    )


def article(article_id: str, site: str) -> CloudEvent:
    return CloudEvent(
        "article.published.v1",
        f"{article_id} {site}",
        "/cms",
        "2026-05-01T10:00:00Z",
        {
            "article_id": article_id,
            "url": "https://example.org/1",
            "headline": "Rain",
            "site": site,
            "published_at": "2026-05-01T10:00:00Z",
        },
    )


def posting(article_id: str, comment_id: str, body: str = "Hm.") -> CloudEvent:
    return CloudEvent(
        "comment.posted.v1",
        f"{article_id} {comment_id}",
        "/comments",
        "2026-05-01T11:00:00Z",
        {
            "article_id": article_id,
            "comment_id": comment_id,
            "author": {"user_id": "otter", "display_name": "Otter"},
            "body": body,
            "posted_at": "2026-05-01T11:00:00Z",
        },
    )


def test_a_site_takes_its_articles_its_rules_and_those_of_all_sites(
    database_url: str, other_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(
        database_url,
        [
            *(article("a1", "north"), posting("a1", "c1")),
            *(article("b1", "south"), posting("b1", "c1")),
            # Nothing names the site of this one's article.
            posting("stub", "c1"),
            CloudEvent(
                "article.unpublished.v1",
                "u",
                "/cms",
                "2026-05-01T13:00:00Z",
                {"article_id": "gone", "unpublished_at": "2026-05-01T13:00:00Z"},
            ),
            CloudEvent(
                "discussion.overridden.v1",
                "o",
                "/desk",
                "2026-05-01T13:00:00Z",
                {
                    "article_id": "unknown",
                    "action": "hold",
                    "reason": "legal",
                    "decided_by": "desk",
                    "decided_at": "2026-05-01T13:00:00Z",
                },
            ),
        ],
    )
    with connected(database_url) as connection:
        connection.execute(
            "insert into discussion.closing_rules (scope, site, section, window_hours,"
            " reactions_window_hours, valid_from, created_by, retroactive) values"
            " ('site', 'south', null, 1, 1, '2026-01-01', 'desk', true),"
            " ('site', 'north', null, 2, 1, '2026-01-01', 'desk', true),"
            " ('section', null, 'news', 3, 1, '2026-01-01', 'desk', true)"
        )
    export_and_restore(database_url, other_url, tmp_path / "north", site="north")
    with connected(other_url) as connection:
        assert column(connection, "select article_id from discussion.comments") == ["a1"]
        assert column(connection, "select rule_id from discussion.closing_rules") == [1, 3, 4]
    # The other site comes after it into the same installation.
    done = export_and_restore(database_url, other_url, tmp_path / "south", site="south")
    assert done.notes == []
    with connected(other_url) as connection:
        assert column(connection, "select article_id from discussion.comments") == ["a1", "b1"]
        assert column(connection, "select rule_id from discussion.closing_rules") == [1, 2, 3, 4]
    # Of what has no site is said that it is left out: a comment, an article with its version, and
    # a decision.
    btl = Btl(Settings.model_validate({"database_url": database_url}), monkeypatch)
    btl("archive", "export", "--output", str(tmp_path / "again"), "--site", "north")
    assert "Left out: 4 rows of articles without a site." in btl.stderr
    btl("archive", "export", "--output", str(tmp_path / "all"))
    assert "Left out" not in btl.stderr
    with (
        connected(database_url) as connection,
        pytest.raises(BelowTheLineError, match="There is no site 'nort'"),
    ):
        export_archive(connection, tmp_path / "none", site="nort")
    assert not (tmp_path / "none").exists()


def column(connection: psycopg.Connection[Any], query: str) -> list[Any]:
    return sorted(value for (value,) in connection.execute(query.encode()))


def test_rules_of_the_installation_stay_and_the_difference_is_said(
    database_url: str, other_url: str, tmp_path: Path
) -> None:
    with connected(database_url) as connection:
        connection.execute(RULES)
    with connected(other_url) as connection:
        connection.execute(
            "insert into discussion.closing_rules (scope, window_hours, reactions_window_hours,"
            " valid_from, created_by, retroactive) values ('all', 48, 5, '2026-01-01', 'x', true)"
        )
        before = column(connection, "select line::text from discussion.closing_rules as line")
    done = export_and_restore(database_url, other_url, tmp_path / "archive")
    with connected(other_url) as connection:
        after = column(connection, "select line::text from discussion.closing_rules as line")
    assert (before, done.rules_added) == (after, 0)
    assert len(done.notes) == 2
    assert "2 (all articles, 2 days from 2026-01-01T00:00:00+00:00 on)" in done.notes[0]
    assert "not restored" in done.notes[1]
    assert "3 (section politics of every site, 8 hours" in done.notes[1]


def test_the_next_rule_gets_a_number_after_those_that_were_restored(
    database_url: str, other_url: str, tmp_path: Path
) -> None:
    with connected(database_url) as connection:
        connection.execute(RULES)
    export_and_restore(database_url, other_url, tmp_path / "archive")
    with connected(other_url) as connection:
        row = connection.execute(
            "insert into discussion.closing_rules (scope, window_hours, reactions_window_hours,"
            " valid_from, created_by) values ('all', 1, 1, 'infinity', 'x') returning rule_id"
        ).fetchone()
    assert row == (5,)


def test_what_is_newer_here_stays_register_by_register(
    database_url: str, other_url: str, tmp_path: Path
) -> None:
    def edit(body: str, at: str) -> CloudEvent:
        return CloudEvent(
            "comment.edited.v1",
            f"edit {at}",
            "/comments",
            at,
            {"article_id": "a1", "comment_id": "c1", "body": body, "edited_at": at},
        )

    ingest(
        database_url,
        [
            *(article("a1", "north"), posting("a1", "c1")),
            edit("older", "2026-05-01T12:00:00Z"),
            CloudEvent(
                "comment.deleted.v1",
                "d",
                "/comments",
                "2026-05-01T13:00:00Z",
                {"article_id": "a1", "comment_id": "c1", "deleted_at": "2026-05-01T13:00:00Z"},
            ),
        ],
    )
    ingest(other_url, [edit("newer", "2026-05-01T12:30:00Z")])
    export_and_restore(database_url, other_url, tmp_path / "archive")
    with connected(other_url) as connection:
        rows = connection.execute(
            "select first_body, edited_body, deleted_at is not null from discussion.comments"
        ).fetchall()
        edits = column(connection, "select body from discussion.comment_edits")
    assert rows == [("Hm.", "newer", True)]
    assert edits == ["newer", "older"]


@pytest.fixture(scope="module")
def source_url(databases: Databases) -> Iterator[str]:
    """An installation with texts that are easily broken on the way."""
    body = 'tab\t, newline\n, "quoted", \\N, \\., \\u0000 as text, \x01\x02, é 😀, =1+1'
    day = [
        CloudEvent(*map(json.loads(line).get, CloudEvent._fields))
        for line in map(
            as_structured_line, simulate_day(3, DAY, records=1_000, bad_share=0, erasure=False)
        )
    ]
    with databases.lent() as url:
        ingest(url, [*day, posting("a1", "c1", body), article("a1", "north")])
        yield url


@pytest.fixture(scope="module")
def exported(source_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "archive"
    with connected(source_url) as connection:
        export_archive(connection, folder)
    return folder


@pytest.fixture
def archive(exported: Path, tmp_path: Path) -> Path:
    """A copy of the archive of ``source_url``, for tests that spoil it."""
    return shutil.copytree(exported, tmp_path / "archive")


def test_texts_come_back_as_they_are_also_from_a_zip_file(
    archive: Path, source_url: str, other_url: str, tmp_path: Path
) -> None:
    packed = tmp_path / "archive.zip"
    with zipfile.ZipFile(packed, "w") as written:
        for path in sorted(archive.iterdir()):
            written.write(path, f"some folder/{path.name}")
    restored(other_url, packed)
    query = "select first_body from discussion.comments where article_id = 'a1'"
    with connected(source_url) as left, connected(other_url) as right:
        assert column(left, query) == column(right, query) != []


def test_only_the_owner_reads_an_archive_and_nothing_is_overwritten(
    exported: Path, source_url: str
) -> None:
    assert stat.S_IMODE(exported.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in exported.iterdir()} == {0o600}
    with (
        connected(source_url) as connection,
        pytest.raises(BelowTheLineError, match="is not empty"),
    ):
        export_archive(connection, exported)


def test_an_export_that_is_terminated_is_said_to_be_no_archive(
    source_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("btl.archives.exporter._write_jsonl", terminated)
    btl = Btl(Settings.model_validate({"database_url": source_url}), monkeypatch)
    btl("archive", "export", "--output", str(tmp_path / "archive"))
    assert btl.exit_code == 130
    assert "is not an archive. Remove it." in btl.stderr
    assert not (tmp_path / "archive" / "manifest.json").exists()


def terminated(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_an_interrupted_restoration_goes_on(
    archive: Path, source_url: str, other_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("btl.archives.restoration.BATCH_ROWS", 50)
    merge, left = RestoreStore.merge, iter(range(4))

    def interrupted(self: RestoreStore, table: Any, rows: Any) -> int:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return merge(self, table, rows)

    with monkeypatch.context() as patched:
        patched.setattr(RestoreStore, "merge", interrupted)
        btl = Btl(Settings.model_validate({"database_url": other_url}), monkeypatch)
        btl("archive", "import", str(archive))
    assert btl.exit_code == 130
    assert "Interrupted. Run the same command again" in btl.stderr
    done = restored(other_url, archive)
    assert 0 < sum(done.changed.values()) < sum(done.rows.values())
    run(source_url)
    run(other_url)
    assert_equal(source_url, other_url, with_history=True)


def test_a_restoration_waits_for_a_consumer_that_holds_its_rows(
    archive: Path, other_url: str
) -> None:
    process = Process(other_url, [0])
    with closing(process.store):
        process.write([(posting("a1", "c1", "another"), 0)])
        process.begin([(posting("a1", "c1"), 0)])
        process.wait()
        # It may try for two seconds and again; the consumer commits after the first of them.
        with connected(other_url) as connection:
            waited: list[int] = []

            def commit(_what: str, _done: int, _total: int) -> None:
                if not waited:
                    waited.append(1)
                    process.finish()

            restore(files_of([archive]), connection, other_url, progress=commit)
    assert waited


def rewrite(folder: Path, table: str, change: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of a file, and its sum in the manifest."""
    path = folder / f"{table}.jsonl.gz"
    lines = change(gzip.decompress(path.read_bytes()).decode().splitlines())
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    manifest = json.loads((folder / "manifest.json").read_text())
    for listed in manifest["files"]:
        if listed["table"] == table:
            content = path.read_bytes()
            listed |= {
                "rows": len(lines),
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def replaced(number: int, **values: Any) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        row = json.loads(lines[number - 1]) | values
        return [*lines[: number - 1], json.dumps(row), *lines[number:]]

    return change


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        ("comments", replaced(3, comment_id=""), "line 3: comment_id"),
        ("comments", lambda lines: lines[::-1], "line 2: its key does not come after"),
        ("comments", lambda lines: [*lines[:1], *lines], "line 2: its key does not come after"),
        ("reactions", replaced(7, is_on="yes"), "line 7: is_on"),
        ("reactions", replaced(7, state_version="00"), "line 7: state_version is not the version"),
        ("closing_rules", replaced(1, window_hours=0), "line 1: window_hours"),
        ("closing_rules", lambda lines: ["{", *lines], "line 1: input data was truncated"),
        ("closing_rules", lambda lines: ["{x", *lines], "line 1: JSON is malformed"),
    ],
)
def test_a_row_that_was_edited_is_refused_with_its_line_and_nothing_is_written(
    archive: Path, other_url: str, table: str, change: Any, message: str
) -> None:
    rewrite(archive, table, change)
    with pytest.raises(BelowTheLineError) as caught:
        restored(other_url, archive)
    assert f"{table}.jsonl.gz, {message}" in str(caught.value)
    assert "Nothing was written." in str(caught.value)
    assert_empty(other_url)


def assert_empty(url: str) -> None:
    with connected(url) as connection:
        for table in ARCHIVED:
            query = f"select count(*) from discussion.{table.name}".encode()
            expected = 1 if table.name == "closing_rules" else 0
            assert connection.execute(query).fetchone() == (expected,), table.name


def damage(folder: Path) -> None:
    path = folder / "reports.jsonl.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(folder: Path) -> None:
    path = folder / "reports.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-9])


def lose(folder: Path) -> None:
    (folder / "reports.jsonl.gz").unlink()


def add(folder: Path) -> None:
    shutil.copy(folder / "reports.jsonl.gz", folder / "more.jsonl.gz")


def forget_a_table(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = [each for each in manifest["files"] if each["table"] != "reports"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    lose(folder)


def lose_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (damage, "reports.jsonl.gz is not the file that was exported"),
        (cut, "reports.jsonl.gz is not the file that was exported"),
        (lose, "has no file reports.jsonl.gz"),
        (add, "more.jsonl.gz does not belong to the archive"),
        (forget_a_table, "lists no file of reports"),
        (lose_the_manifest, "no manifest.json"),
    ],
)
def test_a_changed_file_is_named_and_nothing_is_written(
    archive: Path, other_url: str, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(archive)
    with pytest.raises(BelowTheLineError, match=message):
        restored(other_url, archive)
    assert_empty(other_url)


def test_the_commands_export_check_and_restore(
    source_url: str, other_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(url: str) -> Btl:
        return Btl(Settings.model_validate({"database_url": url}), monkeypatch)

    folder = str(tmp_path / "archive")
    btl = command(source_url)
    btl("archive", "export", "--output", folder, "--json")
    said = json.loads(btl.stdout)
    rows = {each["table"]: each["rows"] for each in said["files"]}
    btl = command(other_url)
    btl("archive", "import", folder, "--dry-run")
    assert "all files and rows are valid. Nothing was restored." in btl.stdout
    assert_empty(other_url)
    btl("archive", "import", folder)
    assert btl.exit_code == 0
    assert f"{rows['comments']:,} comments of an archive of all sites" in btl.stdout
    btl("archive", "import", folder, "--json")
    assert set(json.loads(btl.stdout)["changed"].values()) == {0}
    with pytest.raises(BelowTheLineError, match="--site cannot be given for an archive"):
        btl("archive", "import", folder, "--site", "north")


def test_moderators_export_and_the_consumers_role_restores_events(
    exported: Path, source_url: str, other_url: str, tmp_path: Path
) -> None:
    def as_role(role: str, url: str) -> str:
        login = Stack(Path(os.environ["BTL_TEST_HOME"])).database_url(role)
        return with_database(login, str(conninfo_to_dict(url)["dbname"]))

    with connected(as_role("btl_moderator", source_url)) as connection:
        export_archive(connection, tmp_path / "moderator")
    for path in exported.glob("*.gz"):
        assert (tmp_path / "moderator" / path.name).read_bytes() == path.read_bytes()
    with (
        connected(as_role("btl_scheduler", source_url)) as connection,
        pytest.raises(BelowTheLineError, match="may not read all that an archive holds"),
    ):
        export_archive(connection, tmp_path / "scheduler")

    done = restored(as_role("btl_ingest", other_url), exported)
    assert done.changed == done.rows | {"closing_rules": 0}
    assert done.notes == []
    with pytest.raises(BelowTheLineError, match="may not restore an archive"):
        restored(as_role("btl_reader", other_url), exported)
    # Closing rules are not the consumers' to add.
    with connected(source_url) as connection:
        connection.execute(RULES)
        export_archive(connection, tmp_path / "with rules")
    done = restored(as_role("btl_ingest", other_url), tmp_path / "with rules")
    assert "may not add closing rules" in done.notes[0]
    # The owner's restoration adds only what was left out.
    done = restored(other_url, tmp_path / "with rules")
    assert {table for table, count in done.changed.items() if count} == {"closing_rules"}
