"""Cells of CSV that a spreadsheet would take for a formula: protected, and restored."""

import re

_LIKE_FORMULA = re.compile("'*[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]").match
_PROTECTED = re.compile("'+[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]").match


def protected(text: str) -> str:
    """Return a text as a cell that no spreadsheet computes: with an apostrophe before a character
    that begins a formula, and before apostrophes that stand before one. See `unprotected`.
    """
    return f"'{text}" if _LIKE_FORMULA(text) else text


def unprotected(cell: str) -> str:
    """Return the text of a cell that `protected` made: exactly what it was."""
    return cell[1:] if _PROTECTED(cell) else cell
