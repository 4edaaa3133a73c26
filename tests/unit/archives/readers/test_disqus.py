from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.records import (
    Article,
    Comment,
    Deletion,
    LeftOut,
    Moderation,
    Place,
    ReactionCount,
    ReportCount,
    Unpublication,
    Unreadable,
)
from tests.unit.archives.readers.exports import EXPORTS, formats_that_recognise, records_of

FORUM = EXPORTS / "disqus" / "forum.xml"
WITHOUT_NUMBER = "post:098f5153f7d457a39b16623ace436953"
BEGIN = '<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">'


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def thread(number: int | str) -> Place:
    return Place("forum.xml", f"thread {number}")


def post(number: int | str) -> Place:
    return Place("forum.xml", f"post {number}")


def test_an_export_becomes_records() -> None:
    assert typed(records_of("disqus", FORUM)) == typed(FOUND)


def typed(records: Iterable[object]) -> list[tuple[type, object]]:
    """Records are tuples: those of two kinds could be equal."""
    return [(type(record), record) for record in records]


FOUND = [
    Article(
        thread(7001),
        "ferry-timetable",
        "https://news.example/ferry",
        "Ferries & bridges",
        at("2019-05-01T07:00:00"),
        section="Harbour",
        accepts_comments=True,
    ),
    Article(
        thread(7002),
        "7002",
        "https://news.example/ferry?from=letter",
        "Ferries & bridges",
        at("2019-05-01T08:00:00"),
        accepts_comments=False,
    ),
    Article(thread(7003), "528", "https://news.example/lighthouse/", None, accepts_comments=True),
    Article(
        thread(7004),
        "https://news.example/withdrawn",
        "https://news.example/withdrawn",
        "A story that was withdrawn",
        at("2019-05-02T07:00:00"),
        accepts_comments=False,
    ),
    Unpublication(thread(7004), "https://news.example/withdrawn", "deleted at Disqus"),
    Unreadable(
        thread("no. 6"),
        "has neither an id nor a dsq:id nor a link",
        "title: Nothing names it",
    ),
    Article(thread(7007), "7007", None, "Nobody knows where it is", at("2019-05-02T09:00:00")),
    Comment(
        post(9001),
        "ferry-timetable",
        "9001",
        "otter7",
        "Otter",
        "The ferry is late & full. See https://news.example/plan?a=1\n\nSecond\nline",
        at("2019-05-01T07:14:14"),
    ),
    Comment(
        post(9002),
        "ferry-timetable",
        "9002",
        None,
        "Guest",
        None,
        at("2019-05-01T07:20:00"),
        "9001",
    ),
    Deletion(post(9002), "ferry-timetable", "9002"),
    Comment(
        post(9003),
        "ferry-timetable",
        "9003",
        None,
        "Heron",
        "@otter7 so it was yesterday",
        at("2019-05-01T07:30:00"),
        "9002",
    ),
    Comment(
        post(9004),
        "7002",
        "9004",
        None,
        "Paint Shop",
        "Cheap paint!",
        at("2019-05-01T09:00:00"),
        held=True,
        email="paint@shop.example",
    ),
    Moderation(post(9004), "7002", "9004", "rejected", "spam", automated=True),
    Comment(
        post(9005),
        "7002",
        "9005",
        "badger",
        "Badger",
        "Taken back by its author",
        at("2019-05-01T09:10:00"),
        email="badger@news.example",
    ),
    Deletion(post(9005), "7002", "9005"),
    Comment(
        post("no. 6"),
        "528",
        WITHOUT_NUMBER,
        None,
        "Heron",
        "Without a number",
        at("2019-05-03T08:00:00"),
        email="Heron@News.example",
    ),
    Comment(
        post(9007),
        "ferry-timetable",
        "9007",
        "badger",
        "badger",
        "Waiting",
        at("2019-05-03T10:05:00"),
        held=True,
    ),
    ReactionCount(post(9007), "ferry-timetable", "9007", "like", 2),
    ReactionCount(post(9007), "ferry-timetable", "9007", "dislike", 1),
    ReportCount(post(9007), "ferry-timetable", "9007", "other", 1),
    Comment(
        post(9008),
        "7999",
        "9008",
        "otter7",
        "Otter",
        "Of a thread that is not here",
        at("2019-05-04T10:00:00"),
        "1234",
    ),
    Comment(post(9009), "ferry-timetable", "9009", "otter7", "Otter", "Nobody knows when", None),
    Unreadable(
        post(9010),
        "has a createdAt that is not a time: 'in the evening'",
        "@dsq:id: 9010\nmessage: <p>In the evening</p>\ncreatedAt: in the evening\n"
        "author/name: Otter\nthread@dsq:id: 7001",
    ),
    Unreadable(
        post(9011),
        "names no thread",
        "@dsq:id: 9011\nmessage: <p>Of no thread</p>\ncreatedAt: 2019-05-04T10:00:00Z\n"
        "author/name: Otter",
    ),
    Comment(
        post(9012),
        "https://news.example/withdrawn",
        "9012",
        "otter7",
        "Otter",
        "Before it was withdrawn",
        at("2019-05-02T07:30:00"),
    ),
    LeftOut(
        thread(7005),
        "threads",
        "they have the id of an earlier thread, and their posts go there",
    ),
    LeftOut(post(9004), "network addresses of authors", "no event has a place for it", 2),
    LeftOut(
        post(9005),
        "e-mail addresses of authors with an account",
        "no event has a place for it",
    ),
    LeftOut(post(9005), "websites of authors", "no event has a place for it"),
    LeftOut(post(9007), "highlights", "no event has a place for it"),
]


def test_it_is_recognised_by_its_content(tmp_path: Path) -> None:
    assert formats_that_recognise(FORUM) == ["disqus"]
    copy = tmp_path / "no-name"
    copy.write_text(f"{BEGIN}</disqus>")
    assert formats_that_recognise(copy) == ["disqus"]
    assert records_of("disqus", copy) == []


def exported(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(f"{BEGIN}{content}</disqus>")
    return path


def test_two_forums_may_give_the_same_ids(tmp_path: Path) -> None:
    first, second = (
        exported(
            tmp_path,
            f"{forum}.xml",
            f'<thread dsq:id="{number}"><id>1</id><forum>{forum}</forum>'
            f"<link>https://{forum}.example/</link></thread>"
            f'<post dsq:id="{number}1"><message>x</message><thread dsq:id="{number}"/></post>',
        )
        for forum, number in (("north", 31), ("south", 32))
    )
    found = records_of("disqus", first, second)
    assert [(type(record).__name__, record[1]) for record in found] == [
        ("Article", "1"),
        ("Comment", "1"),
        ("Article", "32"),
        ("Comment", "32"),
    ]


def test_posts_that_stand_before_their_thread_are_joined_with_it(tmp_path: Path) -> None:
    path = exported(
        tmp_path,
        "early.xml",
        '<post dsq:id="5"><message>x</message><thread dsq:id="41"/></post>'
        '<thread dsq:id="41"><id>own</id><link>https://news.example/</link></thread>'
        '<post dsq:id="6"><message>y</message><thread dsq:id="41"/></post>',
    )
    assert [record[1] for record in records_of("disqus", path)] == ["41", "41", "41"]


def test_control_characters_are_said(tmp_path: Path) -> None:
    path = exported(
        tmp_path, "old.xml", '<post dsq:id="5"><message>a\x0bb</message><thread dsq:id="4"/></post>'
    )
    comment, left_out = records_of("disqus", path)
    assert isinstance(comment, Comment)
    assert comment.body == "a b"
    assert left_out == LeftOut(
        Place("old.xml", "the whole file"),
        "control characters",
        "XML cannot hold them; a blank stands in place of each",
    )


def test_a_file_that_is_not_well_formed_is_said_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text(f"{BEGIN}\n<thread dsq:id=7></thread></disqus>")
    with pytest.raises(BelowTheLineError, match=r"broken\.xml, line 2, column 16: not well-formed"):
        records_of("disqus", path)
