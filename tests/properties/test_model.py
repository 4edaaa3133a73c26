"""The model by hand: what each register of each table comes to. That the code agrees with the model
is shown beside this.
"""

from hashlib import sha256
from typing import Any

import pytest

from below_the_line.catalogue import load_contracts
from tests.builders import WRITINGS
from tests.properties.histories import decoded, record_of
from tests.properties.model import CloudEvent, moment, tables

COMMENT = {"article_id": "a", "comment_id": "c"}


def at(hour: int) -> str:
    return f"2026-05-01T{hour:02}:00:00Z"


def sent(
    event_type: str, hour: int, event_id: str | None = None, source: str = "/desk", **data: Any
) -> CloudEvent:
    whole = CloudEvent(
        f"{event_type}.v1", event_id or f"{event_type}-{hour}", source, at(hour), data
    )
    decoded([whole])  # fails unless it is valid
    return whole


def article(kind: str, hour: int, headline: str, **data: Any) -> CloudEvent:
    return sent(
        f"article.{kind}",
        hour,
        article_id="a",
        url="https://example.org/a",
        headline=headline,
        **data,
    )


def unpublished(hour: int, takes_effect: int) -> CloudEvent:
    return sent("article.unpublished", hour, article_id="a", unpublished_at=at(takes_effect))


def posted(hour: int, body: str) -> CloudEvent:
    author = {"user_id": "u", "display_name": "Reader"}
    return sent("comment.posted", hour, **COMMENT, author=author, body=body, posted_at=at(hour))


def edited(hour: int, body: str) -> CloudEvent:
    return sent("comment.edited", hour, **COMMENT, body=body, edited_at=at(hour))


def deleted(hour: int) -> CloudEvent:
    return sent("comment.deleted", hour, **COMMENT, deleted_at=at(hour))


def moderated(
    decision: str, hour: int, event_id: str | None = None, source: str = "/desk", **data: Any
) -> CloudEvent:
    decided = {
        "decision": decision,
        "decided_by": "desk",
        "automated": False,
        "decided_at": at(hour),
    }
    return sent("comment.moderated", hour, event_id, source, **COMMENT, **decided, **data)


def reported(reason: str, hour: int) -> CloudEvent:
    reporter = {"user_id": "u"}
    return sent(
        "comment.reported",
        hour,
        **COMMENT,
        report_id="r",
        reporter=reporter,
        reason=reason,
        reported_at=at(hour),
    )


def withdrawn(hour: int) -> CloudEvent:
    return sent("report.withdrawn", hour, **COMMENT, report_id="r", withdrawn_at=at(hour))


def reaction(kind: str, hour: int, reacted: int | None = None) -> CloudEvent:
    reacted_at = at(hour if reacted is None else reacted)
    return sent(
        f"reaction.{kind}", hour, **COMMENT, user_id="u", reaction="like", reacted_at=reacted_at
    )


SCENARIOS: dict[str, tuple[list[CloudEvent], str, dict[str, Any]]] = {
    "a re-post does not move posted_at, nor does its text win": (
        [posted(10, "first"), posted(12, "again"), posted(11, "between")],
        "comments",
        {"first_body": "first", "posted_at": moment(at(10))},
    ),
    "what an author leaves out has its default": (
        [posted(10, "first")],
        "comments",
        {"role": "reader", "held": False, "parent_comment_id": None},
    ),
    "the last edit wins, whenever the comment was posted": (
        [posted(12, "posted later than its edits"), edited(9, "one"), edited(11, "two")],
        "comments",
        {
            "first_body": "posted later than its edits",
            "edited_body": "two",
            "edited_at": moment(at(11)),
        },
    ),
    "an edit before a deletion is kept, and the first deletion stands": (
        [posted(8, "first"), edited(9, "edited"), deleted(10), deleted(11)],
        "comments",
        {"edited_body": "edited", "deleted_at": moment(at(10))},
    ),
    "a comment that was only deleted is a stub": (
        [deleted(10)],
        "comments",
        {
            "user_id": None,
            "role": None,
            "held": None,
            "posted_at": None,
            "posted_version": None,
            "decision": None,
        },
    ),
    "the last decision wins": (
        [moderated("approved", 9), moderated("rejected", 11), moderated("approved", 10)],
        "comments",
        {"decision": "rejected", "decided_at": moment(at(11))},
    ),
    "of equal times the greater id wins, whatever the sources": (
        [moderated("approved", 9, "b", "/a"), moderated("rejected", 9, "a", "/b")],
        "comments",
        {"decision": "approved"},
    ),
    "ids compare as bytes of UTF-8": (
        [moderated("approved", 9, "\uffff"), moderated("rejected", 9, "\U00010000")],
        "comments",
        {"decision": "rejected"},
    ),
    "of equal times and ids the greater source wins": (
        [moderated("approved", 9, "same", "/a"), moderated("rejected", 9, "same", "/b")],
        "comments",
        {"decision": "rejected"},
    ),
    "the first report counts, and the first withdrawal": (
        [reported("spam", 10), reported("trolling", 9), withdrawn(12), withdrawn(11)],
        "reports",
        {"reason": "trolling", "reported_at": moment(at(9)), "withdrawn_at": moment(at(11))},
    ),
    "a reaction is as it was left, and remembers when it first came": (
        [reaction("added", 11), reaction("removed", 12), reaction("added", 9, reacted=8)],
        "reactions",
        {"is_on": False, "first_added_at": moment(at(8))},
    ),
    "a reaction that was only removed was never added": (
        [reaction("removed", 9), reaction("removed", 10)],
        "reactions",
        {"is_on": False, "first_added_at": None},
    ),
    "an update changes the content and never republishes": (
        [
            article("published", 9, "old"),
            unpublished(10, takes_effect=12),
            article("updated", 11, "new"),
        ],
        "articles",
        {"headline": "new", "status": "unpublished", "status_changed_at": moment(at(12))},
    ),
    "publishing anew does republish": (
        [
            article("published", 11, "again"),
            unpublished(10, takes_effect=10),
            article("updated", 9, "old"),
        ],
        "articles",
        {"headline": "again", "status": "published", "status_changed_at": moment(at(11))},
    ),
    "an update is the full state, and no status": (
        [article("updated", 9, "old", section="x", discussion={}), article("updated", 10, "new")],
        "articles",
        {
            "headline": "new",
            "section": None,
            "site": "default",
            "discussion_enabled": None,
            "status": None,
        },
    ),
    "settings for the discussion switch it on unless they say otherwise": (
        [article("published", 9, "open", discussion={"window_hours": 24})],
        "articles",
        {"discussion_enabled": True, "discussion_window_hours": 24},
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_one_row_is_as_the_design_says(name: str) -> None:
    events, table, expected = SCENARIOS[name]
    (row,) = tables(events)[table].values()
    assert row | expected == row


def test_one_id_with_other_content_is_two_events() -> None:
    one, other = moderated("approved", 9, "same"), moderated("approved", 9, "same", reason="spam")
    found = tables([one, other, one, other])
    assert len(found["moderation_decisions"]) == 2
    (comment,) = found["comments"].values()
    greater = max(found["moderation_decisions"].values(), key=lambda row: row["digest"])
    assert (comment["decision_reason"], comment["decision_version"]) == (
        greater["reason"],
        greater["version"],
    )


def test_the_digest_is_over_type_time_and_content_in_canonical_form() -> None:
    event = sent(
        "comment.deleted",
        1,
        comment_id="c\u00e9",
        article_id="a",
        deleted_at=at(1),
        B=[1, None],
        A={"z": 1},
    )
    text = (
        "comment.deleted.v1\n1777597200000000\n"
        '{"A":{"z":1},"B":[1,null],"article_id":"a","comment_id":"c\u00e9",'
        '"deleted_at":"2026-05-01T01:00:00Z"}'
    )
    digests = {
        getattr(load_contracts().decode(record_of(event, writing=writing)), "digest", None)
        for writing in WRITINGS
    }
    assert digests == {sha256(text.encode()).digest()}
