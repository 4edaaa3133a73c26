"""A simulated day: repeatable, in the contracts' bounds, and with a bit of everything."""

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from below_the_line.catalogue import load_contracts, topics
from below_the_line.contracts.codes import STAGES
from below_the_line.contracts.events import Event, Record, Rejection
from below_the_line.kafka.envelopes import as_structured_line
from btl.simulation.arrivals import Arrival
from btl.simulation.bad import WEIGHTS
from btl.simulation.day import DEFAULT_RECORDS, Day, last_full_day, simulate_day
from tests.builders import members

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 11, 22, tzinfo=UTC)
REASONS = {
    "personal_abuse",
    "harassment",
    "hate_speech",
    "threat_violence",
    "off_topic",
    "trolling",
    "spam",
    "misinformation",
    "privacy",
    "sexual_content",
    "impersonation",
    "copyright",
    "defamation",
    "illegal_content",
    "other",
}


def decode(arrival: Arrival) -> Event | Rejection:
    """As a broker would take it that is not a millisecond late: the narrowest of all bounds."""
    topic, key, value, headers = arrival.outgoing
    return load_contracts().decode(
        Record(topic, 0, 0, arrival.arrives_at // 1000, key, value, headers)
    )


def fingerprint(day: Day) -> str:
    digest = hashlib.sha256()
    for arrival in day.arrivals():
        digest.update(repr(arrival).encode())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def day() -> Day:
    return simulate_day(1, START)


@pytest.fixture(scope="module")
def arrivals(day: Day) -> list[Arrival]:
    return list(day.arrivals())


@pytest.fixture(scope="module")
def events(arrivals: list[Arrival]) -> list[Event]:
    results = [decode(arrival) for arrival in arrivals if arrival.code is None]
    rejected = [result for result in results if isinstance(result, Rejection)]
    assert rejected == []
    return [result for result in results if isinstance(result, Event)]


def of_type(events: list[Event], event_type: str) -> list[dict[str, Any]]:
    return [members(event.data) for event in events if event.type == event_type]


def test_the_same_seed_and_date_give_the_same_records_in_another_process_too() -> None:
    here = fingerprint(simulate_day(5, START, records=2_000))
    assert fingerprint(simulate_day(5, START, records=2_000)) == here
    program = (
        "from tests.unit.simulation.test_day import *\nprint(fingerprint(simulate_day(5, START,"
        " records=2_000)))"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert elsewhere.stdout.strip() == here
    assert fingerprint(simulate_day(6, START, records=2_000)) != here
    assert fingerprint(simulate_day(5, START - timedelta(days=1), records=2_000)) != here


def test_a_day_may_be_iterated_again(day: Day, arrivals: list[Arrival]) -> None:
    assert list(day) == [arrival.outgoing for arrival in arrivals]


def test_there_are_exactly_as_many_records_as_asked_for(arrivals: list[Arrival]) -> None:
    assert len(arrivals) == DEFAULT_RECORDS
    assert sum(1 for _ in simulate_day(3, START, records=1_234)) == 1_234
    with pytest.raises(ValueError, match="at least 1000 records"):
        simulate_day(3, START, records=999)


@pytest.mark.parametrize(
    ("seed", "start"), [(2, "2024-02-29"), (3, "2026-03-29"), (-4, "1999-12-31"), (5, "2026-01-01")]
)
def test_good_events_are_accepted_and_bad_ones_rejected_with_their_code_on_any_day(
    seed: int, start: str
) -> None:
    day = simulate_day(
        seed, datetime.fromisoformat(start).replace(tzinfo=UTC), records=5_000, bad_share=0.1
    )
    found: Counter[str | None] = Counter()
    for arrival in day.arrivals():
        result = decode(arrival)
        code = result.code if isinstance(result, Rejection) else None
        assert code == arrival.code, result
        found[code] += 1
    assert found.pop(None) + found.total() == 5_000
    assert found == day.expected


def test_all_codes_that_a_producer_can_cause_are_there(day: Day, arrivals: list[Arrival]) -> None:
    assert set(WEIGHTS) == set(STAGES) - {"rejected_by_database"}
    found = Counter(arrival.code for arrival in arrivals if arrival.code is not None)
    assert found == day.expected
    assert set(found) == set(WEIGHTS)
    assert 60 <= found.total() <= 150


def test_without_bad_records_there_are_none() -> None:
    day = simulate_day(1, START, records=1_000, bad_share=0)
    assert day.expected == {}
    assert all(arrival.code is None for arrival in day.arrivals())


def test_all_types_reasons_actions_and_decisions_are_there(events: list[Event]) -> None:
    inputs = {each for topic in topics() if topic.direction == "in" for each in topic.event_types}
    assert {event.type for event in events} == inputs
    assert {report["reason"] for report in of_type(events, "comment.reported.v1")} == REASONS
    overrides = of_type(events, "discussion.overridden.v1")
    assert {each["action"] for each in overrides} == {
        "close",
        "reopen",
        "extend",
        "clear",
        "hold",
        "release",
    }
    assert {each["reason"] for each in overrides} == {"manual", "legal", "volume", "abuse", "other"}
    decisions = {each["decision"] for each in of_type(events, "report.decided.v1")}
    assert decisions == {"upheld", "dismissed", "ignored", "duplicate", "void"}
    moderated = {
        (each["decision"], each["automated"]) for each in of_type(events, "comment.moderated.v1")
    }
    assert moderated >= {("approved", False), ("rejected", False), ("rejected", True)}
    reporters = [each["reporter"] for each in of_type(events, "comment.reported.v1")]
    assert {name for reporter in reporters for name in reporter} == {"user_id", "anonymous_id"}


def test_the_shape_is_that_of_a_newsroom(events: list[Event], arrivals: list[Arrival]) -> None:
    comments = of_type(events, "comment.posted.v1")
    sizes = sorted(Counter(each["article_id"] for each in comments).values(), reverse=True)
    assert sum(sizes[: len(sizes) // 10]) > 0.3 * len(comments), (
        "a tenth of the discussions should hold much of it"
    )
    assert sum(1 for each in comments if each["held"]) > 100
    assert {each["author"]["role"] for each in comments} == {"reader", "staff"}
    replies = sum(1 for each in comments if "parent_comment_id" in each)
    assert 0.3 < replies / len(comments) < 0.7
    hours = Counter(
        each["posted_at"].hour for each in comments if each["posted_at"].date() == START.date()
    )
    assert hours[20] > 2 * hours[3]
    assert {len(arrival.outgoing.headers) for arrival in arrivals if arrival.code is None} == {
        1,
        7,
    }, "both modes"


def test_some_events_come_twice_and_some_hours_late_and_out_of_order(
    arrivals: list[Arrival],
) -> None:
    good = [arrival for arrival in arrivals if arrival.code is None]
    copies = Counter(arrival.outgoing for arrival in good)
    assert 100 < sum(count - 1 for count in copies.values()) < 400
    occurred = [(decode(arrival), arrival.arrives_at) for arrival in good]
    delays = [at - result.occurred_at for result, at in occurred if isinstance(result, Event)]
    assert min(delays) >= 0
    day_long = [
        delay
        for (result, _), delay in zip(occurred, delays, strict=True)
        if isinstance(result, Event)
    ]
    assert sum(3_600_000_000 < delay < 21_600_000_001 for delay in day_long) > 50
    assert [arrival.arrives_at for arrival in arrivals] == sorted(
        arrival.arrives_at for arrival in arrivals
    )


def test_discussions_close_during_the_day_and_comments_come_too_late(
    day: Day, events: list[Event]
) -> None:
    end = START + timedelta(days=1)
    closing = {
        plan.article_id: plan.closes_at
        for plan in day.articles
        if plan.role == "ordinary"
        and not plan.overrides
        and START <= datetime.fromtimestamp(plan.closes_at / 1e6, UTC) < end
    }
    assert len(closing) >= 15
    assert any(plan.window_hours is None and plan.article_id in closing for plan in day.articles), (
        "some by the site's rule"
    )
    late = [
        each
        for each in of_type(events, "comment.posted.v1")
        if each["article_id"] in closing
        and each["posted_at"].timestamp() * 1e6 >= closing[each["article_id"]]
    ]
    assert 15 <= len(late) <= 400


def test_events_refer_to_what_was_there_before(events: list[Event]) -> None:
    comments = {
        (each["article_id"], each["comment_id"]): each
        for each in of_type(events, "comment.posted.v1")
    }
    reports = {each["report_id"]: each for each in of_type(events, "comment.reported.v1")}
    for event in events:
        data = members(event.data)
        if "comment_id" in data:
            comment = comments[data["article_id"], data["comment_id"]]
            assert comment["posted_at"].timestamp() * 1e6 <= event.occurred_at + 1
        if "report_id" in data:
            assert (
                reports[data["report_id"]]["reported_at"].timestamp() * 1e6 <= event.occurred_at + 1
            )
        parent = data.get("parent_comment_id")
        if parent is not None:
            assert comments[data["article_id"], parent]["posted_at"] <= data["posted_at"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_reader_is_forgotten_in_the_evening_and_does_nothing_more(seed: int) -> None:
    results = [decode(each) for each in simulate_day(seed, START, records=1_000).arrivals()]
    events = [result for result in results if isinstance(result, Event)]
    (erasure,) = [event for event in events if event.type == "commenter.erased.v1"]
    user_id, erased_at = erasure.data.user_id, erasure.data.erased_at
    comments = [
        event
        for event in events
        if event.type == "comment.posted.v1" and event.data.author.user_id == user_id
    ]
    (comment,) = comments
    edits = of_type([event for event in events if event.data is not None], "comment.edited.v1")
    assert comment.data.comment_id in {edit["comment_id"] for edit in edits}
    assert erased_at.date() == START.date()
    assert erased_at.hour == 22
    assert comment.data.posted_at + timedelta(hours=6) < erased_at
    arrived = [event for event in events if event in (comment, erasure)]
    assert arrived == [comment, erasure]
    assert user_id not in {
        *(each["user_id"] for each in of_type(events, "reaction.added.v1")),
        *(each["reporter"].get("user_id") for each in of_type(events, "comment.reported.v1")),
    }


def test_without_an_erasure_there_is_none_and_the_day_is_as_long() -> None:
    arrivals = list(simulate_day(1, START, records=1_000, erasure=False).arrivals())
    assert len(arrivals) == 1_000
    assert all(b"erased" not in (each.outgoing.value or b"") for each in arrivals)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_article_has_two_comments_one_of_them_abusive_and_reported_and_is_closed(
    seed: int,
) -> None:
    by_article: dict[str, list[Event]] = defaultdict(list)
    day = simulate_day(seed, START, records=1_000)
    for arrival in day.arrivals():
        result = decode(arrival)
        if isinstance(result, Event):
            by_article[result.article_id].append(result)
    plan = next(plan for plan in day.articles if plan.role == "two_comments")
    events = by_article[plan.article_id]
    comments = of_type(events, "comment.posted.v1")
    assert len(comments) == 2
    assert {each["comment_id"] for each in of_type(events, "comment.reported.v1")} == {
        comments[1]["comment_id"]
    }
    assert [each["reason"] for each in of_type(events, "comment.reported.v1")] == [
        "personal_abuse",
        "threat_violence",
    ]
    assert [each["decision"] for each in of_type(events, "report.decided.v1")] == ["upheld"]
    assert [each["decision"] for each in of_type(events, "comment.moderated.v1")] == ["rejected"]
    assert datetime.fromtimestamp(plan.closes_at / 1e6, UTC) < START
    assert all(each["posted_at"].timestamp() * 1e6 < plan.closes_at for each in comments)


def test_written_lines_are_the_same_events_in_structured_form(arrivals: list[Arrival]) -> None:
    contracts = load_contracts()
    good = [arrival for arrival in arrivals if arrival.code is None]
    in_binary = [arrival for arrival in good if len(arrival.outgoing.headers) > 1]
    assert in_binary
    for arrival in good[:200] + in_binary[:200]:
        line = as_structured_line(arrival.outgoing)
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert "specversion" in orjson.loads(line)
        record = Record(
            arrival.outgoing.topic, 0, 0, arrival.arrives_at // 1000, arrival.outgoing.key, line
        )
        assert contracts.decode(record) == decode(arrival)


def test_the_last_full_day_is_over_in_utc() -> None:
    assert last_full_day(datetime(2026, 11, 23, 0, 0, tzinfo=UTC)) == START.date()
    assert last_full_day(datetime.fromisoformat("2026-11-24T00:30:00+02:00")) == START.date()
