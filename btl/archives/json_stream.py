"""A JSON document piece by piece: lists and objects item by item, items whole. Memory is bounded
by the longest item, however long the lists are.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Any, NoReturn, TypeVar

import msgspec

from below_the_line.errors import BelowTheLineError
from btl.archives.records import UnreadableRowError

Item = TypeVar("Item")

MAX_ITEM_CHARACTERS = 4 * 1024 * 1024
"""The longest item that is read; a comment is a thousand times shorter."""
UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""What JSON has for a text that no table can hold; and for pairs of surrogates, which are fine."""

_CHUNK_BYTES = 1024 * 1024
_LONGEST_TOKEN = 16
"""Of those that end only with the next character: ``false``, ``-Infinity``, ``\\ud83d``."""
_BLANKS = re.compile(r"[ \t\n\r]*")
_REPLACEMENT = "\ufffd"


class JsonStream:
    """Reads a document from its beginning to its end.

    Each place is read by one method: an object by ``members``, a list by ``items``, anything by
    ``value``. What the caller of ``members`` and ``items`` does not read is skipped. They raise
    BelowTheLineError for text that is not UTF-8 or not JSON, ends too early, is nested too deep, or
    has an item of more than MAX_ITEM_CHARACTERS; with the line and the column.
    """

    def __init__(
        self, content: IO[bytes], name: str, on_progress: Callable[[], None] = lambda: None
    ) -> None:
        """``name`` is what people call the file; ``on_progress`` is called once per megabyte."""
        self._content = content
        self._name = name
        self._on_progress = on_progress
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._parse = json.JSONDecoder(parse_constant=_refuse).raw_decode
        self._text = ""
        self._at = 0
        self._ended = False
        self._bytes_read = 0
        self._lines_before = 0
        self._column_before = 0
        """Characters, of the line in which ``_text`` begins, that stand before it."""
        self._unread = False
        self._last = slice(0, 0)

    @property
    def raw(self) -> str:
        """The last value as it is in the document; ask before the next one is read."""
        return self._text[self._last]

    def members(self) -> Iterator[str]:
        """Yield the names in the object at this place. Read a name's value before the next name."""
        if self._opens("{"):
            while True:
                name = self.value()
                if not isinstance(name, str):
                    raise self._error("has a name that is not a text", self._last.start)
                self._take(":")
                self._unread = True
                yield name
                self._skip_unread()
                if self._take(",}") == "}":
                    return

    def items(self) -> Iterator[int]:
        """Yield 0, 1, … for the list at this place. Read an item before the next number.

        null, which some programs write for it, is an empty list.
        """
        if self._peek() == "n":
            self.value()
        elif self._opens("["):
            index = 0
            while True:
                self._unread = True
                yield index
                self._skip_unread()
                if self._take(",]") == "]":
                    return
                index += 1

    def value(self) -> Any:
        """Return the value at this place.

        In texts, U+0000 and single surrogates are U+FFFD: no table can hold them.
        """
        self._unread = False
        self._peek()
        found, end = self._parsed()
        self._last = slice(self._at, end)
        if UNSTORABLE.search(self._text, self._at, end):
            try:
                found = storable(found)
            except RecursionError:
                raise self._error("is nested too deep", self._at) from None
        self._at = end
        return found

    def end(self) -> None:
        """Check that nothing follows."""
        if self._peek():
            raise self._error("goes on after its end", self._at)

    def _parsed(self) -> tuple[Any, int]:
        while True:
            try:
                found, end = self._parse(self._text, self._at)
                # A number may go on in what follows.
                if end < len(self._text) or self._ended:
                    return found, end
            except json.JSONDecodeError as error:
                is_open = error.msg.startswith("Unterminated string")
                if self._ended and (is_open or not self._text[error.pos :].strip()):
                    raise self._cut() from None
                may_go_on = is_open or error.pos > len(self._text) - _LONGEST_TOKEN
                if self._ended or not may_go_on:
                    raise self._error(f"is not JSON ({error.msg})", error.pos) from None
            except RecursionError:
                raise self._error("is nested too deep", self._at) from None
            except ValueError as error:
                raise self._error(f"is not JSON ({error})", self._at) from None
            if len(self._text) - self._at > MAX_ITEM_CHARACTERS:
                raise self._error(
                    f"has an item of more than {MAX_ITEM_CHARACTERS:,} characters", self._at
                )
            self._fill()

    def _skip_unread(self) -> None:
        if not self._unread:
            return
        first = self._peek()
        if first == "[":
            for _ in self.items():
                self.value()
        elif first == "{":
            for _ in self.members():
                self.value()
        else:
            self.value()

    def _opens(self, bracket: str) -> bool:
        """Go into a list or an object; return whether it has any items."""
        self._unread = False
        self._take(bracket)
        closing = "]" if bracket == "[" else "}"
        if self._peek() != closing:
            return True
        self._at += 1
        return False

    def _take(self, expected: str) -> str:
        found = self._peek()
        if not found:
            raise self._cut()
        if found not in expected:
            raise self._error(f"is not JSON (expected {' or '.join(expected)})", self._at)
        self._at += 1
        return found

    def _peek(self) -> str:
        """Go over blanks; return the next character, an empty text at the end."""
        while True:
            self._at = _BLANKS.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._fill()

    def _fill(self) -> None:
        """Read on, at least as much as is still unread, and forget what is read."""
        gone = self._text[: self._at]
        lines = gone.count("\n")
        self._lines_before += lines
        self._column_before = (
            len(gone) - gone.rfind("\n") - 1 + (0 if lines else self._column_before)
        )
        data = self._content.read(max(_CHUNK_BYTES, len(self._text) - self._at))
        waiting = len(self._decoder.getstate()[0])
        try:
            more = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            byte = self._bytes_read - waiting + error.start + 1
            raise BelowTheLineError(
                f"{self._name} is not UTF-8 at byte {byte:,}.",
                "Export again as UTF-8, or convert the file with iconv.",
            ) from None
        self._bytes_read += len(data)
        self._text = self._text[self._at :] + more
        self._at = 0
        self._ended = not data
        self._on_progress()

    def _error(self, what: str, position: int) -> BelowTheLineError:
        before = self._text[:position]
        lines = before.count("\n")
        column = len(before) - before.rfind("\n") + (0 if lines else self._column_before)
        return BelowTheLineError(
            f"{self._name} {what}: line {self._lines_before + lines + 1:,}, column {column:,}.",
            "Export it again; do not edit it by hand.",
        )

    def _cut(self) -> BelowTheLineError:
        return BelowTheLineError(
            f"{self._name} ends in the middle of an item.", "Export or download it again."
        )


def item_of(value: Any, kind: type[Item]) -> Item:
    """Return a value of JSON as a msgspec structure. Raises UnreadableRowError."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise UnreadableRowError(f"is not as the format says: {error}") from None


def storable(value: Any) -> Any:
    """Return a value of JSON whose texts a table can hold: instead of U+0000 and of single
    surrogates they have U+FFFD.
    """
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable_text(name): storable(item) for name, item in value.items()}
    return value


def storable_text(text: str) -> str:
    """Return a text that a table can hold, as ``storable`` does."""
    # "surrogatepass" joins pairs.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", _REPLACEMENT)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
