"""Files of an archive, and the transactions that their rows are written in."""

import gzip
import hashlib
import json
import os
import signal
import sys
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import typer
from pyarrow import parquet

from below_the_line.contracts.events import order_key
from below_the_line.contracts.times import from_datetime
from below_the_line.errors import BelowTheLineError
from btl.archives.archive_files import Archive, PlacedRow
from btl.archives.exporter import export_archive
from btl.archives.layout import ARCHIVED, Form
from btl.archives.manifest import FORMAT, VERSION, latest_migration
from btl.archives.restoration import batches
from btl.archives.sources import ExportFile, files_of
from btl.archives.tables import Layout, open_table
from btl.cli.archive_export import restore_archive

NOW = datetime(2026, 6, 1, tzinfo=UTC)
AT = datetime(2026, 5, 1, tzinfo=UTC)
ARTICLES, VERSIONS, COMMENTS, REPORTS = (
    next(each for each in ARCHIVED if each.name == name)
    for name in ("articles", "article_versions", "comments", "reports")
)


def written(folder: Path, form: Form, without: str | None = None, **changes: Any) -> None:
    """Write the manifest of the files in a folder; those that are not there are made empty."""
    listed = []
    for table in ARCHIVED:
        if table.name == without:
            continue
        path = folder / table.file_name(form)
        if not path.exists() and form == "jsonl":
            path.write_bytes(gzip.compress(b""))
        elif not path.exists():
            parquet.write_table(pyarrow.table({}), path)
        content = path.read_bytes()
        rows = parquet.read_metadata(path).num_rows if form == "parquet" else 0
        digest = hashlib.sha256(content).hexdigest()
        listed.append([path.name, table.name, rows, len(content), digest])
    names = ("name", "table", "rows", "bytes", "sha256")
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "software": "0.1.0",
        "schema": latest_migration(),
        "site": None,
        "as_of": "2026-05-01T10:00:00Z",
        "site_timezone": "UTC",
        "form": form,
        "files": [dict(zip(names, each, strict=True)) for each in listed],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))


def archive(folder: Path) -> Archive:
    return Archive(files_of([folder]), NOW)


def test_a_time_that_python_does_not_have_is_one_line_with_its_place(tmp_path: Path) -> None:
    version = order_key(from_datetime(AT), "e1", "/a", bytes(32)).hex()
    micros = [int(AT.timestamp()) * 1_000_000] * 600 + [4_000_000_000_000_000_000]
    table = pyarrow.table(
        {
            "article_id": [f"a{number:03}" for number in range(len(micros))],
            "status": ["published"] * len(micros),
            "status_changed_at": pyarrow.array(micros, pyarrow.timestamp("us", tz="UTC")),
            "status_version": [version] * len(micros),
        }
    )
    parquet.write_table(table, tmp_path / "articles.parquet")
    written(tmp_path, "parquet")
    rows = archive(tmp_path).rows(ARTICLES)
    assert [next(rows).row[0] for _ in range(600)][-1] == "a599"
    with pytest.raises(BelowTheLineError, match=r"articles.parquet, row 601: ") as caught:
        next(rows)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_table_that_an_older_archive_does_not_have_is_empty(tmp_path: Path, form: Form) -> None:
    written(tmp_path, form, without="reports", schema="0001_begin")
    older = archive(tmp_path)
    older.check(lambda *_: None)
    assert list(older.rows(REPORTS)) == []


def test_without_pyarrow_the_same_extra_is_named_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    no_connection: Any = None
    table: Any = ExportFile(tmp_path / "articles.parquet")
    for needs_it in (
        lambda: list(archive(tmp_path).rows(ARTICLES)),
        lambda: export_archive(no_connection, tmp_path / "new", form="parquet"),
        lambda: open_table(table, Layout()).__enter__(),
    ):
        with pytest.raises(BelowTheLineError, match="needs pyarrow, which is not") as caught:
            needs_it()
        assert "pip install 'below-the-line[archives]'" in caught.value.hint


def placed(*articles: str) -> list[PlacedRow]:
    return [PlacedRow("", (article, number), 1) for number, article in enumerate(articles)]


def test_what_opens_and_closes_one_discussion_is_written_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("btl.archives.restoration.BATCH_ROWS", 2)
    rows = placed("a", "b", "b", "b", "c", "d")

    def articles_of(table: Any) -> list[str]:
        return ["".join(row[0] for row in batch) for batch in batches(table, rows)]

    assert articles_of(VERSIONS) == ["abbb", "cd"]
    # Comments are not: no window is made before their article's versions are there.
    assert articles_of(COMMENTS) == ["ab", "bb", "cd"]


def test_names_of_an_archive_do_not_reach_the_terminal_as_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, "jsonl", site="north\x1b[2J")
    restore_archive(files_of([tmp_path]), {}, dry_run=True, as_json=False)
    assert "an archive of site north\\u001b[2J, as of" in capsys.readouterr().out


def test_a_restoration_that_is_terminated_leaves_no_copies_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "archive").mkdir()
    written(tmp_path / "archive", "parquet")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as packed:
        for path in (tmp_path / "archive").iterdir():
            packed.write(path, path.name)
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(copies))
    seen: list[Path] = []

    def terminated(*_: Any, **__: Any) -> None:
        seen.extend(copies.iterdir())
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("pyarrow.parquet.ParquetFile", terminated)
    with pytest.raises(typer.Exit) as stopped:
        restore_archive(files_of([tmp_path / "archive.zip"]), {}, dry_run=True, as_json=False)
    assert stopped.value.exit_code == 130
    assert "Interrupted. Run the same command again" in capsys.readouterr().err
    assert seen
    assert list(copies.iterdir()) == []
