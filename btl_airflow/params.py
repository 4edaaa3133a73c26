"""Fields of the forms of DAGs that people start by hand."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Param


def optional_text(title: str, description: str, section: str, **schema: Any) -> Param:
    """Return a text field that may stay empty. ``schema``: more keywords of JSON Schema."""
    return Param(
        None,
        type=["null", "string"],
        title=title,
        description=description,
        section=section,
        **schema,
    )


def optional_time(title: str, description: str, section: str) -> Param:
    """Return a field for a date and time that may stay empty."""
    return optional_text(title, description, section, format="date-time")


def optional_list(
    title: str, description: str, section: str, *, choices: Sequence[str] | None = None
) -> Param:
    """Return a field for several texts that may stay empty. ``choices``: the texts to choose
    from; None: any text.
    """
    schema: dict[str, Any] = {"items": {"type": "string"}}
    if choices is not None:
        # The form offers the examples; the enumeration rejects every other text.
        schema = {"items": {"type": "string", "enum": list(choices)}, "examples": list(choices)}
    return Param([], type="array", title=title, description=description, section=section, **schema)
