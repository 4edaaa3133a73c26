"""What is an archive, and what is not."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from below_the_line.errors import BelowTheLineError
from btl.archives.layout import ARCHIVED
from btl.archives.manifest import find_manifest, latest_migration, read_manifest
from btl.archives.recognition import recognised
from btl.archives.sources import ExportFile, files_of

SCHEMA = latest_migration()
VALID: dict[str, Any] = {
    "format": "below-the-line",
    "version": 1,
    "software": "0.1.0",
    "schema": SCHEMA,
    "site": None,
    "as_of": "2026-05-01T10:00:00Z",
    "site_timezone": "UTC",
    "form": "jsonl",
    "files": [
        {"name": f"{each.name}.jsonl.gz", "table": each.name, "rows": 0, "bytes": 0, "sha256": ""}
        for each in ARCHIVED
    ],
}


def written(folder: Path, **changes: Any) -> ExportFile:
    path = folder / "manifest.json"
    path.write_text(json.dumps(VALID | changes))
    return ExportFile(path)


def rows(folder: Path, name: str) -> Path:
    (table,) = (each for each in ARCHIVED if each.name == name)
    path = folder / "rows"
    path.write_text(json.dumps({column: None for column, _ in table.columns}) + "\n")
    return path


def test_tables_of_an_archive_without_its_manifest_are_recognised_by_their_columns(
    tmp_path: Path,
) -> None:
    path = rows(tmp_path, "reports")
    with pytest.raises(BelowTheLineError, match=r"There is no manifest\.json of an archive"):
        recognised(files_of([path]))
    packed = tmp_path / "reports.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(BelowTheLineError, match=r"There is no manifest\.json of an archive"):
        recognised(files_of([packed]))
    path.write_text('{"comment_id": "c1", "article_id": "a1", "body": "First"}\n')
    assert recognised(files_of([path])).format.name == "tables"


def test_so_are_those_of_parquet(tmp_path: Path) -> None:
    (table,) = (each for each in ARCHIVED if each.name == "comments")
    columns = {name: ["x"] for name, _ in table.columns}
    path = tmp_path / "c.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    with pytest.raises(BelowTheLineError, match=r"There is no manifest\.json of an archive"):
        recognised(files_of([path]))
    del columns["first_body"]
    parquet.write_table(pyarrow.table(columns), path)
    assert recognised(files_of([path])).format.name == "tables"


def test_a_manifest_speaks_for_the_tables_beside_it(tmp_path: Path) -> None:
    file = written(tmp_path)
    (tmp_path / "comments.jsonl").write_text('{"comment_id": "c1"}\n')
    files = files_of([tmp_path])
    assert find_manifest(files) == file
    assert recognised(files).format.name == "below-the-line"
    assert read_manifest(file).rows_of("comments") == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [("manifest.json", '{"name": "a web application"}'), ("package.json", json.dumps(VALID))],
)
def test_other_files_are_not_an_archive(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert find_manifest(files_of([tmp_path])) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2, "files": {}}, "is of version 2 of the format; this software reads up to"),
        ({"version": "1"}, "is not a usable manifest"),
        ({"form": "csv"}, "is not a usable manifest"),
        ({"files": VALID["files"][1:], "schema": SCHEMA}, "it lists no file of articles"),
        ({"files": [*VALID["files"], VALID["files"][0]]}, "it lists a table twice"),
        (
            {"files": [*VALID["files"], VALID["files"][0] | {"table": "polls"}]},
            "or one that this software does not know",
        ),
        ({"files": [{"name": "x"}]}, "is not a usable manifest"),
        (
            {"files": [VALID["files"][0] | {"name": "x"}, *VALID["files"][1:]]},
            "its file of articles is not called",
        ),
        ({"as_of": "today"}, "as_of is not a time"),
        ({"as_of": "2026-05-01T10:00:00Z\x1b[2J"}, "as_of is not a time"),
        ({"site_timezone": "Europe/\x1b[2J"}, "site_timezone"),
        ({"software": "0.1.0\x1b[2J"}, "software"),
        ({"schema": "the last one"}, "schema"),
        ({"format": "x below-the-line", "note": "below-the-line"}, "its format is"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(BelowTheLineError) as caught:
        read_manifest(written(tmp_path, **changes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "files", [VALID["files"], [*VALID["files"], {"a list": "of another form"}]]
)
def test_an_archive_of_a_later_version_needs_that_version(tmp_path: Path, files: Any) -> None:
    later = f"{int(SCHEMA[:4]) + 1:04}_polls"
    with pytest.raises(BelowTheLineError) as caught:
        read_manifest(written(tmp_path, software="0.9.1", schema=later, files=files))
    assert "was written by version 0.9.1 of this software" in caught.value.message
    assert "with version 0.9.1 or later" in caught.value.hint


def test_a_table_that_came_after_an_archive_is_empty_in_it(tmp_path: Path) -> None:
    older = read_manifest(written(tmp_path, schema="0001_begin", files=VALID["files"][1:]))
    assert older.file_of("articles") is None
    assert older.rows_of("articles") == 0
