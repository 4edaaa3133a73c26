"""What is said of an import that is asked for in a wrong way, before anything is read."""

from pathlib import Path

import orjson
import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings
from btl.archives.formats import all_formats
from tests.commands import Btl

ISSO = [
    {
        "id": "/ferry/",
        "title": "Ferry",
        "comments": [
            {
                "id": 1,
                "author": "otter",
                "text": "First",
                "created": "2026-05-01 10:00:00",
                "website": None,
            }
        ],
    }
]


@pytest.fixture
def btl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Btl:
    monkeypatch.chdir(tmp_path)
    return Btl(Settings.model_validate({}), monkeypatch)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "There is no file to import"),
        (("missing.xml",), r"missing\.xml cannot be read: No such file"),
        (("--articles", "a.csv", "--comments", "c.csv"), "need a mapping"),
        (("--articles", "a.csv", "--mapping", "m.toml"), "--comments is missing"),
        (("--comments", "c.csv", "--mapping", "m.toml"), "--articles is missing"),
        (
            ("x.xml", "--articles", "a.csv", "--comments", "c.csv"),
            "named with and without --articles and --comments",
        ),
        (("export.json", "--format", "disquss"), "no format 'disquss'"),
        (("export.json", "--time-zone", "Mars/Olympus"), "is not an IANA time zone"),
        (("export.json", "--base-url", "example.org"), "is not the beginning of an address"),
        (("export.json", "--never-close", "--close-by-rules"), "cannot be combined"),
        (
            ("export.json", "--id-prefix", "weekly:", "--article-ids", "ids.csv"),
            "cannot be combined",
        ),
        (("export.json", "--id-prefix", " weekly"), "begins with a blank"),
        (("export.json", "--id-prefix", "weekly\n"), "cannot be printed"),
        (("notes.txt",), r"notes\.txt is of no format"),
    ],
)
def test_a_wrong_import_is_one_line_with_what_to_do(
    btl: Btl, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "export.json").write_bytes(orjson.dumps(ISSO))
    (tmp_path / "notes.txt").write_text("Remember the ferry.\n")
    with pytest.raises(BelowTheLineError, match=message) as caught:
        btl("archive", "import", *arguments, "--dry-run")
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_dry_run_says_in_json_what_would_be_sent(btl: Btl, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_bytes(orjson.dumps(ISSO))
    btl("archive", "import", ".", "--base-url", "https://example.org/", "--dry-run", "--json")
    said = orjson.loads(btl.stdout)
    assert said["format"] == "isso-json"
    assert said["source"] == "archive:isso-json"
    assert said["closing"] == "never"
    assert said["events"] == {"comment.posted.v1": 1, "article.published.v1": 1}
    assert said["rejected_rows"] == 0
    assert said["dry_run"] is True


def test_files_of_a_folder_that_are_not_of_its_format_are_left_out(
    btl: Btl, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "isso.json").write_bytes(orjson.dumps(ISSO))
    (folder / "README").write_text("Remember the ferry.\n")
    btl("archive", "import", "export", "--base-url", "https://example.org", "--dry-run", "--json")
    said = orjson.loads(btl.stdout)
    assert said["events"]["comment.posted.v1"] == 1
    [left_out] = said["left_out"]
    assert left_out["what"] == "files that are not of this format"
    assert left_out["examples"] == ["README, the whole file"]


def test_all_formats_are_listed(btl: Btl) -> None:
    listed = orjson.loads(btl("archive", "formats", "--json"))
    assert [each["format"] for each in listed] == [found.name for found in all_formats()]
    shown = btl("archive", "formats")
    assert all(found.how_to_export in shown for found in all_formats())
