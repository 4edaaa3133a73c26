"""Where personal data is: the classes of columns and of members of events.

Read from sql/personal-data.yaml, the one place that says it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import yaml

from below_the_line import resources
from below_the_line.event_tables.description import event_types, writes

CLASSED_TYPES = ("text", "text[]", "bytea", "bytea[]", "jsonb")
"""Postgres types that can hold an id, a name or a text. Columns of other types hold nobody."""
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class DataClass:
    """What columns of one class hold, and what an erasure does to them, in words."""

    name: str
    holds: str
    erasure: str

    @property
    def is_erased(self) -> bool:
        """Whether an erasure changes what a column of this class holds of the person."""
        return self.erasure != "stays"


@cache
def _document() -> Mapping[str, Any]:
    read: dict[str, Any] = yaml.safe_load(
        (resources.SQL / "personal-data.yaml").read_text(encoding="utf-8")
    )
    return read


@cache
def classes() -> Mapping[str, DataClass]:
    """Return the classes by name."""
    return MappingProxyType(
        {name: DataClass(name, **each) for name, each in _document()["classes"].items()}
    )


@cache
def columns() -> Mapping[str, Mapping[str, DataClass]]:
    """Return the class of each column that can hold a text, by table (with schema) and column.

    Raises ValueError for a column in two classes, KeyError for an unknown class.
    """
    return MappingProxyType(
        {table: _by_name(table, of_table) for table, of_table in _document()["tables"].items()}
    )


@cache
def members(event_type: str) -> Mapping[str, DataClass]:
    """Return the class of each member of an event that can hold a text, by its path, such as
    ``data.author.user_id``; without the article's id, which is the key. Empty for an unknown type.
    """
    if event_type not in event_types():
        return MappingProxyType(_by_name(event_type, _document()["members"].get(event_type, {})))
    found: dict[str, DataClass] = {}
    for table, register in writes(event_type):
        of_table = columns()[f"discussion.{table.name}"]
        kept = table.facts if register is None else table.registers[register].columns
        for column in table.key + kept:
            path = column.source_in(event_type)
            if isinstance(path, str) and path.startswith("data.") and column.name in of_table:
                found.setdefault(path.replace("?", ""), of_table[column.name])
    return MappingProxyType(found)


def _by_name(what: str, of_class: Mapping[str, list[str]]) -> dict[str, DataClass]:
    found: dict[str, DataClass] = {}
    for name, listed in of_class.items():
        for each in listed:
            if each in found:
                raise ValueError(f"{each} of {what} is in two classes")
            found[each] = classes()[name]
    return found
