"""HTML to the text that a reader sees."""

import re
from functools import cache
from typing import TYPE_CHECKING

from below_the_line.errors import BelowTheLineError

if TYPE_CHECKING:
    from lxml import etree

_PARAGRAPHS = {
    *("blockquote", "dl", "fieldset", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("ol", "p", "pre", "table", "ul"),
}
"""A blank line stands before and after them."""
_LINES = {
    *("address", "article", "aside", "body", "caption", "center", "dd", "details", "dialog", "div"),
    *("dt", "figcaption", "footer", "header", "legend", "li", "main", "menu", "nav", "section"),
    *("summary", "tbody", "tfoot", "thead", "tr"),
}
"""They begin on a line of their own."""
_UNSEEN = {
    *("head", "math", "noscript", "object", "script", "select", "style", "svg", "template"),
    "title",
}
_EMBEDDED = {"audio", "embed", "iframe", "video"}
_LISTS = {"menu", "ol", "ul"}

_BLOCK = re.compile(rf"<(?:br|{'|'.join(sorted(_PARAGRAPHS | _LINES))})\b", re.IGNORECASE)
_BREAK_BEFORE_LINE = re.compile(r"(<br[ /]*>)[ \t]*\r?\n", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_LINE_END = re.compile(r"[ \t\f]*\r?\n[ \t\f]*")
_HEAPED = re.compile(r"\n{3,}")
_SHOWN_DEPTH = 8
"""Quotes and lists that lie deeper are shown like those of this depth."""


def plain_text(html: str, *, line_breaks: bool | None = None) -> str:
    """Return the text that a reader sees: plain, with line breaks, without blanks at its ends.

    Paragraphs are separated by a blank line. Quotes begin with ``> ``, items of lists with ``- ``
    or their number. A link is its text and, if it differs, the address in square brackets; an image
    is its description, or else its address. Character references are decoded once.

    ``line_breaks`` says whether line breaks in ``html`` are seen, as in WordPress' comments. None:
    they are if it has no paragraphs and no other blocks. Any text is accepted: characters that no
    JSON can hold are replaced. Raises BelowTheLineError only if lxml is not installed.
    """
    if not html.isascii():
        # Half of a surrogate pair, as JSON can have it.
        html = html.encode("utf-8", "replace").decode()
    if "<" not in html and "&" not in html:
        return _tidy(html.replace("\0", "\ufffd"), line_breaks=line_breaks is not False)
    seen, end = html, html.rfind(">") + 1
    if html.find("<", end) >= 0:
        # A parser drops a tag that never ends, and with it all that follows.
        seen = html[:end] + html[end:].replace("<", "&lt;")
    if line_breaks is None:
        line_breaks = not _BLOCK.search(seen)
    elif line_breaks and "<" in seen:
        seen = _BREAK_BEFORE_LINE.sub(r"\1", seen)
    from lxml import etree

    parser, target = _parser()
    target.line_breaks = line_breaks
    # Bytes, because lxml takes an encoding that a text names for that of the text.
    found = etree.fromstring(seen.encode(), parser)
    return str(found)


def _tidy(text: str, *, line_breaks: bool) -> str:
    text = text.strip()
    if "\n" not in text:
        return text
    if not line_breaks:
        return _BLANKS.sub(" ", text)
    return _HEAPED.sub("\n\n", _LINE_END.sub("\n", text))


@cache
def _parser() -> tuple["etree.HTMLParser", "_SeenText"]:
    try:
        from lxml import etree
    except ImportError:
        raise BelowTheLineError(
            "Texts with HTML need lxml, which is not installed.",
            "Install the extra: pip install 'below-the-line[archives]'.",
        ) from None
    target = _SeenText()
    return etree.HTMLParser(target=target, encoding="utf-8"), target  # type: ignore[arg-type]


class _SeenText:
    """Takes the parser's events; ``close`` returns the text.

    No tree is built: a tree ends at a certain depth and after ``</html>``, events do not.
    """

    def __init__(self) -> None:
        self.line_breaks = False
        self._begin()

    def _begin(self) -> None:
        self._finished: list[str] = []
        self._line: list[str] = []
        self._mark = ""
        """What the next line begins with: the mark of a list's item."""
        self._blank_line = False
        self._line_ends = 0
        self._unseen = 0
        self._pre = 0
        self._quotes = 0
        self._quotes_before = 0
        self._lists: list[int | None] = []
        """The number of the last item of each open list; None: it has no numbers."""
        self._link: tuple[str, int] | None = None
        """The address of the open link, and where in the line its text begins."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        if self._unseen:
            return
        if tag == "br":
            self._break_line()
        elif tag == "a":
            self._end_link()
            self._link = (attributes.get("href", ""), len(self._line))
        elif tag in _PARAGRAPHS or tag in _LINES:
            self._start_block(tag, attributes)
        elif tag == "img":
            self._line.append(attributes.get("alt", "").strip() or _shown(attributes.get("src")))
        elif tag in _EMBEDDED:
            self._line.append(_shown(attributes.get("src")))
        elif tag == "q":
            self._line.append("“")
        elif tag in {"td", "th"} and self._line:
            self._line.append(" ")

    def end(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif self._unseen:
            return
        elif tag == "a":
            self._end_link()
        elif tag in _PARAGRAPHS or tag in _LINES:
            self._end_block(tag)
        elif tag == "q":
            self._line.append("”")

    def data(self, text: str) -> None:
        if self._unseen:
            return
        if "\n" not in text or not (self._pre or self.line_breaks):
            self._line.append(text)
            return
        first, *others = text.split("\n")
        self._line.append(first)
        for other in others:
            self._break_line()
            self._line.append(other)

    def close(self) -> str:
        self._finish_line()
        text = "\n".join(self._finished)
        self._begin()
        return text.replace("\0", "\ufffd").strip()

    def _start_block(self, tag: str, attributes: dict[str, str]) -> None:
        self._finish_line()
        # A list in a list, and a paragraph that begins an item, follow without a blank line.
        self._blank_line |= tag in _PARAGRAPHS and not self._lists
        if tag == "blockquote":
            self._quotes += 1
        elif tag == "pre":
            self._pre += 1
        elif tag in _LISTS:
            self._lists.append(_start(attributes) - 1 if tag == "ol" else None)
        elif tag == "li":
            self._mark = self._next_mark()

    def _end_block(self, tag: str) -> None:
        self._finish_line()
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag == "pre":
            self._pre = max(0, self._pre - 1)
        elif tag in _LISTS and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._mark = ""
        self._blank_line |= tag in _PARAGRAPHS and not self._lists

    def _next_mark(self) -> str:
        if not self._lists or (number := self._lists[-1]) is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number + 1}. "

    def _end_link(self) -> None:
        if self._link is None:
            return
        (href, begin), self._link = self._link, None
        address = href.strip().removeprefix("mailto:")
        if not address or address.startswith(("#", "javascript:", "data:")):
            return
        # A link over several lines has only the rest of its text here: the address follows.
        text = "".join(self._line[begin:]).strip()
        short = text.rstrip(".…")
        if not text or (short != text and _bare(address).startswith(_bare(short))):
            self._line[begin:] = [address]
        elif _bare(text) != _bare(address):
            self._line.append(f" [{address}]")

    def _break_line(self) -> None:
        if not self._finish_line():
            self._line_ends += 1
            # The first one after a line ends that line; another one leaves a line free.
            self._blank_line |= self._line_ends > 1
        else:
            self._line_ends = 1

    def _finish_line(self) -> bool:
        """Add the line, if it has any text, to those that are finished."""
        line = "".join(self._line)
        self._line = []
        if self._link is not None:
            self._link = (self._link[0], 0)
        text = line.rstrip() if self._pre else _joined(line)
        if not text:
            return False
        quotes = min(self._quotes, _SHOWN_DEPTH)
        if self._blank_line and self._finished:
            self._finished.append(("> " * min(quotes, self._quotes_before)).rstrip())
        indent = "  " * min(len(self._lists) - 1, _SHOWN_DEPTH)
        self._finished.append("> " * quotes + indent + self._mark + text)
        self._mark, self._blank_line, self._line_ends = "", False, 0
        self._quotes_before = quotes
        return True


def _joined(line: str) -> str:
    """Return the line with single blanks. Most lines have them already."""
    line = line.strip()
    if "  " in line or "\n" in line or "\t" in line or "\r" in line or "\f" in line:
        return _BLANKS.sub(" ", line)
    return line


def _start(attributes: dict[str, str]) -> int:
    start = attributes.get("start", "1").strip()
    return int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 1


def _shown(address: str | None) -> str:
    address = (address or "").strip()
    return f"[{address}]" if address and not address.startswith("data:") else ""


def _bare(address: str) -> str:
    """Return what is compared of an address, without its scheme, ``www.`` and last slash."""
    for beginning in ("https://", "http://", "www."):
        address = address.removeprefix(beginning)
    return address.removesuffix("/")
