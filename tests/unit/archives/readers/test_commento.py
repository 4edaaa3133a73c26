import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions
from btl.archives.records import (
    Article,
    Comment,
    Deletion,
    LeftOut,
    Moderation,
    Place,
    ReactionCount,
    Unreadable,
)
from tests.unit.archives.readers.exports import EXPORTS, formats_that_recognise, records_of

EXPORT = EXPORTS / "commento" / "quay.example.json"
HARBOUR, LIGHTHOUSE = "quay.example/harbour/", "quay.example/lighthouse"
HERON, GULL = "a" * 64, "b" * 64


def at(within: str) -> Place:
    return Place("quay.example.json", within)


def written(index: int) -> str:
    """Return a comment as it is in the export."""
    return json.dumps(json.loads(EXPORT.read_text())["comments"][index], separators=(",", ":"))


def test_an_export_becomes_records() -> None:
    assert records_of("commento", EXPORT, options=ReadingOptions()) == [
        Unreadable(
            at("commenters[3]"),
            "is not as the format says: Object missing required field `commenterHex`",
            '{"name":"nobody"}',
        ),
        Article(at("comments[0]"), HARBOUR, "https://quay.example/harbour/", None),
        Comment(
            at("comments[0]"),
            HARBOUR,
            "1" * 64,
            HERON,
            "Heron & Otter",
            "The *grey* heron.",
            datetime(2020, 5, 1, 10, 0, 0, 123456, tzinfo=UTC),
            is_staff=True,
        ),
        ReactionCount(at("comments[0]"), HARBOUR, "1" * 64, "like", 3),
        Comment(
            at("comments[1]"),
            HARBOUR,
            "2" * 64,
            None,
            None,
            None,
            datetime(2020, 5, 1, 10, 5, tzinfo=UTC),
            parent_comment_id="1" * 64,
        ),
        Deletion(at("comments[1]"), HARBOUR, "2" * 64),
        Comment(
            at("comments[2]"),
            HARBOUR,
            "3" * 64,
            GULL,
            "Gull",
            "It was <b>blue</b> & shy.",
            datetime(2020, 5, 1, 10, 10, tzinfo=UTC),
            parent_comment_id="2" * 64,
            held=True,
        ),
        ReactionCount(at("comments[2]"), HARBOUR, "3" * 64, "dislike", 2),
        Article(at("comments[3]"), LIGHTHOUSE, "https://quay.example/lighthouse", None),
        Comment(
            at("comments[3]"),
            LIGHTHOUSE,
            "4" * 64,
            None,
            None,
            "Cheap lamps!",
            datetime(2020, 5, 1, 22, tzinfo=UTC),
            held=True,
        ),
        Moderation(
            at("comments[3]"), LIGHTHOUSE, "4" * 64, "rejected", reason="spam", automated=True
        ),
        Article(at("comments[4]"), "quay.example/", "https://quay.example/", None),
        Comment(
            at("comments[4]"),
            "quay.example/",
            "5" * 64,
            "c" * 64,
            None,
            "On the front page.",
            datetime(2020, 5, 3, 0, 0, 0, 500000, tzinfo=UTC),
        ),
        Article(at("comments[5]"), "islands.example/fog", "https://islands.example/fog", None),
        Comment(
            at("comments[5]"),
            "islands.example/fog",
            "6" * 64,
            None,
            None,
            "From another branch.",
            datetime(2022, 1, 1, tzinfo=UTC),
        ),
        Comment(
            at("comments[6]"),
            LIGHTHOUSE,
            "7" * 64,
            HERON,
            "Heron & Otter",
            None,
            datetime(2020, 5, 4, tzinfo=UTC),
            parent_comment_id="f" * 64,
            is_staff=True,
        ),
        Deletion(at("comments[6]"), LIGHTHOUSE, "7" * 64),
        Unreadable(
            at("comments[7]"),
            "has an unknown state: 'limbo'",
            written(7),
        ),
        Unreadable(
            at("comments[8]"),
            "has in creationDate no time of RFC 3339",
            written(8),
        ),
        Unreadable(
            at("comments[9]"),
            "is not as the format says: Expected `str`, got `int` - at `$.commentHex`",
            '{"commentHex":7}',
        ),
        LeftOut(
            at("comments[0]"),
            "scores whose votes are not in the export",
            "their balance counts as that many likes or dislikes",
            number=2,
        ),
        LeftOut(
            at("commenters"),
            "profiles of people: mail and web addresses, pictures",
            "no event has a place for them",
            number=2,
        ),
    ]


def dump_of(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "dump.json"
    path.write_text(json.dumps(content))
    return path


def comment(**members: Any) -> dict[str, Any]:
    return {
        "commentHex": "1" * 64,
        "commenterHex": "anonymous",
        "markdown": "Here.",
        "state": "approved",
        "creationDate": "2020-05-01T10:00:00Z",
        "url": "harbour",
        **members,
    }


def test_exports_are_recognised_by_content(tmp_path: Path) -> None:
    packed = tmp_path / "quay.example-1588327200.json.gz"
    packed.write_bytes(gzip.compress(EXPORT.read_bytes()))
    assert formats_that_recognise(EXPORT) == formats_that_recognise(packed) == ["commento"]
    assert len(records_of("commento", packed)) == len(records_of("commento", EXPORT))


def test_the_order_of_lists_does_not_matter(tmp_path: Path) -> None:
    content = json.loads(EXPORT.read_text())
    turned = tmp_path / "quay.example.json"
    turned.write_text(json.dumps(dict(reversed(content.items())), indent=1))
    assert formats_that_recognise(turned) == ["commento"]
    comments, turned_comments = (
        [record for record in records_of("commento", path) if not isinstance(record, Unreadable)]
        for path in (EXPORT, turned)
    )
    assert turned_comments == comments


@pytest.mark.parametrize(
    "content",
    [
        {"version": 1},
        {"version": 1, "comments": None, "commenters": None},
        {"version": 1, "comments": [], "commenters": []},
    ],
)
def test_an_empty_export_is_nothing(tmp_path: Path, content: Any) -> None:
    path = dump_of(tmp_path, content)
    assert formats_that_recognise(path) == ["commento"]
    assert records_of("commento", path) == []


def test_a_page_of_two_exports_is_one_article() -> None:
    found = records_of("commento", EXPORT, EXPORT)
    assert len([record for record in found if isinstance(record, Article)]) == 4


def test_a_base_url_stands_in_place_of_the_domain(tmp_path: Path) -> None:
    path = dump_of(tmp_path, {"version": 1, "comments": [comment(domain="quay.example")]})
    options = ReadingOptions(base_url="http://new.example/blog")
    article = records_of("commento", path, options=options)[0]
    assert isinstance(article, Article)
    assert (article.article_id, article.url) == (HARBOUR[:-1], "http://new.example/blog/harbour")


def test_without_a_domain_a_base_url_is_needed(tmp_path: Path) -> None:
    path = dump_of(tmp_path, {"version": 1, "comments": [comment()]})
    with pytest.raises(BelowTheLineError, match=r"^dump\.json has paths such as '/harbour' and no"):
        records_of("commento", path, options=ReadingOptions())


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (3, "dump.json is of version 3, not 1. Import it with --format comentario."),
        ([2], "dump.json is of version [2], not 1. 1 and 3 are known."),
        (None, "dump.json does not say of which version it is. 1 and 3 are known."),
    ],
)
def test_another_version_is_refused(tmp_path: Path, version: Any, message: str) -> None:
    path = dump_of(tmp_path, {"version": version, "comments": [comment()]})
    with pytest.raises(BelowTheLineError) as raised:
        records_of("commento", path)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"version":1,"comments":[', "dump.json ends in the middle of an item."),
        ('{"version":1,"comments":[]} {}', "dump.json goes on after its end: line 1, column 29."),
        (
            '{"version":1,"comments":[' + "[" * 100_000,
            "dump.json is nested too deep: line 1, column 26.",
        ),
        ('{"version":1,"comments":{}}', "dump.json is not JSON (expected [): line 1, column 25."),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "dump.json"
    path.write_text(text)
    with pytest.raises(BelowTheLineError) as raised:
        records_of("commento", path)
    assert raised.value.message == message
