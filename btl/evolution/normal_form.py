"""A schema as a flat list of constraints, however it is written, to compare two releases."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from below_the_line.contracts.rejection import escaped
from below_the_line.errors import BelowTheLineError

Constraints = dict[str, dict[str, Any]]
"""Settings by pointer to the member (``/data/author/role``; ``/*`` is each item of an array) and
keyword.
"""

ANNOTATIONS = frozenset(
    {
        "$schema",
        "$id",
        "$comment",
        "$defs",
        "title",
        "description",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
    }
)
"""Keywords that inform people and do not affect validators."""
_SETS = frozenset({"type", "enum", "required"})
_LISTS_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS_OF_SCHEMAS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_SCHEMAS = frozenset(
    {
        "items",
        "additionalProperties",
        "unevaluatedProperties",
        "propertyNames",
        "contains",
        "not",
        "if",
        "then",
        "else",
    }
)


def constraints(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Constraints:
    """Return the constraints of one event type's ``data``.

    References into ``definitions`` are resolved, annotations are dropped, and sets are sorted.
    Raises BelowTheLineError if a reference leads nowhere, or if the same keyword stands in it and
    beside it.
    """
    return dict(_Reader(definitions).members(schema, "/data"))


class _Reader:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions: Mapping[str, Any] = definitions["$defs"]

    def members(self, schema: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield a schema's own constraints, then those of its members and items."""
        rules = self._rules(schema, pointer)
        properties, items = rules.pop("properties", {}), rules.pop("items", None)
        yield (
            pointer,
            {keyword: self._whole(keyword, rules[keyword], pointer) for keyword in sorted(rules)},
        )
        for name, member in properties.items():
            yield from self.members(member, f"{pointer}/{escaped(name)}")
        if items is not None:
            yield from self.members(items, f"{pointer}/*")

    def _rules(self, schema: Any, pointer: str) -> dict[str, Any]:
        """Return one schema with its reference followed, without annotations. Inner schemas stay as
        they are.
        """
        if isinstance(schema, bool):
            return {} if schema else {"not": {}}
        reference = schema.get("$ref")
        rules = (
            {} if reference is None else self._rules(self._definition(reference, pointer), pointer)
        )
        for name, setting in schema.items():
            if name in ANNOTATIONS or name == "$ref":
                continue
            keyword, setting = ("enum", [setting]) if name == "const" else (name, setting)
            setting = _sorted(setting) if keyword in _SETS else setting
            # In JSON Schema both apply; a reader of the file may expect the nearer one. Nobody
            # should have to know.
            if keyword != "default" and rules.get(keyword, setting) != setting:
                raise BelowTheLineError(
                    f"{pointer}: the keyword {name} stands in {reference} and beside it.",
                    "Write the rules out, or refer to another definition.",
                )
            rules[keyword] = setting
        return rules

    def _definition(self, reference: str, pointer: str) -> Any:
        name = reference.removeprefix("definitions.json").removeprefix("#/$defs/")
        if name not in self._definitions:
            raise BelowTheLineError(
                f"{pointer}: the reference {reference} leads nowhere.",
                "Refer to definitions.json#/$defs/… only.",
            )
        return self._definitions[name]

    def _whole(self, keyword: str, setting: Any, pointer: str) -> Any:
        """Return a keyword's setting, with the schemas in it in normal form."""
        if keyword in _LISTS_OF_SCHEMAS:
            return [self._normal(schema, pointer) for schema in setting]
        if keyword in _MAPS_OF_SCHEMAS:
            return {name: self._normal(schema, pointer) for name, schema in sorted(setting.items())}
        if keyword in _SCHEMAS:
            return self._normal(setting, pointer)
        return setting

    def _normal(self, schema: Any, pointer: str) -> dict[str, Any]:
        rules = self._rules(schema, pointer)
        return {keyword: self._whole(keyword, rules[keyword], pointer) for keyword in sorted(rules)}


def _sorted(setting: Any) -> list[Any]:
    members = setting if isinstance(setting, list) else [setting]
    return sorted(members, key=lambda member: (member is None, json.dumps(member, sort_keys=True)))
