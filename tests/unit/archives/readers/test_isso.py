import gzip
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions
from btl.archives.records import (
    Article,
    Comment,
    Deletion,
    Edit,
    LeftOut,
    Place,
    ReactionCount,
    Unreadable,
)
from btl.archives.sources import files_of
from tests.unit.archives.readers.exports import (
    EXPORTS,
    VIENNA,
    database,
    format_called,
    formats_that_recognise,
    records_of,
)

SCRIPT = (EXPORTS / "isso" / "comments.db.sql").read_text()
JSON = EXPORTS / "isso-json" / "comments.json"


@pytest.fixture
def isso(tmp_path: Path) -> Path:
    return database(tmp_path / "comments.db", SCRIPT)


def in_comments(row_id: int) -> Place:
    return Place("comments.db", f"comments, id {row_id}")


def in_threads(row_id: int) -> Place:
    return Place("comments.db", f"threads, id {row_id}")


def in_json(within: str) -> Place:
    return Place("comments.json", within)


HARBOUR, LIGHTHOUSE = "news.example/harbour/", "islands.example/lighthouse"


def test_a_database_becomes_records(isso: Path) -> None:
    assert records_of("isso", isso) == [
        Article(in_threads(1), HARBOUR, "https://news.example/harbour/", "The heron & the harbour"),
        Article(in_threads(2), LIGHTHOUSE, f"https://{LIGHTHOUSE}", None),
        Article(
            in_threads(3),
            "news.example/nobody-wrote-here/",
            "https://news.example/nobody-wrote-here/",
            "The empty quay",
        ),
        Comment(
            in_comments(1),
            HARBOUR,
            "1",
            None,
            "Heron & Otter",
            "The *grey* heron is back & < last year.",
            datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC),
            email="Heron@ponds.example",
        ),
        ReactionCount(in_comments(1), HARBOUR, "1", "like", 3),
        ReactionCount(in_comments(1), HARBOUR, "1", "dislike", 1),
        Comment(
            in_comments(2),
            HARBOUR,
            "2",
            None,
            None,
            "I saw it, too.",
            datetime(2023, 11, 14, 22, 14, 20, tzinfo=UTC),
            "1",
            held=True,
        ),
        Comment(
            in_comments(3),
            HARBOUR,
            "3",
            None,
            None,
            None,
            datetime(2023, 11, 14, 22, 15, 20, 500_000, tzinfo=UTC),
            email="otter@ponds.example",
        ),
        Deletion(in_comments(3), HARBOUR, "3"),
        Comment(
            in_comments(4),
            HARBOUR,
            "4",
            None,
            "Kingfisher",
            "Green boats, not blue ones.",
            datetime(2023, 11, 14, 22, 16, 20, tzinfo=UTC),
            "3",
        ),
        ReactionCount(in_comments(4), HARBOUR, "4", "dislike", 2),
        Edit(
            in_comments(4),
            HARBOUR,
            "4",
            "Green boats, not blue ones.",
            datetime(2023, 11, 14, 22, 18, 20, 250_000, tzinfo=UTC),
        ),
        Comment(
            in_comments(5),
            LIGHTHOUSE,
            "5",
            None,
            "Kingfisher",
            "The lamp is red.\n\nAt night.",
            datetime(2010, 1, 1, tzinfo=UTC),
            email="heron@PONDS.example",
        ),
        Comment(
            in_comments(6),
            LIGHTHOUSE,
            "6",
            None,
            "Puffin",
            "It is white.",
            datetime(2010, 1, 1, 0, 1, tzinfo=UTC),
            "5",
        ),
        Deletion(in_comments(6), LIGHTHOUSE, "6"),
        Comment(
            in_comments(7),
            "isso:99",
            "7",
            None,
            "Puffin",
            "Where is the page?",
            datetime(2023, 11, 14, 22, 17, 20, tzinfo=UTC),
        ),
        Comment(
            in_comments(8),
            HARBOUR,
            "8",
            None,
            "Puffin",
            "The lamp shines as far as here.",
            datetime(2023, 11, 14, 22, 18, 20, tzinfo=UTC),
            "5",
        ),
        Unreadable(
            in_comments(9),
            "has the mode 3, not 1, 2 or 4",
            '{"id":9,"tid":1,"parent":null,"created":1700000360.0,"modified":null,"mode":3,'
            '"remote_addr":"203.0.113.0","text":"Neither here nor there.","author":"Gull",'
            '"email":null,"website":null,"likes":0,"dislikes":0,"uri":"/harbour/"}',
        ),
        Comment(
            in_comments(10),
            HARBOUR,
            "10",
            None,
            None,
            None,
            datetime(2023, 11, 14, 22, 20, 20, tzinfo=UTC),
        ),
        Deletion(in_comments(10), HARBOUR, "10"),
        Comment(
            in_comments(11),
            HARBOUR,
            "11",
            None,
            "Gull",
            "What did it say?",
            datetime(2023, 11, 14, 22, 22, 20, tzinfo=UTC),
            "10",
        ),
        LeftOut(in_comments(1), "websites of authors", "no event has a place for it", 1),
        LeftOut(in_comments(1), "network addresses of authors", "no event has a place for it", 10),
        LeftOut(
            in_comments(4),
            "first texts of edited comments",
            "Isso keeps only the last text, which stands for the first one, too",
            1,
        ),
        LeftOut(in_comments(10), "edits of deleted comments", "their texts are gone", 1),
    ]


def test_generic_json_becomes_records() -> None:
    assert records_of("isso-json", JSON) == [
        Article(in_json("[0]"), "news.example/tides/", "https://news.example/tides/", "Tides"),
        # 02:30 is skipped, so it is 03:30 in summer time; then it comes twice.
        Comment(
            in_json("[0].comments[0]"),
            "news.example/tides/",
            "0",
            None,
            "Gull & Tern",
            "The tide comes at noon.",
            datetime(2012, 3, 25, 1, 30, tzinfo=UTC),
            email="Gull@cliffs.example",
        ),
        Comment(
            in_json("[0].comments[1]"),
            "news.example/tides/",
            "1",
            None,
            None,
            "It came at eleven.",
            datetime(2012, 10, 28, 0, 30, tzinfo=UTC),
        ),
        Article(in_json("[1]"), "moors.example/heather", "https://moors.example/heather", None),
        Comment(
            in_json("[1].comments[0]"),
            "moors.example/heather",
            "0",
            None,
            "Gull",
            "Purple heather 😀, everywhere.",
            datetime(2012, 7, 1, 10, tzinfo=UTC),
            email="gull@cliffs.example",
        ),
        Unreadable(
            in_json("[1].comments[1]"),
            "has in created no time such as 2026-11-30 12:00:00",
            '{"email": null, "remote_addr": null, "website": null, "created": "yesterday",'
            ' "author": "Tern", "id": 1, "text": "No time at all."}',
        ),
        Comment(
            in_json("[1].comments[2]"),
            "moors.example/heather",
            "2",
            None,
            "Tern",
            None,
            datetime(2012, 7, 1, 10, 5, tzinfo=UTC),
        ),
        Article(in_json("[2]"), "news.example/nobody/", "https://news.example/nobody/", "Nobody"),
        Unreadable(
            in_json("[3].comments[0]"),
            "belongs to a thread without an id",
            '{"email": null, "remote_addr": null, "website": null, "created":'
            ' "2012-07-01 12:00:00", "author": "Tern", "id": 0, "text": "Where am I?"}',
        ),
        LeftOut(in_json("[0].comments[0]"), "websites of authors", "no event has a place for it"),
        LeftOut(
            in_json("[0].comments[0]"),
            "network addresses of authors",
            "no event has a place for it",
            3,
        ),
    ]


def test_both_are_recognised_by_content(isso: Path, tmp_path: Path) -> None:
    assert formats_that_recognise(isso) == ["isso"]
    assert formats_that_recognise(JSON) == ["isso-json"]
    packed = tmp_path / "copy.gz"
    packed.write_bytes(gzip.compress(isso.read_bytes()))
    assert formats_that_recognise(packed) == ["isso"]
    assert len(records_of("isso", packed)) == len(records_of("isso", isso))


def test_an_older_database_lacks_columns(tmp_path: Path) -> None:
    old = database(
        tmp_path / "old.db",
        """
        create table threads (id integer primary key, uri varchar);
        create table comments (
            tid, id integer primary key, created float, mode integer, text varchar, author varchar
        );
        insert into threads values (1, 'https://moors.example/');
        insert into comments values (1, 1, 1700000000, 1, 'Old.', 'Tern');
        """,
    )
    place = Place("old.db", "comments, id 1")
    address = "moors.example/"
    assert records_of("isso", old, options=ReadingOptions()) == [
        Article(Place("old.db", "threads, id 1"), address, f"https://{address}", None),
        Comment(
            place,
            address,
            "1",
            None,
            "Tern",
            "Old.",
            datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        ),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("created = 'noon'", "has in created no time in seconds since 1970"),
        ("created = 1e300", "has in created no time in seconds since 1970"),
        ("modified = x'00'", "has in modified no time in seconds since 1970"),
        ("likes = 'many'", "has likes that are not a number"),
        ("text = x'ff'", "has in text bytes and not a text"),
        ("mode = null", "has the mode None, not 1, 2 or 4"),
    ],
)
def test_a_value_of_another_type_rejects_its_comment_alone(
    isso: Path, change: str, reason: str
) -> None:
    with closing(sqlite3.connect(isso)) as connection, connection:
        connection.execute(f"update comments set {change} where id = 5")
    found = [record for record in records_of("isso", isso) if record.place == in_comments(5)]
    assert [(type(record), getattr(record, "reason", "")) for record in found] == [
        (Unreadable, reason)
    ]


def test_characters_that_cannot_be_stored_are_replaced(isso: Path) -> None:
    with closing(sqlite3.connect(isso)) as connection, connection:
        connection.execute(
            "update comments set text = cast(x'6100ff62' as text) where id = 5"  # a, NUL, no UTF-8
        )
    (comment,) = (
        record
        for record in records_of("isso", isso)
        if isinstance(record, Comment) and record.comment_id == "5"
    )
    assert comment.body == "a\ufffd\ufffdb"


@pytest.mark.parametrize("name", ["isso", "isso-json"])
def test_paths_need_a_base_url_before_anything_is_read(isso: Path, name: str) -> None:
    path = isso if name == "isso" else JSON
    with pytest.raises(BelowTheLineError) as raised:
        records_of(name, path, options=ReadingOptions())
    message = str(raised.value)
    assert message.startswith(f"{path.name} has paths such as '/")
    assert message.endswith("Name what stands before them: --base-url https://your.site")


REFUSED = {
    "a view": ("create view popular as select 1", "has the view 'popular', which Isso does not"),
    "a view in place of a table": (
        "drop table threads; create view threads as select 1 as id, '/' as uri",
        "has the view 'threads', which Isso does not make. If you know it: make a copy, and there"
        " drop view threads.",
    ),
    "another trigger": (
        "create trigger mail after insert on comments begin select 1; end",
        "has the trigger 'mail', which Isso does not make",
    ),
    "a virtual table": (
        "create virtual table words using fts5(text)",
        "has the virtual table 'words', which Isso does not make",
    ),
    "a generated column": (
        "alter table threads add column twice as (uri || uri)",
        "computes the column 'twice' of its table 'threads', as Isso does not",
    ),
    "no table": ("drop table comments", "has no table 'comments', so Isso did not make it"),
    "no column": (
        "alter table comments drop column created",
        "has no column 'created' in its table 'comments'",
    ),
    "a value without end": (
        "update comments set text = zeroblob(5000000) where id = 1",
        "has a value of more than 4,194,304 bytes",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_database_that_isso_did_not_make_is_refused(isso: Path, what: str) -> None:
    script, message = REFUSED[what]
    with closing(sqlite3.connect(isso)) as connection:
        connection.executescript(script)
    with pytest.raises(BelowTheLineError) as raised:
        records_of("isso", isso)
    assert f"comments.db {message}" in str(raised.value)


def test_a_damaged_database_is_refused(isso: Path) -> None:
    content = bytearray(isso.read_bytes())
    with closing(sqlite3.connect(isso)) as connection:
        (page, size) = connection.execute(
            "select rootpage, (select page_size from pragma_page_size()) from sqlite_master"
            " where name = 'comments'"
        ).fetchone()
    content[(page - 1) * size : page * size] = b"\xff" * size
    isso.write_bytes(content)
    with pytest.raises(BelowTheLineError, match=r"^comments\.db is damaged: "):
        records_of("isso", isso)


def test_damage_that_reading_would_not_notice_is_refused(isso: Path) -> None:
    content = bytearray(isso.read_bytes())
    with closing(sqlite3.connect(isso)) as connection:
        (page, size) = connection.execute(
            "select rootpage, (select page_size from pragma_page_size()) from sqlite_master"
            " where name = 'comments'"
        ).fetchone()
    # The pointers to the first two rows change places.
    first = (page - 1) * size + 8
    content[first : first + 4] = content[first + 2 : first + 4] + content[first : first + 2]
    isso.write_bytes(content)
    with pytest.raises(BelowTheLineError, match=r"^comments\.db is damaged: .*out of order"):
        records_of("isso", isso)


def test_a_cut_database_is_refused(isso: Path) -> None:
    isso.write_bytes(isso.read_bytes()[:5000])
    with pytest.raises(BelowTheLineError, match=r"^comments\.db is damaged: "):
        records_of("isso", isso)


def test_what_is_no_database_is_refused() -> None:
    with pytest.raises(BelowTheLineError, match=r"^comments\.json is not an SQLite database\."):
        records_of("isso", JSON)


def test_a_database_in_use_is_refused(isso: Path) -> None:
    with closing(sqlite3.connect(isso)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("update comments set text = 'newer' where id = 1")
        connection.commit()
        with pytest.raises(BelowTheLineError) as raised:
            records_of("isso", isso)
    assert str(raised.value) == (
        "comments.db is in use: changes to it are still in comments.db-wal. Import a copy: sqlite3"
        ' comments.db ".backup copy.db"'
    )


def test_reading_changes_nothing(isso: Path) -> None:
    with closing(sqlite3.connect(isso)) as connection:
        connection.execute("pragma journal_mode = wal")
    before = isso.read_bytes()
    records = format_called("isso").read(files_of([isso]), VIENNA, lambda _: None)
    next(records)
    # A connection that could write would have made files beside it.
    assert [path.name for path in isso.parent.iterdir()] == ["comments.db"]
    assert list(records)
    assert isso.read_bytes() == before


def test_a_long_thread_is_read_in_pieces(tmp_path: Path) -> None:
    comment = {"created": "2012-07-01 12:00:00", "author": "Tern", "text": "x" * 20_000}
    path = tmp_path / "long.json"
    path.write_text(
        json.dumps(
            [{"comments": [comment | {"id": number} for number in range(300)], "id": "/long/"}]
        )
    )
    assert path.stat().st_size > 4_194_304
    options = ReadingOptions(time_zone=ZoneInfo("Europe/Vienna"), base_url="http://news.example")
    found = records_of("isso-json", path, options=options)
    assert [record.comment_id for record in found if isinstance(record, Comment)] == [
        str(number) for number in range(300)
    ]
    assert found[0] == Article(
        Place("long.json", "[0]"), "news.example/long/", "http://news.example/long/", None
    )


@pytest.mark.parametrize("name", ["isso", "isso-json"])
def test_pages_of_two_sites_with_one_path_are_two_articles(isso: Path, name: str) -> None:
    path = isso if name == "isso" else JSON
    north, south = (
        {
            record.article_id
            for record in records_of(name, path, options=ReadingOptions(base_url=base_url))
            if isinstance(record, Article | Comment)
            and "://" not in record.article_id
            and record.article_id.endswith("/")
        }
        for base_url in ("https://north.example", "https://south.example/news/")
    )
    assert {each.replace("north.example", "south.example/news") for each in north} == south
    assert len(south) == 2
    assert not north & south
