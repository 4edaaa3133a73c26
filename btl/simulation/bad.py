"""Records that no consumer can accept: at least one kind for every dead-letter code."""

import random
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from below_the_line.kafka.envelopes import STRUCTURED_HEADERS, Outgoing, binary, structured
from btl.simulation.arrivals import COMMENTS, MODERATION, stamp

_TOO_LARGE = 262_144
_CENTURY = 100 * 365 * 86_400 * 1_000_000


def bad_record(code: str, rng: random.Random, article_id: str, at: int) -> Outgoing:
    """Return a record, sent at ``at`` (microseconds since 1970), that becomes a dead letter with
    this code.
    """
    _, make = _KINDS[code]
    return make(rng, article_id, at)


def _comment(rng: random.Random, article_id: str, at: int) -> dict[str, Any]:
    return {
        "article_id": article_id,
        "comment_id": f"x{rng.getrandbits(40):010x}",
        "author": {"user_id": f"u{rng.getrandbits(12):06d}", "display_name": "broken_client"},
        "body": "Sent by a client that is not quite right.",
        "posted_at": stamp(at),
    }


def _event(
    rng: random.Random,
    data: Mapping[str, Any],
    at: int,
    event_type: str = "comment.posted.v1",
    *,
    topic: str = "comment-events",
    in_binary: bool = False,
) -> Outgoing:
    return (binary if in_binary else structured)(
        topic=topic,
        event_type=event_type,
        event_id=f"{rng.getrandbits(128):032x}",
        source=MODERATION if in_binary else COMMENTS,
        time=stamp(at),
        subject="broken",
        data=data,
    )


def _no_value(rng: random.Random, article_id: str, _at: int) -> Outgoing:
    return Outgoing("comment-events", article_id.encode(), None if rng.random() < 0.5 else b"")


def _too_large(rng: random.Random, article_id: str, at: int) -> Outgoing:
    return _event(rng, {**_comment(rng, article_id, at), "body": "a" * _TOO_LARGE}, at)


def _not_utf8(rng: random.Random, article_id: str, at: int) -> Outgoing:
    good = _event(
        rng,
        {**_comment(rng, article_id, at), "body": "Gr\u00fc\u00dfe"},
        at,
        in_binary=rng.random() < 0.3,
    )
    return good._replace(value=_value(good).decode().encode("latin-1"))


def _too_deep(rng: random.Random, article_id: str, at: int) -> Outgoing:
    nested: Any = "quoted"
    for _ in range(40):
        nested = {"quote": nested}
    return _event(rng, {**_comment(rng, article_id, at), "quotes": nested}, at)


def _not_json(rng: random.Random, article_id: str, at: int) -> Outgoing:
    good = _event(rng, _comment(rng, article_id, at), at, in_binary=rng.random() < 0.4)
    value = _value(good)
    broken = (
        value[: len(value) // 2],
        value.replace(b'"', b"'"),
        b"<event/>",
        value.replace(b'"body"', b'"n":NaN,"body"'),
    )
    return good._replace(value=rng.choice(broken))


def _duplicate_key(rng: random.Random, article_id: str, at: int) -> Outgoing:
    good = _event(rng, _comment(rng, article_id, at), at, in_binary=rng.random() < 0.3)
    return good._replace(value=_value(good).replace(b'"body":', b'"body":"First.","body":'))


def _number_out_of_range(rng: random.Random, article_id: str, at: int) -> Outgoing:
    good = _event(rng, _comment(rng, article_id, at), at)
    number = rng.choice((b"1e400", b"18446744073709551616", b"-9223372036854775809"))
    return good._replace(value=_value(good).replace(b'"body":', b'"score":' + number + b',"body":'))


def _nul_character(rng: random.Random, article_id: str, at: int) -> Outgoing:
    return _event(
        rng,
        {**_comment(rng, article_id, at), "body": "cut\0here"},
        at,
        in_binary=rng.random() < 0.3,
    )


def _lone_surrogate(rng: random.Random, article_id: str, at: int) -> Outgoing:
    good = _event(
        rng, {**_comment(rng, article_id, at), "body": "HALF"}, at, in_binary=rng.random() < 0.3
    )
    return good._replace(value=_value(good).replace(b"HALF", b"half an emoji: \\ud83d"))


def _not_cloudevent(rng: random.Random, article_id: str, at: int) -> Outgoing:
    data = _comment(rng, article_id, at)
    kind = rng.randrange(4)
    if kind == 0:
        return Outgoing("comment-events", article_id.encode(), orjson.dumps(data))
    good = _event(rng, data, at, in_binary=kind == 3)
    if kind == 3:
        return good._replace(
            headers=tuple(header for header in good.headers if header[0] != "ce_id")
        )
    event = orjson.loads(_value(good))
    if kind == 1:
        event["specversion"] = "0.3"
    else:
        event["time"] = "yesterday"
    return Outgoing("comment-events", good.key, orjson.dumps(event), STRUCTURED_HEADERS)


def _unknown_type(rng: random.Random, article_id: str, at: int) -> Outgoing:
    data = _comment(rng, article_id, at)
    kind = rng.randrange(3)
    if kind == 0:
        return _event(rng, data, at, topic="articles")
    return _event(
        rng, data, at, rng.choice(("comment.flagged.v1", "comment.posted.v9")), in_binary=kind == 1
    )


def _schema_violation(rng: random.Random, article_id: str, at: int) -> Outgoing:
    comment = _comment(rng, article_id, at)
    keys = {"article_id": article_id, "comment_id": comment["comment_id"]}
    kind = rng.randrange(6)
    in_binary = rng.random() < 0.3
    if kind == 0:
        del comment["body"]
    elif kind == 1:
        comment["author"] = "anonymous"
    elif kind == 2:
        comment["posted_at"] = "2026-13-01 25:00"
    elif kind == 3:
        comment["comment_id"] = "x" * 201
    elif kind == 4:
        report = {
            **keys,
            "report_id": "r1",
            "reporter": {"user_id": "u1"},
            "reason": "rude",
            "reported_at": stamp(at),
        }
        return _event(rng, report, at, "comment.reported.v1", in_binary=in_binary)
    else:
        reaction = {**keys, "user_id": "u1", "reaction": "thumbs up", "reacted_at": stamp(at)}
        return _event(rng, reaction, at, "reaction.added.v1", in_binary=in_binary)
    return _event(rng, comment, at, in_binary=in_binary)


def _time_out_of_range(rng: random.Random, article_id: str, at: int) -> Outgoing:
    comment = _comment(rng, article_id, at)
    # A clock that was never set, or a century ahead.
    wrong = int(rng.random() * 86_400 * 1_000_000) if rng.random() < 0.5 else at + _CENTURY
    if rng.random() < 0.5:
        return _event(rng, {**comment, "posted_at": stamp(wrong)}, at, in_binary=rng.random() < 0.3)
    return _event(rng, comment, wrong)


def _key_mismatch(rng: random.Random, article_id: str, at: int) -> Outgoing:
    good = _event(rng, _comment(rng, article_id, at), at, in_binary=rng.random() < 0.3)
    return good._replace(
        key=rng.choice((f"{article_id} ".encode(), article_id.upper().encode() + b"?", b"comment"))
    )


def _value(outgoing: Outgoing) -> bytes:
    return outgoing.value or b""


_KINDS: Mapping[str, tuple[int, Callable[[random.Random, str, int], Outgoing]]] = {
    "no_value": (4, _no_value),
    "too_large": (1, _too_large),
    "not_utf8": (5, _not_utf8),
    "too_deep": (2, _too_deep),
    "not_json": (12, _not_json),
    "duplicate_key": (4, _duplicate_key),
    "number_out_of_range": (3, _number_out_of_range),
    "nul_character": (4, _nul_character),
    "lone_surrogate": (4, _lone_surrogate),
    "not_cloudevent": (10, _not_cloudevent),
    "unknown_type": (12, _unknown_type),
    "schema_violation": (24, _schema_violation),
    "time_out_of_range": (9, _time_out_of_range),
    "key_mismatch": (6, _key_mismatch),
}
"""Every code that a producer can cause (only consumers cause rejected_by_database): how often it is
chosen, and what makes a record.
"""
WEIGHTS = {code: weight for code, (weight, _) in _KINDS.items()}
