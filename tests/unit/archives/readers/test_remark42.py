import gzip
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions
from btl.archives.readers import remark42
from btl.archives.readers.remark42 import ups_and_downs
from btl.archives.records import (
    Article,
    Comment,
    Deletion,
    Edit,
    LeftOut,
    Place,
    Reaction,
    ReactionCount,
    Unreadable,
)
from tests.unit.archives.readers.exports import EXPORTS, formats_that_recognise, records_of

BACKUP = EXPORTS / "remark42" / "backup-quay.json"
HARBOUR = "https://quay.example/harbour/?lang=en&page=2"
LIGHTHOUSE = "https://quay.example/lighthouse"
HERON = "github_0f1e2d3c4b5a69788796a5b4c3d2e1f001122334"
GULL = "anonymous_a1b2c3d4e5f60718293a4b5c6d7e8f9001020304"
TERN = "email_99aabbccddeeff00112233445566778899aabbcc"


def at(within: str) -> Place:
    return Place("backup-quay.json", within)


def test_a_backup_becomes_records() -> None:
    assert records_of("remark42", BACKUP, options=ReadingOptions()) == [
        Comment(
            at("line 2"),
            HARBOUR,
            "a1",
            HERON,
            "Heron & Otter",
            "The boats are *blue* & green.",
            datetime(2024, 3, 31, 0, 30, 0, 123456, tzinfo=UTC),
            is_staff=True,
        ),
        ReactionCount(at("line 2"), HARBOUR, "a1", "like", 5),
        ReactionCount(at("line 2"), HARBOUR, "a1", "dislike", 3),
        Comment(
            at("line 3"),
            HARBOUR,
            "a2",
            GULL,
            "Gull",
            "Some are red.",
            datetime(2024, 3, 31, 1, 30, tzinfo=UTC),
            parent_comment_id="a1",
        ),
        ReactionCount(at("line 3"), HARBOUR, "a2", "like", 4),
        Comment(
            at("line 4"),
            HARBOUR,
            "a3",
            TERN,
            "Tern",
            "Most are white.",
            datetime(2024, 3, 31, 4, tzinfo=UTC),
            parent_comment_id="a1",
        ),
        ReactionCount(at("line 4"), HARBOUR, "a3", "dislike", 2),
        Edit(
            at("line 4"),
            HARBOUR,
            "a3",
            "Most are white.",
            datetime(2024, 3, 31, 4, 3, 0, 500000, tzinfo=UTC),
        ),
        Comment(
            at("line 5"),
            HARBOUR,
            "a4",
            GULL,
            "Gull",
            None,
            datetime(2024, 3, 31, 5, tzinfo=UTC),
            parent_comment_id="a2",
        ),
        Deletion(at("line 5"), HARBOUR, "a4"),
        Comment(
            at("line 6"), HARBOUR, "a5", None, None, None, datetime(2024, 3, 31, 5, 30, tzinfo=UTC)
        ),
        Deletion(at("line 6"), HARBOUR, "a5"),
        Comment(
            at("line 7"),
            HARBOUR,
            "a6",
            GULL,
            "Gull",
            "Who took the boats?",
            datetime(2024, 3, 31, 6, tzinfo=UTC),
            parent_comment_id="a5",
        ),
        Comment(
            at("line 8"),
            LIGHTHOUSE,
            "b1",
            "disqus_00ff",
            "Puffin",
            "Imported: the lamp\nis red [https://lamps.example/].",
            datetime(2018, 12, 20, 21, 18, 22, tzinfo=UTC),
        ),
        Reaction(at("line 8"), LIGHTHOUSE, "b1", GULL, "like"),
        Reaction(at("line 8"), LIGHTHOUSE, "b1", TERN, "dislike"),
        Reaction(at("line 8"), LIGHTHOUSE, "b1", HERON, "like"),
        Comment(
            at("line 9"),
            LIGHTHOUSE,
            "b2",
            TERN,
            "Tern",
            "It is white.",
            datetime(2018, 12, 20, 21, 20, 22, tzinfo=UTC),
            parent_comment_id="b1",
        ),
        Reaction(at("line 9"), LIGHTHOUSE, "b2", HERON, "like"),
        Comment(
            at("line 10"),
            LIGHTHOUSE,
            "b3",
            GULL,
            "Gull",
            "Seen from the boats.",
            datetime(2018, 12, 21, tzinfo=UTC),
            parent_comment_id="a1",
        ),
        Comment(
            at("line 11"),
            LIGHTHOUSE,
            "b4",
            None,
            None,
            "Nobody wrote this.",
            datetime(2018, 12, 22, tzinfo=UTC),
            parent_comment_id="missing",
        ),
        Unreadable(
            at("line 12"), "is not as Remark42 writes it: Object missing required field `id`", "{}"
        ),
        Unreadable(
            at("line 13"),
            "has in time no time of RFC 3339",
            BACKUP.read_text().split("\n")[12],
        ),
        Unreadable(
            at("line 14"),
            "is not JSON",
            '{"id":"x2","pid":"","text":"cut off',
        ),
        Comment(at("line 16"), LIGHTHOUSE, "x3", GULL, "Gull", "Never.", None),
        Comment(
            at("line 17"),
            HARBOUR,
            "a7",
            GULL,
            "Gull",
            "They are back 😀.",
            datetime(2024, 4, 1, tzinfo=UTC),
            parent_comment_id="a1",
        ),
        Article(at("line 2"), HARBOUR, HARBOUR, "The harbour <today>", site="quay"),
        Article(
            at("line 8"),
            LIGHTHOUSE,
            LIGHTHOUSE,
            "The lighthouse",
            site="quay",
            accepts_comments=False,
        ),
        LeftOut(
            at("line 1"), "e-mail and Telegram addresses of people", "no event has a place for them"
        ),
        LeftOut(at("line 1"), "blocked people", "no event says it"),
        LeftOut(at("line 1"), "verified people", "no event says it"),
        LeftOut(at("line 2"), "pins of comments", "no event says it"),
        LeftOut(
            at("line 2"),
            "network addresses of authors, hashed",
            "no event has a place for it",
            number=3,
        ),
        LeftOut(at("line 2"), "pictures of authors", "no event has a place for it"),
        LeftOut(
            at("line 4"),
            "first texts of edited comments",
            "Remark42 keeps only the last text, which stands for the first one, too",
        ),
        LeftOut(at("line 4"), "summaries of edits", "no event has a place for them"),
        LeftOut(at("line 9"), "scores that differ from the votes", "the votes of people count"),
        LeftOut(at("line 1"), "read-only pages without comments", "nothing else is known of them"),
    ]


def test_a_gzipped_backup_is_recognised_and_read(tmp_path: Path) -> None:
    packed = tmp_path / "backup-quay-20240401.gz"
    packed.write_bytes(gzip.compress(BACKUP.read_bytes()))
    assert formats_that_recognise(BACKUP) == formats_that_recognise(packed) == ["remark42"]
    assert len(records_of("remark42", packed)) == len(records_of("remark42", BACKUP))


def test_a_page_of_two_backups_is_one_article(tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes(BACKUP.read_bytes())
    found = records_of("remark42", BACKUP, copy)
    assert [(record.article_id, record.accepts_comments) for record in articles_of(found)] == [
        (HARBOUR, None),
        (LIGHTHOUSE, False),
    ]


def articles_of(records: Sequence[object]) -> list[Article]:
    return [record for record in records if isinstance(record, Article)]


def backup_of(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "backup.json"
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    return path


FIRST = '{"version":1,"users":null,"posts":null}'
COMMENT = (
    '{"id":"a","user":{"id":"u","name":"Gull"},"locator":{"url":"https://quay.example/"},'
    '"time":"2024-01-01T00:00:00Z","orig":"ORIG"}'
)


def test_the_title_of_a_page_is_that_of_the_first_comment_that_has_one(tmp_path: Path) -> None:
    def comment(number: int, url: str, title: str) -> str:
        members = f'"id":"{number}","title":"{title}"'
        return COMMENT.replace('"id":"a"', members, 1).replace("https://quay.example/", url)

    harbour, tower = "https://quay.example/harbour", "https://quay.example/tower"
    path = backup_of(
        tmp_path,
        FIRST,
        comment(1, harbour, ""),
        comment(2, tower, "The tower"),
        comment(3, harbour, "The harbour"),
        comment(4, tower, ""),
        comment(5, harbour, "The old harbour"),
    )
    assert [
        (page.place.within, page.article_id, page.headline)
        for page in articles_of(records_of("remark42", path))
    ] == [("line 2", harbour, "The harbour"), ("line 3", tower, "The tower")]


def test_a_backup_of_the_first_versions_begins_with_a_comment(tmp_path: Path) -> None:
    path = backup_of(tmp_path, COMMENT.replace('"id":"a"', '"id":"a","pid":""', 1))
    assert formats_that_recognise(path) == ["remark42"]
    assert [type(record) for record in records_of("remark42", path)] == [Comment, Article]


def test_nothing_but_a_first_line_is_nothing(tmp_path: Path) -> None:
    path = backup_of(tmp_path, "\ufeff" + FIRST)
    assert formats_that_recognise(path) == ["remark42"]
    assert records_of("remark42", path) == []


def test_a_version_that_is_not_known_is_refused(tmp_path: Path) -> None:
    path = backup_of(tmp_path, FIRST.replace("1", "2"), COMMENT)
    with pytest.raises(BelowTheLineError) as raised:
        records_of("remark42", path)
    assert str(raised.value) == (
        "backup.json, line 1 says that the backup is of version 2; versions 0 and 1 are known."
        " Make the backup with a released version of Remark42."
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda line: line[:-1], "is not JSON"),
        (lambda line: line + "]", "is not JSON"),
        (lambda line: line.replace("ORIG", "\udcff"), "is not UTF-8"),
        (lambda line: line.replace('"orig":"ORIG"', '"x":' + "[" * 100_000), "is nested too deep"),
        (lambda line: line.replace("ORIG", "\\ud800").replace("}", ""), "is not JSON"),
        (lambda line: line.replace('"a"', '" "'), "has no id"),
        (lambda line: line.replace("https://quay.example/", ""), "names no page: its locator"),
        (lambda line: line.replace('"ORIG"', "5"), "is not as Remark42 writes it: Expected `str`"),
        (
            lambda line: line.replace('"orig":', '"score":1e12,"orig":'),
            "is not as Remark42 writes it: Expected `int`",
        ),
    ],
)
def test_a_line_that_is_no_comment_is_rejected_alone(
    tmp_path: Path, change: Callable[[str], str], reason: str
) -> None:
    path = tmp_path / "backup.json"
    lines = [FIRST, change(COMMENT), COMMENT]
    path.write_bytes("\n".join(lines).encode(errors="surrogateescape"))
    found = records_of("remark42", path)
    assert [type(record) for record in found] == [Unreadable, Comment, Article]
    assert isinstance(found[0], Unreadable)
    assert found[0].reason.startswith(reason)
    assert found[0].place == Place("backup.json", "line 2")
    assert len(found[0].content) <= 4_000


def test_characters_that_cannot_be_stored_are_replaced(tmp_path: Path) -> None:
    path = backup_of(tmp_path, FIRST, COMMENT.replace("ORIG", r"a\u0000b\ud83dc\ud83d\ude00"))
    (comment, _) = records_of("remark42", path)
    assert isinstance(comment, Comment)
    assert comment.body == "a\ufffdb\ufffdc😀"


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remark42, "_MAX_LINE_BYTES", 1_000)
    path = backup_of(tmp_path, FIRST, COMMENT, COMMENT.replace("ORIG", "x" * 2_000))
    with pytest.raises(BelowTheLineError, match=r"^backup\.json, line 3 has more than 1,000 bytes"):
        records_of("remark42", path)


@pytest.mark.parametrize(
    ("ups", "downs"),
    [(0, 0), (3, 0), (0, 7), (1, 1), (5, 3), (3, 5), (40, 39), (9000, 1), (1, 900)],
)
def test_score_and_controversy_have_one_pair_of_votes(ups: int, downs: int) -> None:
    """Written after Remark42's definition: the sum, raised to the smaller by the larger one."""
    smaller, larger = sorted((ups, downs))
    controversy = (ups + downs) ** (smaller / larger) if smaller else 0
    assert ups_and_downs(ups - downs, controversy) == (ups, downs)


@pytest.mark.parametrize("controversy", [0.5, 1.7, 123_456.7, -2.0])
def test_a_controversy_that_no_votes_have_is_ignored(controversy: float) -> None:
    assert ups_and_downs(4, controversy) == (4, 0)
    assert ups_and_downs(-4, controversy) == (0, 4)
