"""What an import says of late comments before it begins is what the closing run then finds.

Random articles, some twice or taken down, under random rules: real events through merges and
windows on one side, the facts of an export on the other.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from below_the_line.catalogue import load_contracts
from below_the_line.closing.rules import all_rules
from below_the_line.closing.windows import apply_windows
from below_the_line.contracts.events import Event
from below_the_line.contracts.times import from_datetime
from btl.archives.facts import CommentFact, temporary_facts, version_fact
from btl.archives.forecast import (
    DEFAULT_RULES,
    Forecast,
    RuleBook,
    closing_rules,
    forecast,
)
from tests.hypothesis_profiles import examples
from tests.properties.histories import record_of
from tests.properties.ingest import Database, Process
from tests.properties.model import CloudEvent
from tests.properties.test_closing import INSTANTS, RULES, SECTIONS, SITES, START, Newsroom, written
from tests.sql.timeline_model import Rule

pytestmark = pytest.mark.stack

TIMES = st.builds(written, INSTANTS, st.just(0))
ARTICLES = st.sampled_from(["a1", "a1", "a2"])
END = START + timedelta(days=30)


@pytest.fixture(scope="module")
def newsroom(shared_database_url: str) -> Iterator[Newsroom]:
    options = "-c timezone=Europe/Vienna -c synchronous_commit=off"
    with psycopg.connect(shared_database_url, options=options, autocommit=True) as connection:
        process = Process(shared_database_url, [0])
        with closing(process.store):
            yield Newsroom(process, Database(connection), connection)


@st.composite
def publications(draw: st.DrawFn) -> CloudEvent:
    """An article as an import sends it; one that the export has twice has the same id twice."""
    article = draw(ARTICLES)
    data: dict[str, Any] = {
        "article_id": article,
        "url": "https://example.org/1",
        "headline": draw(st.sampled_from(["one", "two"])),
    }
    own = draw(st.sampled_from(["absent", "absent", "off", "closes_at", "window_hours"]))
    if own != "absent":
        values = {"off": st.just(False), "closes_at": TIMES, "window_hours": st.integers(1, 20)}
        member = "enabled" if own == "off" else own
        data["discussion"] = {member: draw(values[own])}
    for name, values_of in (
        ("published_at", st.one_of(TIMES, TIMES, st.none())),
        ("site", st.none() | st.sampled_from(SITES)),
        ("section", st.none() | st.sampled_from(SECTIONS)),
    ):
        if (value := draw(values_of)) is not None:
            data[name] = value
    at = data.get("published_at", draw(TIMES)) if draw(st.booleans()) else draw(TIMES)
    return CloudEvent("article.published.v1", f"published {article}", "/archive", at, data)


@st.composite
def unpublications(draw: st.DrawFn) -> CloudEvent:
    article, at = draw(ARTICLES), draw(TIMES)
    data = {"article_id": article, "unpublished_at": draw(st.just(at) | TIMES)}
    return CloudEvent("article.unpublished.v1", f"unpublished {article}", "/archive", at, data)


@st.composite
def comments(draw: st.DrawFn) -> CloudEvent:
    """A comment, of an article that may be unknown; of few ids, so that some come twice."""
    article, number, at = draw(ARTICLES), draw(st.integers(1, 12)), draw(TIMES)
    data = {
        "article_id": article,
        "comment_id": str(number),
        "author": {"user_id": "u", "display_name": "U"},
        "body": draw(st.sampled_from(["one", "two"])),
        "posted_at": at,
    }
    return CloudEvent("comment.posted.v1", f"posted {article} {number}", "/archive", at, data)


@examples(150)
@given(
    about_articles=st.lists(st.one_of(*[publications()] * 4, unpublications()), max_size=4),
    posted=st.lists(comments(), max_size=20),
    rules=st.lists(RULES, max_size=4),
)
def test_the_forecast_is_what_the_closing_run_finds(
    newsroom: Newsroom,
    about_articles: list[CloudEvent],
    posted: list[CloudEvent],
    rules: list[Rule],
) -> None:
    newsroom.begin_empty()
    for rule in rules:
        newsroom.add(rule)
    sent = [*about_articles, *posted]
    if sent:
        newsroom.process.write((event, 0) for event in sent)
    apply_windows(newsroom.connection, END, bucket=1)

    found = forecast_of(sent, RuleBook(closing_rules(all_rules(newsroom.connection))))

    late = newsroom.connection.execute(
        "select late.article_id, article.site from discussion.late_comments as late"
        " inner join discussion.articles as article using (article_id)"
    ).fetchall()
    assert found.late == len(late)
    assert found.by_site == Counter(site or "default" for _, site in late)
    by_article = Counter(article for article, _ in late)
    assert {each.article_id: each.late for each in found.examples} == by_article
    stored = newsroom.connection.execute("select count(*) from discussion.comments").fetchone()
    assert stored == (found.comments,)


def forecast_of(sent: Sequence[CloudEvent], rules: RuleBook) -> Forecast:
    decode = load_contracts().decode
    with temporary_facts() as facts:
        for number, each in enumerate(sent):
            event = decode(record_of(each))
            assert isinstance(event, Event)
            if event.type == "comment.posted.v1":
                facts.add_comment(
                    CommentFact(
                        event.article_id,
                        event.data.comment_id,
                        None,
                        from_datetime(event.data.posted_at),
                        "u",
                        None,
                        number,
                        "f",
                        str(number),
                    )
                )
            else:
                facts.add_version(version_fact(event))
        return forecast(facts, rules)


def test_the_default_is_the_rule_of_a_new_installation(
    connection: psycopg.Connection[Any],
) -> None:
    assert closing_rules(all_rules(connection)) == DEFAULT_RULES
