"""The changes between two releases of the contracts, in words: breaking ones, and additions.

A released contract changes by additive, optional members only. That is compatible both ways:
consumers accept what producers of the last release send, and consumers of the last release, which
may run during an upgrade, accept what producers of the next one send. So a looser rule breaks
something as a tighter one does, only for other people: each change says for whom.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from below_the_line.contracts.rejection import escaped
from btl.evolution.release import Release, ReleasedType

ABSENT: Any = object()

_LOWER_BOUNDS = {
    "minimum": "least value",
    "exclusiveMinimum": "least value (exclusive)",
    "minLength": "least number of characters",
    "minItems": "least number of items",
    "minProperties": "least number of members",
}
_UPPER_BOUNDS = {
    "maximum": "greatest value",
    "exclusiveMaximum": "greatest value (exclusive)",
    "maxLength": "greatest number of characters",
    "x-max-bytes": "greatest number of bytes",
    "maxItems": "greatest number of items",
    "maxProperties": "greatest number of members",
}
_BOUNDS = _LOWER_BOUNDS | _UPPER_BOUNDS
_FORMS = {"pattern": "pattern", "format": "format", "x-time-bound": "bound of time"}


class Change(NamedTuple):
    """A difference from the last release."""

    event_type: str
    pointer: str | None
    """The member, such as ``/data/author/role``; None if the change is about the event type."""
    text: str
    """The rest of the sentence: what changed and, if it breaks something, for whom."""

    def __str__(self) -> str:
        return " ".join(filter(None, self))


def breaking_changes(released: Release, now: Release) -> list[Change]:
    """Return all changes that break the release, by event type in the order of the release."""
    return [
        Change(event_type, pointer, text)
        for event_type, promised in released.event_types.items()
        for pointer, text in _broken(promised, now.event_types.get(event_type))
    ]


def additions(released: Release, now: Release) -> list[Change]:
    """Return additions that break nothing: event types, optional members, examples."""
    found = []
    for event_type, offered in now.event_types.items():
        promised = released.event_types.get(event_type)
        if promised is None:
            found.append(Change(event_type, None, f"is new, on topic {offered.topic}."))
            continue
        for pointer in _new_members(promised, offered):
            found.append(Change(event_type, pointer, "is a new, optional member."))
        for name in sorted(offered.examples.keys() - promised.examples.keys()):
            found.append(Change(event_type, None, f"has a further example, {name}."))
    return found


class _Breaks(NamedTuple):
    """Names whom a changed rule of this event type breaks."""

    tighter: str
    looser: str


_FOR = {
    "in": _Breaks(
        "producers that use the last release are rejected",
        "consumers of the last release make dead letters of newly accepted events",
    ),
    "out": _Breaks(
        "older events in the topic do not match",
        "consumers that use the last release reject new events",
    ),
}

_Finding = tuple[str | None, str]
"""Pointer and text of a change."""


def _broken(promised: ReleasedType, offered: ReleasedType | None) -> Iterator[_Finding]:
    if offered is None:
        yield (
            None,
            (
                f"is gone: its producers are rejected, and its events in topic {promised.topic}"
                " cannot be read."
            ),
        )
        return
    for name in ("topic", "direction", "key"):
        then, now = getattr(promised, name), getattr(offered, name)
        if then != now:
            yield (
                None,
                (
                    f"has moved: its {name} was {then} and is {now}; producers and consumers use"
                    " the old one."
                ),
            )
    breaks = _FOR[promised.direction]
    for pointer, then_rules in promised.constraints.items():
        now_rules = offered.constraints.get(pointer)
        if now_rules is not None:
            yield from _required(pointer, then_rules, now_rules, offered, breaks)
            yield from _changed_rules(pointer, then_rules, now_rules, breaks)
        elif _parent(pointer) in offered.constraints:
            yield pointer, "is gone: consumers ignore what producers send, and miss it."
    for pointer in sorted(offered.constraints.keys() - promised.constraints.keys()):
        if pointer.endswith("/*") and _parent(pointer) in promised.constraints:
            yield pointer, f"has rules, and there were none for items: {breaks.tighter}."
    yield from _changed_examples(promised.examples, offered.examples)


def _changed_rules(
    pointer: str, then_rules: Mapping[str, Any], now_rules: Mapping[str, Any], breaks: _Breaks
) -> Iterator[_Finding]:
    for keyword in sorted((then_rules.keys() | now_rules.keys()) - {"required"}):
        then, now = then_rules.get(keyword, ABSENT), now_rules.get(keyword, ABSENT)
        if then != now:
            for text in _difference(keyword, then, now, breaks):
                yield pointer, text


def _changed_examples(
    promised: Mapping[str, str], offered: Mapping[str, str]
) -> Iterator[_Finding]:
    for name, digest in promised.items():
        if name not in offered:
            yield None, f"has lost the example {name}, which shows what was promised."
        elif offered[name] != digest:
            yield (
                None,
                f"has another record or result in the example {name}: add one beside it instead.",
            )


def _new_members(promised: ReleasedType, offered: ReleasedType) -> list[str]:
    """Yield new optional members of objects that are not new."""
    return [
        pointer
        for pointer in offered.constraints
        if pointer not in promised.constraints
        and not pointer.endswith("/*")
        and _parent(pointer) in promised.constraints
        and pointer.rpartition("/")[2]
        not in offered.constraints[_parent(pointer)].get("required", ())
    ]


def _parent(pointer: str) -> str:
    return pointer.rpartition("/")[0]


def _required(
    pointer: str,
    then_rules: Mapping[str, Any],
    now_rules: Mapping[str, Any],
    offered: ReleasedType,
    breaks: _Breaks,
) -> Iterator[_Finding]:
    then, now = (
        {f"{pointer}/{escaped(name)}" for name in rules.get("required", ())}
        for rules in (then_rules, now_rules)
    )
    for member in sorted(now - then):
        yield member, f"is required: {breaks.tighter}."
    for member in sorted((then - now) & offered.constraints.keys()):
        yield member, f"is no longer required: {breaks.looser}."


def _difference(keyword: str, then: Any, now: Any, breaks: _Breaks) -> Iterator[str]:
    if keyword in _BOUNDS:
        yield _moved_bound(keyword, then, now, breaks)
    elif keyword in _FORMS:
        yield _other_form(_FORMS[keyword], then, now, breaks)
    elif keyword in _RULES:
        yield from _RULES[keyword](then, now, breaks)
    else:
        # Combinators and the rest of JSON Schema: a program cannot tell whether one rule implies
        # another.
        yield (
            f"has another rule {keyword}, {_shown(now)}, and had {_shown(then)}: what was valid may"
            " not be."
        )


def _types(then: Any, now: Any, breaks: _Breaks) -> Iterator[str]:
    if then is ABSENT:
        yield f"takes the type {' or '.join(now)} only, and took any: {breaks.tighter}."
    elif now is ABSENT:
        yield f"takes any type, and took {' or '.join(then)} only: {breaks.looser}."
    else:
        yield from _members(_with_integers(then), _with_integers(now), "the type ", breaks)


def _with_integers(types: list[str]) -> set[str]:
    return {*types, "integer"} if "number" in types else set(types)


def _values(then: Any, now: Any, breaks: _Breaks) -> Iterator[str]:
    if then is ABSENT:
        yield f"takes {_shown(now)} only, and took any value: {breaks.tighter}."
    elif now is ABSENT:
        yield f"takes any value, and took {_shown(then)} only: {breaks.looser}."
    else:
        yield from _members(set(map(_shown, then)), set(map(_shown, now)), "", breaks)


def _members(then: set[str], now: set[str], kind: str, breaks: _Breaks) -> Iterator[str]:
    for gone in sorted(then - now):
        yield f"no longer takes {kind}{gone}: {breaks.tighter}."
    for new in sorted(now - then):
        yield f"takes {kind}{new}, too: {breaks.looser}."


def _default(then: Any, now: Any, _: _Breaks) -> Iterator[str]:
    yield (
        f"has the default {_shown(now)}, and had {_shown(then)}: events that leave it out change"
        " their meaning."
    )


def _openness(then: Any, now: Any, breaks: _Breaks) -> Iterator[str]:
    was_open, is_open = (setting is ABSENT or setting == {} for setting in (then, now))
    if was_open and not is_open:
        yield f"is closed to members that the contract does not know: {breaks.tighter}."
    elif is_open and not was_open:
        yield f"is open to members that the contract does not know: {breaks.looser}."
    elif not is_open:
        yield f"has other rules for members that the contract does not know: {breaks.tighter}."


def _moved_bound(keyword: str, then: Any, now: Any, breaks: _Breaks) -> str:
    name = _BOUNDS[keyword]
    if then is ABSENT:
        return f"has the {name} {now}, and had none: {breaks.tighter}."
    if now is ABSENT:
        return f"has no {name}, and had {then}: {breaks.looser}."
    is_tighter = now > then if keyword in _LOWER_BOUNDS else now < then
    return (
        f"has the {name} {now}, and had {then}: {breaks.tighter if is_tighter else breaks.looser}."
    )


def _other_form(name: str, then: Any, now: Any, breaks: _Breaks) -> str:
    if then is ABSENT:
        return f"has the {name} {now}, and had none: {breaks.tighter}."
    if now is ABSENT:
        return f"has no {name}, and had {then}: {breaks.looser}."
    return f"has the {name} {now}, and had {then}: {breaks.tighter}."


_RULES: Mapping[str, Callable[[Any, Any, _Breaks], Iterator[str]]] = {
    "type": _types,
    "enum": _values,
    "default": _default,
    "additionalProperties": _openness,
    "unevaluatedProperties": _openness,
}


def _shown(setting: Any) -> str:
    return "none" if setting is ABSENT else json.dumps(setting, ensure_ascii=False)
