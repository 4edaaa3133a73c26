"""What a reader sees of HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btl.archives.html_text import plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("  The ferry is late.  ", "The ferry is late."),
        ("", ""),
        ("one\r\ntwo  \n\n\n\n three", "one\ntwo\n\nthree"),
        ("<p>One\n  and   more.</p>\n<p>Two<br>lines.</p>", "One and more.\n\nTwo\nlines."),
        ("one<br><br><br/><br />two", "one\n\ntwo"),
        ("<p><br></p><p>&nbsp;x&nbsp;</p>", "x"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("the <b>big</b> <i>ferry</i>", "the big ferry"),
        ("<h2>Title</h2>text", "Title\n\ntext"),
        ("<hr>text<hr>", "text"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("<pre>one\n  two\n\n three</pre>four", "one\n  two\n\n three\n\nfour"),
        ("<script>a &lt; b</script>x<style>y</style><template>z</template>", "x"),
        ("<!-- not seen -->seen<!DOCTYPE html>", "seen"),
        ("<title>x</title><p>seen", "seen"),
        ("<svg><title>x</title></svg>seen<noscript>y</noscript>", "seen"),
    ],
)
def test_what_is_seen_stays_and_line_breaks_are_those_of_the_page(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a &amp; b", "a & b"),
        ("&lt;i&gt; &amp;lt; &#8364; &#x20AC;", "<i> &lt; € €"),
        ("<b>&amp;amp;</b>", "&amp;"),
        ("a & b &nosuch; c", "a & b &nosuch; c"),
        ("<i>café &eacute;</i>", "café é"),
    ],
)
def test_references_are_decoded_once(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<blockquote><p>One.</p><p>Two.<blockquote>In it.</blockquote></blockquote>An answer.",
            "> One.\n>\n> Two.\n>\n> > In it.\n\nAn answer.",
        ),
        ("<q>late</q>, it says", "“late”, it says"),
        ("<ul><li>a<li><p>b</p></ul>after", "- a\n- b\n\nafter"),
        ("<ul><li>a<ol start=3><li>b<li>c</ol><li>d</ul>", "- a\n  3. b\n  4. c\n- d"),
        ("<ol start=x><li>a</ol>", "1. a"),
        ("<li>a", "- a"),
    ],
)
def test_quotes_and_lists_have_marks(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            '<a href="https://example.org/a?b=1&amp;c=2">plan</a>',
            "plan [https://example.org/a?b=1&c=2]",
        ),
        ('<a href="http://www.example.org/">example.org</a>', "example.org"),
        (
            '<a href="https://example.org/the/whole/way">https://example.org/the/wh...</a>',
            "https://example.org/the/whole/way",
        ),
        ('<a href="mailto:desk@example.org">desk@example.org</a>', "desk@example.org"),
        (
            '<a href="#top">up</a> <a href="javascript:x()">on</a> <a name="x">here</a>',
            "up on here",
        ),
        ('<a href="/a">two<br>lines</a>', "two\nlines [/a]"),
        ('<a href="/a"></a>', "/a"),
        ('<a href="/a">a<a href="/b">b</a>', "a [/a]b [/b]"),
        ('see <img src="a.gif" alt="a ferry">', "see a ferry"),
        ('<img src="/a.gif"> <img src="data:x"> <img>', "[/a.gif]"),
        ('<iframe src="https://example.org/film">x</iframe>', "[https://example.org/film]x"),
    ],
)
def test_addresses_are_kept_where_they_say_more(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    ("html", "line_breaks", "text"),
    [
        ("a <b>b</b>\nc\n\n\nd", None, "a b\nc\n\nd"),
        ("<p>a</p>b\nc", None, "a\n\nb c"),
        ("a\nb", False, "a b"),
        ("a<br />\nb\n\n<blockquote>\nc\nd</blockquote>\n\ne", True, "a\nb\n\n> c\n> d\n\ne"),
        ("<p>a</p>b\nc", True, "a\n\nb\nc"),
        ("one\ntwo", True, "one\ntwo"),
    ],
)
def test_line_breaks_of_the_source_are_seen_where_the_system_shows_them(
    html: str, line_breaks: bool | None, text: str
) -> None:
    assert plain_text(html, line_breaks=line_breaks) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("I <3 you", "I <3 you"),
        ("<b>x</b> <y and more", "x <y and more"),
        ("</p></body></html>after", "after"),
        ("x<b>" * 300 + "y", "x" * 300 + "y"),
        ("half a pair \ud800<br>nothing \0", "half a pair ?\nnothing \ufffd"),
        ("nothing \0", "nothing \ufffd"),
        ('<?xml version="1.0" encoding="latin-1"?><meta charset="latin-1">é', "é"),
    ],
)
def test_nothing_is_lost_of_html_that_is_not_well_formed(html: str, text: str) -> None:
    assert plain_text(html) == text


def test_depth_does_not_heap_marks() -> None:
    assert plain_text("<blockquote>" * 50 + "x") == "> " * 8 + "x"


TAGS = ("a href='/x'", "blockquote", "br", "img alt=y", "li", "p", "pre", "q", "script", "td", "ul")
PIECES = [piece for tag in TAGS for piece in (f"<{tag}>", f"</{tag.split()[0]}>")]


@given(
    st.lists(st.one_of(st.sampled_from([*PIECES, "<", ">", "&", "&amp;", "\n"]), st.text())),
    st.sampled_from([None, True, False]),
)
def test_any_text_gives_a_tidy_one(pieces: list[str], line_breaks: bool | None) -> None:
    text = plain_text("".join(pieces), line_breaks=line_breaks)
    assert text == text.strip()
    assert "\n\n\n" not in text
    assert "\0" not in text
    text.encode()


@given(st.text(alphabet=st.characters(blacklist_characters="<&\0", blacklist_categories=["Cs"])))
def test_words_of_a_text_without_html_stay(text: str) -> None:
    assert plain_text(text).split() == text.split()
