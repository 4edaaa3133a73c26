"""Foreign bytes are shown as they are and never reach a terminal as commands."""

import json

import pytest

from btl.cli.output import indented_json, printable, printable_bytes


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain", "plain"),
        ("Grüße 😀 комментарий".encode(), "Grüße 😀 комментарий"),
        (b"", ""),
        (b"\x1b[2J\x07\r\n\x00", r"\u001b[2J\u0007\r\n\u0000"),
        (b"Gr\xfc\xdfe", r"Gr\xfc\xdfe"),
        ("\x9b31m\u202e\u2028".encode(), r"\u009b31m\u202e\u2028"),
    ],
)
def test_bytes_become_one_line_without_anything_that_a_terminal_obeys(
    raw: bytes, shown: str
) -> None:
    assert printable_bytes(raw) == shown
    assert shown.isprintable()


def test_surrogates_are_escaped() -> None:
    assert printable("a\udcffb") == r"a\udcffb"


def test_json_is_laid_out_and_otherwise_left_as_it_was_sent() -> None:
    raw = rb'{"a":1.50,"a":[ ],"b":[1e400,{"c":"\u00e9 \" , : { ]"}],"d":{}}'
    assert indented_json(raw) == "\n".join(
        [
            "{",
            '  "a": 1.50,',
            '  "a": [],',
            '  "b": [',
            "    1e400,",
            "    {",
            r'      "c": "\u00e9 \" , : { ]"',
            "    }",
            "  ],",
            '  "d": {}',
            "}",
        ]
    )


def test_what_json_may_hold_and_a_terminal_may_not_see_is_escaped_as_json_has_it() -> None:
    raw = '{"body":"\x9b31m\u202e"}'.encode()
    shown = indented_json(raw)
    assert shown is not None
    assert r"\u009b31m\u202e" in shown
    assert json.loads(shown) == json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":"\x1b"}',
        b"{} {}",
    ],
)
def test_what_is_no_json_is_not_laid_out(raw: bytes) -> None:
    assert indented_json(raw) is None
