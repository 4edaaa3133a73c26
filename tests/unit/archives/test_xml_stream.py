"""Items of XML files, and what is refused. All input is harmless: the limits are set low."""

from collections.abc import Callable
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives import xml_stream
from btl.archives.sources import ExportFile
from btl.archives.xml_stream import Item, XmlItems

NAMESPACES = {"": "", "urn:shop": "s", "urn:more": "m"}
BEGIN = '<?xml version="1.0"?>\n<shop xmlns="urn:shop" xmlns:m="urn:more" xmlns:x="urn:unknown">\n'

Read = Callable[[str | bytes], list[Item]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(content: str | bytes) -> list[Item]:
        path = tmp_path / "shop.xml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(stream(path))

    return read


def stream(path: Path) -> XmlItems:
    return XmlItems(
        ExportFile(path),
        prefix=NAMESPACES.get,
        items=("s:order", "s:name"),
        inner=("s:line",),
        parts=("s:note",),
        ignored=("s:picture",),
    )


def error(read: Read, content: str | bytes) -> str:
    with pytest.raises(BelowTheLineError) as raised:
        read(content)
    return str(raised.value)


def test_items_come_with_the_texts_in_them_by_their_paths(read: Read) -> None:
    name, order = read(
        BEGIN + "<name>Harbour</name><unknown>not an item</unknown>"
        '<order m:id="7" x:id="8"><buyer><name>otter</name></buyer><paid/><sum>1</sum><sum>2</sum>'
        "<text>a &lt;b&gt; &amp; <![CDATA[c ]]]]><![CDATA[> d]]>\n</text>"
        "<m:extra>kept</m:extra><x:extra><text>passed over</text></x:extra><picture>x</picture>"
        '<note kind="a">one</note><note><text>two</text><by>heron</by></note></order></shop>'
    )
    assert (name.name, name.texts, name.text("")) == ("s:name", {"": "Harbour"}, "Harbour")
    assert order.name == "s:order"
    assert order.texts == {
        "@m:id": "7",
        "s:buyer": "",
        "s:buyer/s:name": "otter",
        "s:paid": "",
        "s:sum": "1",
        "s:text": "a <b> & c ]]> d\n",
        "m:extra": "kept",
    }
    assert order.text("s:text") == "a <b> & c ]]> d"
    assert (order.text("s:paid"), order.text("s:nothing")) == (None, None)
    assert [part.texts for part in order.parts["s:note"]] == [
        {"@kind": "a", "": "one"},
        {"s:text": "two", "s:by": "heron"},
    ]
    assert "s:buyer/s:name: otter" in order.source()
    assert "two" in order.source()


def test_items_inside_of_items_come_first_and_know_what_stood_before_them(read: Read) -> None:
    outside, line, order = read(
        BEGIN + "<line>outside of an order: not an item</line><order>2</order>"
        "<order><number>3</number><line><of>rope</of></line><sum>4</sum></order></shop>"
    )
    assert outside.texts == {"": "2"}
    assert (line.name, line.texts, line.parent) == ("s:line", {"s:of": "rope"}, order)
    assert order.texts == {"s:number": "3", "s:sum": "4"}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + BEGIN.encode() + b"<name>caf\xc3\xa9</name></shop>",
        b"\n \t\r\n\xef\xbb\xbf\n" + BEGIN.encode() + b"<name>caf\xc3\xa9</name></shop>",
        (BEGIN + "<name>café</name></shop>").encode("utf-16"),
        BEGIN.replace('"?', '" encoding="iso-8859-1"?').encode() + b"<name>caf\xe9</name></shop>",
    ],
)
def test_encodings_are_those_that_the_file_says_and_blanks_may_stand_before(
    read: Read, content: bytes
) -> None:
    assert [item.texts for item in read(content)] == [{"": "café"}]


def test_control_characters_become_blanks_and_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "shop.xml"
    path.write_bytes(BEGIN.encode() + b"<name>a\x08b\x0bc\td\0</name></shop>")
    items = stream(path)
    assert [item.texts for item in items] == [{"": "a b c\td "}]
    assert items.control_characters == 3
    assert items.bytes_read == path.stat().st_size


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "shop.xml is empty. Export it again."),
        (" \n", "shop.xml is empty. Export it again."),
        (
            "\n\nnow <shop>",
            "shop.xml, line 3, column 1: there is text before the first tag: 'now <shop>'."
            " Remove what stands before <?xml.",
        ),
        (
            BEGIN + "<name>a</nome>",
            "shop.xml, line 3, column 15: not well-formed XML: Opening and ending tag mismatch:"
            " name line 3 and nome. Fix the file at this place, or export it again.",
        ),
        (
            "\n\n" + BEGIN + "<name id=1>a</name>",
            "shop.xml, line 5, column 10: not well-formed XML: AttValue: \" or ' expected."
            " Fix the file at this place, or export it again.",
        ),
        (
            BEGIN + "<name>a&nbsp;b</name>",
            "shop.xml, line 3, column 14: not well-formed XML: Entity 'nbsp' not defined."
            " Fix the file at this place, or export it again.",
        ),
        (
            BEGIN + "<name>a</name>\n",
            "shop.xml, line 4, column 1: not well-formed XML: Premature end of data in tag shop"
            " line 2. It ends too early: download or export it again.",
        ),
        (
            BEGIN.encode() + b"<name>\xff</name>",
            "shop.xml, line 3, column 7: not well-formed XML: Invalid bytes in character encoding."
            " Convert the file to UTF-8.",
        ),
        (
            BEGIN + "</shop>x",
            "shop.xml, line 3, column 8: not well-formed XML: Extra content at the end of the"
            " document. Fix the file at this place, or export it again.",
        ),
    ],
)
def test_a_file_that_is_not_well_formed_gives_one_line_with_the_place_and_what_to_do(
    read: Read, content: str | bytes, message: str
) -> None:
    assert error(read, content) == message


@pytest.mark.parametrize(
    "doctype", ["<!DOCTYPE shop>", '<!DOCTYPE shop [<!ENTITY copy "&#169;">]>']
)
def test_a_doctype_is_refused(read: Read, doctype: str) -> None:
    assert error(read, f"{doctype}<shop><name>x</name></shop>") == (
        "shop.xml has a DOCTYPE (shop), as no export needs: it could define anything."
        " If you know where the file is from, remove the DOCTYPE."
    )


@pytest.mark.parametrize(
    ("limit", "value", "content", "message"),
    [
        ("MAX_DEPTH", 3, "<a><b><c/></b></a>", "more than 3 elements inside each other"),
        ("MAX_NAMES", 5, "<a/><b/><c/><d/><e/><f/>", "more than 5 names of elements"),
        (
            "MAX_ITEM_CHARACTERS",
            300,
            f"<order><a>{'x' * 301}</a></order>",
            "an item of more than 300 characters",
        ),
        (
            "MAX_ITEM_CHARACTERS",
            300,
            "<order><a/><b/><c/><d/></order>",
            "an item of more than 300 characters",
        ),
        (
            "MAX_ITEM_CHARACTERS",
            300,
            "<order><line/><note>x</note><line/><note>x</note><line/><note>x</note></order>",
            "an item of more than 300 characters",
        ),
    ],
)
def test_what_goes_beyond_a_limit_is_refused(
    read: Read, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, content: str, message: str
) -> None:
    read(BEGIN + content + "</shop>")
    monkeypatch.setattr(xml_stream, limit, value)
    assert error(read, BEGIN + content + "</shop>") == (
        f"shop.xml has {message}, as no export has."
        " Look whether it is the file that you want to import."
    )


def test_a_text_or_tag_that_does_not_end_is_refused_before_it_is_kept(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = BEGIN + f"<name><!--{'x' * 200_000}-->a</name></shop>"
    assert [item.texts for item in read(content)] == [{"": "a"}]
    monkeypatch.setattr(xml_stream, "MAX_TOKEN_BYTES", 100_000)
    assert "a tag of more than" in error(read, content)


def test_items_of_a_file_are_read_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "shop.xml"
    path.write_text(BEGIN + "<order><text>x</text></order>\n" * 20_000 + "</shop>")
    items = stream(path)
    next(iter(items))
    assert 0 < items.bytes_read < path.stat().st_size / 2
