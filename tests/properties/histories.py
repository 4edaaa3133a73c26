"""What a newsroom may send, about so few things and at so few instants that everything collides."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from below_the_line.contracts.events import Event, Record
from tests import builders
from tests.properties.model import CloudEvent

# Mostly one instant, in three forms; the last one, a leap second, equals the one before it.
TIMES = st.sampled_from(
    [
        *["2016-12-31T23:59:59Z"] * 4,
        "2017-01-01T00:59:59.0000009+01:00",
        "2016-12-31t23:59:59.00z",
        "2016-12-31T23:59:59.000001Z",
        "2016-12-31T23:59:59.000999-00:00",
        "2016-12-31T23:59:59.999999Z",
        "2016-12-31T23:59:60.7Z",
    ]
)
LATER = st.sampled_from(["2017-01-14T00:00:00Z", "2100-12-31T23:59:59.999999Z"])
"""For what must lie after a decision."""
EVENT_IDS = st.sampled_from([*["1"] * 4, "10", "é", "\uffff", "😀"])
"""Mostly one. A prefix of another, and two that UTF-16 would sort the other way round."""
SOURCES = st.sampled_from(["/a", "/b"])
TEXTS = st.sampled_from(["one", "two", " ", "déjà 😀"])
USERS = st.sampled_from(["u1", "u2"])
COMMENT_IDS = st.sampled_from(["c1", "c2"])
ABUSE = st.sampled_from(["spam", "trolling"])
COMMENT = {"article_id": st.sampled_from(["a1", "a1", "a2"]), "comment_id": COMMENT_IDS}
REPORT = {**COMMENT, "report_id": st.sampled_from(["r1", "r2"])}
ARTICLE = {"article_id": COMMENT["article_id"]}


def data(
    required: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """An event's ``data``: optional members may be null or absent, and there may be one that nobody
    knows.
    """
    maybe = {name: st.none() | strategy for name, strategy in optional.items()}
    return st.fixed_dictionaries(required, optional=maybe | {"extension": st.sampled_from([1, 2])})


def article_contents() -> st.SearchStrategy[Any]:
    own_closing = st.fixed_dictionaries(
        {}, optional={"enabled": st.none() | st.booleans(), "closes_at": st.none() | LATER}
    )
    own_window = st.fixed_dictionaries({"window_hours": st.sampled_from([1, 24, 87_600])})
    return data(
        {
            **ARTICLE,
            "url": st.sampled_from(["https://example.org/1", "http://example.org/2"]),
            "headline": TEXTS,
        },
        published_at=TIMES,
        published_at_corrected=st.booleans(),
        site=st.sampled_from(["default", "sport"]),
        section=st.sampled_from(["news", "opinion"]),
        topics=st.lists(TEXTS, max_size=2),
        bylines=st.lists(TEXTS, max_size=1),
        language=st.sampled_from(["en", "pt-BR"]),
        updated_at=TIMES,
        discussion=own_closing | own_window,
    )


def overrides() -> st.SearchStrategy[Any]:
    decided = {
        **ARTICLE,
        "reason": st.sampled_from(["manual", "legal"]),
        "decided_by": USERS,
        "decided_at": TIMES,
    }
    timeless = data(
        {**decided, "action": st.sampled_from(["close", "reopen", "clear", "hold", "release"])}
    )
    timed = data(
        {**decided, "action": st.sampled_from(["extend", "reopen", "close"]), "closes_at": LATER}
    )
    return timeless | timed


def reports() -> st.SearchStrategy[Any]:
    reporter = st.fixed_dictionaries({"user_id": USERS}) | st.fixed_dictionaries(
        {"anonymous_id": USERS}, optional={"user_id": st.none()}
    )
    reported = {**REPORT, "reporter": reporter, "reported_at": TIMES}
    return st.one_of(
        data({**reported, "reason": ABUSE}, note=TEXTS, law=TEXTS),
        data({**reported, "reason": st.just("other"), "note": TEXTS}),
        data({**reported, "reason": st.just("illegal_content"), "law": TEXTS}, note=TEXTS),
    )


REACTION = {
    **COMMENT,
    "user_id": USERS,
    "reaction": st.sampled_from(["like", "👍"]),
    "reacted_at": TIMES,
}
AUTHOR = st.fixed_dictionaries(
    {"user_id": USERS, "display_name": TEXTS},
    optional={"role": st.sampled_from([None, "reader", "staff"])},
)
DATA: dict[str, st.SearchStrategy[Any]] = {
    "article.published.v1": article_contents(),
    "article.updated.v1": article_contents(),
    "article.unpublished.v1": data({**ARTICLE, "unpublished_at": TIMES}, reason=TEXTS),
    "discussion.overridden.v1": overrides(),
    "comment.posted.v1": data(
        {**COMMENT, "author": AUTHOR, "body": TEXTS, "posted_at": TIMES},
        parent_comment_id=COMMENT_IDS,
        held=st.booleans(),
    ),
    "comment.edited.v1": data({**COMMENT, "body": TEXTS, "edited_at": TIMES}),
    "comment.deleted.v1": data({**COMMENT, "deleted_at": TIMES}),
    "comment.moderated.v1": data(
        {
            **COMMENT,
            "decision": st.sampled_from(["approved", "rejected"]),
            "decided_by": USERS,
            "automated": st.booleans(),
            "decided_at": TIMES,
        },
        reason=ABUSE,
    ),
    "comment.reported.v1": reports(),
    "report.withdrawn.v1": data({**REPORT, "withdrawn_at": TIMES}),
    "report.decided.v1": data(
        {
            **REPORT,
            "decision": st.sampled_from(["upheld", "dismissed", "ignored", "duplicate", "void"]),
            "decided_by": USERS,
            "decided_at": TIMES,
        },
        explanation=TEXTS,
    ),
    "reaction.added.v1": data(REACTION),
    "reaction.removed.v1": data(REACTION),
}


def cloud_events(types: Iterable[str] = sorted(DATA)) -> st.SearchStrategy[CloudEvent]:
    """One valid event of any of these types."""
    return st.sampled_from(list(types)).flatmap(
        lambda event_type: st.builds(
            CloudEvent, st.just(event_type), EVENT_IDS, SOURCES, TIMES, DATA[event_type], st.none()
        )
    )


def histories(
    at_most: int = 8, at_least: int = 1, types: Iterable[str] = sorted(DATA)
) -> st.SearchStrategy[list[CloudEvent]]:
    """Some dozens of valid events, in no order, perhaps some twice."""
    # Lists of lists become longer, and shrink better, than one long list.
    parts = st.lists(
        st.lists(cloud_events(types), max_size=12), min_size=at_least, max_size=at_most
    )
    return parts.map(lambda lists: [event for each in lists for event in each])


def record_of(
    sent: CloudEvent, partition: int = 0, offset: int = 0, writing: str = "structured"
) -> Record:
    """The record in which an event comes, in one of ``builders.WRITINGS``."""
    return builders.record(
        sent.type,
        sent.data,
        at=sent.time,
        event_id=sent.id,
        source=sent.source,
        partition=partition,
        offset=offset,
        writing=writing,
    )


def decoded(sent: Iterable[CloudEvent]) -> list[Event]:
    """The same events as the contracts read them; fails if one is refused."""
    return [
        builders.event(each.type, each.data, at=each.time, event_id=each.id, source=each.source)
        for each in sent
    ]
