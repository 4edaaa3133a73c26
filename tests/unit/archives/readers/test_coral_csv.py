"""All records of the hand-made files of Coral's CSV format, cell by cell."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions
from btl.archives.records import Article, Comment, LeftOut, Moderation, Place, Unreadable
from tests.unit.archives.readers.exports import (
    EXPORTS,
    VIENNA,
    files_of_export,
    formats_that_recognise,
    records_of,
)

FILES = EXPORTS / "coral-csv"
UTC_ZONE = ReadingOptions()


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2022-05-{text}").replace(tzinfo=UTC)


def line(number: int) -> Place:
    return Place("comments.csv", f"line {number}")


def story(number: int) -> Place:
    return Place("stories.csv", f"line {number}")


@pytest.fixture(scope="module")
def records() -> list[Any]:
    return records_of("coral-csv", *files_of_export("coral-csv"), options=UTC_ZONE)


def test_stories(records: list[Any]) -> None:
    assert [found for found in records if isinstance(found, Article)] == [
        Article(
            story(1),
            "st-1",
            "https://cape.example/lamp",
            "The lamp is lit",
            published_at=at("01T06:00"),
            bylines=("Cape desk",),
            closes_at=at("15T04:00"),
        ),
        # Dates alone: from the beginning of the first to the end of the second.
        Article(
            story(2),
            "st-2",
            "https://cape.example/reef",
            None,
            published_at=at("03T00:00"),
            closes_at=at("21T00:00"),
        ),
        Article(
            story(3),
            "st-3",
            "https://cape.example/pier",
            "The pier, again",
            published_at=at("02T07:00:00.500"),
        ),
    ]


def test_comments_and_their_state(records: list[Any]) -> None:
    puffin: dict[str, Any] = {"user_id": "u-1", "display_name": "puffin"}
    assert [found for found in records if isinstance(found, Comment | Moderation)] == [
        Comment(
            line(1),
            "st-1",
            "co-1",
            **puffin,
            body="Bright, very bright.\nIt wakes the whole cape & the sea.",
            posted_at=at("01T07:00"),
        ),
        Comment(
            line(3),
            "st-1",
            "co-2",
            user_id="u-2",
            display_name="tern",
            body="We know.\n\nCurtains help.",
            posted_at=at("01T07:05"),
            parent_comment_id="co-1",
            is_staff=True,
        ),
        Comment(
            line(4),
            "st-1",
            "co-3",
            user_id="u-3",
            display_name="auk",
            body='Buy "cheap" lamps',
            posted_at=at("01T07:10"),
            parent_comment_id="co-1",
        ),
        Moderation(line(4), "st-1", "co-3", decision="rejected"),
        Comment(
            line(5),
            "st-9",
            "co-4",
            user_id="u-9",
            display_name=None,
            body="Whose story is this?",
            posted_at=at("01T07:15"),
            parent_comment_id="co-99",
        ),
        Comment(line(6), "st-3", "co-5", **puffin, body="Five of five", posted_at=at("02T09:00")),
    ]


def test_what_is_left_out_and_what_cannot_be_read(records: list[Any]) -> None:
    assert [found for found in records if isinstance(found, LeftOut)] == [
        LeftOut(Place("users.csv", "line 4"), "bans of people", "no event says it"),
        LeftOut(line(6), "ratings of comments", "no event says it"),
        LeftOut(line(7), "ratings without a text", "a rating without a text is not a comment"),
    ]
    unreadable = [found for found in records if isinstance(found, Unreadable)]
    assert [(str(found.place), found.reason) for found in unreadable] == [
        ("stories.csv, line 4", "has a published_at that is not a time: 2022-05-33"),
        ("stories.csv, line 5", "has no id"),
        ("stories.csv, line 6", "has 3 columns and not 7"),
        ("users.csv, line 5", "has no id"),
        ("comments.csv, line 12", "has 9 columns and not 8"),
        ("comments.csv, line 8", "has neither a text nor a rating"),
        (
            "comments.csv, line 9",
            "has a created_at that is a date without a time of day: 2022-05-02",
        ),
        (
            "comments.csv, line 10",
            "has the status 'SPAM', which is not one of Coral's CSV format",
        ),
        ("comments.csv, line 11", "has no author_id"),
    ]
    assert unreadable[2].content == "st-5,https://cape.example/short,Too few columns"


def test_times_without_an_offset_are_of_the_zone_that_is_named() -> None:
    found = records_of("coral-csv", *files_of_export("coral-csv"), options=VIENNA)
    comments = {each.comment_id: each for each in found if isinstance(each, Comment)}
    assert comments["co-3"].posted_at == at("01T05:10")
    assert comments["co-1"].posted_at == at("01T07:00")


@pytest.mark.parametrize("name", ["stories", "comments", "users"])
def test_each_file_is_known_by_its_values(tmp_path: Path, name: str) -> None:
    copied = shutil.copy(FILES / f"{name}.csv", tmp_path / "a file")
    assert formats_that_recognise(Path(copied))[0] == "coral-csv"


@pytest.mark.parametrize(
    ("name", "content", "is_coral"),
    [
        ("comments.csv", "", True),
        ("letters.csv", "", False),
        ("a.csv", "id,author_id,story_id,created_at,body,parent_id,status,rating\n", True),
        ("a.csv", "id,author,text\n1,otter,Hello\n", False),
        ("a.csv", "1,2,3,4,5,6\n", False),
        ("a.csv", "1,otter@x.example,otter,,,\n", True),
        ("a.csv", "comment_id,email,name,role,banned,since\n1,a@x.example,a,x,y,z\n", False),
        ("a.json", '{"id":1,"a":2,"b":3,"c":4,"d":5,"e":6}', False),
    ],
)
def test_what_is_recognised(tmp_path: Path, name: str, content: str, is_coral: bool) -> None:
    (tmp_path / name).write_text(content)
    assert ("coral-csv" in formats_that_recognise(tmp_path / name)) is is_coral


@pytest.mark.parametrize("missing", ["stories", "comments", "users"])
def test_a_missing_file_is_named(missing: str) -> None:
    others = [FILES / f"{name}.csv" for name in ("stories", "comments", "users") if name != missing]
    with pytest.raises(BelowTheLineError, match=f"The file of the {missing} is missing"):
        records_of("coral-csv", *others)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    paths = [FILES / "stories.csv", FILES / "users.csv", tmp_path / "comments.csv"]
    paths[2].write_bytes("co-1,u-1,st-1,2022-05-01T07:00:00Z,Grün,,,\n".encode("latin-1"))
    with pytest.raises(BelowTheLineError, match=r"comments\.csv"):
        records_of("coral-csv", *paths)
