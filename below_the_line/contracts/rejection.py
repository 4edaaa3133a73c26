"""How the steps of decoding say no."""

from typing import Any, NoReturn

from below_the_line.contracts.codes import STAGES
from below_the_line.contracts.events import Rejection

_SHOWN_CHARACTERS = 60


class Rejected(Exception):  # noqa: N818 (a verdict on a record, not an error of ours)
    """Ends the decoding of a record; never leaves the package."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.message)
        self.rejection = rejection


def reject(
    code: str, message: str, pointer: str | None = None, schema_version: str | None = None
) -> NoReturn:
    """Raise Rejected with the stage that belongs to the code."""
    raise Rejected(Rejection(STAGES[code], code, pointer, message, schema_version))


def shown(value: Any) -> str:
    """A value for a message: printable, without NUL or surrogates, and short, since payloads are
    personal data.
    """
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    # Cut first: a text may be a quarter of a megabyte. ascii() would hide other scripts, repr()
    # escapes what can't be stored.
    text = repr(value[: _SHOWN_CHARACTERS + 1]) if isinstance(value, str | bytes) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def escaped(name: str) -> str:
    """A name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
