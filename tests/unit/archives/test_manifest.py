"""What is an archive, and what is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.layout import ARCHIVED
from btl.archives.manifest import find_manifest, read_manifest
from btl.archives.recognition import format_of
from btl.archives.sources import ExportFile, files_of

VALID: dict[str, Any] = {
    "format": "below-the-line",
    "version": 1,
    "software": "0.1.0",
    "schema": "0016_rules_are_archived",
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


def test_a_manifest_speaks_for_the_tables_beside_it(tmp_path: Path) -> None:
    file = written(tmp_path)
    (tmp_path / "comments.jsonl").write_text('{"comment_id": "c1"}\n')
    files = files_of([tmp_path])
    assert find_manifest(files) == file
    assert format_of(files).name == "below-the-line"
    assert read_manifest(file).file_of("comments").name == "comments.jsonl.gz"


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
        ({"files": VALID["files"][1:]}, "it lists no file of articles"),
        ({"files": [*VALID["files"], VALID["files"][0]]}, "it lists a table twice"),
        (
            {"files": [*VALID["files"], VALID["files"][0] | {"table": "polls"}]},
            "or one that this software does not know",
        ),
        ({"files": [{"name": "x"}]}, "is not a usable manifest"),
        ({"format": "x below-the-line", "note": "below-the-line"}, "its format is"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(BelowTheLineError) as caught:
        read_manifest(written(tmp_path, **changes))
    assert message in str(caught.value)
