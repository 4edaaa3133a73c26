"""G4 on the real database: windows and lateness are the reference model's, whatever way the events
came.

From CloudEvents through contracts, merges and marks to windows, while closing runs and new rules
come in between. The night is one in which clocks change, the session's time zone is one in which
they do, and instants meet: at boundaries, a microsecond beside them, and as leap seconds and
fractions longer than a microsecond.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.rows import dict_row

from below_the_line.closing.windows import apply_windows
from tests.hypothesis_profiles import examples
from tests.properties.ingest import Database, Process
from tests.properties.model import CloudEvent, moment, version
from tests.sql.timeline_model import BEFORE_ALL, Decision, Rule, Timeline, Version

pytestmark = pytest.mark.stack

VIENNA = ZoneInfo("Europe/Vienna")
START = datetime(2026, 3, 28, 20, tzinfo=UTC)  # Clocks change five hours later.
DEFAULT_RULE = Rule(336, 168)
ARTICLES = ("a1", "a2")
SITES = ("default", "weekly")
SECTIONS = ("news", "sport")


@dataclass
class Newsroom:
    """A consumer and the closing runs behind it."""

    process: Process
    database: Database
    connection: psycopg.Connection[Any]

    def begin_empty(self) -> None:
        self.process.store.abandon()
        self.database.empty()
        self.connection.execute(
            "delete from discussion.windows; delete from discussion.window_intervals; delete from"
            " ingest.dirty_windows; delete from discussion.closing_rules where created_by = 'test'"
        )

    def add(self, rule: Rule) -> None:
        self.connection.execute(
            "insert into discussion.closing_rules (scope, site, section, window_hours,"
            " reactions_window_hours, valid_from, created_by, retroactive) values (%s, %s, %s, %s,"
            " %s, coalesce(%s, '-infinity'::timestamptz), 'test', true)",
            [
                "section" if rule.section else "site" if rule.site else "all",
                *(rule.site, rule.section, rule.window_hours, rule.reactions_window_hours),
                None if rule.valid_from == BEFORE_ALL else rule.valid_from,
            ],
        )


@pytest.fixture(scope="module")
def newsroom(shared_database_url: str) -> Iterator[Newsroom]:
    options = "-c timezone=Europe/Vienna -c synchronous_commit=off"
    with psycopg.connect(shared_database_url, options=options, autocommit=True) as connection:
        process = Process(shared_database_url, [0])
        with closing(process.store):
            yield Newsroom(process, Database(connection), connection)


def written(at: datetime, form: int) -> str:
    """An instant as one producer or another writes it; all mean the same once truncated to
    microseconds.
    """
    plain = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06}"
    if form == 1:
        return at.astimezone(VIENNA).isoformat()
    if form == 2:
        return f"{plain.lower()}z"
    if form == 3:
        return f"{plain}999999Z"
    if form == 4 and plain.endswith("23:59:59.999999"):
        return f"{plain[:-9]}60.25Z"
    return f"{plain}Z"


# Few instants, and those beside them.
HOURS = st.integers(0, 30)
INSTANTS = st.builds(
    lambda hour, beside: START + timedelta(hours=hour, microseconds=beside),
    HOURS,
    st.sampled_from([0, 0, 0, -1, 1]),
)
FORMS = st.integers(0, 4)
TIMES = st.builds(written, INSTANTS, FORMS)


@st.composite
def article_events(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    data: dict[str, Any] = {"url": "https://example.org/1", "headline": "one"}
    own = draw(st.sampled_from(["absent", "absent", "empty", "off", "closes_at", "window_hours"]))
    if own == "closes_at":
        data["discussion"] = {"closes_at": draw(TIMES)}
    elif own == "window_hours":
        data["discussion"] = {"window_hours": draw(st.integers(1, 20))}
    elif own != "absent":
        data["discussion"] = {"enabled": False} if own == "off" else {}
    for name, values in (
        ("published_at", TIMES),
        ("published_at_corrected", st.booleans()),
        ("site", st.sampled_from(SITES)),
        ("section", st.sampled_from(SECTIONS)),
    ):
        if (value := draw(st.none() | values)) is not None:
            data[name] = value
    return draw(st.sampled_from(["article.published.v1", "article.updated.v1"])), draw(TIMES), data


@st.composite
def unpublished(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    return "article.unpublished.v1", draw(TIMES), {"unpublished_at": draw(TIMES)}


@st.composite
def overridden(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    # Extends are what depends most on what they meet.
    action = draw(st.sampled_from(["close", "reopen", *["extend"] * 3, "clear", "hold", "release"]))
    decided_at = draw(INSTANTS)
    data = {
        "action": action,
        "reason": "other",
        "decided_by": "e",
        "decided_at": written(decided_at, draw(FORMS)),
    }
    if action == "extend" or (action in ("reopen", "close") and draw(st.booleans())):
        data["closes_at"] = written(
            decided_at + timedelta(hours=draw(st.integers(1, 12))), draw(FORMS)
        )
    return "discussion.overridden.v1", draw(st.just(data["decided_at"]) | TIMES), data


@st.composite
def posted(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    data = {
        "author": {"user_id": "u", "display_name": "U"},
        "body": "text",
        "posted_at": draw(TIMES),
    }
    return "comment.posted.v1", draw(TIMES), data


# What most histories begin with: else little of what follows has a schedule to act on.
PUBLICATION = (
    "a1",
    (
        "article.published.v1",
        written(START, 0),
        {
            "url": "https://example.org/1",
            "headline": "one",
            "published_at": written(START, 0),
            "section": "news",
        },
    ),
)
RULES = st.builds(
    Rule,
    st.integers(1, 24),
    st.integers(0, 12),
    st.none() | st.sampled_from(SITES),
    st.none() | st.sampled_from(SECTIONS),
    st.just(BEFORE_ALL) | INSTANTS,
)
EVENTS = st.tuples(
    st.sampled_from([*ARTICLES[:1] * 3, *ARTICLES]),
    st.one_of(
        article_events(), article_events(), unpublished(), *[overridden()] * 6, posted(), posted()
    ),
)


def cloud_events(drawn: Sequence[tuple[str, tuple[str, str, dict[str, Any]]]]) -> list[CloudEvent]:
    """Events whose ids are their numbers, so that none is another's double."""
    return [
        CloudEvent(
            event_type,
            str(number),
            "/test",
            time,
            {"article_id": article, **data}
            | ({"comment_id": str(number)} if "posted_at" in data else {}),
        )
        for number, (article, (event_type, time, data)) in enumerate(drawn)
    ]


def timeline(sent: Sequence[CloudEvent], article: str, rules: Sequence[Rule]) -> Timeline:
    """The model of an article, from what was sent."""

    def time(of: dict[str, Any], name: str) -> datetime | None:
        return moment(of[name]) if name in of else None

    versions, decisions = [], []
    for each in sorted(sent, key=version):
        data = each.data
        if data["article_id"] != article:
            continue
        if each.type == "discussion.overridden.v1":
            decisions.append(
                Decision(
                    data["action"],
                    moment(data["decided_at"]),
                    time(data, "closes_at"),
                    name=each.id,
                )
            )
        elif each.type == "article.unpublished.v1":
            versions.append(Version("unpublished", moment(data["unpublished_at"]), name=each.id))
        elif each.type.startswith("article"):
            own = data.get("discussion", {})
            versions.append(
                Version(
                    "published" if each.type == "article.published.v1" else "updated",
                    moment(each.time),
                    time(data, "published_at"),
                    own.get("enabled", True),
                    time(own, "closes_at"),
                    own.get("window_hours"),
                    data.get("site", "default"),
                    data.get("section"),
                    corrects=data.get("published_at_corrected", False),
                    name=each.id,
                )
            )
    return Timeline(versions, decisions, rules)


@examples(150)
@given(
    drawn=st.lists(st.lists(EVENTS, max_size=6), min_size=1, max_size=4),
    published=st.sampled_from([True, True, False]),
    rules=st.lists(RULES, max_size=4),
    cut_offs=st.lists(INSTANTS, min_size=2, max_size=5),
    order=st.integers(0, 1_000),
)
def test_windows_and_lateness_are_those_of_the_model(
    newsroom: Newsroom,
    drawn: list[list[tuple[str, tuple[str, str, dict[str, Any]]]]],
    published: bool,
    rules: list[Rule],
    cut_offs: list[datetime],
    order: int,
) -> None:
    sent = cloud_events([PUBLICATION] * published + [event for each in drawn for event in each])
    newsroom.begin_empty()
    chance = Random(order)
    deliveries = chance.sample(sent, len(sent)) + chance.choices(sent, k=len(sent) // 4)
    *earlier, last = sorted(cut_offs)
    # Events, rules and closing runs take turns. The last run must correct what was decided too
    # early.
    for number in range(len(earlier) + 1):
        part = deliveries[number :: len(earlier) + 1]
        if part:
            newsroom.process.write((each, 0) for each in part)
        for rule in rules[number :: len(earlier) + 1]:
            newsroom.add(rule)
        apply_windows(newsroom.connection, (*earlier, last)[number], bucket=1)
    made = [
        DEFAULT_RULE,
        *(rule for number in range(len(earlier) + 1) for rule in rules[number :: len(earlier) + 1]),
    ]

    late = set()
    for article in ARTICLES:
        model = timeline(sent, article, made)
        assert_window(newsroom.connection, article, model, last)
        assert pieces(newsroom.connection, article) == [
            (start, end, accepted, cause, event and event.name)
            for start, end, (accepted, cause, event) in model.pieces()
        ]
        late |= {
            each.id
            for each in sent
            if each.type == "comment.posted.v1"
            and each.data["article_id"] == article
            and not model.in_time(moment(each.data["posted_at"]))
        }
    found = newsroom.connection.execute(
        "select comment_id from discussion.late_comments"
    ).fetchall()
    assert {row[0] for row in found} == late


def assert_window(
    connection: psycopg.Connection[Any], article: str, model: Timeline, cut_off: datetime
) -> None:
    """What is stored of an article is what the model says."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select * from discussion.windows where article_id = %s", [article]
        ).fetchone()
    stored = connection.execute(
        "select starts_at, ends_at from discussion.window_intervals where article_id = %s order by"
        " ordinal",
        [article],
    ).fetchall()
    if not model.known:
        assert row is None
        assert stored == []
        return
    assert row is not None
    expected = model.window(cut_off)
    assert {name: value for name, value in row.items() if name in expected} == expected
    assert stored == model.intervals()
    assert row["has_gaps"] == (
        stored != [(model.anchor, row["closes_at"])] and (stored != [] or model.anchor is None)
    )


def pieces(connection: psycopg.Connection[Any], article: str) -> list[tuple[Any, ...]]:
    """The timeline with the ids of the events that decide."""
    return connection.execute(
        """
        select piece.starts_at, piece.ends_at, piece.accepted, piece.cause, event.event_id
        from discussion.decided_timeline(array[%(article)s]) as piece
        left join (
            select version, event_id from discussion.article_versions where article_id = %(article)s
            union all
            select version, event_id from discussion.discussion_overrides
            where article_id = %(article)s
        ) as event on event.version = piece.deciding_event
        order by piece.starts_at nulls first
        """,
        {"article": article},
    ).fetchall()
