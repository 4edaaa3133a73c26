"""The facts of an export, in SQLite."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record
from below_the_line.contracts.times import from_datetime
from below_the_line.kafka.envelopes import structured
from btl.archives import facts as facts_module
from btl.archives.facts import ArticleFact, CommentFact, VersionFact, temporary_facts, version_fact

ONE, TWO, THREE = (from_datetime(datetime(2019, 5, day, tzinfo=UTC)) for day in (1, 2, 3))


def comment(article_id: str, comment_id: str, posted_at: int = ONE) -> CommentFact:
    return CommentFact(article_id, comment_id, None, posted_at, "u", None, 1, "c.csv", "line 2")


def event(event_type: str, **data: Any) -> Event:
    outgoing = structured(
        topic="articles",
        event_type=event_type,
        event_id="1",
        source="/test",
        time="2019-05-01T00:00:00Z",
        subject="a",
        data={"article_id": "a", **data},
    )
    found = load_contracts().decode(
        Record("articles", 0, 0, 1_900_000_000_000, *outgoing[1:3], outgoing.headers)
    )
    assert isinstance(found, Event), orjson.dumps(found)
    return found


@pytest.mark.parametrize("bundle", [1, 2, 5_000])
def test_the_first_and_the_last_comment_of_an_article_are_known(
    monkeypatch: pytest.MonkeyPatch, bundle: int
) -> None:
    monkeypatch.setattr(facts_module, "_BUNDLE", bundle)
    with temporary_facts() as facts:
        for each in (comment("a", "1", TWO), comment("b", "1"), comment("a", "2", THREE)):
            facts.add_comment(each)
        assert facts.first_and_last_comment("a") == (TWO, THREE)
        assert facts.first_and_last_comment("b") == (ONE, ONE)
        assert facts.first_and_last_comment("c") is None


def test_rows_are_kept_as_they_were_added() -> None:
    article = ArticleFact(
        "a", "https://www.example.org/1/", None, "s", None, ONE, ONE, None, 48, False, "a.csv", "2"
    )
    with temporary_facts() as facts:
        facts.add_article(article)
        facts.add_comment(comment("a", "1"))
        facts.flush()
        [row] = facts.connection.execute("select * from articles")
        assert row == (*article, "example.org/1")
        assert facts.connection.execute("select * from comments").fetchall() == [comment("a", "1")]


def test_only_ids_that_are_not_in_normal_form_are_noted() -> None:
    with temporary_facts() as facts:
        for form in ("caf\u00e9", "cafe\u0301", "cafe\u0301"):
            facts.add_comment(comment(form, form))
        facts.flush()
        assert facts.connection.execute("select * from other_forms").fetchall() == [
            ("article", "", "cafe\u0301", "caf\u00e9", "c.csv", "line 2"),
            ("comment", "cafe\u0301", "cafe\u0301", "caf\u00e9", "c.csv", "line 2"),
        ]


def test_facts_are_in_a_file_that_has_no_name() -> None:
    with temporary_facts() as facts:
        [(_, _, file)] = facts.connection.execute("pragma database_list")
        assert file
        assert not Path(file).parent.exists()


def test_a_version_says_what_the_event_says() -> None:
    plain = event("article.published.v1", url="https://example.org/1", headline="One")
    assert version_fact(plain) == VersionFact("a", plain.version, "published", ONE, ONE)
    full = event(
        "article.published.v1",
        url="https://example.org/1",
        headline="One",
        published_at="2019-05-02T00:00:00Z",
        site="weekly",
        section="sport",
        discussion={"enabled": False, "closes_at": "2019-05-03T00:00:00Z"},
    )
    assert version_fact(full) == VersionFact(
        "a", full.version, "published", ONE, ONE, TWO, False, THREE, None, "weekly", "sport"
    )
    taken_down = event("article.unpublished.v1", unpublished_at="2019-05-01T00:00:00Z")
    assert version_fact(taken_down) == VersionFact("a", taken_down.version, "unpublished", ONE, ONE)


def test_the_same_version_counts_once() -> None:
    version = VersionFact("a", b"1", "published", ONE, ONE)
    with temporary_facts() as facts:
        facts.add_version(version)
        facts.add_version(version)
        facts.flush()
        assert facts.connection.execute("select count(*) from versions").fetchall() == [(1,)]
