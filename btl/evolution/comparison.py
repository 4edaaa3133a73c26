"""What changed between two releases of the contracts, in words: what breaks a promise, and what
only adds to it.

A released contract changes by additive, optional members only. That is compatible both ways:
whatever producers of the last release send is still accepted, and whatever those of the next one
send is still accepted by consumers of the last one, ours that are not upgraded yet included. So a
looser rule breaks as a tighter one does, but for others: each change says for whom.
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
    """Something that is not as the last release has it."""

    event_type: str
    pointer: str | None
    """The member concerned, such as ``/data/author/role``; None if it is about the event type."""
    text: str
    """What changed and, where it breaks something, for whom: the rest of the sentence."""

    def __str__(self) -> str:
        return " ".join(filter(None, self))


def breaking_changes(released: Release, now: Release) -> list[Change]:
    """Return everything in which the contracts of now break what was released, by event type in the
    order of the release.
    """
    return [
        Change(event_type, pointer, text)
        for event_type, promised in released.event_types.items()
        for pointer, text in _broken(promised, now.event_types.get(event_type))
    ]


def additions(released: Release, now: Release) -> list[Change]:
    """Return what is there beyond the release and breaks nothing: event types, optional members,
    examples.
    """
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
    """For whom a rule of this event type breaks."""

    tighter: str
    looser: str


_FOR = {
    "in": _Breaks(
        "producers who keep to the last release are refused",
        "consumers of the last release make dead letters of what is accepted now",
    ),
    "out": _Breaks(
        "what consumers may still read from the topic does not match",
        "consumers who keep to the last release refuse what is sent now",
    ),
}

_Finding = tuple[str | None, str]
"""Pointer and text of a change."""


def _broken(promised: ReleasedType, offered: ReleasedType | None) -> Iterator[_Finding]:
    if offered is None:
        yield (
            None,
            (
                f"is gone: its producers are refused, and what topic {promised.topic} holds of it"
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
                    f"has moved: its {name} was {then} and is {now}; producers and consumers know"
                    " the former."
                ),
            )
    breaks = _FOR[promised.direction]
    for pointer, then_rules in promised.constraints.items():
        now_rules = offered.constraints.get(pointer)
        if now_rules is not None:
            yield from _required(pointer, then_rules, now_rules, offered, breaks)
            yield from _changed_rules(pointer, then_rules, now_rules, breaks)
        elif _parent(pointer) in offered.constraints:
            yield pointer, "is gone: what producers send there is ignored, and consumers miss it."
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
    """Optional members that are new in objects which are not."""
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
        # Combinators and the rest of JSON Schema: whether one rule implies the other is not for a
        # program to guess.
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
