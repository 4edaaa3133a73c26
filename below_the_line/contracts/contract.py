"""The contract of one event type: its JSON Schema, and rules that JSON Schema can't express.

The schemas have two keywords beside those of the standard, which this module enforces:
``x-max-bytes`` (the limit of a text in UTF-8) and ``x-time-bound`` (the latest time allowed:
``past``, ``publication`` or ``closing``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jsonschema_rs

from below_the_line.contracts import resemblance
from below_the_line.contracts.data_types import DataType, Finish, resolved
from below_the_line.contracts.envelope import ABSENT
from below_the_line.contracts.events import Rejection
from below_the_line.contracts.rejection import Rejected, described, escaped, rejection
from below_the_line.contracts.spelling import nearest
from below_the_line.contracts.time_bounds import BOUNDS, CLOSING, EARLIEST, latest_times
from below_the_line.contracts.times import (
    Instant,
    as_text,
    from_datetime,
    instant,
    to_datetime,
)
from below_the_line.plurals import counted

ARTICLE_ID = "article_id"
"""The member that the record's key repeats, unless the event's type has a key of its own."""
LAST_MICROSECOND = 253_402_300_799_999_999
"""The end of the year 9999."""
OWN_TIMESTAMP = "the record's own timestamp"
"""How messages name the time that the limits of other times come from."""
_BOUND_TEXTS = (
    f"five minutes after {OWN_TIMESTAMP}",
    f"400 days after {OWN_TIMESTAMP}",
    "the end of the year 2100",
)
_COMPOSED = ("oneOf", "anyOf", "not")


@dataclass(frozen=True, slots=True)
class _Object:
    """The rules for the members of one object that its schema can't express."""

    pointer: str
    names: tuple[str, ...]
    limits: tuple[tuple[str, int], ...]
    times: tuple[tuple[str, int, str], ...]
    """Name, index in ``BOUNDS``, and pointer."""
    integers: tuple[str, ...]
    defaults: tuple[tuple[str, Any], ...]
    arrays: tuple[tuple[str, jsonschema_rs.Draft202012Validator], ...]
    """Name and the schema of its items."""
    objects: "tuple[tuple[str, _Object], ...]"


_Moment = tuple[dict[str, Any], str, Instant, int, str]
"""The object and the member that a time belongs to, the time, its bound, its pointer.

A plain tuple, because one is made for every time.
"""


class _Violation(NamedTuple):
    rank: int
    """Place of the member in the schema. The first violation in this order is reported."""
    is_composed: bool
    pointer: str
    message: str


class UnknownMember(NamedTuple):
    """A member of an event that nothing reads."""

    pointer: str
    """Of the object that has it, in structured form; empty for the event itself."""
    name: str
    nearest: str | None
    """The known member that its name resembles; one that is given is not meant."""
    absent: tuple[str, ...]
    """The known members of this object that are not given."""


class Contract:
    """The rules for the ``data`` of one event type. Immutable; threads may share it."""

    def __init__(
        self,
        event_type: str,
        schema: Mapping[str, Any],
        definitions: Mapping[str, Any],
        key: tuple[str, ...] = (ARTICLE_ID,),
    ) -> None:
        """``definitions`` is the document that the schema refers to.

        ``key`` names the members that the record's key may repeat, of which the schema makes an
        event have exactly one.
        """
        self.event_type = event_type
        self.key = key
        self._registry = jsonschema_rs.Registry([(definitions["$id"], dict(definitions))])
        self._schema = self._compiled(schema)
        self._ranks: dict[str, int] = {}
        self._descriptions: dict[str, str] = {}
        self._root = self._plan(schema, definitions, "/data")
        self.data_type = DataType(event_type, schema, definitions)
        self.finish: Finish = (
            self._finish_override
            if event_type == "discussion.overridden.v1"
            else self.data_type.finish
        )
        """``DataType.finish``, and the rules that the schema can't express."""

    def read(self, data: Any, time: str, occurred_at: Instant, timestamp: int) -> dict[str, Any]:
        """Return the members of the event's ``data``: as ``Event.data`` promises them, but absent
        ones are left out, and unknown ones are not.

        ``time`` is the attribute as sent, ``occurred_at`` as a point in time. ``timestamp`` is the
        record's, in milliseconds since 1970. Raises Rejected (schema_violation,
        time_out_of_range).
        """
        moments: list[_Moment] = []
        members = (
            self._read_object(self._root, data, time, occurred_at, moments)
            if data is not ABSENT and self._schema.is_valid(data)
            else None
        )
        if members is None:
            raise Rejected(self._rejections(data)[0])
        if self.event_type == "discussion.overridden.v1":
            at = {name: moment.since_1970 for _, name, moment, _, _ in moments}
            fault = self._override_fault(members["action"], at)
            if fault is not None:
                raise Rejected(fault)
        bounds = latest_times(timestamp)
        if not EARLIEST <= occurred_at.since_1970 <= bounds[0]:
            raise Rejected(self._out_of_bounds("time", "/time", occurred_at, 0, timestamp))
        for holder, name, (since_1970, moment), bound, pointer in moments:
            if not EARLIEST <= since_1970 <= bounds[bound]:
                raise Rejected(
                    self._out_of_bounds(
                        name, pointer, Instant(since_1970, moment), bound, timestamp
                    )
                )
            holder[name] = to_datetime(since_1970) if moment is None else moment
        return members

    def faults(self, data: Any, occurred_at: Instant | None, timestamp: int) -> list[Rejection]:
        """Return everything that is wrong with an event's ``data`` and its times, in order.

        Of an array only the first bad item is named. ``occurred_at`` is None if ``time`` cannot be
        read.
        """
        found = self._rejections(data)
        moments: list[tuple[str, str, Instant, int]] = []
        if occurred_at is not None:
            moments.append(("time", "/time", occurred_at, 0))
        moments += self._moments(self._root, data)
        if self.event_type == "discussion.overridden.v1" and isinstance(data, dict):
            at = {
                name: moment.since_1970
                for name, pointer, moment, _ in moments
                if pointer != "/time"
            }
            fault = self._override_fault(data.get("action"), at)
            if fault is not None and all(each.pointer != fault.pointer for each in found):
                found.append(fault)
        bounds = latest_times(timestamp)
        found += [
            self._out_of_bounds(name, pointer, moment, bound, timestamp)
            for name, pointer, moment, bound in moments
            if not EARLIEST <= moment.since_1970 <= bounds[bound]
        ]
        return found

    @property
    def names_article(self) -> bool:
        """Whether the record's key is the id of the article that its event is about."""
        return self.key == (ARTICLE_ID,)

    def key_members(self, data: Any) -> dict[str, str]:
        """Return the texts in ``data`` that the record's key may be, by name: of a valid event
        exactly one.
        """
        if not isinstance(data, dict):
            return {}
        return {name: data[name] for name in self.key if isinstance(data.get(name), str)}

    def unknown_members(self, data: Any) -> list[UnknownMember]:
        """Return the members of ``data`` that the contract does not know, which are ignored."""
        return list(self._unknown(self._root, data))

    def _unknown(self, plan: _Object, data: Any) -> Iterator[UnknownMember]:
        if not isinstance(data, dict):
            return
        absent = tuple(name for name in plan.names if data.get(name) is None)
        for name in data:
            if name not in plan.names:
                yield UnknownMember(plan.pointer, name, nearest(name, absent), absent)
        for name, inner in plan.objects:
            yield from self._unknown(inner, data.get(name))

    @property
    def member_names(self) -> frozenset[str]:
        """All names of members that the contract knows, at any depth."""
        return frozenset(pointer.rpartition("/")[2] for pointer in self._descriptions)

    def _read_object(
        self,
        plan: _Object,
        data: Mapping[str, Any],
        event_time: str,
        occurred_at: Instant,
        moments: list[_Moment],
    ) -> dict[str, Any] | None:
        """Return a copy without nulls and with defaults, and add its times to ``moments``.

        Returns None if a text is too long or a time is not valid.
        """
        members = dict(data)
        if None in members.values():
            members = {name: member for name, member in members.items() if member is not None}
        get = members.get
        for name, limit in plan.limits:
            text = get(name)
            if text is not None and not text.isascii() and len(text.encode()) > limit:
                return None
        for name, bound, pointer in plan.times:
            text = get(name)
            if text is not None:
                # Most are equal to the time of the event, which is parsed already.
                time = occurred_at if text == event_time else instant(text)
                if time is None:
                    return None
                moments.append((members, name, time, bound, pointer))
        for name in plan.integers:
            if type(get(name)) is float:  # 24.0 is an integer to JSON Schema
                members[name] = int(members[name])
        for name, default in plan.defaults:
            if name not in members:
                members[name] = default
        for name, inner in plan.objects:
            if name in members:
                members[name] = self._read_object(
                    inner, members[name], event_time, occurred_at, moments
                )
                if members[name] is None:
                    return None
        return members

    def _override_fault(self, action: Any, at: Mapping[str, int]) -> Rejection | None:
        if (
            "closes_at" in at
            and "decided_at" in at
            and ends_before_it_begins(action, at["closes_at"], at["decided_at"])
        ):
            return self._rejection(
                "/data/closes_at", f"To {action}, closes_at must lie after decided_at."
            )
        return None

    def _finish_override(self, data: Any, *event: Any) -> bool:
        if not self.data_type.finish(data, *event):
            return False
        times = {"closes_at": data.closes_at, "decided_at": data.decided_at}
        at = {name: from_datetime(time) for name, time in times.items() if time is not None}
        return self._override_fault(data.action, at) is None

    def _moments(self, plan: _Object, data: Any) -> Iterator[tuple[str, str, Instant, int]]:
        """Yield the times of an object that may be wrong: name, pointer, time, bound."""
        if not isinstance(data, dict):
            return
        for name, bound, pointer in plan.times:
            text = data.get(name)
            moment = instant(text) if isinstance(text, str) else None
            if moment is not None:
                yield name, pointer, moment, bound
        for name, inner in plan.objects:
            yield from self._moments(inner, data.get(name))

    def _rejections(self, data: Any) -> list[Rejection]:
        """Return how data violates the schema, in the order of the schema, one for each place."""
        if data is ABSENT:
            return [self._rejection("/data", "The member data is missing.")]
        data = self._with_one_fault_per_array(self._root, data)
        violations = [*self._schema_violations(data), *self._further_violations(self._root, data)]
        pointers = {violation.pointer for violation in violations if not violation.is_composed}
        first_of: dict[str, _Violation] = {}
        for violation in sorted(violations):
            if not (
                violation.is_composed
                and any(other.startswith(f"{violation.pointer}/") for other in pointers)
            ):
                first_of.setdefault(violation.pointer, violation)
        return [self._rejection(each.pointer, each.message) for each in first_of.values()]

    def _with_one_fault_per_array(self, plan: _Object, data: Any) -> Any:
        """Return the same data with arrays cut after their first bad item.

        An array may have a hundred thousand items, and one violation is reported.
        """
        if not isinstance(data, dict):
            return data
        members = dict(data)
        for name, schema in plan.arrays:
            items = members.get(name)
            if isinstance(items, list):
                bad = next(
                    (index for index, item in enumerate(items) if not schema.is_valid(item)),
                    len(items),
                )
                members[name] = items[: bad + 1]
        for name, inner in plan.objects:
            if name in members:
                members[name] = self._with_one_fault_per_array(inner, members[name])
        return members

    def _schema_violations(self, data: Any) -> Iterator[_Violation]:
        for error in self._schema.iter_errors(data):
            rule = error.kind.name
            steps = (
                [*error.instance_path, error.kind.value]
                if rule == "required"
                else error.instance_path
            )
            pointer = "".join(["/data", *(f"/{escaped(str(step))}" for step in steps)])
            name = str(steps[-1]) if steps else "data"
            if name.isdecimal():
                name = f"item {name} of {steps[-2]}"
            if rule == "required":
                given: Any = error.instance
                hint = resemblance.of_object(given) or resemblance.of_names(name, given)
                message = f"{name} is missing.{hint}"
            elif rule == "pattern" or rule in _COMPOSED:
                message = (
                    f"{name} is {described(error.instance)}, which is not as described:"
                    f" {self._description(pointer)}"
                )
            else:
                message = (
                    f"{name} {_rule_text(rule, error.kind.value)}, but is"
                    f" {described(error.instance)}.{_hint(rule, error)}"
                )
            yield _Violation(self._rank(pointer), rule in _COMPOSED, pointer, message)

    def _further_violations(self, plan: _Object, data: Any) -> Iterator[_Violation]:
        if not isinstance(data, dict):
            return
        for name, limit in plan.limits:
            text, pointer = data.get(name), f"{plan.pointer}/{name}"
            if isinstance(text, str) and (size := len(text.encode())) > limit:
                yield _Violation(
                    self._rank(pointer),
                    False,
                    pointer,
                    f"{name} has {size} bytes; at most {limit} are allowed.",
                )
        for name, _, pointer in plan.times:
            text = data.get(name)
            if isinstance(text, str) and instant(text) is None:
                message = (
                    f"{name} must be a time as of RFC 3339, such as 2026-11-23T10:00:00Z, but is"
                    f" {described(text)}.{resemblance.of_time(text)}"
                )
                yield _Violation(self._rank(pointer), False, pointer, message)
        for name, inner in plan.objects:
            yield from self._further_violations(inner, data.get(name))

    def _rank(self, pointer: str) -> int:
        return self._ranks[self._described(pointer)]

    def _description(self, pointer: str) -> str:
        return self._descriptions[self._described(pointer)]

    def _described(self, pointer: str) -> str:
        """Return the pointer of a member that the schema describes: of an item, its array."""
        while pointer not in self._descriptions:
            pointer = pointer.rpartition("/")[0]
        return pointer

    def _rejection(self, pointer: str, message: str) -> Rejection:
        return rejection("schema_violation", message, pointer, self.event_type)

    def _out_of_bounds(
        self, name: str, pointer: str, time: Instant, bound: int, timestamp: int
    ) -> Rejection:
        message = (
            f"{name} must lie between the beginning of 1990 and {_BOUND_TEXTS[bound]}, but is"
            f" {as_text(time.since_1970)}."
        )
        if bound != CLOSING:
            # A dead letter keeps what Postgres can hold; a redrive must say the same.
            kept = as_text(min(max(timestamp, 0) * 1000, LAST_MICROSECOND))
            message += f" {OWN_TIMESTAMP.capitalize()} is {kept}"
            message += (
                ": it has none that is right. It can't be redriven; send the event again, and set"
                " the topic's message.timestamp.type to LogAppendTime."
                if timestamp * 1000 < EARLIEST
                else "."
            )
        return rejection("time_out_of_range", message, pointer, self.event_type)

    def _compiled(self, schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
        # Formats are not validated here: `instant` reads each time once, and more exactly.
        return jsonschema_rs.Draft202012Validator(
            dict(schema), registry=self._registry, validate_formats=False
        )

    def _plan(
        self, schema: Mapping[str, Any], definitions: Mapping[str, Any], pointer: str
    ) -> _Object:
        self._ranks[pointer] = len(self._ranks)
        self._descriptions[pointer] = schema["description"]
        limits, times, integers, defaults, arrays, objects = [], [], [], [], [], []
        for name, member in schema["properties"].items():
            rules = resolved(member, definitions)
            inner = f"{pointer}/{escaped(name)}"
            if "properties" in rules:
                objects.append((name, self._plan(rules, definitions, inner)))
            self._ranks.setdefault(inner, len(self._ranks))
            self._descriptions[inner] = rules["description"]
            if "x-max-bytes" in rules:
                limits.append((name, rules["x-max-bytes"]))
            if "x-time-bound" in rules:
                times.append((name, BOUNDS.index(rules["x-time-bound"]), inner))
            if "integer" in rules.get("type", ()):
                integers.append(name)
            if "items" in rules:
                arrays.append((name, self._compiled(rules["items"])))
            if "default" in rules:
                defaults.append((name, rules["default"]))
        return _Object(
            pointer,
            tuple(schema["properties"]),
            tuple(limits),
            tuple(times),
            tuple(integers),
            tuple(defaults),
            tuple(arrays),
            tuple(objects),
        )


def ends_before_it_begins(action: Any, closes_at: Any, decided_at: Any) -> bool:
    """Return whether an editor's decision opens a discussion until a time that was over already.

    The times are of one type, such as microseconds.
    """
    return action in ("extend", "reopen") and bool(closes_at <= decided_at)


def _hint(rule: str, error: Any) -> str:
    """Return what a value that breaks a rule looks like: a sentence after a blank, or nothing."""
    if rule == "type":
        return resemblance.of_object(error.instance) if "object" in error.kind.value else ""
    if rule == "enum" and isinstance(error.instance, str):
        found = nearest(error.instance, (each for each in error.kind.value if each is not None))
        return "" if found is None else f" The nearest is {found}."
    return ""


def _rule_text(rule: str, setting: Any) -> str:
    match rule:
        case "type":
            return f"must be of type {' or '.join(setting)}"
        case "enum":
            return (
                "must be one of"
                f" {', '.join(str(option) for option in setting if option is not None)}"
            )
        case "minLength":
            return f"must have at least {counted(setting, 'character')}"
        case "maxLength":
            return f"must have at most {setting} characters"
        case "minimum":
            return f"must be at least {setting}"
        case "maximum":
            return f"must be at most {setting}"
        case _:
            return f"must meet the schema's keyword {rule}"
