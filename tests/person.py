"""A day of one person: everything that is theirs is a text of its own."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from below_the_line.catalogue import load_contracts
from below_the_line.contracts.events import Event, Record
from below_the_line.kafka.envelopes import Outgoing, binary, structured
from tests.traces import Marks, as_json

ARTICLE = "harbour"
FLOOD = 250
"""Bad records, enough for the breaker."""
_TIME_OF = {
    "comment.posted.v1": "posted_at",
    "comment.edited.v1": "edited_at",
    "comment.moderated.v1": "decided_at",
    "comment.deleted.v1": "deleted_at",
    "comment.reported.v1": "reported_at",
    "report.decided.v1": "decided_at",
    "reaction.added.v1": "reacted_at",
    "article.published.v1": "published_at",
}


def new_marks() -> Marks:
    """Texts for a person who is also a reporter without a login."""
    return Marks(
        *("user", "anonymous", "name", "body", "answer", "edit", "second-edit", "late-body"),
        *("note", "law", "answer-to-reporter", "explanation-of-comment", "bad-body"),
        "bad-edit",
    )


def events(marks: Marks) -> list[Outgoing]:
    """What happened: structured and binary, by turns."""
    author = {"user_id": marks["user"], "display_name": marks["name"]}
    another = {"user_id": "another", "display_name": "Another"}
    signed_in = {"reporter": {"user_id": marks["user"]}, "comment_id": "of-another"}
    unsigned = {"reporter": {"anonymous_id": marks["anonymous"]}, "comment_id": "of-another"}
    upheld = {"decision": "upheld", "decided_by": "moderator-1"}
    liked = {"user_id": marks["user"], "reaction": "like"}
    article = {"url": "https://news.example/harbour", "headline": "Harbour", "site": "news"}
    window = {"enabled": True, "window_hours": 24}
    rejected = {"decision": "rejected", "decided_by": "moderator-1", "automated": False}
    happened: list[tuple[str, str, dict[str, Any]]] = [
        ("article.published.v1", "01T09:00", {**article, "section": "x", "discussion": window}),
        *(
            ("comment.posted.v1", at, {"comment_id": comment, "author": who, "body": body})
            for at, comment, who, body in (
                ("01T10:00", "first", author, marks["body"]),
                ("01T10:30", "answer", author, marks["answer"]),
                ("01T11:00", "of-another", another, "Mine"),
                ("03T10:00", "late", author, marks["late-body"]),
            )
        ),
        ("comment.edited.v1", "01T12:00", {"comment_id": "first", "body": marks["edit"]}),
        ("comment.edited.v1", "01T12:30", {"comment_id": "first", "body": marks["second-edit"]}),
        ("comment.moderated.v1", "01T13:00", {"comment_id": "answer", **rejected}),
        ("comment.deleted.v1", "01T13:30", {"comment_id": "answer"}),
        *(
            ("comment.reported.v1", at, {"report_id": report, "reason": reason, **about})
            for at, report, reason, about in (
                ("01T14:00", "report-1", "other", {"note": marks["note"], **signed_in}),
                ("01T14:10", "report-2", "illegal_content", {"law": marks["law"], **unsigned}),
                ("01T14:20", "report-3", "spam", {"comment_id": "first", "reporter": {
                    "user_id": "another"}}),
                ("01T14:30", "report-4", "spam", {**signed_in, "comment_id": "late"}),
            )
        ),
        *(
            ("report.decided.v1", at, {"report_id": report, "comment_id": comment, **upheld,
                                       "explanation": explanation})
            for at, report, comment, explanation in (
                ("01T15:00", "report-2", "of-another", marks["answer-to-reporter"]),
                ("01T15:10", "report-3", "first", marks["explanation-of-comment"]),
            )
        ),
        ("reaction.added.v1", "01T16:00", {"comment_id": "first", **liked}),
        ("reaction.added.v1", "01T16:10", {"comment_id": "of-another", **liked}),
    ]  # fmt: skip
    return [
        (binary if number % 2 else structured)(
            topic="articles" if event_type.startswith("article") else "comment-events",
            event_type=event_type,
            event_id=f"event-{number}",
            source="/comments",
            time=f"2026-05-{at}:00Z",
            subject=data.get("comment_id", ARTICLE),
            data={"article_id": ARTICLE, _TIME_OF[event_type]: f"2026-05-{at}:00Z", **data},
        )
        for number, (event_type, at, data) in enumerate(happened)
    ]


def bad_records(marks: Marks) -> list[Outgoing]:
    """Records of the person that consumers reject, at each stage and in every writing."""
    author = {"user_id": marks["user"], "display_name": marks["name"]}
    at = "2026-05-01T10:00:00Z"
    data: dict[str, Any] = {"article_id": ARTICLE, "comment_id": "bad", "posted_at": at}
    data |= {"author": author, "body": marks["bad-body"]}
    whole: dict[str, Any] = {"specversion": "1.0", "id": "bad", "source": "/comments", "time": at}
    whole |= {"type": "comment.posted.v1", "data": data}
    edit = {"article_id": ARTICLE, "comment_id": "first", "body": marks["bad-edit"]}
    asked = {"user_id": marks["user"], "erased_at": "yesterday"}
    plain = _json(whole)
    in_base64 = {name: each for name, each in whole.items() if name != "data"}
    in_base64["data_base64"] = base64.b64encode(_json({**data, "posted_at": 5})).decode()
    headers = (("ce_type", b"comment.posted.v1"), ("ce_subject", marks["user"].encode()))
    return [
        # decode
        _bad(plain.replace(b'"source"', b'"id": "twice", "source"')),
        _bad(plain.replace(b'"comment_id": "bad"', b'"comment_id": "b\\u0000d"')),
        # envelope
        _bad(_json({**whole, "id": ""})),
        _bad(_json({**whole, "type": "comment.pinned.v1"})),
        _bad(_json(data))._replace(headers=headers),
        # contract
        _bad(as_json({**whole, "data": {**data, "held": "no"}})),
        _bad(_json(in_base64)),
        _bad(_json({**whole, "time": "1980-01-01T00:00:00Z"})),
        _bad(plain, marks["user"]),
        # Nothing in it says who wrote it, but whose comment it is.
        _bad(_json({**whole, "type": "comment.edited.v1", "data": edit})),
        _bad(_json({**whole, "type": "commenter.erased.v1", "data": asked}), marks["user"]),
    ]


def flood(marks: Marks) -> list[Outgoing]:
    """Bad records of one partition, enough that its breaker trips."""
    data = {"article_id": ARTICLE, "author": {"user_id": marks["user"]}, "body": marks["bad-body"]}
    whole: dict[str, Any] = {"specversion": "1.0", "source": "/comments", "data": data}
    whole |= {"type": "comment.posted.v1", "time": "2026-05-01T10:00:00Z"}
    return [_bad(_json({**whole, "id": f"flood-{number}"})) for number in range(FLOOD)]


def records(sent: list[Outgoing], timestamp: int) -> Iterator[Record]:
    """Yield records as Kafka would hand them over, of one partition of each topic."""
    for offset, each in enumerate(sent):
        yield Record(each.topic, 0, offset, timestamp, each.key, each.value, list(each.headers))


def add_digests(marks: Marks, sent: list[Outgoing], timestamp: int) -> None:
    """Look for the digests of these events, too, if something of the person is in them: they would
    confirm a text that somebody guesses.
    """
    for number, each in enumerate(records(sent, timestamp)):
        event = load_contracts().decode(each)
        assert isinstance(event, Event), event
        if marks.found_in((each.value or b"").decode()):
            marks.add_digest(f"digest of {event.type} {number}", event.digest)


def _bad(value: bytes, key: str = ARTICLE) -> Outgoing:
    headers = (("content-type", b"application/cloudevents+json"),)
    return Outgoing("comment-events", key.encode(), value, headers)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()
