"""``btl top``, ``article`` and ``export`` as people use them."""

import csv
import io
import json
import os
import re
import stat
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pyarrow import parquet

from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.definitions import definitions
from below_the_line.metrics.export import EXPORTED, export
from below_the_line.plurals import counted
from below_the_line.settings import Settings
from below_the_line.spreadsheet_cells import unprotected
from btl.cli.output import printable
from btl.stack.stack import Stack
from tests.commands import Btl, as_role
from tests.conftest import ROOT
from tests.databases import with_database
from tests.sql.newsroom import Newsroom, t

pytestmark = pytest.mark.stack


@pytest.fixture
def room(connection: psycopg.Connection) -> Newsroom:
    """Three articles with one to three comments, the first with a report, all of them computed."""
    newsroom = Newsroom(connection)
    for number in range(1, 4):
        article = f"a{number}"
        newsroom.publish("05-01 10:00", article=article)
        connection.execute(
            "insert into discussion.articles (article_id, headline, site, section, content_version)"
            " values (%s, %s, 'daily', 'politics', '1')",
            [article, f"Headline {number}"],
        )
        for comment in range(number):
            newsroom.comment(
                f"c{comment}", f"05-0{number} 12:00", article=article, user=f"u{comment}"
            )
    newsroom.report("p1", "05-02 12:00", article="a1", comment="c0", reason="harassment")
    newsroom.publish("05-01 10:00", article="without-end", published_at=None)
    newsroom.override("close", "05-01 11:00", article="a2")
    newsroom.override("clear", "05-01 12:00", article="a2")
    newsroom.close("05-03 00:00")
    newsroom.compute()
    return newsroom


@pytest.fixture
def btl(room: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Btl:  # noqa: ARG001
    return Btl(Settings.model_validate({"database_url": database_url}), monkeypatch)


def test_those_with_most_come_first_and_those_with_nothing_not_at_all(btl: Btl) -> None:
    assert [(row["article_id"], row["comments"]) for row in json.loads(btl("top", "--json"))] == [
        ("a3", 3),
        ("a2", 2),
        ("a1", 1),
    ]
    assert [row["article_id"] for row in json.loads(btl("top", "--by", "reports", "--json"))] == [
        "a1"
    ]
    assert [
        row["article_id"] for row in json.loads(btl("top", "--by", "open-reports", "--json"))
    ] == ["a1"]
    assert "Headline 3" in btl("top", "--limit", "1")
    assert "No article has any late." in btl("top", "--by", "late")


def test_that_figures_are_not_computed_yet_is_said(
    btl: Btl, connection: psycopg.Connection
) -> None:
    assert "not computed" not in btl("top", "--by", "late")
    connection.execute("insert into ingest.dirty_articles (article_id) values ('a3')")
    said = btl("top", "--by", "late")
    assert "No article has any late in the figures.\n" in said
    assert "article_metrics" in said
    assert "btl metrics rebuild" in said


def test_what_has_happened_since_a_time_counts_in_whole_hours(btl: Btl) -> None:
    since = ("--since", "2026-05-02T12:40:00Z")
    assert [
        (row["article_id"], row["comments"]) for row in json.loads(btl("top", *since, "--json"))
    ] == [
        ("a3", 3),
        ("a2", 2),
    ]
    assert [
        row["article_id"] for row in json.loads(btl("top", "--by", "reports", *since, "--json"))
    ] == ["a1"]
    assert "reactions added" in btl("top", *since)
    assert "reactions added" not in btl("top")
    assert "No article has any comments since then." in btl("top", "--since", "1h")


def test_what_can_not_be_asked_is_said_with_what_can(btl: Btl) -> None:
    with pytest.raises(
        BelowTheLineError, match="Articles cannot be listed by 'people' since a time"
    ) as refused:
        btl("top", "--by", "people", "--since", "7d")
    assert (
        refused.value.hint == "Choose one of comments, replies, reactions, reports, rejected, late."
    )
    with pytest.raises(BelowTheLineError, match="--since is not a time: 'yesterday'"):
        btl("top", "--since", "yesterday")
    with pytest.raises(BelowTheLineError, match="no figures of article a9"):
        btl("article", "a9")
    with pytest.raises(BelowTheLineError, match="There is no metric table or view 'comments'"):
        btl("export", "comments")
    with pytest.raises(BelowTheLineError, match="There is no format 'xls'"):
        btl("export", "site_daily", "--format", "xls")
    with pytest.raises(BelowTheLineError, match=r"nowhere/x\.csv cannot be written: No such file"):
        btl("export", "site_daily", "-o", "nowhere/x.csv")


def test_parquet_goes_into_a_pipe_and_not_to_a_terminal(
    room: Newsroom,
    connection: psycopg.Connection,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert room.abuse("a1")["reports"] == 1
    assert export(connection, "metrics.article_abuse", "parquet", None) == 4
    table = parquet.read_table(io.BytesIO(capfdbinary.readouterr().out))
    assert table.column("article_id").to_pylist() == ["a1", "a2", "a3", "without-end"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with pytest.raises(BelowTheLineError, match="not for a terminal"):
        export(connection, "article_abuse", "parquet", None)


def test_an_article_is_shown_with_what_each_figure_is(btl: Btl) -> None:
    text = btl("article", "a1")
    assert text.startswith("Headline 1\n")
    for table in ("article_engagement", "article_abuse"):
        for column in definitions(table).columns[1:]:
            assert column.definition[:60] in text
    assert "harassment" in text
    assert "2026-05-01 12:00:00 UTC" in text
    document = json.loads(btl("article", "a1", "--json"))
    assert document["article_engagement"]["comments_published"] == 1
    assert [row["reason"] for row in document["article_abuse_reasons"]] == ["harassment"]


EMPTY = {"article_engagement_revisions", "trending_articles", "closing_soon", "late_comments"}
"""What has no row in this newsroom, or none at this time of the year."""


@pytest.mark.parametrize("table", EXPORTED)
def test_every_table_can_be_exported_in_every_format(btl: Btl, tmp_path: Path, table: str) -> None:
    as_csv = list(csv.DictReader(io.StringIO(btl("export", table))))
    as_json = [json.loads(line) for line in btl("export", table, "--format", "json").splitlines()]
    target = tmp_path / "rows.parquet"
    said = btl("export", table, "--format", "parquet", "-o", str(target))
    assert said.startswith(counted(len(as_csv), "row") + " of ")
    assert f".{table} are in " in said
    as_parquet = parquet.read_table(target).to_pylist()
    assert len(as_csv) == len(as_json) == len(as_parquet)
    assert bool(as_csv) == (table not in EMPTY)
    for in_csv, in_json, in_parquet in zip(as_csv, as_json, as_parquet, strict=True):
        assert in_csv.keys() == in_json.keys() == in_parquet.keys()
        for column, value in in_json.items():
            assert (in_csv[column] == "") == (value is None) == (in_parquet[column] is None)


def test_exported_values_are_those_of_the_table(btl: Btl, tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    btl("export", "article_hourly", "-o", str(target))
    first = next(csv.DictReader(target.read_text().splitlines()))
    assert (first["article_id"], first["hour"], first["comments"]) == (
        "a1",
        "2026-05-01T12:00:00Z",
        "1",
    )
    btl("export", "open_reports", "--format", "parquet", "-o", str(target))
    (row,) = parquet.read_table(target).to_pylist()
    assert (row["reasons"], row["oldest_open_at"], row["severity"]) == (
        ["harassment"],
        t("05-02 12:00"),
        2,
    )


OBEYED = "=1+1 \x1b[31mred\x9b1m\x07 \u202e"
"""A text with characters that terminals obey, and that a spreadsheet would compute."""


def _write_what_terminals_obey(connection: psycopg.Connection) -> None:
    connection.execute("update discussion.articles set headline = %s", [OBEYED])
    connection.execute(
        "update discussion.comments set first_body = %s, display_name = %s", [OBEYED] * 2
    )
    connection.execute("update discussion.reports set note = %s", [OBEYED])


@pytest.mark.parametrize(
    "arguments",
    [
        "top",
        "article a1",
        "discussion a1",
        "explain comment a1 c0 --no-log",
        "queue",
        "thread a1",
        "thread a1 c0",
        "report",
    ],
)
def test_what_people_wrote_is_shown_and_not_obeyed(
    btl: Btl, connection: psycopg.Connection, arguments: str
) -> None:
    _write_what_terminals_obey(connection)
    shown = btl(*arguments.split())
    assert not [each for each in shown if not (each.isprintable() or each == "\n")]


def test_an_export_on_a_terminal_shows_what_it_would_obey(
    connection: psycopg.Connection, room: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    assert room.abuse("a1")["reports"] == 1
    _write_what_terminals_obey(connection)
    for form in ("csv", "json"):
        export(connection, "discussion_thread", form, None, printable)
        shown = capsys.readouterr().out
        assert r"\u001b[31mred\u009b1m\u0007 \u202e" in shown
        assert not [each for each in shown if not (each.isprintable() or each == "\n")]


def test_a_file_of_an_export_is_private_and_computes_nothing_and_nothing_is_lost(
    btl: Btl, connection: psycopg.Connection, tmp_path: Path
) -> None:
    _write_what_terminals_obey(connection)
    target = tmp_path / "thread.csv"
    for form in ("parquet", "json", "csv"):
        btl("export", "discussion_thread", "--format", form, "-o", str(target))
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with target.open(newline="") as file:
        cells = {row["body"] for row in csv.DictReader(file)}
    assert cells == {f"'{OBEYED}"}
    assert {unprotected(cell) for cell in cells} == {OBEYED}


def test_an_analyst_who_sees_metrics_alone_can_ask_all_of_it(
    room: Newsroom, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert room.abuse("a1")["reports"] == 1
    btl = as_role("btl_reader", database_url, monkeypatch)
    assert "Headline 3" in btl("top")
    assert "Headline 1" in btl("article", "a1")
    assert btl("export", "section_daily").count("\n") > 1
    with pytest.raises(
        BelowTheLineError, match="permission denied for table open_reports"
    ) as refused:
        btl("export", "open_reports")
    assert "btl_moderator" in refused.value.hint


QUERIES = re.findall(
    r"^```sql( moderator)?\n(.+?)^```",
    (ROOT / "docs" / "asking.md").read_text(encoding="utf-8"),
    re.DOTALL | re.MULTILINE,
)


@pytest.mark.parametrize(
    ("role", "query"), QUERIES, ids=[query.splitlines()[0][3:] for _, query in QUERIES]
)
def test_the_documents_queries_run_for_those_they_are_written_for(
    room: Newsroom, database_url: str, role: str, query: str
) -> None:
    assert room.abuse("a1")["reports"] == 1
    name = "btl_moderator" if role else "btl_reader"
    login = Stack(Path(os.environ["BTL_TEST_HOME"])).database_url(name)
    url = with_database(login, str(conninfo_to_dict(database_url)["dbname"]))
    with psycopg.connect(url) as connection:
        assert connection.execute(query.encode()).description
