"""Ids of an export: without blanks around them, and as they were before a spreadsheet read them."""

import re
from typing import Literal

IdRule = Literal["strict", "spreadsheet", "text"]
"""What to do with an id that looks like a number of a spreadsheet, such as 26691034.0:
``strict`` rejects it, ``spreadsheet`` restores it where no digit is lost, ``text`` takes it as it
is.
"""

_FLOAT = re.compile(r"\d+\.\d*(?:[eE]\+?\d+)?|\d+[eE]\+\d+")
_EXACT = 2**53
"""Above, not every whole number has a double of its own."""


def read_id(cell: str, rule: IdRule) -> str | None:
    """Return the id of a cell, None for one of blanks alone.

    Raises ValueError with a message that completes a sentence after the cell.
    """
    text = cell.strip()
    if rule == "text" or not _FLOAT.fullmatch(text):
        return text or None
    if rule == "strict":
        raise ValueError(
            "looks like a number that a spreadsheet made of an id: say in the mapping"
            ' ids = "spreadsheet" to restore such ids, or ids = "text" to take them as they are'
        )
    return _restored(text)


def _restored(text: str) -> str:
    digits, _, exponent = text.lower().partition("e")
    whole, _, fraction = digits.partition(".")
    if len(exponent) > len("+15"):
        raise ValueError("is larger than any id that a spreadsheet keeps: export the ids as text")
    shift = int(exponent or 0)
    if fraction[shift:].strip("0"):
        raise ValueError("is not a whole number, so it is not an id that a spreadsheet changed")
    # 2.6691E+07 is rounded for display: it may have been 26691034. 2.6691E7, as programs write it,
    # has all its digits.
    if exponent.startswith("+") and len(fraction) < shift:
        raise ValueError("has lost digits in a spreadsheet: export the ids again, as text")
    number = int(whole + fraction[:shift].ljust(shift, "0"))
    if number > _EXACT:
        raise ValueError("may have lost digits in a spreadsheet: export the ids again, as text")
    return str(number)
