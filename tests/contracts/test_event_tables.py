"""The description of the tables agrees with the contracts: every path leads to a member of the
event's schema, and the column's type holds what the schema allows.
"""

from typing import Any

import pytest

from below_the_line.catalogue import load_contracts, schema_document, topics
from below_the_line.event_tables.description import (
    COMMENTER_ERASED,
    TABLES,
    Column,
    Constant,
    event_types,
    writes,
)

DEFINITIONS = schema_document("definitions")["$defs"]
COLUMN_TYPES = {"string": "text", "boolean": "boolean", "integer": "integer", "array": "text[]"}
ENVELOPE = {
    "article_id": "text",
    "event_id": "text",
    "source": "text",
    "digest": "bytea",
    "version": "bytea",
    "occurred_at": "timestamptz",
}


def columns_of(event_type: str) -> list[tuple[str, Column]]:
    found = []
    for table, number in writes(event_type):
        values = table.facts if number is None else table.registers[number].columns
        found += [(table.name, column) for column in (*table.key, *values)]
    return found


def resolved(member: dict[str, Any]) -> dict[str, Any]:
    reference = member.get("$ref")
    return member if reference is None else {**DEFINITIONS[reference.rpartition("/")[2]], **member}


def member_at(event_type: str, path: str) -> tuple[dict[str, Any], str]:
    """The member's schema, and the path as it must be written: ``?`` where it may be absent."""
    schema, written = resolved(schema_document(event_type)), "data"
    for step in path.split(".")[1:]:
        name = step.removesuffix("?")
        member = resolved(schema["properties"][name])
        is_always_there = name in schema.get("required", ()) or "default" in member
        written += f".{name}" if is_always_there else f".{name}?"
        schema = member
    return schema, written


def column_type(member: dict[str, Any]) -> str:
    if "x-time-bound" in member:
        return "timestamptz"
    kinds = member.get("type", "string")  # an enumeration without a type lists texts
    (kind,) = {kinds} if isinstance(kinds, str) else set(kinds) - {"null"}
    return COLUMN_TYPES[kind]


def test_every_event_of_an_input_topic_is_written_somewhere() -> None:
    inputs = {
        load_contracts().read_as(event_type)
        for topic in topics()
        if topic.direction == "in"
        for event_type in topic.event_types
    }
    assert set(event_types()) == inputs - {COMMENTER_ERASED}, "ingest.erasures has it"


@pytest.mark.parametrize("event_type", event_types())
def test_every_path_leads_to_a_member_of_the_contract_and_its_type_is_that_of_the_column(
    event_type: str,
) -> None:
    for table, column in columns_of(event_type):
        source = column.source_in(event_type)
        held = column.type.partition(" ")[0]
        if isinstance(source, str) and source.startswith("data."):
            member, written = member_at(event_type, source)
            assert (source, held) == (written, column_type(member)), (table, column.name)
        elif isinstance(source, str):
            assert held == ENVELOPE[source], (table, column.name)
        elif isinstance(source, Constant):
            assert held == ("boolean" if isinstance(source.value, bool) else "text")


def test_a_row_has_each_column_once_and_a_register_ends_with_what_it_is_compared_by() -> None:
    for table in TABLES:
        assert len(set(table.column_names)) == len(table.columns), table.name
        assert bool(table.registers) != bool(table.added_by), table.name
        assert [name for span in table.spans for name in table.column_names[span]] == [
            column.name for register in table.registers for column in register.columns
        ]
        for register in table.registers:
            assert set(register.set_by) <= set(event_types())
            assert register.compared.type in ("bytea", "timestamptz")
