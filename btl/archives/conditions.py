"""What the contracts say of several members of an event together (``allOf``, ``not``, ``oneOf``),
checked in the columns that these members fill.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import jsonschema_rs

from below_the_line.catalogue import schema_document
from below_the_line.contracts.data_types import COMPOSING, resolved
from below_the_line.event_tables.description import Column
from btl.archives.records import UnreadableRowError


class Condition:
    """What one object of an event must meet beside the rules of its members."""

    def __init__(
        self, rule: Mapping[str, Any], columns: Mapping[str, tuple[int, str]], *, is_optional: bool
    ) -> None:
        """``columns``: by member, the place and the name of its column. ``is_optional``: the object
        may be absent, and all its columns are null then.
        """
        self._is_met = jsonschema_rs.Draft202012Validator(dict(rule)).is_valid
        self._places = {name: at for name, (at, _) in columns.items()}
        names = [columns[name][1] for name in columns if name in _named(rule)]
        self._message = f"its {', '.join(names[:-1])} and {names[-1]} do not fit together"
        self._is_optional = is_optional

    def check(self, row: Sequence[Any]) -> None:
        """Raise UnreadableRowError for a row that does not meet it."""
        members = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, at in self._places.items()
            if (value := row[at]) is not None
        }
        if (members or not self._is_optional) and not self._is_met(members):
            raise UnreadableRowError(self._message)


def conditions(event_type: str, at: range, columns: Sequence[Column]) -> Iterator[Condition]:
    """Yield the conditions of an event type on the columns that it sets, which are at these places
    of a row.
    """
    objects: dict[str, dict[str, tuple[int, str]]] = {}
    for place, column in zip(at, columns, strict=True):
        source = column.source_in(event_type)
        if isinstance(source, str) and source.startswith("data."):
            path, _, member = source.rpartition(".")
            objects.setdefault(path, {})[member.removesuffix("?")] = place, column.name
    for path, of_object in objects.items():
        rules = member_rules(event_type, path)
        for keyword in sorted(COMPOSING & rules.keys() - {"then", "else"}):
            parts = ("if", "then", "else") if keyword == "if" else (keyword,)
            rule = {each: rules[each] for each in parts if each in rules}
            # Of a member that no column keeps nothing is known.
            if _named(rule) <= of_object.keys():
                yield Condition(rule, of_object, is_optional=path.endswith("?"))


def member_rules(event_type: str, path: str) -> dict[str, Any]:
    """Return the schema of a member, or of ``data`` itself."""
    definitions = schema_document("definitions")
    rules: dict[str, Any] = schema_document(event_type)
    for name in path.replace("?", "").split(".")[1:]:
        rules = resolved(rules["properties"][name], definitions)
    return rules


def _named(rule: Any) -> frozenset[str]:
    """Return the members that a rule names."""
    if isinstance(rule, list):
        return frozenset().union(*map(_named, rule))
    if not isinstance(rule, dict):
        return frozenset()
    inner = frozenset().union(*(_named(each) for key, each in rule.items() if key != "properties"))
    return inner | frozenset(rule.get("properties", ())) | frozenset(rule.get("required", ()))
