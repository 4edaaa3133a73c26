import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions
from btl.archives.records import (
    Article,
    Comment,
    Deletion,
    Edit,
    LeftOut,
    Moderation,
    Place,
    ReactionCount,
    Unreadable,
)
from tests.unit.archives.readers.exports import EXPORTS, formats_that_recognise, records_of


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


EXPORT = EXPORTS / "comentario" / "quay.example.json"
HARBOUR, LIGHTHOUSE = uuid(701), uuid(702)
HERON, GULL, TERN = uuid(901), uuid(902), uuid(903)


def at(within: str) -> Place:
    return Place("quay.example.json", within)


def written(index: int) -> str:
    """Return a comment as it is in the export."""
    return json.dumps(json.loads(EXPORT.read_text())["comments"][index], separators=(",", ":"))


def test_an_export_becomes_records() -> None:
    assert records_of("comentario", EXPORT, options=ReadingOptions()) == [
        Unreadable(
            at("commenters[3]"), "is not as the format says: Expected `object`, got `null`", "null"
        ),
        Article(at("comments[0]"), HARBOUR, "https://quay.example/harbour/", "The harbour"),
        Comment(
            at("comments[0]"),
            HARBOUR,
            uuid(1),
            HERON,
            "Heron & Otter",
            "The *grey* heron.",
            datetime(2024, 6, 1, 10, tzinfo=UTC),
            is_staff=True,
        ),
        ReactionCount(at("comments[0]"), HARBOUR, uuid(1), "like", 23),
        Comment(
            at("comments[1]"),
            HARBOUR,
            uuid(2),
            GULL,
            "Gull",
            "I wait.",
            datetime(2024, 6, 1, 10, 1, tzinfo=UTC),
            parent_comment_id=uuid(1),
            held=True,
        ),
        Comment(
            at("comments[2]"),
            HARBOUR,
            uuid(3),
            GULL,
            "Gull",
            "I waited.",
            datetime(2024, 6, 1, 10, 2, tzinfo=UTC),
            parent_comment_id=uuid(1),
            held=True,
        ),
        ReactionCount(at("comments[2]"), HARBOUR, uuid(3), "dislike", 1),
        Moderation(
            at("comments[2]"),
            HARBOUR,
            uuid(3),
            "approved",
            decided_by=TERN,
            automated=False,
            decided_at=datetime(2024, 6, 1, 10, 20, tzinfo=UTC),
        ),
        Comment(
            at("comments[3]"),
            HARBOUR,
            uuid(4),
            GULL,
            "Gull",
            "Buy lamps.",
            datetime(2024, 6, 1, 10, 3, tzinfo=UTC),
        ),
        Moderation(
            at("comments[3]"),
            HARBOUR,
            uuid(4),
            "rejected",
            decided_by=TERN,
            automated=False,
            decided_at=datetime(2024, 6, 1, 10, 21, tzinfo=UTC),
        ),
        Comment(
            at("comments[4]"),
            HARBOUR,
            uuid(5),
            GULL,
            "Gull",
            None,
            datetime(2024, 6, 1, 10, 4, tzinfo=UTC),
        ),
        Deletion(
            at("comments[4]"), HARBOUR, uuid(5), deleted_at=datetime(2024, 6, 1, 10, 22, tzinfo=UTC)
        ),
        Comment(
            at("comments[5]"),
            HARBOUR,
            uuid(6),
            GULL,
            "Gull",
            None,
            datetime(2024, 6, 1, 10, 5, tzinfo=UTC),
            parent_comment_id=uuid(5),
        ),
        Moderation(
            at("comments[5]"),
            HARBOUR,
            uuid(6),
            "rejected",
            decided_by=TERN,
            automated=False,
            decided_at=datetime(2024, 6, 1, 10, 23, tzinfo=UTC),
        ),
        Article(
            at("comments[6]"),
            LIGHTHOUSE,
            "https://quay.example/lighthouse",
            None,
            accepts_comments=False,
        ),
        Comment(
            at("comments[6]"),
            LIGHTHOUSE,
            uuid(7),
            None,
            "Puffin",
            "The lamp is red.",
            datetime(2019, 1, 1, tzinfo=UTC),
        ),
        Edit(
            at("comments[6]"),
            LIGHTHOUSE,
            uuid(7),
            "The lamp is red.",
            datetime(2024, 6, 1, 11, 0, 0, 123456, tzinfo=UTC),
        ),
        Article(at("comments[7]"), uuid(799), "https://quay.example/fog?of=war", None),
        Comment(
            at("comments[7]"),
            uuid(799),
            uuid(8),
            None,
            None,
            "Fog & mist",
            datetime(2024, 6, 1, 10, 6, tzinfo=UTC),
        ),
        Comment(
            at("comments[8]"),
            LIGHTHOUSE,
            uuid(9),
            uuid(999),
            None,
            "From afar.",
            datetime(2024, 6, 1, 10, 7, tzinfo=UTC),
            parent_comment_id=uuid(555),
        ),
        Comment(
            at("comments[9]"),
            LIGHTHOUSE,
            uuid(10),
            GULL,
            "Gull",
            None,
            datetime(2024, 6, 1, 10, 8, tzinfo=UTC),
        ),
        Deletion(at("comments[9]"), LIGHTHOUSE, uuid(10)),
        Unreadable(
            at("comments[10]"),
            "is not as the format says: Object missing required field `isApproved`",
            written(10),
        ),
        Unreadable(
            at("comments[11]"),
            "has no id",
            written(11),
        ),
        LeftOut(
            at("comments[0]"),
            "scores whose votes are not in the export",
            "their balance counts as that many likes or dislikes",
            number=2,
        ),
        LeftOut(at("comments[0]"), "comments at the top of their page", "no event says it"),
        LeftOut(
            at("comments[0]"),
            "network addresses and countries of authors",
            "no event has a place for them",
        ),
        LeftOut(at("comments[1]"), "reasons for waiting", "no event has a place for them"),
        LeftOut(at("comments[5]"), "edits of deleted comments", "their texts are gone"),
        LeftOut(
            at("comments[6]"),
            "first texts of edited comments",
            "Comentario keeps only the last text, which stands for the first one, too",
        ),
        LeftOut(
            at("commenters"),
            "profiles of people: mail and web addresses, pictures",
            "no event has a place for them",
            number=3,
        ),
        LeftOut(at("pages"), "pages without comments", "nothing else is known of them"),
    ]


def test_exports_are_recognised_by_content(tmp_path: Path) -> None:
    empty = tmp_path / "empty.json"
    empty.write_text('{"version":3}')
    assert formats_that_recognise(EXPORT) == formats_that_recognise(empty) == ["comentario"]
    assert records_of("comentario", empty) == []


def test_a_base_url_stands_in_place_of_the_host() -> None:
    options = ReadingOptions(base_url="http://new.example")
    found = records_of("comentario", EXPORT, options=options)
    assert {record.article_id: record.url for record in found if isinstance(record, Article)} == {
        HARBOUR: "http://new.example/harbour/",
        LIGHTHOUSE: "http://new.example/lighthouse",
        # Not in the list of pages: the comment alone says where it is.
        uuid(799): "https://quay.example/fog?of=war",
    }


def test_comments_of_two_exports_make_a_page_once() -> None:
    found = records_of("comentario", EXPORT, EXPORT)
    assert len([record for record in found if isinstance(record, Article)]) == 3
    (pages,) = (
        record
        for record in found
        if isinstance(record, LeftOut) and record.what == "pages without comments"
    )
    assert pages.number == 2


def test_version_1_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"version": 1, "comments": []}))
    with pytest.raises(BelowTheLineError) as raised:
        records_of("comentario", path)
    assert str(raised.value) == (
        "dump.json is of version 1, not 3. Import it with --format commento."
    )
