"""How the steps of decoding reject a record.

Messages travel far: to logs, dashboards and alerts. So they never repeat what was sent. They say
what is wrong, where, and how long it is; they name only what this software knows itself (types,
topics, members, the values of a closed list), and times that were read as such.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from below_the_line.contracts.codes import STAGES
from below_the_line.contracts.events import Rejection
from below_the_line.plurals import counted

_KINDS: Mapping[type, str] = {
    dict: "an object",
    list: "an array",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class Rejected(Exception):  # noqa: N818 (about a record, not an error in this program)
    """Ends the decoding of a record. Never leaves this package."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.message)
        self.rejection = rejection


def rejection(
    code: str, message: str, pointer: str | None = None, schema_version: str | None = None
) -> Rejection:
    """Return a rejection. The stage follows from the code."""
    return Rejection(STAGES[code], code, pointer, message, schema_version)


def reject(
    code: str, message: str, pointer: str | None = None, schema_version: str | None = None
) -> NoReturn:
    """Raise Rejected. The stage follows from the code."""
    raise Rejected(rejection(code, message, pointer, schema_version))


def described(value: Any) -> str:
    """Return what a value is, for a message: its kind and length, never its content."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"a text of {counted(len(value), 'character')}" if value else "an empty text"
    return _KINDS[type(value)]


def escaped(name: str) -> str:
    """Return a name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
