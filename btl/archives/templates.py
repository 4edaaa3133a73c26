"""Templates of a mapping: ``"https://example.org/story/{article_id}"`` over the cells of a row."""

import html
import re
import string
from collections.abc import Callable, Sequence
from operator import itemgetter

from below_the_line.errors import BelowTheLineError

Cells = Sequence[str | None]
"""A row's cells, None for null."""
Expression = Callable[[Cells], str | None]

Find = Callable[[str, str], int]
"""Where the cell of a column stands in a row: of its name, and the mapping's key that uses it."""
Clean = Callable[[str], str | None]
"""What is made of each cell that is not null before a template is filled."""

_ENTITY = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def decode_entities(text: str) -> str:
    """Return the text with HTML character references decoded once: ``&amp;lt;`` becomes ``&lt;``.

    Only references that end in a semicolon are decoded: ``?a=1&copy=2`` stays as it is.
    """
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def compile_template(
    template: str, find: Find, where: str, clean: Clean | None = None
) -> Expression:
    """Return a function from a row to the template's text, or to None if it meets a null.

    ``where`` is the key in the mapping. Raises BelowTheLineError for what is not a template, and
    what ``find`` raises.
    """
    pieces = [
        piece if literal else find(str(piece), where) for literal, piece in _pieces(template, where)
    ]
    if len(pieces) == 1 and isinstance(pieces[0], int):
        index = pieces[0]
        return itemgetter(index) if clean is None else _cleaned(itemgetter(index), clean)
    if all(isinstance(piece, str) for piece in pieces):
        constant = "".join(str(piece) for piece in pieces)
        return lambda _: constant
    expressions = [
        _cleaned(itemgetter(piece), clean) if clean and isinstance(piece, int) else piece
        for piece in pieces
    ]

    def fill(cells: Cells) -> str | None:
        texts = []
        for piece in expressions:
            text = (
                piece
                if isinstance(piece, str)
                else cells[piece]
                if isinstance(piece, int)
                else piece(cells)
            )
            if text is None:
                return None
            texts.append(text)
        return "".join(texts)

    return fill


def columns_of(template: str, where: str) -> list[str]:
    """Return the columns that a template names. Raises BelowTheLineError as compile_template."""
    return [piece for literal, piece in _pieces(template, where) if not literal]


def _cleaned(expression: Expression, clean: Clean) -> Expression:
    def cell(cells: Cells) -> str | None:
        found = expression(cells)
        return None if found is None else clean(found)

    return cell


def _pieces(template: str, where: str) -> list[tuple[bool, str]]:
    """Return the literals (True) and the names of columns (False) of a template."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise BelowTheLineError(
            f"The mapping's {where} is not a template: {error}: {template!r}.",
            "Write a literal brace twice: {{.",
        ) from None
    pieces: list[tuple[bool, str]] = []
    for literal, name, layout, conversion in parts:
        if literal:
            pieces.append((True, literal))
        if name is None:
            continue
        if layout or conversion:
            raise BelowTheLineError(
                f"The mapping's {where} formats a column ({template!r}), which is not supported.",
                "Write the column's name alone, in braces.",
            )
        pieces.append((False, name))
    return pieces
