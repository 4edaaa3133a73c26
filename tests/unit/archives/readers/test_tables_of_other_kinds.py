"""JSON lines, Parquet, joined files, and cells that are not as they should be."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.records import Article, Comment, Deletion, LeftOut, Place, Unreadable
from btl.archives.sources import files_of
from btl.archives.tables import Layout, open_table
from tests.unit.archives.readers.tables import (
    ARTICLE_FIELDS,
    ARTICLES,
    COMMENT_FIELDS,
    Site,
    utc,
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


NESTED = r"""
[comments.fields]
article_id = "{story}"
comment_id = "{id}"
author.user_id = "{author.id}"
author.display_name = "{author.name.shown}"
body = "{text}"
posted_at = "{created}"
parent_comment_id = "{parent}"
likes = "{counts.likes}"
held = "{waits}"
"""


def test_members_of_json_lines_have_dotted_names(site: Site) -> None:
    site.write(
        "comments.jsonl",
        '\ufeff{"id": 7, "story": 1, "author": {"id": "u1", "name": {"shown": "otter"}},'
        ' "text": "First, ä", "created": "2019-05-01T09:00:00Z", "counts": {"likes": 2},'
        ' "waits": true}\n'
        "\n"
        '{"id": "8", "story": 1, "author": null, "author.id": "u2", "text": "Second",'
        ' "created": "2019-05-01T09:00:00Z", "parent": 7, "counts": {}}\n'
        "[1, 2]\n"
        '{"id": \n'
        '{"id": "9", "text": "x"}',
    )
    site.map(ARTICLE_FIELDS + NESTED)
    found = site.read("articles.csv", "comments.jsonl")[1:]
    assert [each for each in found if isinstance(each, Comment)] == [
        Comment(
            Place("comments.jsonl", "line 1"),
            "1",
            "7",
            "u1",
            "otter",
            "First, ä",
            utc("2019-05-01T09:00"),
            is_staff=None,
            held=True,
        ),
        Comment(
            Place("comments.jsonl", "line 3"),
            "1",
            "8",
            "u2",
            None,
            "Second",
            utc("2019-05-01T09:00"),
            "7",
            is_staff=None,
            held=None,
        ),
    ]
    assert [tuple(each) for each in found if isinstance(each, Unreadable)] == [
        (("comments.jsonl", "line 4"), "is not a JSON object", "[1, 2]"),
        (
            ("comments.jsonl", "line 5"),
            "is not JSON: unexpected end of data, at character 8",
            '{"id": ',
        ),
        (("comments.jsonl", "line 6"), "has no article_id", '{"id": "9", "text": "x"}'),
    ]


def test_a_member_that_no_line_has_is_said_with_a_near_name(site: Site) -> None:
    site.write(
        "comments.jsonl",
        '{"id": 7, "story": 1, "author": {"id": "u1", "name": {"shown": "otter"}}, "text": "x",'
        ' "created": "2019-05-01T09:00:00Z", "counts": {"like": 2}, "waits": false}\n',
    )
    site.map(ARTICLE_FIELDS + NESTED)
    assert site.read("articles.csv", "comments.jsonl")[2:] == [
        LeftOut(
            Place("comments.jsonl", "all lines"),
            "columns that the mapping uses and no line has",
            "comments uses 'counts.likes'; do you mean 'counts.like'?",
        ),
        LeftOut(
            Place("comments.jsonl", "all lines"),
            "columns that the mapping uses and no line has",
            "comments uses 'parent'",
        ),
    ]


def test_lines_of_json_that_are_nested_deeply_are_rejected_alone(site: Site) -> None:
    deep = "[" * 600 + "]" * 600
    inner = '{"a": ' * 1_000 + "1" + "}" * 1_000
    site.write(
        "comments.jsonl",
        '{"id": 7, "story": 1, "author": {"id": "u1"}, "text": "x",'
        ' "created": "2019-05-01T09:00:00Z"}\n'
        f'{{"id": {deep}, "story": 1, "text": "x", "created": "2019-05-01T09:00:00Z"}}\n'
        f'{{"id": 8, "story": 1, "text": "x", "created": "2019-05-01T09:00:00Z", "b": {inner}}}\n',
    )
    site.map(ARTICLE_FIELDS + NESTED)
    found = site.read("articles.csv", "comments.jsonl")
    assert [each.comment_id for each in found if isinstance(each, Comment)] == ["7", "8"]
    (rejected,) = [each for each in found if isinstance(each, Unreadable)]
    assert rejected.place == Place("comments.jsonl", "line 2")
    assert rejected.reason == "has a member that is nested too deeply"


def test_json_that_is_one_array_is_refused_with_a_way_out(site: Site) -> None:
    site.write("comments.json", '[\n{"id": 1}]')
    with pytest.raises(BelowTheLineError, match="is one JSON array, not JSON lines") as caught:
        site.read("articles.csv", "comments.json")
    assert caught.value.hint == (
        "Write one object per line: jq -c '.[]' comments.json > lines.jsonl"
    )


def parquet(site: Site, columns: dict[str, Any], **options: Any) -> None:
    pq.write_table(pa.table(columns), site.folder / "comments.parquet", **options)


def test_columns_of_parquet_are_read_as_their_types_say(site: Site) -> None:
    moments = [datetime(2019, 5, 1, 9, tzinfo=UTC), datetime(2019, 5, 1, 10, tzinfo=UTC)]
    parquet(
        site,
        {
            "id": pa.array([7, 8], pa.int64()),
            "article": pa.array(["1", "1"]).dictionary_encode(),
            "author": pa.array([{"id": 1, "name": "otter"}, {"id": 2, "name": None}]),
            "created": pa.array(moments, pa.timestamp("ms", "UTC")),
            "edited": pa.array([None, 1_556_704_800_123_456_789], pa.timestamp("ns")),
            "text": pa.array(["First", "Second"], pa.large_string()),
            "likes": pa.array([3.0, float("nan")]),
            "waits": pa.array([True, None]),
            "unused": pa.array([b"\xff", None]),
        },
    )
    site.map(
        ARTICLE_FIELDS
        + COMMENT_FIELDS.replace("{user}", "{author.id}").replace("{name}", "{author.name}")
        + 'edited_at = "{edited}"\nlikes = "{likes}"\nheld = "{waits}"\n'
    )
    _, first, likes, second, edit = site.read("articles.csv", "comments.parquet")
    assert first == Comment(
        Place("comments.parquet", "row 1"),
        "1",
        "7",
        "1",
        "otter",
        "First",
        utc("2019-05-01T09:00"),
        is_staff=None,
        held=True,
    )
    assert getattr(likes, "number", None) == 3
    assert second == Comment(
        Place("comments.parquet", "row 2"),
        "1",
        "8",
        "2",
        None,
        "Second",
        utc("2019-05-01T10:00"),
        is_staff=None,
        held=None,
    )
    # Without a zone it is local time, as in the other files; below microseconds it is cut off.
    assert getattr(edit, "edited_at", None) == utc("2019-05-01T08:00:00.123456")


def test_nanoseconds_of_parquet_are_cut_off_whatever_is_installed(site: Site) -> None:
    parquet(site, {"at": pa.array([1_556_704_800_123_456_789], pa.timestamp("ns"))})
    (file,) = files_of([site.folder / "comments.parquet"])
    with open_table(file, Layout()) as table:
        table.columns.index("at", "a test")
        (row,) = table.rows()
    assert list(row.cells) == ["2019-05-01T10:00:00.123456"]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (
            pa.timestamp("us", "UTC"),
            -900_000_000_000_000_000,
            "-900000000000000000 (timestamp[us, tz=UTC])",
        ),
        (pa.timestamp("ms"), 1_000_000_000_000_000, "1000000000000000 (timestamp[ms])"),
        (pa.date32(), 100_000_000, "100000000 (date32[day])"),
    ],
)
def test_a_time_of_parquet_that_python_has_not_is_a_fault_of_its_row(
    site: Site, kind: pa.DataType, value: int, shown: str
) -> None:
    parquet(site, {"id": pa.array([7, 8, 9]), "at": pa.array([18_000, value, None], kind)})
    (file,) = files_of([site.folder / "comments.parquet"])
    with open_table(file, Layout()) as table:
        for column in ("id", "at"):
            table.columns.index(column, "a test")
        rows = list(table.rows())
    assert [row.fault for row in rows] == [
        None,
        "has a time in 'at' that is not within the years 1 to 9999",
        None,
    ]
    assert [*rows[2].cells] == ["9", None]
    assert rows[1].number == 2
    assert rows[1].whole["id"] == "8"
    assert rows[1].whole["at"] == shown


def test_parquet_is_read_by_row_groups_however_many(site: Site) -> None:
    rows = 5_000
    parquet(
        site,
        {
            "id": pa.array(range(rows)),
            "article": pa.array([1] * rows),
            "user": pa.array(["u1"] * rows),
            "name": pa.array(["otter"] * rows),
            "created": pa.array(["2019-05-01T09:00:00"] * rows),
            "text": pa.array(["x"] * rows),
        },
        row_group_size=700,
    )
    comments = site.comments("articles.csv", "comments.parquet")
    assert [comment.comment_id for comment in comments] == [str(each) for each in range(rows)]
    assert comments[-1].place.within == f"row {rows}"


def test_a_column_that_parquet_lacks_and_a_file_that_is_cut_off_are_named(site: Site) -> None:
    parquet(site, {"id": pa.array([1]), "text": pa.array(["x"])})
    with pytest.raises(BelowTheLineError, match="for \\[comments\\] it lacks article, user"):
        site.read("articles.csv", "comments.parquet")
    site.write("comments.parquet", (site.folder / "comments.parquet").read_bytes()[:-20])
    with pytest.raises(BelowTheLineError, match="is not a Parquet file that can be read"):
        site.read("articles.csv", "comments.parquet")


def test_lists_of_cells_are_items(site: Site) -> None:
    pq.write_table(
        pa.table(
            {
                "id": pa.array([1]),
                "title": pa.array(["Ferries"]),
                "published": pa.array([datetime(2019, 5, 1)]),  # noqa: DTZ001
                "tags": pa.array([["harbour", "traffic"]]),
            }
        ),
        site.folder / "articles.parquet",
    )
    site.map(ARTICLE_FIELDS + 'topics = ["{tags}", "news"]\n' + COMMENT_FIELDS)
    (article, _) = site.read("articles.parquet", "comments.csv")
    assert isinstance(article, Article)
    assert article.topics == ["harbour", "traffic", "news"]
    assert article.published_at == utc("2019-04-30T22:00")


def test_items_in_one_cell_lose_what_stands_around_them(site: Site) -> None:
    site.write("articles.csv", "id,title,published,tags\n1,A,,\"['harbour', 'traffic', '']\"\n")
    items = 'topics = { split = "{tags}", by = ",", strip = "[]\'" }\n'
    site.map(ARTICLE_FIELDS + items + COMMENT_FIELDS)
    article = site.read()[0]
    assert isinstance(article, Article)
    assert article.topics == ["harbour", "traffic"]


USERS = """id,nick,mail,shown
u1,otter,otter@ponds.example,Otter
u2,heron,,
u1,other,,
"""

JOINED = """
[comments.joins.person]
files = ["users.csv"]
key = "id"
equals = "{user}"
[comments.null]
"person.shown" = ["Otter"]
[comments.fields]
article_id = "{article}"
comment_id = "{id}"
author.user_id = "{user}"
author.display_name = ["{person.shown}", "{person.nick}", "somebody"]
author.email = "{person.mail}"
body = "{text}"
posted_at = "{created}"
"""


def test_rows_of_another_file_are_found_by_their_key(site: Site) -> None:
    rows = "".join(
        f"{number},1,{user},2019-05-01T09:00:00,x\n"
        for number, user in enumerate([" u1", "u2", "u9", "", *["u2"] * 1_200])
    )
    site.write("comments.csv", f"id,article,user,created,text\n{rows}")
    site.write("users.csv", USERS + ",nobody,,\n")
    site.map(ARTICLE_FIELDS + JOINED)
    found = site.read()
    comments = [each for each in found if isinstance(each, Comment)]
    assert [(each.user_id, each.display_name, each.email) for each in comments[:5]] == [
        ("u1", "otter", "otter@ponds.example"),
        ("u2", "heron", None),
        ("u9", "somebody", None),
        (None, "somebody", None),
        ("u2", "heron", None),
    ]
    assert {each.display_name for each in comments[4:]} == {"heron"}
    assert len(comments) == 1_204
    assert [each for each in found if isinstance(each, Unreadable)] == [
        (("users.csv", "line 5"), "has no id", '["","nobody","",""]')
    ]


def test_comments_with_joined_rows_are_found_by_what_happened_to_them(site: Site) -> None:
    site.write("users.csv", USERS)
    site.write("deletions.csv", "comment,at\n7.0,\n")
    site.map(
        'ids = "spreadsheet"\n'
        + ARTICLE_FIELDS
        + JOINED
        + '[deletions]\nfiles = ["deletions.csv"]\n'
        + '[deletions.fields]\ncomment_id = "{comment}"\ndeleted_at = "{at}"\n'
    )
    assert site.read()[2:] == [Deletion(Place("deletions.csv", "line 2"), "1", "7")]


def test_a_joined_file_may_be_named_on_the_command_line(site: Site) -> None:
    (site.folder / "people").mkdir()
    site.write("people/users.csv", USERS)
    site.map(ARTICLE_FIELDS + JOINED)
    (comment,) = site.comments("articles.csv", "comments.csv", "people/users.csv")
    assert comment.display_name == "otter"
    with pytest.raises(BelowTheLineError, match=r"comments\.joins\.person\.files names"):
        site.read()


def test_a_wrong_column_of_a_joined_file_is_named(site: Site) -> None:
    site.write("users.csv", USERS.replace("nick", "nickname"))
    site.map(ARTICLE_FIELDS + JOINED)
    with pytest.raises(BelowTheLineError) as caught:
        site.read()
    assert caught.value.message == (
        "The column 'nick', which the mapping uses in comments.fields.author.display_name, is not"
        " in"
        " users.csv."
    )


COLUMNS = "id,article,user,name,created,text"


def test_ids_have_no_blanks_around_them_and_no_traces_of_spreadsheets(site: Site) -> None:
    site.write("articles.csv", ARTICLES.replace("\n1,", "\n 1 ,"))
    site.write(
        "comments.csv",
        "id,article,parent,user,name,created,text\n"
        "26691034.0, 1 ,0.0,17.0,1.0,2019-05-01T09:00:00,x\n"
        "2.6691035E7,1,26691034.0, 17 ,x,2019-05-01T09:00:00,x\n"
        "2.669E+07,1,,17,x,2019-05-01T09:00:00,x\n",
    )
    fields = (
        ARTICLE_FIELDS
        + '[comments.null]\nparent = ["0"]\n'
        + COMMENT_FIELDS
        + 'parent_comment_id = "{parent}"\n'
    )
    site.map('ids = "spreadsheet"\n' + fields)
    assert [
        (each.comment_id, each.parent_comment_id, each.user_id) for each in site.comments()
    ] == [
        ("26691034", None, "17"),
        ("26691035", "26691034", "17"),
    ]
    found = [each for each in site.read() if isinstance(each, Article | Comment)]
    assert {each.article_id for each in found} == {"1"}
    # Wherever the cell is used.
    assert isinstance(found[0], Article)
    assert found[0].url == "https://example.org/1"
    assert site.reasons() == [
        (
            "comments.csv, line 4",
            "comment_id: '2.669E+07' has lost digits in a spreadsheet: export the ids again, as"
            " text",
        )
    ]
    site.map('ids = "text"\n' + fields)
    assert [each.comment_id for each in site.comments()] == [
        "26691034.0",
        "2.6691035E7",
        "2.669E+07",
    ]
    site.map(fields)
    assert site.comments() == []
    assert site.reasons()[0][1].startswith(
        "comment_id: '26691034.0' looks like a number that a spreadsheet made of an id: say"
    )


def test_a_name_that_stands_for_an_account_stays_as_it_is(site: Site) -> None:
    site.write("comments.csv", f"{COLUMNS}\n7,1,, 3.0 ,2019-05-01T09:00:00,x\n")
    site.map(ARTICLE_FIELDS + COMMENT_FIELDS.replace('"{user}"', '["{user}", "name:{name}"]'))
    assert [each.user_id for each in site.comments()] == ["name: 3.0 "]


def test_html_becomes_the_text_that_a_reader_sees_or_only_loses_its_references(site: Site) -> None:
    site.write(
        "comments.csv",
        f"{COLUMNS}\n7,1,u1,A &amp; B,2019-05-01T09:00:00,<p>One &lt;b&gt;</p><p>Two</p>\n",
    )
    site.map(
        ARTICLE_FIELDS + '[comments]\nhtml = ["text"]\nhtml_columns = ["name"]\n' + COMMENT_FIELDS
    )
    (comment,) = site.comments()
    assert (comment.body, comment.display_name) == ("One <b>\n\nTwo", "A & B")
    site.map(ARTICLE_FIELDS + '[comments]\nhtml_columns = ["text"]\n' + COMMENT_FIELDS)
    assert site.comments()[0].body == "<p>One <b></p><p>Two</p>"


def test_gmt_stands_before_local_time_and_the_zero_of_mysql_is_null(site: Site) -> None:
    site.write(
        "comments.csv",
        "id,article,user,name,local,gmt,text\n"
        "1,1,u1,otter,2019-05-01 11:00:00,2019-05-01 09:00:00,x\n"
        "2,1,u1,otter,2019-05-01 11:00:00,0000-00-00 00:00:00,x\n"
        "3,1,u1,otter,0000-00-00 00:00:00,,x\n",
    )
    site.map(ARTICLE_FIELDS + COMMENT_FIELDS.replace('"{created}"', '["{gmt}Z", "{local}"]'))
    assert {each.posted_at for each in site.comments()} == {utc("2019-05-01T09:00")}
    assert site.reasons() == [("comments.csv, line 4", "has no time: no posted_at")]


def test_formats_of_times_are_said_per_column(site: Site) -> None:
    site.write(
        "comments.csv",
        "id,article,user,name,stamp,day,text\n"
        "1,1,u1,otter,1556701200000,,x\n"
        '2,1,u1,otter,,"May 01, 2019",x\n'
        "3,1,u1,otter,,2019-05-01 EDT,x\n",
    )
    site.map(
        'time_zones = { EDT = "-04:00" }\n'
        + ARTICLE_FIELDS
        + "[comments.time_formats]\n"
        + 'stamp = "unix_milliseconds"\nday = ["iso", "%b %d, %Y %H:%M"]\n'
        + COMMENT_FIELDS.replace('"{created}"', '["{stamp}", "{day} 12:00"]')
    )
    assert [each.posted_at for each in site.comments()] == [
        utc("2019-05-01T09:00"),
        utc("2019-05-01T10:00"),
        utc("2019-05-01T16:00"),
    ]


def test_a_date_alone_is_no_time_of_a_comment_but_the_end_of_a_discussion(site: Site) -> None:
    site.write("articles.csv", "id,title,published,closes\n1,A,2019-05-01,2019-05-14\n")
    site.write("comments.csv", f"{COLUMNS}\n7,1,u1,otter,2019-05-01,x\n")
    site.map(ARTICLE_FIELDS + 'discussion.closes_at = "{closes}"\n' + COMMENT_FIELDS)
    article, unreadable = site.read()
    assert isinstance(article, Article)
    assert article.published_at == utc("2019-04-30T22:00")
    assert article.closes_at == utc("2019-05-14T22:00")
    assert isinstance(unreadable, Unreadable)
    assert unreadable.reason == (
        "posted_at: '2019-05-01' is a date without a time of day: say in the mapping which time"
        ' stands in, such as "{column} 12:00"'
    )


def test_the_parent_may_be_the_beginning_of_a_path(site: Site) -> None:
    paths = ["s_1_0", "s_1_0_0", "s_1_0_0_3", "s_1_1"]
    rows = "".join(f"{path},1,u1,otter,2019-05-01T09:00:00,x\n" for path in paths)
    site.write("comments.csv", f"{COLUMNS}\n{rows}")
    site.map(
        ARTICLE_FIELDS
        + COMMENT_FIELDS
        + 'parent_comment_id = { path = "{id}", by = "_", top = 3 }\n'
    )
    assert [each.parent_comment_id for each in site.comments()] == [
        None,
        "s_1_0",
        "s_1_0_0",
        None,
    ]
