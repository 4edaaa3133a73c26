"""Read XML exports item by item, whatever their size, and nothing of XML that is not data.

libxml2 reports the elements as it meets them, and no tree is built: a tree would keep what lies
between the items. No DTD is taken, so there are no entities but the five of XML, and nothing is
loaded from elsewhere.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from below_the_line.errors import BelowTheLineError
from btl.archives.sources import ExportFile

MAX_DEPTH = 64
"""The most elements inside each other; exports have five."""
MAX_NAMES = 10_000
"""The most different names of elements and attributes; exports have a hundred."""
MAX_ITEM_CHARACTERS = 16 * 1024 * 1024
"""The most characters of an item, without the elements that are ignored."""
MAX_TOKEN_BYTES = 32 * 1024 * 1024
"""The most bytes of one tag, comment or section of text, which libxml2 keeps until its end."""

_CHUNK_BYTES = 65_536
_ENTRY_CHARACTERS = 100
"""What each text of an item takes besides its characters, about."""
_BLANKS_BEFORE = re.compile(rb"(?:\xef\xbb\xbf|[ \t\r\n])*")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_POSITION = re.compile(r",? line \d+, column \d+(?: \(.*\))?\s*$")


class Item:
    """An element with the texts in it.

    ``texts`` has the text of each element inside by its path from here (``author/name``; its own is
    the empty path), of several with one path the first, and attributes with an at sign:
    ``thread@dsq:id``, and ``@dsq:id`` for the item's own. ``parts`` has the elements that are items
    themselves and belong to this one, by name. ``parent`` is the item around this one; of it, only
    what stands before this item is known for certain.
    """

    __slots__ = ("characters", "name", "parent", "parts", "texts")

    def __init__(self, name: str, parent: "Item | None") -> None:
        self.name = name
        self.parent = parent
        self.texts: dict[str, str] = {}
        self.parts: dict[str, list[Item]] = {}
        self.characters = 0
        """What it takes in memory, about."""

    def text(self, path: str) -> str | None:
        """Return the text at a path without the blanks around it; None if there is none."""
        found = self.texts.get(path)
        return (found.strip() or None) if found is not None else None

    def source(self) -> str:
        """Return the item as lines of path and text: for people."""
        lines = [f"{path}: {text}" for path, text in self.texts.items() if text.strip()]
        lines += [f"{part.name}: {part.texts}" for parts in self.parts.values() for part in parts]
        return "\n".join(lines)


class XmlItems:
    """The items of an XML file, as an iterable that is read once."""

    def __init__(
        self,
        file: ExportFile,
        *,
        prefix: Callable[[str], str | None],
        items: Collection[str],
        inner: Collection[str] = (),
        parts: Collection[str] = (),
        ignored: Collection[str] = (),
    ) -> None:
        """``prefix`` gives the prefix for a namespace (empty for none), or None for a namespace
        whose elements are passed over with all that is in them.

        Elements of the names ``items`` that are in no other, and of the names ``inner`` that are in
        one, are yielded where they end. ``parts`` are kept in the item around them, each by itself.
        ``ignored`` are passed over.
        """
        self._file = file
        self._names = _Names(file.name, prefix, frozenset(ignored))
        self._items, self._inner, self._parts = frozenset(items), frozenset(inner), frozenset(parts)
        self.bytes_read = 0
        """Bytes of the file, as it is on disk, that are done."""
        self.control_characters = 0
        """Characters that XML cannot hold, for each of which a blank was read."""

    def __iter__(self) -> Iterator[Item]:
        """Yield the items. Raises BelowTheLineError: the file cannot be read, is not well-formed,
        has a DOCTYPE, or goes beyond a limit; with the line and the column, where there are any.
        """
        try:
            from lxml import etree
        except ImportError:
            raise BelowTheLineError(
                f"{self._file.name} is XML, for which lxml is needed, but not installed.",
                "Install the extra: pip install 'below-the-line[archives]'.",
            ) from None
        target = self._target()
        # Its own limits would end an article with large pictures in it; those above take their
        # place.
        parser: Any = etree.XMLParser(
            target=target,  # type: ignore[arg-type]
            resolve_entities=False,
            no_network=True,
            huge_tree=True,
        )
        skipped_lines = waiting = 0
        try:
            with self._file.open() as content:
                chunk, skipped_lines, has_control = self._beginning(content.read(_CHUNK_BYTES))
                while chunk:
                    if has_control and _CONTROL.search(chunk):
                        chunk, found = _CONTROL.subn(b" ", chunk)
                        self.control_characters += found
                    parser.feed(chunk)
                    waiting = 0 if target.moved() else waiting + len(chunk)
                    if waiting > MAX_TOKEN_BYTES:
                        raise _beyond(self._file.name, f"a tag of more than {waiting:,} bytes")
                    self.bytes_read = content.bytes_read
                    yield from target.ready()
                    chunk = content.read(_CHUNK_BYTES)
                parser.close()
        except etree.XMLSyntaxError as error:
            raise _not_well_formed(self._file.name, error, skipped_lines) from None

    def _beginning(self, chunk: bytes) -> tuple[bytes, int, bool]:
        """Return the first chunk from the first ``<`` on, the number of lines before that, and
        whether bytes below 32 are characters by themselves.
        """
        if chunk[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in chunk[:4]:
            return chunk, 0, False  # UTF-16 or UTF-32: libxml2 knows which
        match = _BLANKS_BEFORE.match(chunk)
        before = match[0] if match else b""
        begin = len(before)
        if begin == len(chunk):
            raise BelowTheLineError(f"{self._file.name} is empty.", "Export it again.")
        if chunk[begin : begin + 1] != b"<":
            line, column = before.count(b"\n") + 1, begin - before.rfind(b"\n")
            raise BelowTheLineError(
                f"{self._file.name}, line {line}, column {column}: there is text before the first"
                f" tag: {chunk[begin : begin + 20].decode('utf-8', 'replace')!r}.",
                "Remove what stands before <?xml.",
            )
        return chunk[begin:], before.count(b"\n"), True

    def _target(self) -> "_Target":
        """Return what makes items of libxml2's events.

        It is called some forty times for each comment; that is why it is one function with its
        state in variables.
        """
        file, names = self._file.name, self._names
        items, inner, parts = self._items, self._inner, self._parts
        done: list[Item] = []
        around: list[tuple[Item, str]] = []
        item: Item | None = None
        path = ""
        pieces: list[str] = []
        length = depth = passed_over = 0
        moved = False

        def start(tag: str, attributes: Mapping[str, str]) -> None:
            nonlocal item, path, pieces, length, depth, passed_over, moved
            moved = True
            depth += 1
            if depth > MAX_DEPTH:
                raise _beyond(file, f"more than {MAX_DEPTH} elements inside each other")
            if passed_over:
                passed_over += 1
                return
            name = names[tag]
            if name is None:
                passed_over = 1
                return
            if item is None:
                if name not in items:
                    return
                item = Item(name, None)
            elif name in inner:
                around.append((item, path))
                item, path = Item(name, item), ""
            elif name in parts:
                around.append((item, path))
                part = Item(name, item)
                item.parts.setdefault(name, []).append(part)
                item, path = part, ""
            else:
                around.append((item, path))
                path = f"{path}/{name}" if path else name
            pieces, length = [], 0
            if attributes:
                for key, value in attributes.items():
                    known = names[key]
                    if known is not None:
                        add(item, f"{path}@{known}", value)

        def end(_tag: str) -> None:
            nonlocal item, path, pieces, length, depth, passed_over, moved
            moved = True
            depth -= 1
            if passed_over:
                passed_over -= 1
                return
            if item is None:
                return
            text = "".join(pieces)
            if path:
                add(item, path, text)
            else:
                if text and not text.isspace():
                    add(item, "", text)
                if item.name not in parts:
                    done.append(item)
            item, path = around.pop() if around else (None, "")
            pieces, length = [], 0

        def data(text: str) -> None:
            nonlocal length, moved
            moved = True
            if item is None or passed_over:
                return
            pieces.append(text)
            length += len(text)
            if length > MAX_ITEM_CHARACTERS:
                raise _too_long(file)

        def add(item: Item, path: str, text: str) -> None:
            if path in item.texts:
                return
            item.texts[path] = text
            holder = item.parent if item.parent is not None and item.name in parts else item
            holder.characters += len(text) + _ENTRY_CHARACTERS
            if holder.characters > MAX_ITEM_CHARACTERS:
                raise _too_long(file)

        def has_moved() -> bool:
            nonlocal moved
            was, moved = moved, False
            return was

        def ready() -> list[Item]:
            taken = done.copy()
            done.clear()
            return taken

        return _Target(file, start, end, data, has_moved, ready)


class _Target:
    """What lxml calls."""

    def __init__(
        self,
        file: str,
        start: Callable[[str, Mapping[str, str]], None],
        end: Callable[[str], None],
        data: Callable[[str], None],
        moved: Callable[[], bool],
        ready: Callable[[], list[Item]],
    ) -> None:
        self._file = file
        self.start = start
        self.end = end
        self.data = data
        self.moved = moved
        """Whether anything was reported since the last call."""
        self.ready = ready
        """The items that are complete, each once."""

    def doctype(self, name: str, *_: object) -> None:
        raise BelowTheLineError(
            f"{self._file} has a DOCTYPE ({name}), as no export needs: it could define anything.",
            "If you know where the file is from, remove the DOCTYPE.",
        )

    def close(self) -> None:
        pass


class _Names(dict[str, str | None]):
    """Names as libxml2 has them, ``{namespace}name``, to ``prefix:name``; None: passed over."""

    def __init__(
        self, file: str, prefix: Callable[[str], str | None], ignored: Collection[str]
    ) -> None:
        super().__init__()
        self._file = file
        self._prefix = prefix
        self._ignored = ignored

    def __missing__(self, tag: str) -> str | None:
        namespace, _, local = tag[1:].rpartition("}") if tag[0] == "{" else ("", "", tag)
        prefix = self._prefix(namespace)
        name = f"{prefix}:{local}" if prefix else local
        found = None if prefix is None or name in self._ignored else name
        if len(self) >= MAX_NAMES:
            raise _beyond(self._file, f"more than {MAX_NAMES:,} names of elements")
        self[tag] = found
        return found


def _beyond(file: str, what: str) -> BelowTheLineError:
    return BelowTheLineError(
        f"{file} has {what}, as no export has.",
        "Look whether it is the file that you want to import.",
    )


def _too_long(file: str) -> BelowTheLineError:
    return _beyond(file, f"an item of more than {MAX_ITEM_CHARACTERS:,} characters")


def _not_well_formed(file: str, error: Any, skipped_lines: int) -> BelowTheLineError:
    line, column = error.position
    message = _POSITION.sub("", error.msg or "").strip().rstrip(".!")
    if "Premature end" in message:
        hint = "It ends too early: download or export it again."
    elif "encod" in message.lower():
        hint = "Convert the file to UTF-8."
    else:
        hint = "Fix the file at this place, or export it again."
    return BelowTheLineError(
        f"{file}, line {line + skipped_lines}, column {column}: not well-formed XML: {message}.",
        hint,
    )
