"""What happened to comments, as columns of the comments' table or as tables of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.records import (
    Article,
    Comment,
    Deletion,
    Edit,
    LeftOut,
    Moderation,
    Place,
    Reaction,
    ReactionCount,
    Report,
    ReportCount,
    ReportDecision,
    Unpublication,
)
from tests.unit.archives.readers.tables import ARTICLE_FIELDS, COMMENT_FIELDS, Site, utc

PLACE = Place("comments.csv", "line 2")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def acts(site: Site, cells: str, fields: str, *, table: str = "") -> Sequence[Any]:
    """Return what follows the article, for one comment with further cells, which the header of
    ``cells`` names.
    """
    names, values = cells.split("\n")
    site.write(
        "comments.csv",
        f"id,article,user,name,created,text,{names}\n"
        f"7,1,u1,otter,2019-05-01T09:00:00,First,{values}\n",
    )
    site.map(ARTICLE_FIELDS + table + COMMENT_FIELDS + fields)
    return site.read()[1:]


STATUS = '[comments.values]\nstatus = { "0" = "pending", "1" = "approved", "trash" = "rejected" }\n'


@pytest.mark.parametrize(
    ("status", "held", "expected"),
    [
        ("0", True, []),
        ("1", None, []),
        ("", None, []),
        ("spam", True, [Moderation(PLACE, "1", "7", "rejected", "spam", automated=True)]),
        ("trash", None, [Moderation(PLACE, "1", "7", "rejected")]),
        ("deleted", None, [Deletion(PLACE, "1", "7")]),
    ],
)
def test_a_status_is_the_state_that_it_means(
    site: Site, status: str, held: bool | None, expected: list[Any]
) -> None:
    comment, *rest = acts(site, f"state\n{status}", 'status = "{state}"\n' + STATUS)
    assert isinstance(comment, Comment)
    assert comment.held is held
    assert rest == expected


def test_a_status_without_a_meaning_is_refused(site: Site) -> None:
    (found,) = acts(site, "state\nghost", 'status = "{state}"\n' + STATUS)
    assert found.reason == (
        "status: 'ghost' is not one of approved, pending, rejected, spam, deleted: say in the"
        " mapping's values what it means"
    )


def test_a_value_that_means_nothing_is_written_as_an_empty_text(site: Site) -> None:
    comment, *rest = acts(
        site,
        "state\npublished",
        'status = "{state}"\n[comments.values]\nstatus = { published = "" }\n',
    )
    assert isinstance(comment, Comment)
    assert rest == []


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            "spam,,,,",
            Moderation(PLACE, "1", "7", "rejected", "spam", None, True, None),
        ),
        (
            "spam,kingfisher,,2019-05-01T12:00:00,",
            Moderation(
                PLACE, "1", "7", "rejected", "spam", "kingfisher", False, utc("2019-05-01T10:00")
            ),
        ),
        (
            "rejected,robot,harassment,,yes",
            Moderation(PLACE, "1", "7", "rejected", "harassment", "robot", True, None),
        ),
        (
            "approved,kingfisher,,2019-05-01T12:00:00,no",
            Moderation(
                PLACE, "1", "7", "approved", None, "kingfisher", False, utc("2019-05-01T10:00")
            ),
        ),
    ],
)
def test_who_decided_and_when_is_in_the_decision(
    site: Site, cells: str, expected: Moderation
) -> None:
    _, *rest = acts(
        site,
        f"state,by,why,decided,program\n{cells}",
        'status = "{state}"\ndecided_by = "{by}"\nreason = "{why}"\ndecided_at = "{decided}"\n'
        'automated = "{program}"\n',
    )
    assert rest == [expected]


def test_an_approved_comment_that_waited_was_approved(site: Site) -> None:
    comment, *rest = acts(
        site, "state,waited\napproved,true", 'status = "{state}"\nheld = "{waited}"\n'
    )
    assert comment.held is True
    assert rest == [Moderation(PLACE, "1", "7", "approved")]


def test_a_decision_of_its_own_column_comes_before_what_the_status_means(site: Site) -> None:
    _, *rest = acts(
        site,
        "state,decision\npending,rejected",
        'status = "{state}"\ndecision = "{decision}"\n',
    )
    assert rest == [Moderation(PLACE, "1", "7", "rejected")]


def test_a_deleted_comment_needs_no_text(site: Site) -> None:
    site.write(
        "comments.csv",
        "id,article,user,name,created,text,gone\n"
        "7,1,u1,otter,2019-05-01T09:00:00,,2019-05-02T09:00:00\n"
        "8,1,u1,otter,2019-05-01T09:00:00,,\n",
    )
    site.map(ARTICLE_FIELDS + COMMENT_FIELDS + 'deleted_at = "{gone}"\n')
    _, comment, deletion, unreadable = site.read()
    assert isinstance(comment, Comment)
    assert comment.body is None
    assert deletion == Deletion(PLACE, "1", "7", utc("2019-05-02T07:00"))
    assert unreadable.place == Place("comments.csv", "line 3")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("2019-05-01T10:00:00,", [Edit(PLACE, "1", "7", "First", utc("2019-05-01T08:00"))]),
        (
            "2019-05-01T10:00:00,Second",
            [Edit(PLACE, "1", "7", "Second", utc("2019-05-01T08:00"))],
        ),
        (",Second", [Edit(PLACE, "1", "7", "Second", None)]),
        # The time of posting, where nothing was edited.
        ("2019-05-01T09:00:00,", []),
        ("2019-05-01T09:00:00,First", []),
        (",", []),
    ],
)
def test_an_edit_has_its_text_and_its_time(site: Site, cells: str, expected: list[Any]) -> None:
    fields = 'edited_at = "{changed}"\nedited_body = "{later}"\n'
    _, *rest = acts(site, f"changed,later\n{cells}", fields)
    assert rest == expected


def test_numbers_of_reactions_and_reports_come_before_what_was_decided(site: Site) -> None:
    _, *rest = acts(
        site,
        "up,down,hearts,flags,spam,state\n3,1.0,,2,0,rejected",
        'likes = "{up}"\ndislikes = "{down}"\nreactions = { heart = "{hearts}", wow = 4 }\n'
        'flags = "{flags}"\nreports = { spam = "{spam}" }\nstatus = "{state}"\n',
    )
    assert rest == [
        ReactionCount(PLACE, "1", "7", "like", 3),
        ReactionCount(PLACE, "1", "7", "dislike", 1),
        ReactionCount(PLACE, "1", "7", "wow", 4),
        ReportCount(PLACE, "1", "7", "other", 2),
        Moderation(PLACE, "1", "7", "rejected"),
    ]


@pytest.mark.parametrize("number", ["--1", "2.5", "-2.5", "many"])
@pytest.mark.parametrize("field", ["likes", "flags"])
def test_a_comment_is_not_lost_for_a_number_that_is_not_whole(
    site: Site, field: str, number: str
) -> None:
    comment, *rest = acts(site, f"number\n{number}", field + ' = "{number}"\n')
    assert isinstance(comment, Comment)
    assert rest == [LeftOut(PLACE, f"numbers of {field}", "the cell is not a whole number")]


def test_likes_below_zero_are_dislikes_where_nothing_else_counts_them(site: Site) -> None:
    _, *rest = acts(site, "score\n-3.0", 'likes = "{score}"\n')
    assert rest == [ReactionCount(PLACE, "1", "7", "dislike", 3)]
    _, *rest = acts(site, "score,down\n-3,4", 'likes = "{score}"\ndislikes = "{down}"\n')
    assert rest == [
        LeftOut(PLACE, "numbers of likes", "it is below zero, though dislikes are counted too"),
        ReactionCount(PLACE, "1", "7", "dislike", 4),
    ]


def test_an_article_that_was_taken_down_is_said_after_it(site: Site) -> None:
    site.write("articles.csv", "id,title,published,gone,why\n1,Ferries,,2019-06-01T00:00:00,law\n")
    site.map(
        ARTICLE_FIELDS
        + 'unpublished_at = "{gone}"\nunpublished_reason = "{why}"\naccepts_comments = "no"\n'
        + COMMENT_FIELDS
    )
    article, unpublication, *_ = site.read()
    assert isinstance(article, Article)
    assert article.published_at is None
    assert article.accepts_comments is False
    assert unpublication == Unpublication(
        Place("articles.csv", "line 2"), "1", "law", utc("2019-05-31T22:00")
    )


TABLES = {
    "reactions": (
        'user_id = "{who}"\nreaction = "{what}"\nreacted_at = "{at}"\nnumber = "{number}"\n'
    ),
    "reports": (
        'report_id = "{id}"\nreporter_user_id = "{who}"\nreason = "{why}"\nnote = "{note}"\n'
        'law = "{law}"\nreported_at = "{at}"\nnumber = "{number}"\n'
        'decision = "{decision}"\ndecided_by = "{by}"\ndecided_at = "{decided}"\n'
        'explanation = "{said}"\n'
    ),
    "report_decisions": (
        'report_id = "{id}"\ndecision = "{decision}"\ndecided_by = "{by}"\n'
        'decided_at = "{decided}"\nexplanation = "{said}"\n'
    ),
    "edits": 'body = "{text}"\nedited_at = "{at}"\n',
    "moderation": (
        'decision = "{decision}"\nreason = "{why}"\ndecided_by = "{by}"\n'
        'automated = "{program}"\ndecided_at = "{at}"\n'
    ),
    "deletions": 'deleted_at = "{at}"\n',
}
AT = utc("2019-05-01T10:00")


def rows_of(site: Site, table: str, content: str, *, article_id: bool = False) -> Sequence[Any]:
    """Return the records of a table of its own that stands beside articles and comments."""
    site.write(f"{table}.csv", content)
    article = 'article_id = "{article}"\n' if article_id else ""
    site.map(
        ARTICLE_FIELDS
        + COMMENT_FIELDS
        + f'[{table}]\nfiles = ["{table}.csv"]\n[{table}.fields]\ncomment_id = "{{comment}}"\n'
        + article
        + TABLES[table]
    )
    found = site.read("articles.csv", "comments.csv", f"{table}.csv")
    assert [type(each) for each in found[:2]] == [Article, Comment]
    return found[2:]


def line(table: str, number: int) -> Place:
    return Place(f"{table}.csv", f"line {number}")


def test_reactions_are_of_people_or_numbers(site: Site) -> None:
    assert rows_of(
        site,
        "reactions",
        "comment,who,what,at,number\n"
        "7,u2,like,2019-05-01T12:00:00,\n"
        "7,,wow,,3\n"
        "7,,wow,,0\n"
        "7,u3,,,\n",
    ) == [
        Reaction(line("reactions", 2), "1", "7", "u2", "like", AT),
        ReactionCount(line("reactions", 3), "1", "7", "wow", 3),
        (line("reactions", 5), "has no reaction", '["7","u3","","",""]'),
    ]


def test_reports_have_their_decision_beside_them_or_are_numbers(site: Site) -> None:
    assert rows_of(
        site,
        "reports",
        "comment,id,who,why,note,law,at,number,decision,by,decided,said\n"
        "7,r1,u2,spam,,,2019-05-01T12:00:00,,upheld,kingfisher,2019-05-01T12:00:00,Clear\n"
        "7,r2,,illegal_content,,§ 1,,,,,,\n"
        "7,r3,u3,,A note,,,,,,,\n"
        "7,,,off_topic,,,,2,,,,\n"
        "7,r4,u3,ugly,,,,,,,,\n",
    ) == [
        Report(line("reports", 2), "1", "7", "r1", "u2", "spam", reported_at=AT),
        ReportDecision(line("reports", 2), "1", "7", "r1", "upheld", "kingfisher", AT, "Clear"),
        Report(line("reports", 3), "1", "7", "r2", None, "illegal_content", law="§ 1"),
        Report(line("reports", 4), "1", "7", "r3", "u3", "other", note="A note"),
        ReportCount(line("reports", 5), "1", "7", "off_topic", 2),
        (
            line("reports", 6),
            "reason: 'ugly' is not one of personal_abuse, harassment, hate_speech,"
            " threat_violence, off_topic, trolling, spam, misinformation, privacy, sexual_content,"
            " impersonation, copyright, defamation, illegal_content, other: say in the mapping's"
            " values what it means",
            '["7","r4","u3","ugly","","","","","","","",""]',
        ),
    ]


def test_decisions_about_reports_have_a_table_of_their_own(site: Site) -> None:
    assert rows_of(
        site,
        "report_decisions",
        "comment,id,decision,by,decided,said\n"
        "7,r1,dismissed,,,\n7,r2,,,,\n7,,upheld,,,\n7,r3,yes,,,\n",
    ) == [
        ReportDecision(line("report_decisions", 2), "1", "7", "r1", "dismissed"),
        (line("report_decisions", 3), "has no decision", '["7","r2","","","",""]'),
        (line("report_decisions", 4), "has no report_id", '["7","","upheld","","",""]'),
        (
            line("report_decisions", 5),
            "decision: 'yes' is not one of upheld, dismissed, ignored, duplicate, void: say in the"
            " mapping's values what it means",
            '["7","r3","yes","","",""]',
        ),
    ]


def test_edits_decisions_and_deletions_have_tables_of_their_own(site: Site) -> None:
    assert rows_of(site, "edits", "comment,text,at\n7,Better,2019-05-01T12:00:00\n7,,\n") == [
        Edit(line("edits", 2), "1", "7", "Better", AT),
        (line("edits", 3), "has no body", '["7","",""]'),
    ]
    assert rows_of(
        site,
        "moderation",
        "comment,decision,why,by,program,at\n"
        "7,rejected,spam,kingfisher,no,2019-05-01T12:00:00\n7,approved,,,,\n",
    ) == [
        Moderation(line("moderation", 2), "1", "7", "rejected", "spam", "kingfisher", False, AT),
        Moderation(line("moderation", 3), "1", "7", "approved"),
    ]
    assert rows_of(site, "deletions", "comment,at\n7,\n") == [
        Deletion(line("deletions", 2), "1", "7")
    ]


def test_an_act_whose_comment_is_unknown_or_not_unique_says_that_the_article_is_needed(
    site: Site,
) -> None:
    site.write("articles.csv", "id,title,published\n1,A,\n2,B,\n")
    site.write(
        "comments.csv",
        "id,article,user,name,created,text\n"
        "7,1,u1,otter,2019-05-01T09:00:00,x\n"
        "7,2,u1,otter,2019-05-01T09:00:00,x\n"
        "8,2,u1,otter,2019-05-01T09:00:00,x\n",
    )
    site.write("deletions.csv", "comment,article,at\n7,1,\n8,2,\n9,1,\n")
    fields = (
        '[deletions]\nfiles = ["deletions.csv"]\n[deletions.fields]\ncomment_id = "{comment}"\n'
    )
    site.map(ARTICLE_FIELDS + COMMENT_FIELDS + fields)
    places = [line("deletions", number) for number in (2, 3, 4)]
    assert site.read()[5:] == [
        (
            places[0],
            "comment_id: more than one article has the comment '7': the mapping has to give"
            " article_id too",
            '["7","1",""]',
        ),
        Deletion(places[1], "2", "8"),
        (
            places[2],
            "comment_id: no row of the comments is the comment '9': the mapping has to give"
            " article_id too",
            '["9","1",""]',
        ),
    ]
    site.map(ARTICLE_FIELDS + COMMENT_FIELDS + fields + 'article_id = "{article}"\n')
    assert site.read()[5:] == [
        Deletion(places[0], "1", "7"),
        Deletion(places[1], "2", "8"),
        Deletion(places[2], "1", "9"),
    ]


def test_rows_that_the_mapping_skips_are_left_out_by_kind(site: Site) -> None:
    kinds = ("comment", "pingback", "trackback", "")
    rows = "".join(
        f"{number},1,u1,otter,2019-05-01T09:00:00,x,{kind},{number}\n"
        for number, kind in enumerate(kinds)
    )
    site.write("comments.csv", f"id,article,user,name,created,text,kind,test\n{rows}")
    site.map(
        ARTICLE_FIELDS
        + "[comments]\n"
        + 'skip = { kind = ["pingback", "trackback", ""], test = 0 }\n'
        + COMMENT_FIELDS
    )
    why = "the mapping skips them"
    assert site.read()[1:] == [
        LeftOut(line("comments", 2), "comments whose test is '0'", why),
        LeftOut(line("comments", 3), "comments whose kind is 'pingback'", why),
        LeftOut(line("comments", 4), "comments whose kind is 'trackback'", why),
        LeftOut(line("comments", 5), "comments whose kind is ''", why),
    ]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("[comments.values]\nstate = {}\n", "values has 'state', which is not a field"),
        ('[comments]\nhtml = ["text"]\nhtml_columns = ["text"]\n', "stands in html and in"),
        ('[comments.fields]\nreports = { rude = "{id}" }\n', "'rude' is not a reason"),
        ('time_zones = { EDT = "four" }\n', "EDT = 'four' is neither an offset"),
        ('ids = "excel"\n', "'ids' is not usable"),
        ("[unheard]\n", "unknown key 'unheard'"),
        ('[reports.fields]\nreport = "{id}"\n', "unknown key 'reports.fields.report'"),
    ],
)
def test_a_key_that_is_not_usable_is_named(site: Site, mapping: str, message: str) -> None:
    whole = ARTICLE_FIELDS + COMMENT_FIELDS
    if mapping.startswith("[comments.fields]"):
        whole += mapping.partition("\n")[2]
    elif mapping.startswith("["):
        whole = whole + mapping
    else:
        whole = mapping + whole
    site.map(whole)
    with pytest.raises(BelowTheLineError) as caught:
        site.read()
    assert message in caught.value.message
    assert "\n" not in str(caught.value)


def test_a_star_is_any_other_value(site: Site) -> None:
    site.write(
        "comments.csv",
        "id,article,user,name,created,text,kind\n"
        "7,1,u1,otter,2019-05-01T09:00:00,x,reporterReply\n"
        "8,1,u1,otter,2019-05-01T09:00:00,x,userReply\n"
        "9,1,u1,otter,2019-05-01T09:00:00,x,\n",
    )
    site.map(
        ARTICLE_FIELDS
        + COMMENT_FIELDS
        + 'author.role = "{kind}"\n[comments.values]\n'
        + 'role = { reporterReply = "staff", "*" = "reader" }\n'
    )
    assert [comment.is_staff for comment in site.comments()] == [True, False, None]
