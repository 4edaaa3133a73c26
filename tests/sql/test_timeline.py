"""The timeline in SQL and the plain model agree about random histories."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_profiles import examples
from tests.sql.newsroom import Newsroom, t
from tests.sql.timeline_model import Decision, Rule, Timeline, Version

pytestmark = pytest.mark.stack
START = t("05-01 00:00")
RULE_HOURS = 12
# Few instants, so that events meet and boundaries coincide.
HOURS = st.integers(0, 24)


Drawn = tuple[str, int, int | None, bool, int | None, int | None, int, bool | None]


def at_hour(hour: int) -> datetime:
    return START + timedelta(hours=hour)


@st.composite
def versions(draw: st.DrawFn) -> Drawn:
    kind = draw(st.sampled_from(["published", "updated", "unpublished"]))
    own = draw(st.sampled_from(["none", "none", "closes_at", "window_hours"]))
    return (
        kind,
        draw(HOURS),
        draw(st.none() | HOURS),
        draw(st.booleans() | st.just(True)),
        draw(HOURS) if own == "closes_at" else None,
        draw(st.integers(1, 20)) if own == "window_hours" else None,
        draw(HOURS),
        draw(st.sampled_from([None, False, True])),
    )


@st.composite
def decisions(draw: st.DrawFn) -> tuple[str, int, int | None, int]:
    # Extends are what depends most on what they meet.
    action = draw(st.sampled_from(["close", "reopen", *["extend"] * 3, "clear", "hold", "release"]))
    decided = draw(HOURS)
    closes: int | None = None
    if action == "extend" or (action in ("reopen", "close") and draw(st.booleans())):
        closes = decided + draw(st.integers(1, 12))
    return (action, decided, closes, draw(st.just(decided) | HOURS))


@pytest.fixture(scope="module")
def room(shared_database_url: str) -> Iterator[Newsroom]:
    """One database for all examples."""
    options = "-c timezone=UTC -c synchronous_commit=off"
    with psycopg.connect(shared_database_url, options=options, autocommit=True) as connection:
        newsroom = Newsroom(connection)
        newsroom.rule(RULE_HOURS)
        yield newsroom


@examples(150)
@given(
    drawn_versions=st.lists(versions(), max_size=4),
    drawn_decisions=st.lists(decisions(), max_size=6),
    cut_off=st.integers(0, 40),
)
def test_sql_and_model_agree(
    room: Newsroom,
    drawn_versions: list[Drawn],
    drawn_decisions: list[tuple[str, int, int | None, int]],
    cut_off: int,
) -> None:
    room.forget()
    model_versions = []
    for kind, hour, published, enabled, closes, window, taken_down, corrected in sorted(
        drawn_versions, key=lambda drawn: drawn[1]
    ):
        at = at_hour(hour).strftime("%m-%d %H:%M")
        if kind == "unpublished":
            room.unpublish(at, effective=at_hour(taken_down).strftime("%m-%d %H:%M"))
            model_versions.append(Version(kind, at_hour(taken_down)))
            continue
        room.publish(
            at,
            event_type=kind,
            published_at=None if published is None else at_hour(published).strftime("%m-%d %H:%M"),
            corrected=corrected,
            enabled=enabled,
            closes_at=None if closes is None else at_hour(closes).strftime("%m-%d %H:%M"),
            window_hours=window,
        )
        model_versions.append(
            Version(
                kind,
                at_hour(hour),
                None if published is None else at_hour(published),
                enabled,
                None if closes is None else at_hour(closes),
                window,
                corrects=bool(corrected),
            )
        )
    model_decisions = []
    for action, hour, closes, occurred in sorted(drawn_decisions, key=lambda drawn: drawn[3]):
        room.override(
            action,
            at_hour(hour).strftime("%m-%d %H:%M"),
            None if closes is None else at_hour(closes).strftime("%m-%d %H:%M"),
            occurred=at_hour(occurred).strftime("%m-%d %H:%M"),
        )
        model_decisions.append(
            Decision(action, at_hour(hour), None if closes is None else at_hour(closes))
        )
    model = Timeline(model_versions, model_decisions, [Rule(RULE_HOURS)])

    room.close(at_hour(cut_off).strftime("%m-%d %H:%M"))

    # The model's answer at single instants, not its own intervals: those are made as the code
    # makes them.
    instants = [
        at_hour(hour) + shift
        for hour in range(-1, 64)
        for shift in (timedelta(0), timedelta(microseconds=-1))
    ]
    pieces = room.intervals()
    for instant in instants:
        if model.anchor is not None and instant < model.anchor:
            continue
        stored = any(
            (start is None or start <= instant) and (end is None or instant < end)
            for start, end in pieces
        )
        assert stored == (model.known and model.judge(instant).accepted), (instant, pieces)
    assert pieces == model.intervals()
    if model.known:
        expected = model.window(at_hour(cut_off))
        assert {
            name: value for name, value in room.window().items() if name in expected
        } == expected
