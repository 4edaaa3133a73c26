"""How the steps of decoding reject a record."""

from typing import Any, NoReturn

from below_the_line.contracts.codes import STAGES
from below_the_line.contracts.events import Rejection

_SHOWN_CHARACTERS = 60


class Rejected(Exception):  # noqa: N818 (about a record, not an error in this program)
    """Ends the decoding of a record. Never leaves this package."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.message)
        self.rejection = rejection


def reject(
    code: str, message: str, pointer: str | None = None, schema_version: str | None = None
) -> NoReturn:
    """Raise Rejected. The stage follows from the code."""
    raise Rejected(Rejection(STAGES[code], code, pointer, message, schema_version))


def shown(value: Any) -> str:
    """Return a value as text for a message: printable, without NUL or surrogates.

    Short, because payloads are personal data.
    """
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    # Cut first, because a text may have 256 KiB. repr() escapes what can't be stored; ascii() would
    # also escape other scripts.
    text = repr(value[: _SHOWN_CHARACTERS + 1]) if isinstance(value, str | bytes) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def escaped(name: str) -> str:
    """Return a name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
