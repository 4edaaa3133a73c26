"""The worked example: the mapping of archives/derstandard-2019.toml over the whole real export."""

import csv
import gzip
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from below_the_line.archives.importing import Archive, RejectedRow
from below_the_line.archives.mapping import load_mapping
from below_the_line.archives.sorting import sorted_by_time
from below_the_line.catalogue import load_contracts
from below_the_line.envelopes import STRUCTURED_HEADERS

ROOT = Path(__file__).resolve().parents[3]
EXPORT = ROOT.parent / "shared" / "data" / "derstandard-2019"


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(EXPORT / name, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    if not EXPORT.is_dir():
        # Its text is not ours to pass on, so a clone elsewhere has to do without.
        absent = f"{EXPORT} is not there"
        if os.environ.get("CI") == "true":
            pytest.fail(absent)
        pytest.skip(absent)
    rejected: list[RejectedRow] = []
    archive = Archive(
        EXPORT / "articles.csv.gz",
        EXPORT / "comments.csv.gz",
        load_mapping(ROOT / "archives" / "derstandard-2019.toml"),
        load_contracts(),
        datetime(2026, 11, 23, tzinfo=UTC),
    )
    with sorted_by_time(archive.events(rejected.append), STRUCTURED_HEADERS) as ordered:
        produced = [orjson.loads(timed.outgoing.value or b"") for timed in ordered]
    assert rejected == []
    return produced


@pytest.fixture(scope="module")
def comments(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {event["data"]["comment_id"]: event["data"] for event in events if event["type"] == "comment.posted.v1"}


def test_every_article_and_every_comment_becomes_one_event(events: list[dict[str, Any]]) -> None:
    assert Counter(event["type"] for event in events) == {"article.published.v1": 3_270, "comment.posted.v1": 83_131}
    assert len({event["id"] for event in events}) == 86_401


def test_events_come_in_the_order_in_which_they_happened(events: list[dict[str, Any]]) -> None:
    times = [datetime.fromisoformat(event["time"]) for event in events]
    assert times == sorted(times)
    first_comment = next(index for index, event in enumerate(events) if event["type"] == "comment.posted.v1")
    last_article = max(index for index, event in enumerate(events) if event["type"] == "article.published.v1")
    assert first_comment < last_article


def test_times_are_those_of_vienna_with_its_summer_time(comments: dict[str, dict[str, Any]]) -> None:
    for row in rows("comments.csv.gz"):
        posted_at = datetime.fromisoformat(comments[row["comment_id"]]["posted_at"])
        assert posted_at.astimezone(ZoneInfo("Europe/Vienna")).replace(tzinfo=None) == datetime.fromisoformat(
            row["created_at"]
        )
    assert {datetime.fromisoformat(row["created_at"]).month for row in rows("comments.csv.gz")} == {5, 6}


def test_threads_are_intact(comments: dict[str, dict[str, Any]]) -> None:
    parents = {comment_id: data.get("parent_comment_id") for comment_id, data in comments.items()}
    expected = {
        row["comment_id"]: None if row["parent_id"] == "0" else row["parent_id"] for row in rows("comments.csv.gz")
    }
    assert parents == expected

    def replies_above(comment_id: str) -> int:
        steps = 0
        while (parent := parents[comment_id]) is not None:
            steps, comment_id = steps + 1, parent
        return steps

    # The data's README counts from 0 at the top level.
    assert max(replies_above(comment_id) for comment_id in parents) == 16
    assert max(Counter(data["article_id"] for data in comments.values()).values()) == 1_352


def test_nulls_and_entities_do_not_reach_the_events(comments: dict[str, dict[str, Any]]) -> None:
    bodies = [data["body"] for data in comments.values()]
    assert not any("No Comment" in body or "No Headline" in body for body in bodies)
    assert not any("&amp;" in body or "&lt;" in body or "&gt;" in body for body in bodies)
    assert sum(body == " " for body in bodies) == 2_345


def test_a_person_without_an_id_counts_once_by_name(comments: dict[str, dict[str, Any]]) -> None:
    by_name = [data["author"] for data in comments.values() if data["author"]["user_id"].startswith("name:")]
    assert len(by_name) == 6_961
    assert all(author["user_id"] == f"name:{author['display_name']}" for author in by_name)
    assert len({author["user_id"] for author in by_name}) == 3_889
