"""What a search for remains looks for: an id or a text, in each form in which it may stand."""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

from below_the_line.errors import BelowTheLineError

MIN_WITHIN: Final = 6
"""Characters from which on an id is looked for within other texts. A shorter one stands in every
log: it is found where it is the whole of a value.
"""
MIN_TEXT: Final = 4
"""Characters of the shortest text that can be looked for."""
_MAX_DEPTH = 4
"""Of data in base 64 that hold JSON with data in base 64."""
_PUNCTUATION = re.compile(r"[!-/:-@\[-^`{-~]")
"""What a regular expression may take for its own; every other character stands for itself."""


@dataclass(frozen=True)
class Term:
    """An id or a text to look for."""

    name: str
    """What a report calls it. It never repeats the text."""
    text: str
    is_id: bool

    @property
    def within(self) -> bool:
        """Whether it is looked for within longer texts, too."""
        return not self.is_id or len(self.text) >= MIN_WITHIN

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The text as it is, in JSON, in a URL and in HTML; each form once."""
        return tuple(
            dict.fromkeys(
                (
                    self.text,
                    json.dumps(self.text, ensure_ascii=False)[1:-1],
                    json.dumps(self.text)[1:-1],
                    quote(self.text, safe=""),
                    html.escape(self.text),
                )
            )
        )

    @cached_property
    def pattern(self) -> str:
        """A regular expression for the forms, which Python and Postgres read alike. An id must not
        continue on either side.
        """
        forms = "|".join(_PUNCTUATION.sub(r"\\\g<0>", form) for form in self.forms)
        return rf"(?<!\w)(?:{forms})(?!\w)" if self.is_id else f"(?:{forms})"

    @cached_property
    def bytes_pattern(self) -> re.Pattern[bytes]:
        """As ``pattern``, for bytes in UTF-8."""
        forms = b"|".join(re.escape(form.encode()) for form in self.forms)
        return re.compile(rb"(?<!\w)(?:%b)(?!\w)" % forms if self.is_id else rb"(?:%b)" % forms)

    def is_in(self, text: str) -> bool:
        """Whether it is a text, or stands in it where it is looked for within texts."""
        return text == self.text or (self.within and bool(re.search(self.pattern, text)))

    def is_in_bytes(self, value: bytes) -> bool:
        """Whether it stands in bytes: in UTF-8, or in a string or name of the JSON that they are,
        whatever its escapes, also in ``data_base64``.
        """
        if self.within and self.bytes_pattern.search(value):
            return True
        if value == self.text.encode():
            return True
        return self._may_be_json(value) and any(map(self.is_in, strings_in(value)))

    def _may_be_json(self, value: bytes) -> bool:
        """Whether reading bytes as JSON could find more than their pattern does."""
        return b"\\" in value or b"data_base64" in value or self.text.encode() in value


def id_term(name: str, text: str) -> Term:
    """Return an id to look for. Raises BelowTheLineError for an empty one."""
    if not text:
        raise BelowTheLineError("The id is empty.", "Give the id as the site's events have it.")
    return Term(name, text, is_id=True)


def text_terms(lines: Iterable[str]) -> list[Term]:
    """Return the texts to look for, one of each line; empty lines are skipped.

    Raises BelowTheLineError for one that is too short: it would be found everywhere.
    """
    found = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        if len(text) < MIN_TEXT:
            raise BelowTheLineError(
                f"The text in line {number} has fewer than {MIN_TEXT} characters.",
                "Give longer ones: a short text is found everywhere.",
            )
        found.append(Term(f"text {number}", text, is_id=False))
    return found


def matching(terms: Sequence[Term], value: bytes) -> list[str]:
    """Return the names of the terms that stand in bytes."""
    return [term.name for term in terms if term.is_in_bytes(value)]


def strings_in(value: bytes, depth: int = 0) -> Iterator[str]:
    """Yield the strings, names and numbers of JSON; nothing if the bytes are not JSON."""
    try:
        document = json.loads(value, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return
    waiting: list[Any] = [document]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, dict):
            yield from each
            waiting.extend(each.values())
            encoded = each.get("data_base64")
            if isinstance(encoded, str) and depth < _MAX_DEPTH:
                yield from _decoded(encoded, depth + 1)


def _decoded(encoded: str, depth: int) -> Iterator[str]:
    """Yield the strings of what base 64 holds, and the whole of it."""
    try:
        value = base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        return
    yield value.decode("utf-8", "replace")
    yield from strings_in(value, depth)
