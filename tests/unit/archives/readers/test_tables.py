"""A site's own tables become records, cell by cell."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions, all_formats
from btl.archives.readers.tables import FORMATS, read
from btl.archives.records import Article, Comment, LeftOut, Place, Unreadable
from btl.archives.sources import files_of
from tests.unit.archives.readers.tables import (
    ARTICLE_FIELDS,
    ARTICLES,
    COMMENT_FIELDS,
    COMMENTS,
    Site,
    utc,
)
from tests.unit.archives.tiny_export import COMMENTS_TABLE


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_every_cell_that_a_mapping_uses_is_in_the_record(site: Site) -> None:
    site.write(
        "articles.csv",
        "id,title,published,changed,desk,tags,author,open\n"
        "1,Ferries &amp; bridges,2019-05-01T07:00:00,2019-05-02T08:00:00,local,"
        "harbour; traffic,City desk,yes\n"
        "2,Second,2019-05-01T09:30:00,,,,,no\n",
    )
    site.write(
        "comments.csv",
        "id,article,parent,user,name,role,created,title,text,waits\n"
        "1,1,0,u1,otter,reader,2019-05-01T07:14:14.593000,No Headline,"
        "First &amp;lt;here&gt;,true\n"
        "2,1,1,,heron,staff,2019-05-01T09:10:00,Well,No Comment,false\n",
    )
    site.map(
        r"""
        [articles]
        html_columns = ["title"]
        [articles.fields]
        article_id = "a-{id}"
        url = "https://example.org/story/{id}"
        headline = "{title}"
        published_at = "{published}"
        updated_at = "{changed}"
        site = "north"
        section = "{desk}"
        topics = { split = "{tags}", by = ";" }
        bylines = ["{author}"]
        language = "de"
        discussion.enabled = "{open}"
        discussion.window_hours = 72
        """
        + COMMENTS_TABLE
        + """
        author.role = "{role}"
        held = "{waits}"
        """
    )
    assert site.read() == [
        Article(
            Place("articles.csv", "line 2"),
            article_id="a-1",
            url="https://example.org/story/1",
            headline="Ferries & bridges",
            published_at=utc("2019-05-01T05:00"),
            updated_at=utc("2019-05-02T06:00"),
            site="north",
            section="local",
            topics=["harbour", "traffic"],
            bylines=["City desk"],
            language="de",
            window_hours=72,
            enabled=True,
        ),
        Article(
            Place("articles.csv", "line 3"),
            article_id="a-2",
            url="https://example.org/story/2",
            headline="Second",
            published_at=utc("2019-05-01T07:30"),
            site="north",
            bylines=[],
            language="de",
            window_hours=72,
            enabled=False,
        ),
        Comment(
            Place("comments.csv", "line 2"),
            article_id="a-1",
            comment_id="c-1",
            user_id="u1",
            display_name="otter",
            body="First &lt;here>",
            posted_at=utc("2019-05-01T05:14:14.593"),
            is_staff=False,
            held=True,
        ),
        Comment(
            Place("comments.csv", "line 3"),
            article_id="a-1",
            comment_id="c-2",
            user_id="name:heron",
            display_name="heron",
            body="Well",
            posted_at=utc("2019-05-01T07:10"),
            parent_comment_id="c-1",
            is_staff=True,
            held=False,
        ),
    ]


def test_rows_that_make_no_record_are_named_by_line_and_reason(site: Site) -> None:
    site.write(
        "comments.csv",
        COMMENTS
        + '8,1,u1,otter,2019-05-01T09:10:00,"two\nlines"\n'
        + "9,1,u1,otter,May Day,x\n"
        + "10,1,u1\n"
        + "11,,u1,otter,2019-05-01T09:10:00,x\n"
        + ",1,u1,otter,2019-05-01T09:10:00,x\n"
        + "13,1,u1,otter,,x\n"
        + "14,1,u1,otter,2019-05-01T09:10:00,\n",
    )
    assert site.reasons() == [
        ("comments.csv, line 5", "posted_at: 'May Day' is not a time of the format iso"),
        ("comments.csv, line 6", "has 3 cells, but the header names 6 columns"),
        ("comments.csv, line 7", "has no article_id"),
        ("comments.csv, line 8", "has no comment_id"),
        ("comments.csv, line 9", "has no time: no posted_at"),
        (
            "comments.csv, line 10",
            'has no body: give the mapping another one, such as a blank: body = ["{text}", " "]',
        ),
    ]
    content = [found.content for found in site.read() if isinstance(found, Unreadable)]
    assert content[0] == '["9","1","u1","otter","May Day","x"]'
    assert [found.comment_id for found in site.comments()] == ["7", "8"]


def test_files_are_assigned_to_tables_by_their_columns_in_any_order(site: Site) -> None:
    plain = site.read()
    assert [type(found) for found in plain] == [Article, Comment]
    assert site.read("comments.csv", "articles.csv") == plain


def test_several_files_of_one_table_are_read_one_after_the_other(site: Site) -> None:
    site.write("comments-2.csv", COMMENTS.replace("7,1", "8,1"))
    found = site.comments("articles.csv", "comments.csv", "comments-2.csv")
    assert [(comment.place.file, comment.comment_id) for comment in found] == [
        ("comments.csv", "7"),
        ("comments-2.csv", "8"),
    ]


def test_files_may_be_gzipped_or_in_a_zip_with_a_byte_order_mark_and_other_line_ends(
    site: Site,
) -> None:
    plain = [found[1:] for found in site.read()]
    site.write("articles.csv.gz", gzip.compress(("\ufeff" + ARTICLES).encode()))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export/comments.csv", COMMENTS.replace("\n", "\r\n"))
    site.write("export.zip", packed.getvalue())
    found = site.read("articles.csv.gz", "export.zip")
    assert [each[1:] for each in found] == plain
    assert [each.place.file for each in found] == [
        "articles.csv.gz",
        "export.zip: export/comments.csv",
    ]


@pytest.mark.parametrize("mark", ["\t", ";", "|"])
def test_what_separates_the_cells_is_seen_in_the_header(site: Site, mark: str) -> None:
    plain = site.read()
    site.write("comments.csv", COMMENTS.replace(",", mark))
    assert site.read() == plain


def test_a_file_named_tsv_has_tabs_though_a_column_has_a_comma(site: Site) -> None:
    tabs = COMMENTS.replace(",", "\t").replace("user\t", '"user, if any"\t')
    site.write("comments.tsv", tabs)
    site.map(ARTICLE_FIELDS + COMMENT_FIELDS.replace("{user}", "{user, if any}"))
    assert [found.user_id for found in site.comments("articles.csv", "comments.tsv")] == ["u1"]


def test_the_format_recognises_tables_and_nothing_that_is_marked_otherwise(site: Site) -> None:
    (tables,) = FORMATS
    assert tables in all_formats()
    assert tables.closing == "rules"
    recognised = {
        "a.csv": "id,text\n1,x\n",
        "b.tsv": "id\ttext\n",
        "c.jsonl": '{"id": 1}\n{"id": 2}\n',
    }
    others = {
        "d.xml": "<?xml version='1.0'?><a b='1,2'/>",
        "e.json": "[1, 2]",
        "f.txt": "text",
        "g.json": '{\n  "version": 3, "a": 1\n}',
        "h.bin": "\0\1,\2",
    }
    for name, content in {**recognised, **others}.items():
        (file,) = files_of([site.write(name, content)])
        assert tables.recognises(file) is (name in recognised), name


def test_without_a_mapping_the_way_to_one_is_said(site: Site) -> None:
    files = files_of([site.write("all comments.csv", COMMENTS)])
    with pytest.raises(BelowTheLineError, match="No mapping says what the columns") as caught:
        list(read(files, ReadingOptions(), lambda _: None))
    assert (caught.value.hint or "").endswith(
        f"btl archive mapping '{site.folder / 'all comments.csv'}' > site.toml"
    )
    site.write("articles.csv", "article_id,published,channel,ressort,title\n")
    site.write(
        "comments.csv",
        "comment_id,article_id,parent_id,user_id,user_name,created_at,headline,text\n",
    )
    files = files_of([site.folder / "comments.csv", site.folder / "articles.csv"])
    with pytest.raises(BelowTheLineError) as caught:
        list(read(files, ReadingOptions(), lambda _: None))
    assert (caught.value.hint or "").endswith("--mapping derstandard-2019")


@pytest.mark.parametrize(
    ("header", "message", "hint"),
    [
        (
            "id,article,usr,name,created,text",
            "comments.csv has the columns of no table of the mapping; for [comments] it lacks"
            " user.",
            "Do you mean 'usr' for 'user'? Its columns are: id, article, usr, name, created, text.",
        ),
        (
            "a,b,c",
            "comments.csv has the columns of no table of the mapping; for [articles] it lacks id,"
            " title, published.",
            "Its columns are: a, b, c.",
        ),
    ],
)
def test_a_file_whose_columns_fit_no_table_is_refused_with_near_names(
    site: Site, header: str, message: str, hint: str
) -> None:
    site.write("comments.csv", header + "\n")
    with pytest.raises(BelowTheLineError) as caught:
        site.read()
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_file_that_fits_two_tables_is_refused_until_the_mapping_says_which(site: Site) -> None:
    site.write("articles.csv", "id,title,published,article,user,name,created,text\n")
    fields = COMMENT_FIELDS.replace('author.display_name = "{name}"\n', "")
    site.map(ARTICLE_FIELDS + fields)
    with pytest.raises(BelowTheLineError) as caught:
        site.read("articles.csv")
    assert caught.value.message == (
        "articles.csv has the columns of more than one table of the mapping: [articles] and"
        " [comments]."
    )
    assert caught.value.hint == (
        'Say in the mapping which it is: [articles] files = ["articles.csv"].'
    )
    site.map('[articles]\nfiles = ["a*.csv"]\n' + ARTICLE_FIELDS + fields)
    assert [type(found) for found in site.read()] == [Comment]


def test_files_that_are_named_are_those_that_are_read(site: Site) -> None:
    def of(name: str) -> list[str]:
        return [type(found).__name__ for found in site.read(name)]

    others = LeftOut(
        Place("site.toml", "[articles]"), "tables of the mapping", "none of the files is of them"
    )
    found = site.read("comments.csv")
    assert found[0] == others
    assert [type(each) for each in found] == [LeftOut, Comment]
    site.map(
        '[articles]\nfiles = ["articles.csv"]\n'
        + ARTICLE_FIELDS
        + '[comments]\nfiles = ["comments.csv"]\n'
        + '[comments.joins.person]\nfiles = ["users.csv"]\nkey = "id"\nequals = "{user}"\n'
        + COMMENT_FIELDS.replace("{name}", "{person.nick}")
    )
    assert of("articles.csv") == ["LeftOut", "Article"]
    site.write("users.csv", "id,nick\nu1,heron\n")
    assert [comment.display_name for comment in site.comments("comments.csv")] == ["heron"]
    assert of("comments.csv") == ["LeftOut", "Comment"]
    with pytest.raises(BelowTheLineError, match=r"No file is of a table of the mapping\."):
        site.read("users.csv")


def test_files_that_the_mapping_names_are_beside_it(site: Site) -> None:
    site.write("comments-1.csv", COMMENTS)
    site.write("comments-2.csv", COMMENTS.replace("7,1", "8,1"))
    site.map(
        '[articles]\nfiles = ["articles.csv"]\n'
        + ARTICLE_FIELDS
        + '[comments]\nfiles = ["comments-*.csv"]\n'
        + COMMENT_FIELDS
    )
    options = ReadingOptions(mapping=site.folder / "site.toml")
    found = list(read([], options, lambda _: None))
    assert [each.place.file for each in found] == [
        "articles.csv",
        "comments-1.csv",
        "comments-2.csv",
    ]
    assert len(site.read("comments-2.csv", "articles.csv")) == 2
    (site.folder / "comments-1.csv").unlink()
    (site.folder / "comments-2.csv").unlink()
    with pytest.raises(BelowTheLineError, match=r"comments\.files names 'comments-\*\.csv', but"):
        list(read([], options, lambda _: None))


def test_the_folder_of_the_mapping_is_named_in_words(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.folder)
    site.map('[articles]\nfiles = ["a.csv"]\n' + ARTICLE_FIELDS + COMMENT_FIELDS)
    with pytest.raises(BelowTheLineError, match="but the mapping's folder has no such file"):
        list(read([], ReadingOptions(mapping=Path("site.toml")), lambda _: None))


def test_each_table_and_each_join_may_have_its_own_encoding_and_delimiter(site: Site) -> None:
    site.write("articles.csv", ARTICLES.replace("Ferries", "Fähren"))
    site.write("comments.csv", COMMENTS.replace("First", "Möwe").encode("cp1252"))
    site.write("users.csv", "id;nick, spoken\nu1;Ölkäfer\n".encode("cp850"))
    site.map(
        '[comments]\nencoding = "cp1252"\ndelimiter = ","\n[comments.joins.person]\n'
        'files = ["users.csv"]\nkey = "id"\nequals = "{user}"\n'
        'encoding = "cp850"\ndelimiter = ";"\n'
        + ARTICLE_FIELDS
        + COMMENT_FIELDS.replace("{name}", "{person.nick, spoken}")
    )
    article, comment = site.read()
    assert isinstance(article, Article)
    assert isinstance(comment, Comment)
    assert article.headline == "Fähren"
    assert (comment.body, comment.display_name) == ("Möwe", "Ölkäfer")
    site.map('[comments]\nencoding = "klingon"\n' + ARTICLE_FIELDS + COMMENT_FIELDS)
    with pytest.raises(BelowTheLineError, match=r"'comments\.encoding' is not usable: is not an"):
        site.read()


def test_required_fields_that_are_empty_are_one_fault_of_the_mapping(site: Site) -> None:
    fields = ARTICLE_FIELDS + COMMENT_FIELDS
    site.map(fields.replace('"{text}"', '[""]').replace('"{created}"', '""'))
    with pytest.raises(BelowTheLineError) as caught:
        site.read()
    assert caught.value.message == (
        f"The mapping {site.folder / 'site.toml'} leaves fields empty that every row needs:"
        " comments.fields.body, comments.fields.posted_at."
    )


def test_a_wrong_column_of_the_comments_is_said_before_the_articles_are_read(site: Site) -> None:
    site.map(
        ARTICLE_FIELDS
        + '[comments]\nfiles = ["comments.csv"]\nhtml_columns = ["txt"]\n'
        + COMMENT_FIELDS
    )
    files = files_of([site.folder / "articles.csv", site.folder / "comments.csv"])
    with pytest.raises(
        BelowTheLineError, match=r"column 'txt', .* comments.html_columns"
    ) as caught:
        next(read(files, ReadingOptions(mapping=site.folder / "site.toml"), lambda _: None))
    assert caught.value.hint == (
        "Do you mean 'text'? Its columns are: id, article, user, name, created, text."
    )


def test_progress_counts_the_bytes_of_all_files(site: Site) -> None:
    files = files_of([site.folder / "articles.csv", site.folder / "comments.csv"])
    done: list[int] = []
    list(read(files, ReadingOptions(mapping=site.folder / "site.toml"), done.append))
    assert done == sorted(done)
    assert done[-1] == len(ARTICLES) + len(COMMENTS)


def test_files_without_a_header_line_have_the_columns_of_the_mapping(site: Site) -> None:
    plain = [found[1:] for found in site.read()]
    site.write("comments.csv", COMMENTS.partition("\n")[2])
    site.map(
        ARTICLE_FIELDS
        + '[comments]\nfiles = ["comments.csv"]\n'
        + 'columns = ["id", "article", "user", "name", "created", "text"]\n'
        + COMMENT_FIELDS
    )
    found = site.read()
    assert [each[1:] for each in found] == plain
    assert found[1].place == Place("comments.csv", "line 1")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"{published}"', '"{published"', "articles.fields.published_at is not a template"),
        ('"{published}"', '"{published:>10}"', "articles.fields.published_at formats a column"),
        ("headline =", "head_line =", "unknown key 'articles.fields.head_line'"),
        ("author.user_id", "author.id", "unknown key 'comments.fields.author.id'"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_in_one_line(
    site: Site, old: str, new: str, message: str
) -> None:
    site.map((ARTICLE_FIELDS + COMMENT_FIELDS).replace(old, new, 1))
    with pytest.raises(BelowTheLineError, match=message) as caught:
        site.read()
    assert caught.value.hint
    assert "\n" not in str(caught.value)
