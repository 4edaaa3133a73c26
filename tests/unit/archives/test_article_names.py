"""The ids that articles of an export get in events."""

import gzip
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.article_names import Item, Naming, named_records
from btl.archives.formats import Progress
from btl.archives.records import (
    Article,
    Comment,
    LeftOut,
    Moderation,
    Place,
    Report,
    Unreadable,
)
from btl.archives.survey import Example, Finding

NFC, NFD = "caf\u00e9", "cafe\u0301"
AT = datetime(2019, 5, 1, tzinfo=UTC)


def place(line: int) -> Place:
    return Place("e.xml", f"line {line}")


def article(line: int, article_id: str, url: str | None) -> Article:
    return Article(place(line), article_id, url, "A headline")


def comment(article_id: str, comment_id: str, parent_id: str | None = None) -> Comment:
    return Comment(place(9), article_id, comment_id, "u", "Otter", "text", AT, parent_id)


def named(items: Sequence[Item], naming: Naming) -> tuple[list[Item], Sequence[Finding], list[int]]:
    """The records, what is said, and the progress of reading them."""
    steps: list[int] = []

    def read(progress: Progress) -> Iterator[Item]:
        for number, item in enumerate(items, 1):
            progress(100 * number // len(items))
            yield item

    with named_records(naming, read, steps.append, 100) as found:
        return list(found.records), found.findings, steps


ITEMS: list[Item] = [
    comment("1", "a"),
    article(2, "1", "https://example.org/rain?utm_source=mail"),
    article(3, "2", "https://example.org/snow"),
    article(4, "3", "http://www.example.org/rain"),
    comment("3", "b", "a"),
    article(6, "4", None),
    comment("4", "c"),
    comment("nowhere", "d"),
    LeftOut(place(10), "pingbacks", "no reader wrote them"),
    Unreadable(place(11), "broken", "<"),
]


def test_without_options_records_are_as_they_are_and_read_once() -> None:
    assert named(ITEMS, Naming()) == (ITEMS, (), [10, 20, 30, 40, 50, 60, 70, 80, 90, 100])


def test_articles_of_one_page_become_the_one_with_the_shortest_address() -> None:
    records, findings, steps = named(ITEMS, Naming(join_addresses=True))
    assert records == [
        comment("3", "a"),
        LeftOut(
            place(2),
            "articles joined to another one",
            "another article of the export has the address of the same page",
        ),
        *ITEMS[2:],
    ]
    assert findings == []
    # It is read twice, and the progress goes from nothing to all once.
    assert steps == sorted(steps)
    assert steps[-1] == 100
    assert len(steps) == 2 * len(ITEMS)


def test_articles_take_the_ids_of_the_site(tmp_path: Path) -> None:
    file = tmp_path / "ids.csv"
    file.write_text(
        "\ufeffarticle_id,title,url\n"
        "story-rain,Rain,https://example.org/rain/\n"
        "story-rain,Rain,https://example.org/rain.amp\n"
        "story-sun,Sun,https://example.org/sun\n",
        encoding="utf-8",
    )
    records, findings, _ = named(ITEMS, Naming(article_ids=file))
    assert records[0] == comment("story-rain", "a")
    assert isinstance(records[1], LeftOut)
    assert records[2] == ITEMS[2]
    assert records[3] == article(4, "story-rain", "http://www.example.org/rain")
    assert records[4] == comment("story-rain", "b", "a")
    assert records[5:] == ITEMS[5:]
    assert findings == [
        Finding(
            "articles_without_id_of_the_site",
            2,
            "2 articles are at no address of ids.csv, and keep their ids of the export.",
            [
                Example("article 2, example.org/snow", "e.xml", "line 3"),
                Example("article 4, which has no address", "e.xml", "line 6"),
            ],
        )
    ]


def test_the_ids_of_the_site_may_be_gzipped(tmp_path: Path) -> None:
    file = tmp_path / "ids.csv.gz"
    file.write_bytes(gzip.compress(b"url,article_id\nhttps://example.org/snow,s\n"))
    records, _, _ = named([article(3, "2", "https://example.org/snow")], Naming(article_ids=file))
    assert records == [article(3, "s", "https://example.org/snow")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("address,article_id\n", "ids.csv has no columns url and article_id."),
        ("", "ids.csv has no columns url and article_id."),
        ("url,article_id\nhttps://a.example/1,\n", "ids.csv, line 2: the url or the article_id"),
        ("url,article_id\nhttps://a.example/1\n", "ids.csv, line 2: the url or the article_id"),
        (
            "url,article_id\nhttps://a.example/1,x\nhttp://a.example/1/,y\n",
            "ids.csv, line 3: http://a.example/1/ has two ids, x and y.",
        ),
        (
            "url,article_id\nhttps://a.example/1,2\n",
            "Article 2 of the export is at no address of ids.csv, where another page has its id.",
        ),
    ],
)
def test_ids_of_the_site_that_cannot_be_used_are_rejected_in_one_line(
    tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "ids.csv"
    file.write_text(content)
    with pytest.raises(BelowTheLineError) as raised:
        named(ITEMS, Naming(article_ids=file))
    assert raised.value.message.startswith(message)


def test_ids_of_the_site_that_are_not_utf_8_are_rejected_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "ids.csv"
    file.write_bytes(b"url,article_id\nhttps://a.example/caf\xe9,x\n")
    with pytest.raises(BelowTheLineError, match=r"ids\.csv, line"):
        named(ITEMS, Naming(article_ids=file))


def test_all_ids_are_written_in_one_normal_form() -> None:
    items: list[Item] = [
        article(1, NFC, "https://example.org/1"),
        Comment(place(2), NFD, NFD, None, NFD, NFD, AT, NFD),
        Moderation(place(3), NFD, NFD, "rejected", decided_by=NFD),
        Report(place(4), NFD, NFD, NFD, NFD, "other", note=NFD),
        Comment(place(5), "a", "b", "c", "d", NFD, AT),
        Unreadable(place(6), "broken", NFD),
    ]
    records, _, _ = named(items, Naming(normalize_ids=True))
    assert records == [
        article(1, NFC, "https://example.org/1"),
        Comment(place(2), NFC, NFC, None, NFC, NFD, AT, NFC),
        Moderation(place(3), NFC, NFC, "rejected", decided_by=NFC),
        Report(place(4), NFC, NFC, NFC, NFC, "other", note=NFD),
        *items[4:],
    ]


def test_normal_forms_are_equal_before_addresses_are_joined() -> None:
    items: list[Item] = [
        article(1, NFD, "https://example.org/1?utm_source=a"),
        article(2, "two", "https://example.org/1"),
        comment(NFC, "1"),
    ]
    records, _, _ = named(items, Naming(normalize_ids=True, join_addresses=True))
    assert records[1:] == [items[1], comment("two", "1")]
    assert isinstance(records[0], LeftOut)


def test_an_article_that_comes_twice_is_not_joined_to_itself() -> None:
    items: list[Item] = [
        article(1, "one", "https://example.org/1"),
        article(2, "one", "https://example.org/1?p=2"),
    ]
    assert named(items, Naming(join_addresses=True))[0] == items


@pytest.mark.parametrize("joins", [False, True])
def test_a_prefix_comes_before_every_article_id_and_no_other(joins: bool) -> None:
    report = Report(place(12), "1", "a", "r", "u", "spam")
    nameless = comment("", "e")
    items = [*ITEMS, report, nameless]
    plain, _, _ = named(items, Naming(join_addresses=joins))
    found, _, _ = named(items, Naming(join_addresses=joins, id_prefix="weekly:"))
    assert len(found) == len(plain)
    for before, after in zip(plain, found, strict=True):
        if isinstance(before, LeftOut | Unreadable) or before == nameless:
            assert after == before
        else:
            assert after == before._replace(article_id=f"weekly:{before.article_id}")


@pytest.mark.parametrize("naming", ["join_addresses", "article_ids"])
@pytest.mark.parametrize("kept_first", [False, True])
def test_articles_do_not_become_one_if_their_comments_would(
    tmp_path: Path, naming: str, kept_first: bool
) -> None:
    ids = tmp_path / "ids.csv"
    ids.write_text("url,article_id\nhttps://example.org/x,s\nhttps://example.org/x.amp,s\n")
    joined = naming == "join_addresses"
    items: list[Item] = [
        article(1, "one", "https://example.org/x"),
        comment("one", "0"),
        comment("one", "0"),
        article(3, "two", "https://example.org/x/" if joined else "https://example.org/x.amp"),
        comment("two", "1", "0"),
        comment("other", "0"),
    ]
    given = Naming(join_addresses=True) if joined else Naming(article_ids=ids)
    event_id = "one" if joined else "s"
    records, _, _ = named(items, given)
    assert records[1:3] == [comment(event_id, "0")] * 2
    assert records[4:] == [comment(event_id, "1", "0"), comment("other", "0")]

    first, second = ("one", "two") if kept_first else ("two", "one")
    clash = comment("two", "0")
    with pytest.raises(BelowTheLineError) as raised:
        named([*items, clash] if kept_first else [clash, *items], given)
    assert raised.value.message == (
        f"e.xml, line 9: articles {first} and {second} become one, {event_id}, but each has a"
        " comment 0."
    )
