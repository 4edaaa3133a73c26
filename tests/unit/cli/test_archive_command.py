"""What is said of an import that is asked for in a wrong way, before anything is read."""

from pathlib import Path

import orjson
import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.settings import Settings
from btl.archives.formats import all_formats
from tests.commands import Btl
from tests.unit.archives.tiny_export import ARTICLES, COMMENTS, MAPPING

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
        (
            ("other.xml", "--format", "disqus"),
            r"No article and no comment was found in other\.xml. Looked for: Disqus export",
        ),
        (
            ("empty.xml", "other.xml", "--format", "wordpress"),
            r"was found in empty\.xml and 1 other file. Looked for: WordPress export",
        ),
        (
            ("backup", "--format", "remark42"),
            r"No article and no comment was found in backup. Looked for: Remark42 backup",
        ),
    ],
)
def test_a_wrong_import_is_one_line_with_what_to_do(
    btl: Btl, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "export.json").write_bytes(orjson.dumps(ISSO))
    (tmp_path / "notes.txt").write_text("Remember the ferry.\n")
    (tmp_path / "other.xml").write_text("<feed><entry/></feed>")
    (tmp_path / "empty.xml").write_text("<rss><channel/></rss>")
    (tmp_path / "backup").write_text("not JSON\n")
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


def test_a_mapping_may_lie_in_the_folder_that_it_is_for(btl: Btl, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "articles.csv").write_text(ARTICLES)
    (folder / "comments.csv").write_text(COMMENTS)
    (folder / "site.toml").write_text(MAPPING)
    btl("archive", "import", "export", "--mapping", "export/site.toml", "--dry-run", "--json")
    assert btl.exit_code == 0
    assert orjson.loads(btl.stdout)["events"]["comment.posted.v1"] == 3


def test_an_option_without_effect_is_named(btl: Btl, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(TWICE)
    (tmp_path / "export.json").write_bytes(orjson.dumps(ISSO))
    arguments = ("--base-url", "https://example.org", "--dry-run")
    btl("archive", "import", "export.json", *arguments)
    assert "no effect" not in btl.stderr
    btl("archive", "import", "a.xml", *arguments)
    assert btl.stderr.startswith("--base-url has no effect: the format disqus has whole addresses.")


def test_a_comment_from_the_future_is_said_to_be_later_than_now(btl: Btl, tmp_path: Path) -> None:
    later = TWICE.replace("2026-05-01T09", "2099-05-01T09")
    (tmp_path / "a.xml").write_text(later)
    btl("archive", "import", "a.xml", "--dry-run")
    assert btl.exit_code == 1
    assert "five minutes after now, but is 2099-05-01T09:00:00Z.\n" in btl.stdout
    assert "timestamp" not in btl.stdout


TWICE = """\
<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">
<thread dsq:id="1"><id>/ferry/</id><forum>islands</forum>
<link>https://example.org/ferry/</link><title>Ferry</title>
<createdAt>2026-05-01T08:00:00Z</createdAt></thread>
<post dsq:id="2"><message>First</message><createdAt>2026-05-01T09:00:00Z</createdAt>
<author><name>otter</name><isAnonymous>true</isAnonymous></author><thread dsq:id="1"/></post>
</disqus>
"""


def test_what_comes_twice_is_said_as_events_in_the_end(btl: Btl, tmp_path: Path) -> None:
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_text(TWICE)
    out = btl("archive", "import", "a.xml", "b.xml", "--dry-run")
    assert "comments  1  " in out
    assert "\n1 event about articles and 2 events about comments are valid; nothing was" in out
    out = btl("archive", "import", "a.xml", "--dry-run")
    assert "\n1 article and 1 comment are valid; nothing was produced" in out


def test_all_formats_are_listed(btl: Btl) -> None:
    listed = orjson.loads(btl("archive", "formats", "--json"))
    assert [each["format"] for each in listed] == [found.name for found in all_formats()]
    shown = btl("archive", "formats")
    assert all(found.how_to_export in shown for found in all_formats())
