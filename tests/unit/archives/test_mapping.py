"""What a row becomes, and what is said of a mapping that does not fit."""

from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.mapping import TABLES, Mapping, load_mapping
from btl.archives.templates import decode_entities
from tests.unit.archives.tiny_export import ARTICLES, COMMENTS, MAPPING, Export


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


def test_rows_become_events_with_their_original_times(export: Export) -> None:
    events = export.events()
    assert export.rejected == []
    assert [(event["type"], event["subject"], event["time"]) for event in events] == [
        ("article.published.v1", "a-1", "2019-05-01T05:00:00Z"),
        ("article.published.v1", "a-2", "2019-05-01T07:30:00Z"),
        ("comment.posted.v1", "c-1", "2019-05-01T05:14:14.593000Z"),
        ("comment.posted.v1", "c-2", "2019-05-01T07:10:00Z"),
        ("comment.posted.v1", "c-3", "2019-05-01T07:31:00Z"),
    ]
    assert events[0]["data"] == {
        "article_id": "a-1",
        "url": "https://example.org/story/1",
        "headline": "Ferries & bridges",
        "published_at": "2019-05-01T05:00:00Z",
        "section": "local",
        "topics": ["harbour", "traffic"],
        "bylines": ["City desk"],
        "language": "de",
    }
    assert events[2]["data"] == {
        "article_id": "a-1",
        "comment_id": "c-1",
        "posted_at": "2019-05-01T05:14:14.593000Z",
        "body": "First &lt;here>",
        "author": {"user_id": "u1", "display_name": "otter"},
    }


def test_nulls_are_left_out_and_alternatives_stand_in(export: Export) -> None:
    data = export.data()
    assert "section" not in data[1]
    assert "topics" not in data[1]
    assert data[1]["bylines"] == []
    assert "parent_comment_id" not in data[2]
    assert data[3]["parent_comment_id"] == "c-1"
    assert data[3]["author"] == {"user_id": "name:heron", "display_name": "heron"}
    assert [comment["body"] for comment in data[2:]] == ["First &lt;here>", "Well", " "]


def test_the_same_export_gives_the_same_events_and_another_source_other_ids(export: Export) -> None:
    first, again = export.events(), export.events()
    assert first == again
    assert len({event["id"] for event in first}) == len(first)
    export.write(export.mapping, MAPPING.replace("example.org/tiny", "example.org/other"))
    assert {event["id"] for event in export.events()}.isdisjoint(event["id"] for event in first)


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("a &amp; b", "a & b"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("&#228;&#xE4;&auml;", "äää"),
        ("?a=1&copy=2&lt", "?a=1&copy=2&lt"),
        ("&unheard; & so on;", "&unheard; & so on;"),
        ("&#0;&#xD800;", "\ufffd\ufffd"),
    ],
)
def test_entities_are_decoded_once_and_only_with_their_semicolon(text: str, decoded: str) -> None:
    assert decode_entities(text) == decoded


def test_rows_that_cannot_be_mapped_are_named_by_line_and_reason(export: Export) -> None:
    export.write(
        export.comments,
        COMMENTS
        + '4,1,0,u1,otter,2019-05-01T09:10:00,No Headline,"two\nlines"\n'
        + "5,1,0,u1,otter,May Day,No Headline,x\n"
        + "6,1,0,u1,otter\n"
        + "7,,0,u1,otter,2019-05-01T09:10:00,No Headline,x\n"
        + "8,1,0,,,2019-05-01T09:10:00,No Headline,x\n"
        + "9,1,0,u1,otter,2029-05-01T09:10:00,No Headline,x\n"
        + "10,1,0,u1,otter,,No Headline,x\n"
        + "11,1,0,u1,otter,2019-05-01T09:10:00,No Headline,cut\0here\n",
    )
    reasons = {line: reason for _, line, reason in export.reasons()}
    assert sorted(reasons) == [7, 8, 9, 11, 12, 13]
    assert reasons[7] == "posted_at: 'May Day' is not a time of the format iso"
    assert reasons[8] == "has 5 cells, but the header names 8 columns"
    assert reasons[9] == "has no article_id"
    assert reasons[11].startswith("time_out_of_range at /data/posted_at") or reasons[11].startswith(
        "time_out_of_range at /time"
    )
    assert reasons[12] == "has no time: no posted_at"
    assert reasons[13].startswith("nul_character")


def test_files_may_be_gzipped_with_a_byte_order_mark_and_in_another_encoding(
    export: Export,
) -> None:
    plain = export.events()
    export.write(export.articles, "\ufeff" + ARTICLES, gzipped=True)
    export.write(export.comments, COMMENTS.replace("\n", "\r\n"), gzipped=True)
    assert export.events() == plain
    export.write(
        export.articles, ARTICLES.replace("Second", "Zweite Brücke – größer"), encoding="cp1252"
    )
    export.write(export.comments, COMMENTS)
    export.write(export.mapping, 'encoding = "cp1252"\n' + MAPPING)
    assert export.data()[1]["headline"] == "Zweite Brücke – größer"


def test_settings_and_flags_are_typed(export: Export) -> None:
    export.write(
        export.mapping,
        MAPPING.replace(
            'language = "de"',
            'language = "de"\ndiscussion.window_hours = 72\ndiscussion.enabled = "{desk}"',
        ).replace(
            'author.display_name = "{name}"', 'author.display_name = "{name}"\nheld = "{id}"'
        ),
    )
    export.write(export.articles, ARTICLES.replace("local", "YES"))
    export.write(export.comments, "".join(COMMENTS.splitlines(keepends=True)[:2]))
    data = export.data()
    assert data[0]["discussion"] == {"enabled": True, "window_hours": 72}
    assert data[2]["held"] is True
    assert export.rejected == []
    export.write(export.articles, ARTICLES)
    assert export.reasons() == [("articles.csv", 2, "enabled: 'local' is neither true nor false")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '{title}"\npublished',
            '{titel}"\npublished',
            r"column 'titel', which .* articles.fields.headline",
        ),
        (
            'html_columns = ["text"]',
            'html_columns = ["txt"]',
            r"column 'txt', .* is not in comments.csv",
        ),
        ("parent = [", "parents = [", r"column 'parents', .* comments.null"),
        ("headline = ", "head_line = ", r"unknown key 'articles.fields.head_line'"),
        ("time_zone =", "timezone =", r"unknown key 'timezone'"),
        ("author.display_name", "author.name", r"unknown key 'comments.fields.author.name'"),
        ('posted_at = "{created}"', "", r"lacks the key 'comments.fields.posted_at'"),
        ("Europe/Vienna", "Europe/Wien", r"'time_zone' is not usable: is not an IANA time zone"),
        ('"{published}"', "17", r"'articles.fields.published_at' is not usable"),
        ('"{published}"', '"{published"', r"articles.fields.published_at is not a template"),
        ('"{published}"', '"{published:>10}"', r"articles.fields.published_at formats a column"),
        ("[articles]", "[articles", r"is not TOML"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_in_one_line(
    export: Export, old: str, new: str, message: str
) -> None:
    assert old in MAPPING
    export.write(export.mapping, MAPPING.replace(old, new, 1))
    with pytest.raises(BelowTheLineError, match=message) as caught:
        export.events()
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_wrong_column_of_the_comments_is_told_before_the_articles_are_read(
    export: Export,
) -> None:
    export.write(export.comments, COMMENTS.replace("created", "creation"))
    with pytest.raises(
        BelowTheLineError,
        match="Its columns are: id, article, parent, user, name, creation, title, text",
    ):
        export.events()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (
            lambda path: path.write_bytes(COMMENTS.replace("otter", "\u00f6").encode("latin-1")),
            "is not utf-8",
        ),
        (
            lambda path: path.write_bytes(COMMENTS.replace("user", "name").encode()),
            "has the column 'name' twice",
        ),
        (
            lambda path: path.write_bytes(b'id,"name\n' + b"x" * 5_000_000),
            "more than 4,194,304 characters, which begins at line 1",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_one_line(
    export: Export, damage: object, message: str
) -> None:
    damage(export.comments)  # type: ignore[operator]
    with pytest.raises(BelowTheLineError, match=message) as caught:
        export.events()
    assert caught.value.hint


def test_what_is_named_gz_and_is_none_or_is_cut_off_is_told(export: Export, tmp_path: Path) -> None:
    export.comments = export.write(tmp_path / "comments.csv.gz", COMMENTS)
    with pytest.raises(BelowTheLineError, match="is not gzipped"):
        export.events()
    export.write(export.comments, COMMENTS * 1000, gzipped=True)
    export.comments.write_bytes(export.comments.read_bytes()[:-20])
    with pytest.raises(BelowTheLineError, match="ends too early or is damaged"):
        export.events()


def test_the_example_of_the_documentation_is_valid_and_has_every_key(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "archives.md").read_text(encoding="utf-8")
    example = text.partition("This example shows every key:")[2].split("```")[1]
    path = tmp_path / "site.toml"
    path.write_text(example.removeprefix("toml"), encoding="utf-8")
    mapping = load_mapping(path)
    assert set(mapping.tables()) == set(TABLES)
    used: set[str] = set()
    lacking = []
    for name, table in mapping.tables().items():
        used |= table.model_fields_set
        given = table.fields.model_fields_set
        lacking += [f"{name}.{key}" for key in type(table.fields).model_fields if key not in given]
    # What stands in comments beside other keys.
    assert [key for key in lacking if not key.endswith((".article_id", ".number"))] == []
    assert used == set(type(mapping.comments).model_fields)
    assert set(Mapping.model_fields) <= mapping.model_fields_set
