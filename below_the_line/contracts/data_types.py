"""The ``data`` of each event type as a ``msgspec.Struct``, made from its JSON Schema.

One pass of C then reads the data and checks what a type can say: members, kinds, lengths,
enumerations, patterns, smallest and largest numbers. What it can't say is checked by one function,
which is written from the same schema and compiled: limits in bytes, times, and the keywords that
combine others, such as ``oneOf`` and ``if``.

A struct promises to accept nothing that the schema rejects. It may reject more: what it does not
accept is left to ``contract``, which says what is wrong. A keyword that this module does not know
is listed in ``DataType.unsaid``, and then all events of the type are left to ``contract``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from keyword import iskeyword
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from below_the_line.contracts.strict_json import MAX_INTEGER
from below_the_line.contracts.time_bounds import BOUNDS, CLOSING, EARLIEST
from below_the_line.contracts.times import instant, to_datetime

Finish = Callable[[Any, bool, str, datetime, tuple[int, int, int]], bool]
"""Takes data as it was read, whether all of it is ASCII, the event's ``time`` as sent and in UTC,
and the latest time of each of BOUNDS. Makes the data what ``Event.data`` promises and returns True;
returns False if the schema may not accept it.
"""

_ANNOTATIONS = frozenset({"$schema", "$id", "$ref", "title", "description", "default"})
COMPOSING = frozenset({"oneOf", "anyOf", "allOf", "not", "if", "then", "else"})
"""The keywords that say something of several members of an object together."""
_KNOWN = {
    "string": frozenset({"minLength", "maxLength", "x-max-bytes", "pattern"}),
    "time": frozenset({"format", "x-time-bound"}),
    "enumeration": frozenset({"enum"}),
    "boolean": frozenset[str](),
    "integer": frozenset({"minimum", "maximum"}),
    "array": frozenset({"items"}),
    "object": frozenset({"properties", "required"}) | COMPOSING,
}
"""The keywords that are known of each kind of value, beside ``type`` and _ANNOTATIONS."""
_CLASSES = {
    "string": "str",
    "boolean": "bool",
    "integer": "int",
    "array": "list",
    "null": "type(None)",
}
_EXCLUDED = re.compile(r"\[\^[^\]\[]*\]")
_PLAIN = re.compile(r"\^[^\\^$.]*\$")


class DataType:
    """The type of the ``data`` of one event type. Immutable; threads may share it."""

    def __init__(
        self, event_type: str, schema: Mapping[str, Any], definitions: Mapping[str, Any]
    ) -> None:
        """``definitions`` is the document that the schema refers to."""
        writer = _Writer(definitions)
        self._made, lines = writer.object(_title(event_type), schema, "data")
        self.struct = self._made.struct
        """Its members are in the order of code points: encoded again, data is canonical."""
        self.unsaid = tuple(writer.unsaid)
        """What the schema says and this module does not know. Not empty: all events of this type
        must be left to ``contract``.
        """
        body = ("return False",) if self.unsaid else (*lines, "return True")
        self.source = "\n    ".join(("def finish(data, is_ascii, time, moment, latest):", *body))
        """The code of ``finish``."""
        names: dict[str, Any] = {"UNSET": UNSET, "time_in": _time_in}
        exec(self.source, names)  # noqa: S102
        self.finish: Finish = names["finish"]

    def of(self, members: Mapping[str, Any]) -> Any:
        """Return the struct of members as ``Contract.read`` returns them, or a conversion. A member
        that is an object may be a mapping or a struct. Unknown members are left out. Raises
        KeyError if a required one is missing.
        """
        return self._made.of(members)


class _Made(NamedTuple):
    """One struct, its members that are required, and the structs of those that are objects."""

    struct: type[msgspec.Struct]
    required: frozenset[str]
    objects: "Mapping[str, _Made]"

    def of(self, members: Mapping[str, Any] | msgspec.Struct) -> msgspec.Struct:
        if isinstance(members, msgspec.Struct):
            members = msgspec.structs.asdict(members)
        values: dict[str, Any] = {
            name: members[name] if name in self.required else members.get(name)
            for name in self.struct.__struct_fields__
        }
        for name, inner in self.objects.items():
            if values[name] is not None:
                values[name] = inner.of(values[name])
        return self.struct(**values)


class _Writer:
    """Makes the structs of one schema, and the lines of ``DataType.finish``."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self.unsaid: list[str] = []

    def object(self, title: str, schema: Mapping[str, Any], holder: str) -> tuple[_Made, list[str]]:
        """Return the struct of an object, and the lines that finish it. ``holder`` is its code."""
        self._check_keywords(holder, schema, "object")
        properties, required = schema["properties"], frozenset(schema.get("required", ()))
        objects: dict[str, _Made] = {}
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        kind: Any
        limits: list[str] = []
        lines: list[str] = []
        for name in sorted(properties):
            rules, code = resolved(properties[name], self._definitions), f"{holder}.{name}"
            if not self._check(code, "name", name.isidentifier() and not iskeyword(name)):
                continue
            kinds = _kinds(rules)
            is_optional = name not in required or "null" in kinds
            if kinds - {"null"} == {"object"}:
                inner, inner_lines = self.object(f"{title}{_title(name)}", rules, code)
                objects[name], kind = inner, inner.struct
            else:
                kind, inner_lines = self._value(rules, code), []
            if "x-max-bytes" in rules:
                fits = f"{code}.isascii() or len({code}.encode()) <= {rules['x-max-bytes']}"
                limits.append(f"(not {code} or {fits})" if is_optional else f"({fits})")
            lines += _completion(rules, code, inner_lines, is_optional)
            if "null" in kinds:
                kind = kind | None
            fields.append((name, kind) if name in required else (name, kind | UnsetType, UNSET))
        checks = [] if not limits else [f"if not is_ascii and not ({' and '.join(limits)}):"]
        checks += [f"if not {each}:" for each in self._composed(schema, holder, properties)]
        struct = msgspec.defstruct(title, fields, kw_only=True, gc=False, module=__name__)
        returns = [line for check in checks for line in (check, "    return False")]
        return _Made(struct, required, objects), returns + lines

    def _value(self, rules: Mapping[str, Any], code: str) -> Any:
        """Return the type of a value other than an object or null."""
        if "enum" in rules:
            self._check_keywords(code, rules, "enumeration")
            options = tuple(each for each in rules["enum"] if each is not None)
            if not self._check(code, "enum", all(type(each) is str for each in options)):
                return Any
            return Literal[options]
        (kind, *more) = sorted(_kinds(rules) - {"null"}) or ["null"]
        if not self._check(code, f"type {rules.get('type')}", not more and kind in _KNOWN):
            return Any
        if "x-time-bound" in rules:
            self._check_keywords(code, rules, "time")
            self._check(code, "format", rules.get("format") == "date-time")
            return str
        self._check_keywords(code, rules, kind)
        if kind == "boolean":
            return bool
        if kind == "integer":
            # "-0" would be encoded as "0", and the digest is that of numbers as sent.
            least, most = (
                rules.get("minimum", 0),
                min(rules.get("maximum", MAX_INTEGER), MAX_INTEGER),
            )
            self._check(code, "minimum", least >= 1)
            return Annotated[int, Meta(ge=least, le=most)]
        if kind == "array":
            return list[self._item(rules["items"], f"{code}[]")]  # type: ignore[misc]
        pattern = rules.get("pattern")
        self._check(code, "pattern", pattern is None or _is_read_alike(pattern))
        return Annotated[
            str,
            Meta(
                min_length=rules.get("minLength"),
                max_length=rules.get("maxLength"),
                pattern=None if pattern is None else f"{pattern[:-1]}\\Z",
            ),
        ]

    def _item(self, schema: Mapping[str, Any], code: str) -> Any:
        rules = resolved(schema, self._definitions)
        # Nothing looks at each item again.
        for keyword in ("x-max-bytes", "x-time-bound"):
            self._check(code, keyword, keyword not in rules)
        return self._value(rules, code)

    def _composed(
        self, schema: Mapping[str, Any], code: str, properties: Mapping[str, Any]
    ) -> Iterator[str]:
        """Yield the conditions of an object that its struct can't say."""
        for keyword in sorted(COMPOSING & schema.keys() - {"then", "else"}):
            parts = ("if", "then", "else") if keyword == "if" else (keyword,)
            rule = {each: schema[each] for each in parts if each in schema}
            yield f"({self._condition(rule, code, properties)})"

    def _condition(
        self, schema: Mapping[str, Any], code: str, properties: Mapping[str, Any] | None = None
    ) -> str:
        """Return the code of whether a value meets a schema. ``properties`` are those of the struct
        that the value is; None: it is not an object.
        """

        def whether(inner: Mapping[str, Any]) -> str:
            return f"({self._condition(inner, code, properties)})"

        found = ["True"]
        for keyword, setting in schema.items():
            match keyword:
                case "type" if properties is not None and setting == "object":
                    pass
                case "type" if properties is None and setting in _CLASSES:
                    found.append(f"type({code}) is {_CLASSES[setting]}")
                case "const" if type(setting) is str:
                    found.append(f"{code} == {setting!r}")
                case "minLength":
                    found.append(f"(type({code}) is not str or len({code}) >= {setting})")
                case "required" if properties is not None and properties.keys() >= set(setting):
                    found += [f"{code}.{name} is not UNSET" for name in setting]
                case "properties" if properties is not None and properties.keys() >= setting.keys():
                    for name, inner in setting.items():
                        member = f"{code}.{name}"
                        found.append(f"({member} is UNSET or {self._condition(inner, member)})")
                case "not":
                    found.append(f"not {whether(setting)}")
                case "allOf":
                    found += map(whether, setting)
                case "anyOf":
                    found.append(f"({' or '.join(map(whether, setting))})")
                case "oneOf":
                    found.append(f"{' + '.join(map(whether, setting))} == 1")
                case "if":
                    then, otherwise = schema.get("then", {}), schema.get("else", {})
                    found.append(
                        f"({whether(then)} if {whether(setting)} else {whether(otherwise)})"
                    )
                case "then" | "else" | "title" | "description":
                    pass
                case _:
                    self._check(code, f"{keyword} in a condition", False)
        return " and ".join(found[1:] or found)

    def _check_keywords(self, code: str, rules: Mapping[str, Any], kind: str) -> None:
        for keyword in sorted(rules.keys() - _KNOWN[kind] - _ANNOTATIONS - {"type"}):
            self._check(code, keyword, False)

    def _check(self, code: str, what: str, is_known: bool) -> bool:
        if not is_known:
            self.unsaid.append(f"{code}: {what}")
        return is_known


def resolved(member: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rules of a member: those that it refers to, and its own."""
    reference: str | None = member.get("$ref")
    shared = {} if reference is None else definitions["$defs"][reference.rpartition("/")[2]]
    return {**shared, **member}


def _kinds(rules: Mapping[str, Any]) -> frozenset[str]:
    """Return the kinds of value that rules allow, by JSON Schema's names."""
    if "enum" in rules:
        return frozenset({"null"} if None in rules["enum"] else ()) | {"string"}
    kinds = rules.get("type", ())
    return frozenset({kinds} if isinstance(kinds, str) else kinds)


def _completion(
    rules: Mapping[str, Any], code: str, inner: list[str], is_optional: bool
) -> Iterator[str]:
    """Yield the lines after which a member is what ``Event.data`` promises."""
    if "x-time-bound" in rules:
        bound = BOUNDS.index(rules["x-time-bound"])
        read = f"time_in({code}, latest[{bound}])"
        if bound != CLOSING:
            # Most are equal to the time of the event, which is parsed and in bounds already.
            read = f"moment if {code} == time else {read}"
        inner = [f"{code} = {read}", f"if {code} is None:", "    return False"]
    absent = f"if {code} is UNSET or {code} is None:"
    default = f"    {code} = {rules.get('default')!r}"
    if "default" not in rules and not inner:
        absent = f"if {code} is UNSET:"
    if not is_optional:
        yield from inner
    elif inner:
        yield from (absent, default, "else:", *(f"    {line}" for line in inner))
    else:
        yield from (absent, default)


def _title(name: str) -> str:
    """Return a name such as ``comment.posted.v1`` as that of a class."""
    return "".join(part.capitalize() for part in re.split(r"\W|_", name))


def _is_read_alike(pattern: str) -> bool:
    """Whether Python finds a pattern in no text in which JSON Schema does not find it.

    Python's ``\\s`` has four characters more. So it may stand only in a class of what is excluded.
    """
    if "(?" in pattern or re.search(r"\\[^su]", pattern):
        return False
    return _PLAIN.fullmatch(_EXCLUDED.sub("", pattern)) is not None


def _time_in(text: str, latest: int) -> datetime | None:
    """Return the time that a text names; None if it names none, or one that is out of bounds."""
    found = instant(text)
    if found is None:
        return None
    since_1970, moment = found
    if not EARLIEST <= since_1970 <= latest:
        return None
    return to_datetime(since_1970) if moment is None else moment
