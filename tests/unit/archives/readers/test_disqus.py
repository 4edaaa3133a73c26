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
        "dsq:7002",
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
    Article(thread(7007), "dsq:7007", None, "Nobody knows where it is", at("2019-05-02T09:00:00")),
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
        "dsq:7002",
        "9004",
        None,
        "Paint Shop",
        "Cheap paint!",
        at("2019-05-01T09:00:00"),
        held=True,
        email="paint@shop.example",
    ),
    Moderation(post(9004), "dsq:7002", "9004", "rejected", "spam", automated=True),
    Comment(
        post(9005),
        "dsq:7002",
        "9005",
        "badger",
        "Badger",
        "Taken back by its author",
        at("2019-05-01T09:10:00"),
        email="badger@news.example",
    ),
    Deletion(post(9005), "dsq:7002", "9005"),
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
        "dsq:7999",
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


def forum(folder: Path, name: str, number: int, thread_id: str = "1") -> Path:
    return exported(
        folder,
        f"{name}.xml",
        f'<thread dsq:id="{number}"><id>{thread_id}</id><forum>{name}</forum>'
        f"<link>https://{name}.example/</link></thread>"
        f'<post dsq:id="{number}1"><message>x</message><thread dsq:id="{number}"/></post>',
    )


def ids_of(*paths: Path) -> list[tuple[str, object]]:
    return [(type(record).__name__, record[1]) for record in records_of("disqus", *paths)]


@pytest.mark.parametrize("order", [1, -1])
def test_two_forums_with_one_id_are_refused(tmp_path: Path, order: int) -> None:
    paths = [forum(tmp_path, "north", 31), forum(tmp_path, "south", 32)]
    with pytest.raises(BelowTheLineError, match=r"both have a thread with the id '1'") as refused:
        records_of("disqus", *paths[::order])
    assert "--id-prefix" in (refused.value.hint or "")


@pytest.mark.parametrize("order", [1, -1])
def test_ids_are_the_same_whatever_other_files_there_are(tmp_path: Path, order: int) -> None:
    paths = [forum(tmp_path, "north", 31), forum(tmp_path, "south", 32, "")]
    alone = [ids_of(path) for path in paths]
    assert alone == [
        [("Article", "1"), ("Comment", "1")],
        [("Article", "dsq:32"), ("Comment", "dsq:32")],
    ]
    assert ids_of(*paths[::order]) == [each for ids in alone[::order] for each in ids]


def test_a_number_at_disqus_is_never_the_own_id_of_another_thread(tmp_path: Path) -> None:
    path = exported(
        tmp_path,
        "one.xml",
        "".join(
            f'<thread dsq:id="{number}"><id>{own}</id><link>https://news.example/</link></thread>'
            for number, own in ((5, ""), (6, "5"), (7, "dsq:5"))
        ),
    )
    assert [each for _, each in ids_of(path)] == ["dsq:5", "5", "dsq:7"]


def test_threads_of_files_that_name_no_forum_are_one_if_their_file_is_one(tmp_path: Path) -> None:
    both = '<thread dsq:id="1"><id>own</id></thread><thread dsq:id="2"><id>own</id></thread>'
    path = exported(tmp_path, "one.xml", both)
    assert ids_of(path) == [("Article", "own"), ("LeftOut", "threads")]
    other = exported(tmp_path, "two.xml", '<thread dsq:id="3"><id>own</id></thread>')
    with pytest.raises(BelowTheLineError, match=r"The forums one\.xml and two\.xml both have"):
        records_of("disqus", path, other)


def test_posts_that_stand_before_their_thread_are_refused(tmp_path: Path) -> None:
    path = exported(
        tmp_path,
        "early.xml",
        '<post dsq:id="5"><message>x</message><thread dsq:id="41"/></post>'
        '<thread dsq:id="41"><id>own</id><link>https://news.example/</link></thread>',
    )
    with pytest.raises(BelowTheLineError, match="The thread 41 has the ids 'dsq:41' and 'own'"):
        records_of("disqus", path)


def test_a_date_is_not_the_time_of_a_post(tmp_path: Path) -> None:
    day = "<createdAt>2019-05-01</createdAt>"
    path = exported(
        tmp_path,
        "days.xml",
        f'<thread dsq:id="41"><id>own</id>{day}</thread>'
        f'<post dsq:id="5"><message>x</message>{day}<thread dsq:id="41"/></post>',
    )
    article, post = records_of("disqus", path)
    assert isinstance(article, Article)
    assert article.published_at == at("2019-05-01T00:00:00")
    assert isinstance(post, Unreadable)
    assert post.reason == "has a createdAt that is a date without a time of day: '2019-05-01'"


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
