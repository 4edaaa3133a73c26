"""A mapping is guessed from tables, and what it says can be imported."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions
from btl.archives.proposal import proposal
from btl.archives.readers.tables import read
from btl.archives.records import Article, Comment, Moderation, ReactionCount
from btl.archives.sources import files_of

ARTICLES = """id,title,published,desk,link,tags,score
1,A &amp; B,01.05.2019 10:00,local,https://news.example/1,"fog,ferries",7
"""
COMMENTS = """id,article_id,parent_id,user,name,created,heading,text,state,ups
1.0,1,0,u1,otter,1556701200,x,One<br/>Two,1,3
2.0,1,1.0,u2,heron,1556701201,x,Three,trash,0
"""
USERS = "id,nick\nu1,x\n"

PROPOSED = """\
# A mapping, guessed from the names of columns and from the first rows. Look it through:
# docs/archives.md explains each key. Then try it, nothing is sent:
#   btl archive import stories.csv posts.csv --mapping site.toml --dry-run

source = "https://example.org/archive"  # Yours. Do not change it after an import.
time_zone = "UTC"  # Of times without an offset, such as "Europe/Vienna".
ids = "spreadsheet"  # 26691034.0 is 26691034.

[articles]
files = ["stories.csv"]
html_columns = ["title"]  # &amp; becomes &.

[articles.time_formats]
published = "%d.%m.%Y %H:%M"

[articles.fields]
article_id = "{id}"
url = "{link}"
headline = "{title}"
published_at = "{published}"
section = "{desk}"
topics = { split = "{tags}", by = "," }
# Not used: score.

[comments]
files = ["posts.csv"]
html = ["text"]  # Markup becomes text.

[comments.null]
parent_id = ["0"]  # At the top level.

[comments.time_formats]
created = "unix"

[comments.fields]
article_id = "{article_id}"
comment_id = "{id}"
parent_comment_id = "{parent_id}"
author.user_id = "{user}"
author.display_name = "{name}"
body = ["{text}", " "]
posted_at = "{created}"
status = "{state}"
likes = "{ups}"
# Not used: heading.

# What each status means: approved, pending, rejected, spam, deleted, or nothing.
[comments.values]
status = { 1 = "approved", trash = "rejected" }

# users.csv is not used. Join it, if comments refer to its rows: {other.COLUMN}.
# [comments.joins.other]
# files = ["users.csv"]
# key = "id"
# equals = "{id}"
# Its columns: id, nick.
"""


def write(folder: Path, **contents: str) -> list[Path]:
    paths = []
    for name, content in contents.items():
        path = folder / f"{name}.csv"
        path.write_text(content, encoding="utf-8")
        paths.append(path)
    return paths


def test_a_mapping_is_guessed_and_can_be_imported(tmp_path: Path) -> None:
    paths = write(tmp_path, users=USERS, stories=ARTICLES, posts=COMMENTS)
    proposed = proposal(files_of(paths))
    assert proposed == PROPOSED
    mapping = tmp_path / "site.toml"
    mapping.write_text(proposed, encoding="utf-8")
    found = list(read(files_of(paths[1:]), ReadingOptions(mapping=mapping), lambda _: None))
    assert [type(each) for each in found] == [
        Article,
        Comment,
        ReactionCount,
        Comment,
        Moderation,
    ]


def test_what_no_column_looks_like_is_said(tmp_path: Path) -> None:
    (path,) = write(tmp_path, posts="ref,article,text,who\n1,1,x,otter\n")
    lines = proposal(files_of([path])).splitlines()
    assert 'files = ["articles.csv"]  # No file looks like it: name it here.' in lines
    assert 'posted_at = ""  # No column looks like it.' in lines
    assert 'comment_id = ""  # No column looks like it.' in lines
    assert 'body = ["{text}", " "]' in lines
    assert "# Not used: ref, who." in lines


def test_members_of_json_lines_and_columns_of_parquet_are_seen(tmp_path: Path) -> None:
    comments = tmp_path / "comments.jsonl"
    comments.write_text(
        '{"id": 1, "article_id": 2, "author": {"id": 3, "name": "otter"}, "text": "x",'
        ' "created_at": "2019-05-01T09:00:00Z"}\n',
        encoding="utf-8",
    )
    articles = tmp_path / "articles.parquet"
    pq.write_table(pa.table({"id": [2], "title": ["A"], "url": ["https://x.example"]}), articles)
    lines = proposal(files_of([articles, comments])).splitlines()
    assert 'author.display_name = "{author.name}"' in lines
    assert 'url = "{url}"' in lines


def test_a_data_set_whose_mapping_is_there_needs_none(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        articles="article_id,published,channel,ressort,title\n",
        comments="comment_id,article_id,parent_id,user_id,user_name,created_at,headline,text\n",
    )
    assert "#   --mapping derstandard-2019" in proposal(files_of(paths)).splitlines()


def test_comments_that_repeat_their_articles_are_both_tables(tmp_path: Path) -> None:
    (path,) = write(
        tmp_path,
        all="url,title,id,user,created,text\n"
        "https://news.example/1,One,1,u1,2019-05-01T09:00:00,First\n"
        "https://news.example/1,One,2,u1,2019-05-01T09:00:00,Second\n"
        "https://news.example/2,Two,3,u1,2019-05-01T09:00:00,Third\n",
    )
    mapping = tmp_path / "site.toml"
    mapping.write_text(proposal(files_of([path])), encoding="utf-8")
    found = list(read(files_of([path]), ReadingOptions(mapping=mapping), lambda _: None))
    articles = [each for each in found if isinstance(each, Article)]
    comments = [each for each in found if isinstance(each, Comment)]
    assert [each.headline for each in articles] == ["One", "Two"]
    assert [each.article_id for each in comments] == [
        "https://news.example/1",
        "https://news.example/1",
        "https://news.example/2",
    ]
    assert len(found) == 5


def test_one_file_of_both_is_named_with_its_encoding_and_each_column_is_used(
    tmp_path: Path,
) -> None:
    path = tmp_path / "all posts.csv"
    path.write_bytes(
        "url,title,published_at,id,user,created,text,mood\n"
        "https://news.example/1,Möwe,2019-05-01,1,u1,2019-05-01T09:00:00,First,calm\n".encode(
            "cp1252"
        )
    )
    lines = proposal(files_of([path])).splitlines()
    assert "#   btl archive import 'all posts.csv' --mapping site.toml --dry-run" in lines
    assert 'encoding = "cp1252"  # all posts.csv is not UTF-8.' in lines
    assert 'published_at = "{published_at}"' in lines
    assert [line for line in lines if "Not used" in line] == ["# Not used: mood."]


GUESSED = {
    "Artikel_ID;Titel;Link;Veröffentlicht;Ressort": {
        "article_id": "Artikel_ID",
        "url": "Link",
        "headline": "Titel",
        "published_at": "Veröffentlicht",
        "section": "Ressort",
    },
    "Nr;Artikel;Antwort_auf;Benutzer;Text;Datum;Zustand;Daumen_hoch": {
        "article_id": "Artikel",
        "comment_id": "Nr",
        "parent_comment_id": "Antwort_auf",
        "author.display_name": "Benutzer",
        "posted_at": "Datum",
        "status": "Zustand",
        "likes": "Daumen_hoch",
    },
    "No;Article_ID;Pseudo;Commentaire;Publié le": {
        "article_id": "Article_ID",
        "comment_id": "No",
        "author.display_name": "Pseudo",
        "posted_at": "Publié le",
    },
    "Número;Articulo_ID;Usuario;Comentario;Fecha": {
        "article_id": "Articulo_ID",
        "comment_id": "Número",
        "author.display_name": "Usuario",
        "posted_at": "Fecha",
    },
}


@pytest.mark.parametrize("header", GUESSED)
def test_columns_are_known_in_other_languages(tmp_path: Path, header: str) -> None:
    row = ";".join("1" for _ in header.split(";"))
    others = "id;parent_id;article_id;user_id;user_name;text\n1;1;1;1;1;1\n"
    path, other = write(tmp_path, table=f"{header}\n{row}\n", comments=others)
    is_articles = "Titel" in header
    lines = proposal(files_of([path, other] if is_articles else [path])).splitlines()
    fields = [f'{name} = "{{{column}}}"' for name, column in GUESSED[header].items()]
    assert [line for line in fields if line not in lines] == []
    if not is_articles:
        assert "# If each row of table.csv repeats its article, name table.csv here." in lines


def test_a_row_with_the_story_in_it_is_both_tables(tmp_path: Path) -> None:
    (path,) = write(
        tmp_path,
        one="comment_no,story_url,story_title,story_date,nick,message,when,score\n"
        "1,https://x.example/a,Story,2016-03-01,otter,Hello,2016-03-01 10:00:00,-1\n",
    )
    mapping = tmp_path / "site.toml"
    mapping.write_text(proposal(files_of([path])), encoding="utf-8")
    article, comment, votes = read(
        files_of([path]), ReadingOptions(mapping=mapping), lambda _: None
    )
    assert isinstance(article, Article)
    assert isinstance(comment, Comment)
    assert article[1:4] == ("https://x.example/a", "https://x.example/a", "Story")
    assert article.published_at is not None
    assert comment[1:3] == ("https://x.example/a", "1")
    assert isinstance(votes, ReactionCount)
    assert (votes.reaction, votes.number) == ("dislike", 1)


def test_an_address_is_not_made_of_a_column_that_is_not_there(tmp_path: Path) -> None:
    (path,) = write(tmp_path, posts="what,text\n1,x\n")
    lines = proposal(files_of([path])).splitlines()
    assert 'url = ""  # No column looks like it.' in lines
    assert not [line for line in lines if "{article_id}" in line]


def test_each_file_has_its_own_encoding_and_a_mark_needs_none(tmp_path: Path) -> None:
    (articles,) = write(tmp_path, articles="id,title,url,published_at\n1,Möwe,x,2019-05-01\n")
    comments, users = tmp_path / "comments.csv", tmp_path / "users.csv"
    comments.write_bytes("id,article_id,text,created\n1,1,Möwe,2019-05-01\n".encode("cp1252"))
    users.write_bytes("id,nick\n1,Möwe\n".encode("utf-16"))
    lines = proposal(files_of([articles, comments, users])).splitlines()
    assert [line for line in lines if "encoding" in line] == [
        'encoding = "cp1252"  # comments.csv is not UTF-8.'
    ]
    assert lines.index("[comments]") + 2 == lines.index(
        'encoding = "cp1252"  # comments.csv is not UTF-8.'
    )
    assert "# Its columns: id, nick." in lines


def test_what_is_not_a_table_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "site.toml"
    text.write_text('source = "x"\n', encoding="utf-8")
    with pytest.raises(BelowTheLineError, match="does not look like a table"):
        proposal(files_of([text]))
    (path,) = write(tmp_path, empty="")
    with pytest.raises(BelowTheLineError, match=r"empty\.csv is empty"):
        proposal(files_of([path]))


def test_the_proposal_of_a_file_with_an_unknown_status_leaves_it_open(tmp_path: Path) -> None:
    (path,) = write(
        tmp_path, c='id,article_id,text,created,status\n1,1,x,2019-05-01,"odd ""one"""\n'
    )
    proposed = proposal(files_of([path]))
    assert 'status = { "odd \\"one\\"" = "" }' in proposed.splitlines()


def test_a_text_that_is_not_utf_8_is_taken_for_cp1252(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes("id,article_id,text,created\n1,1,Möwe,2019-05-01\n".encode("cp1252"))
    lines = proposal(files_of([path])).splitlines()
    assert 'encoding = "cp1252"  # c.csv is not UTF-8.' in lines
