from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions
from btl.archives.records import (
    Article,
    Comment,
    LeftOut,
    Moderation,
    Place,
    ReactionCount,
    Unpublication,
    Unreadable,
)
from tests.unit.archives.readers.exports import EXPORTS, formats_that_recognise, records_of

FILES = sorted((EXPORTS / "wordpress").iterdir())
BEGIN = """<rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/"
xmlns:dsq="http://www.disqus.com/"><channel>"""
END = "</channel></rss>"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first(within: str) -> Place:
    return Place("islands.000.xml", within)


def second(within: str) -> Place:
    return Place("islands.001.xml", within)


def old(within: str) -> Place:
    return Place("old.xml", within)


def typed(records: Iterable[object]) -> list[tuple[type, object]]:
    """Records are tuples: those of two kinds could be equal."""
    return [(type(record), record) for record in records]


FOUND = [
    Article(
        first("item 11"),
        "11",
        "https://islands.example/ferry/",
        "The ferry & the bridge",
        published_at=at("2019-03-31T07:00:00"),
        updated_at=at("2019-04-01T08:00:00"),
        section="Ferries",
        topics=["Town & country", "late"],
        bylines=["Harbour & sea desk"],
        language="en-GB",
        accepts_comments=True,
    ),
    Comment(
        first("comment 101"),
        "11",
        "101",
        None,
        "Otter & son",
        "Late again.\nSee the plan [https://islands.example/plan] & a[b[0]]>c.\n\n"
        "> Nobody\n> reads it",
        at("2019-03-31T07:30:00"),
        email="Otter@Islands.example",
    ),
    ReactionCount(first("comment 101"), "11", "101", "like", 3),
    Comment(
        first("comment 102"),
        "11",
        "102",
        "2",
        "Harbour desk",
        "It will be on time.",
        at("2019-03-31T08:00:00"),
        parent_comment_id="101",
        is_staff=True,
        email="harbour@islands.example",
    ),
    ReactionCount(first("comment 102"), "11", "102", "like", 1),
    ReactionCount(first("comment 102"), "11", "102", "dislike", 2),
    Comment(
        first("comment 103"),
        "11",
        "103",
        None,
        "Badger",
        "Waiting",
        at("2019-03-31T09:00:00"),
        held=True,
    ),
    Comment(
        first("comment 104"),
        "11",
        "104",
        None,
        "Paint shop",
        "Cheap paint!",
        at("2019-03-31T10:00:00"),
        held=True,
        email="paint@shop.example",
    ),
    Moderation(first("comment 104"), "11", "104", "rejected", reason="spam", automated=True),
    Comment(
        first("comment 105"),
        "11",
        "105",
        None,
        "Rope shop",
        "Cheap rope!",
        at("2019-03-31T10:10:00"),
        held=True,
    ),
    Moderation(
        first("comment 105"),
        "11",
        "105",
        "rejected",
        reason="spam",
        decided_by="3",
        automated=False,
        decided_at=at("2019-03-31T10:20:00.250000"),
    ),
    Comment(
        first("comment 106"), "11", "106", None, "Badger", "Rude words", at("2019-03-31T10:20:00")
    ),
    Moderation(
        first("comment 106"),
        "11",
        "106",
        "rejected",
        automated=False,
        decided_at=at("2019-03-31T12:00:00"),
    ),
    Comment(
        first("comment 107"),
        "11",
        "107",
        "9",
        "Heron",
        "Mistaken for spam",
        at("2019-03-31T10:30:00"),
        held=True,
    ),
    Moderation(
        first("comment 107"),
        "11",
        "107",
        "rejected",
        reason="spam",
        decided_by="akismet",
        automated=True,
        decided_at=at("2019-03-31T10:30:01"),
    ),
    Moderation(
        first("comment 107"),
        "11",
        "107",
        "approved",
        decided_by="2",
        automated=False,
        decided_at=at("2019-03-31T10:40:00"),
    ),
    Unreadable(
        first("comment 112"),
        "has an unknown comment_approved: 'frozen'",
        "wp:comment_id: 112\nwp:comment_author: Badger\n"
        "wp:comment_date_gmt: 2019-03-31 11:10:00\n"
        "wp:comment_content: Of a state that nobody knows\n"
        "wp:comment_approved: frozen",
    ),
    Comment(
        first("comment no. 13"),
        "11",
        "comment:771fcc00c186df46c478be6be9be83af",
        None,
        "Badger",
        "Without a number",
        at("2019-10-27T00:30:00"),
    ),
    Article(
        first("item 16"),
        "16",
        "https://islands.example/product/rope/",
        "Rope, 10 m",
        published_at=at("2019-04-01T07:00:00"),
        language="en-GB",
        accepts_comments=True,
    ),
    Comment(
        first("comment 161"),
        "16",
        "161",
        None,
        "Otter",
        "Good rope",
        at("2019-04-01T08:00:00"),
        email="otter@islands.example",
    ),
    Unreadable(
        first("comment 171"),
        "belongs to an item without an id",
        "wp:comment_id: 171\nwp:comment_date_gmt: 2019-04-01 08:00:00\n"
        "wp:comment_content: Where am I?\nwp:comment_approved: 1",
    ),
    Unreadable(
        first("item no. 7"),
        "has neither a post_id nor a link",
        "title: Nothing names it\nwp:status: publish\nwp:post_type: post",
    ),
    Article(
        second("item 21"),
        "21",
        "https://islands.example/de/sagt/",
        "Was man so sagt",
        published_at=at("2019-05-01T10:00:00"),
        bylines=["town", "Harbour & sea desk"],
        language="de-at",
        accepts_comments=False,
    ),
    Comment(second("comment 211"), "21", "211", "9", "Heron", "Schön", at("2019-05-01T11:00:00")),
    Comment(
        second("comment 212"),
        "21",
        "212",
        None,
        "Paint shop",
        "Farbe!",
        at("2019-05-01T11:10:00"),
        held=True,
        email="paint@shop.example",
    ),
    Moderation(second("comment 212"), "21", "212", "rejected", reason="spam", automated=True),
    Comment(
        second("comment 213"),
        "21",
        "213",
        None,
        "Otter",
        "Not in the note",
        at("2019-05-01T11:20:00"),
        email="otter@islands.example",
    ),
    Unpublication(
        second("item 21"), "21", "in WordPress' trash", unpublished_at=at("2019-05-02T10:00:00")
    ),
    Unreadable(
        old("comment 311"),
        "has a wp:comment_date_gmt that is not a time: 'some day'",
        "wp:comment_id: 311\nwp:comment_author: Heron\n"
        "wp:comment_date: 2011-01-02 12:00:00\nwp:comment_date_gmt: some day\n"
        "wp:comment_content: When was it?\nwp:comment_approved: 1",
    ),
    Article(
        old("item 31"),
        "31",
        "https://news.example/about",
        "About us",
        published_at=at("2011-01-01T11:00:00"),
        section="Ferries",
        bylines=["lighthouse"],
        accepts_comments=True,
    ),
    Comment(old("comment 312"), "31", "312", None, "Heron", "Nobody knows when", None),
    LeftOut(first("comment 101"), "network addresses of authors", "no event has a place for it"),
    LeftOut(first("comment 101"), "websites of authors", "no event has a place for it"),
    LeftOut(first("comment 103"), "sums of votes", "votes for and against are in one number"),
    LeftOut(first("comment 107"), "ratings", "no event has a place for it"),
    LeftOut(
        first("comment 108"),
        "pingbacks",
        "another page linked to the article: nobody wrote a comment",
    ),
    LeftOut(
        first("comment 109"),
        "trackbacks",
        "another page linked to the article: nobody wrote a comment",
    ),
    LeftOut(first("comment 110"), "editors' notes", "they were never meant for readers"),
    LeftOut(first("comment 111"), "comments of the type webmention", "readers did not write them"),
    LeftOut(first("comment 121"), "comments on drafts", "not everybody could read them"),
    LeftOut(first("item 12"), "drafts", "not everybody could read them", 2),
    LeftOut(
        first("item 14"),
        "items of the type attachment",
        "they are not articles, and nobody commented",
    ),
    LeftOut(first("comment 151"), "notes on orders", "they belong to a shop's orders"),
    LeftOut(
        first("item 15"),
        "items of the type shop_order",
        "they are not articles, and nobody commented",
    ),
]


def test_the_files_of_a_site_become_records() -> None:
    found = records_of("wordpress", *(path for path in FILES if path.suffix == ".xml"))
    assert typed(found) == typed(FOUND)


def test_they_are_recognised_by_their_content() -> None:
    xml = [path for path in FILES if path.suffix == ".xml"]
    assert len(xml) == 3
    assert [formats_that_recognise(path) for path in xml] == [["wordpress"]] * 3


def exported(folder: Path, content: str, name: str = "site.xml") -> Path:
    path = folder / name
    path.write_text(BEGIN + content + END)
    return path


def test_files_of_two_sites_are_refused(tmp_path: Path) -> None:
    files = [
        exported(
            tmp_path, f"<wp:base_blog_url>https://{name}.example</wp:base_blog_url>", f"{name}.xml"
        )
        for name in ("north", "south")
    ]
    with pytest.raises(BelowTheLineError) as raised:
        records_of("wordpress", *files)
    assert str(raised.value) == (
        "north.xml is of the site https://north.example, but south.xml of https://south.example:"
        " both number their articles and comments from 1. Import one site's files at a time, and"
        " one of them with --id-prefix."
    )


def test_the_import_format_of_disqus_is_read_too(tmp_path: Path) -> None:
    path = exported(
        tmp_path,
        """<item><title>Ferry</title><link>https://news.example/ferry</link>
        <dsq:thread_identifier>ferry-timetable</dsq:thread_identifier>
        <wp:post_date_gmt>2010-09-20 09:13:44</wp:post_date_gmt>
        <wp:comment_status>open</wp:comment_status>
        <wp:comment><dsq:remote><dsq:id>otter7</dsq:id></dsq:remote>
        <wp:comment_id>65</wp:comment_id><wp:comment_author>Otter</wp:comment_author>
        <wp:comment_author_email>otter@news.example</wp:comment_author_email>
        <wp:comment_date_gmt>2010-09-20 13:19:10</wp:comment_date_gmt>
        <wp:comment_content><![CDATA[Hello]]></wp:comment_content>
        <wp:comment_approved>1</wp:comment_approved><wp:comment_parent></wp:comment_parent>
        </wp:comment></item>""",
    )
    article, comment = records_of("wordpress", path)
    assert article == Article(
        Place("site.xml", "item no. 1"),
        "ferry-timetable",
        "https://news.example/ferry",
        "Ferry",
        at("2010-09-20T09:13:44"),
        accepts_comments=True,
    )
    assert comment == Comment(
        Place("site.xml", "comment 65"),
        "ferry-timetable",
        "65",
        "otter7",
        "Otter",
        "Hello",
        at("2010-09-20T13:19:10"),
        email="otter@news.example",
    )


def history(*entries: tuple[int, str, str]) -> str:
    return "".join(
        "<wp:commentmeta><wp:meta_key>akismet_history</wp:meta_key><wp:meta_value>"
        f'a:3:{{s:4:"time";d:{time};s:5:"event";s:{len(event)}:"{event}";s:4:"user";'
        f's:{len(user)}:"{user}";}}</wp:meta_value></wp:commentmeta>'
        for time, event, user in entries
    )


def meta(key: str, value: str) -> str:
    return (
        f"<wp:commentmeta><wp:meta_key>{key}</wp:meta_key>"
        f"<wp:meta_value>{value}</wp:meta_value></wp:commentmeta>"
    )


@pytest.mark.parametrize(
    ("approved", "metas", "held", "decisions"),
    [
        ("1", "", False, []),
        ("approve", "", False, []),
        ("0", "", True, []),
        ("hold", "", True, []),
        ("", "", False, []),
        ("spam", "", True, [("rejected", "spam", None, True, None)]),
        ("trash", "", False, [("rejected", None, None, False, None)]),
        # Who waited, and who decided, by the trash's own notes.
        (
            "trash",
            meta("_wp_trash_meta_status", "0") + meta("_wp_trash_meta_time", "3600"),
            True,
            [("rejected", None, None, False, at("1970-01-01T01:00"))],
        ),
        (
            "spam",
            meta("akismet_user", "heron") + meta("akismet_user_result", "true"),
            True,
            [("rejected", "spam", "heron", False, None)],
        ),
        (
            "spam",
            meta("akismet_user", "heron") + meta("akismet_user_result", "false"),
            True,
            [("rejected", "spam", None, True, None)],
        ),
        # By Akismet's history, in the order of its times.
        (
            "1",
            history((20, "status-approved", "heron"), (10, "check-spam", "")),
            True,
            [
                ("rejected", "spam", "akismet", True, at("1970-01-01T00:00:10")),
                ("approved", None, "heron", False, at("1970-01-01T00:00:20")),
            ],
        ),
        (
            "trash",
            history((10, "check-spam", ""), (20, "check-spam", ""), (30, "status-trash", "heron"))
            + meta("_wp_trash_meta_time", "30"),
            True,
            [
                ("rejected", "spam", "akismet", True, at("1970-01-01T00:00:10")),
                ("rejected", None, "heron", False, at("1970-01-01T00:00:30")),
            ],
        ),
        (
            "1",
            history((10, "status-trash", "heron")),
            False,
            [
                ("rejected", None, "heron", False, at("1970-01-01T00:00:10")),
                ("approved", None, None, False, None),
            ],
        ),
        (
            "trash",
            history((10, "status-approved", "")) + meta("_wp_trash_meta_time", "20"),
            True,
            [
                ("approved", None, None, False, at("1970-01-01T00:00:10")),
                ("rejected", None, None, False, at("1970-01-01T00:00:20")),
            ],
        ),
        ("0", history((10, "status-approved", "heron"), (20, "status-hold", "heron")), True, []),
        ("1", history((10, "check-ham", "")), False, []),
        ("1", meta("akismet_history", "damaged"), False, []),
        (
            "trash",
            meta("_wp_trash_meta_time", "soon"),
            False,
            [("rejected", None, None, False, None)],
        ),
    ],
)
def test_the_state_of_a_comment_says_what_was_decided(
    tmp_path: Path,
    approved: str,
    metas: str,
    held: bool,
    decisions: list[tuple[object, ...]],
) -> None:
    path = exported(
        tmp_path,
        f"<item><wp:post_id>1</wp:post_id><wp:comment><wp:comment_id>2</wp:comment_id>"
        f"<wp:comment_approved>{approved}</wp:comment_approved>{metas}</wp:comment></item>",
    )
    _, comment, *others = records_of("wordpress", path)
    assert isinstance(comment, Comment)
    assert comment.held is held
    assert [type(other) for other in others] == [Moderation] * len(decisions)
    assert [other[3:] for other in others] == decisions


@pytest.mark.parametrize(
    ("before", "number"), [("draft", 0), ("private", 0), ("publish", 1), (None, 1)]
)
def test_only_what_readers_saw_is_taken_down(
    tmp_path: Path, before: str | None, number: int
) -> None:
    noted = meta("_wp_trash_meta_status", before).replace("comment", "post") if before else ""
    path = exported(
        tmp_path, f"<item><wp:post_id>1</wp:post_id><wp:status>trash</wp:status>{noted}</item>"
    )
    found = records_of("wordpress", path)
    assert [type(record) for record in found].count(Unpublication) == number
    assert [type(record) for record in found].count(Article) == number


def test_types_beyond_the_first_hundred_have_one_name(tmp_path: Path) -> None:
    path = exported(
        tmp_path,
        "".join(
            f"<item><wp:post_id>{number}</wp:post_id><wp:post_type>t{number}</wp:post_type></item>"
            for number in range(103)
        ),
    )
    left_out = records_of("wordpress", path)
    assert len(left_out) == 101
    assert left_out[-1] == LeftOut(
        Place("site.xml", "item 100"),
        "items of other types",
        "they are not articles, and nobody commented",
        3,
    )


@pytest.mark.parametrize(
    ("members", "posts"),
    [
        ("<wp:status>private</wp:status>", "private posts"),
        ("<wp:status>draft</wp:status>", "drafts"),
        ("<wp:status>pending</wp:status>", "drafts"),
        ("<wp:status>auto-draft</wp:status>", "drafts"),
        (
            "<wp:status>publish</wp:status><wp:post_password>x</wp:post_password>",
            "posts with a password",
        ),
        (
            "<wp:status>trash</wp:status>"
            + meta("_wp_trash_meta_status", "private").replace("comment", "post"),
            "private posts",
        ),
    ],
)
def test_what_not_everybody_could_read_is_left_out_with_its_comments(
    tmp_path: Path, members: str, posts: str
) -> None:
    comments = "".join(
        f"<wp:comment><wp:comment_id>{number}</wp:comment_id></wp:comment>" for number in (2, 3)
    )
    path = exported(tmp_path, f"<item><wp:post_id>1</wp:post_id>{members}{comments}</item>")
    why = "not everybody could read them"
    assert records_of("wordpress", path) == [
        LeftOut(Place("site.xml", "comment 2"), f"comments on {posts}", why, 2),
        LeftOut(Place("site.xml", "item 1"), posts, why),
    ]


@pytest.mark.parametrize("state", ["", "<wp:comment_approved></wp:comment_approved>"])
def test_a_comment_without_a_state_is_seen_by_readers(tmp_path: Path, state: str) -> None:
    path = exported(
        tmp_path, f"<item><wp:post_id>1</wp:post_id><wp:comment>{state}</wp:comment></item>"
    )
    _, *found = records_of("wordpress", path)
    (comment,) = found
    assert isinstance(comment, Comment)
    assert comment.held is False


def test_a_date_is_not_the_time_of_a_comment(tmp_path: Path) -> None:
    path = exported(
        tmp_path,
        """<item><wp:post_id>1</wp:post_id><wp:post_date_gmt>2019-05-01</wp:post_date_gmt>
        <wp:comment><wp:comment_id>2</wp:comment_id>
        <wp:comment_date_gmt>2019-05-01</wp:comment_date_gmt></wp:comment></item>""",
    )
    comment, article = records_of("wordpress", path)
    assert isinstance(comment, Unreadable)
    assert comment.reason == (
        "has a wp:comment_date_gmt that is a date without a time of day: '2019-05-01'"
    )
    assert isinstance(article, Article)
    assert article.published_at == at("2019-05-01T00:00:00")


def test_a_path_comes_after_the_base_url_if_there_is_one(tmp_path: Path) -> None:
    def addresses(base_url: str | None) -> list[str | None]:
        found = records_of("wordpress", path, options=ReadingOptions(base_url=base_url))
        return [each.url for each in found if isinstance(each, Article)]

    path = tmp_path / "export.xml"
    items = "".join(
        f"<item><link>{link}</link><wp:post_id>{number}</wp:post_id></item>"
        for number, link in enumerate(("/ferry/", "https://a.example/bridge/", "//b.example/x"), 1)
    )
    path.write_text(f"{BEGIN}{items}{END}")
    whole = "https://a.example/bridge/"
    assert addresses("https://news.example/") == ["https://news.example/ferry/", whole, None]
    assert addresses(None) == [None, whole, None]
