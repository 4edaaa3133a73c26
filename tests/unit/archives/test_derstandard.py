"""The worked example: the mapping of btl/archives/mappings/derstandard-2019.toml over a whole
export, the real one where it is at hand.
"""

import html
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tests.example_export import MAPPING, Export, any_export, depth, events_of, instant, parents


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return any_export(tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="module")
def events(export: Export) -> list[dict[str, Any]]:
    timed = events_of(
        export.articles, export.comments, MAPPING, now=datetime(2026, 11, 23, tzinfo=UTC)
    )
    return [orjson.loads(each.outgoing.value or b"") for each in timed]


@pytest.fixture(scope="module")
def comments(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        event["data"]["comment_id"]: event["data"]
        for event in events
        if event["type"] == "comment.posted.v1"
    }


def test_every_article_and_every_comment_becomes_one_event(
    export: Export, events: list[dict[str, Any]]
) -> None:
    found = Counter(event["type"] for event in events)
    assert found == {
        "article.published.v1": len(list(export.article_rows())),
        "comment.posted.v1": len(list(export.comment_rows())),
    }
    assert len({event["id"] for event in events}) == found.total()
    if export.is_real:
        assert found == {"article.published.v1": 3_270, "comment.posted.v1": 83_131}


def test_events_come_in_the_order_in_which_they_happened(events: list[dict[str, Any]]) -> None:
    times = [datetime.fromisoformat(event["time"]) for event in events]
    assert times == sorted(times)
    first_comment = next(
        index for index, event in enumerate(events) if event["type"] == "comment.posted.v1"
    )
    last_article = max(
        index for index, event in enumerate(events) if event["type"] == "article.published.v1"
    )
    assert first_comment < last_article


def test_times_are_those_of_vienna_with_its_summer_time(
    export: Export, comments: dict[str, dict[str, Any]]
) -> None:
    offsets = set()
    for row in export.comment_rows():
        posted_at = instant(row["created_at"])
        assert datetime.fromisoformat(comments[row["comment_id"]]["posted_at"]) == posted_at
        offsets.add(datetime.fromisoformat(row["created_at"]) - posted_at.replace(tzinfo=None))
    # The real export is of May and June; the made-up one of both weeks in which the clocks change.
    assert len(offsets) == (1 if export.is_real else 2)


def test_threads_are_intact(export: Export, comments: dict[str, dict[str, Any]]) -> None:
    found = {comment_id: data.get("parent_comment_id") for comment_id, data in comments.items()}
    assert found == parents(export.comment_rows())
    largest = max(Counter(data["article_id"] for data in comments.values()).values())
    if export.is_real:
        assert (depth(found), largest) == (16, 1_352)
    else:
        assert depth(found) > 16


def test_nulls_and_entities_do_not_reach_the_events(
    export: Export, comments: dict[str, dict[str, Any]]
) -> None:
    for row in export.comment_rows():
        headline = "" if row["headline"] == "No Headline" else html.unescape(row["headline"])
        text = "" if row["text"] == "No Comment" else html.unescape(row["text"])
        body = comments[row["comment_id"]]["body"]
        assert body == ("\n\n".join(part for part in (headline, text) if part) or " "), row[
            "comment_id"
        ]
        assert "No Comment" not in body
        assert "No Headline" not in body
    blanks = sum(data["body"] == " " for data in comments.values())
    if export.is_real:
        assert blanks == 2_345
        # Nothing in it is escaped twice.
        assert not any(
            entity in data["body"]
            for data in comments.values()
            for entity in ("&amp;", "&lt;", "&gt;")
        )
    else:
        assert blanks > 100
        assert any("&amp;" in data["body"] for data in comments.values())


def test_a_person_without_an_id_counts_once_by_name(
    export: Export, comments: dict[str, dict[str, Any]]
) -> None:
    nameless = [row for row in export.comment_rows() if row["user_id"] == ""]
    by_name = [
        data["author"]
        for data in comments.values()
        if data["author"]["user_id"].startswith("name:")
    ]
    assert by_name
    assert len(by_name) == len(nameless)
    assert all(author["user_id"] == f"name:{author['display_name']}" for author in by_name)
    names = {author["user_id"] for author in by_name}
    assert len(names) == len({row["user_name"] for row in nameless})
    if export.is_real:
        assert (len(by_name), len(names)) == (6_961, 3_889)
