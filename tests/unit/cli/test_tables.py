"""Tables on terminals of any width: no figure is cut, and no name that somebody has to type."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from btl.cli.output import Column, console, duration, print_table, print_text, right

ROWS = (
    ("article-with-a-long-id-1", "A headline that goes on and on and on", "1,234,567", "12"),
    ("article-with-a-long-id-2", "Another one", "7", ""),
)
COLUMNS: tuple[Column | str, ...] = (
    "article",
    Column("headline", cut=True, rank=1),
    *right("comments"),
    *right("reports", rank=2),
)


def terminal(width: int) -> Console:
    return Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system=None, highlight=False
    )


def text_of(out: Console) -> str:
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def shown(width: int) -> list[str]:
    out = terminal(width)
    print_table(COLUMNS, ROWS, out=out)
    return text_of(out).splitlines()


def test_a_table_that_fits_is_shown_whole() -> None:
    assert shown(100) == [
        "article                   headline                                comments  reports",
        "article-with-a-long-id-1  A headline that goes on and on and on  1,234,567       12",
        "article-with-a-long-id-2  Another one                                    7",
    ]


def test_a_text_is_cut_after_a_word_before_a_column_is_left_out() -> None:
    assert shown(80)[1:] == [
        "article-with-a-long-id-1  A headline that goes on and on…     1,234,567       12",
        "article-with-a-long-id-2  Another one                                 7",
    ]


def test_columns_of_the_greatest_rank_are_left_out_first_and_named() -> None:
    assert shown(65) == [
        "article                   headline                       comments",
        "article-with-a-long-id-1  A headline that goes on and…  1,234,567",
        "article-with-a-long-id-2  Another one                           7",
        "Not shown, for want of width: reports.",
    ]
    assert shown(40)[0] == "article                    comments"
    assert shown(40)[-2:] == ["Not shown, for want of width: headline,", "reports."]


def test_where_the_rest_has_no_room_the_first_cell_has_a_line_of_its_own() -> None:
    assert shown(34) == [
        "article",
        "     comments",
        "article-with-a-long-id-1",
        "    1,234,567",
        "article-with-a-long-id-2",
        "            7",
        "Not shown, for want of width:",
        "headline, reports.",
    ]


def test_where_there_is_no_room_at_all_each_cell_has_a_line_of_its_own() -> None:
    out = terminal(30)
    print_table(
        ["id", "place"], [("an-id-of-24-characters-1", "a-place-of-many-characters-1")], out=out
    )
    assert text_of(out).splitlines()[:2] == [
        "id    an-id-of-24-characters-1",
        "place a-place-of-many-characters-1",
    ]


def test_what_all_rows_have_is_said_once_where_the_table_does_not_fit() -> None:
    rows = [("a-rather-long-topic", number, 1_000, "") for number in (3, 4)]
    columns: list[Column | str] = ["topic", *right("partition", "kept", "lost")]
    out = terminal(32)
    print_table(columns, rows, out=out)
    assert text_of(out).splitlines() == [
        "In every row: topic",
        "a-rather-long-topic.",
        "partition   kept  lost",
        "        3  1,000",
        "        4  1,000",
    ]
    whole = terminal(60)
    print_table(columns, rows, out=whole)
    assert len(text_of(whole).splitlines()) == 3


def test_a_colour_that_all_rows_have_keeps_its_column() -> None:
    out = terminal(30)
    print_table(
        ["name-of-the-part", "state", Column("log", rank=1)],
        [(name, Text("running", "green"), "a/folder/of/logs") for name in ("one", "two")],
        out=out,
    )
    assert text_of(out).splitlines()[-1].split() == ["two", "running"]


def test_cells_that_may_wrap_take_several_lines_broken_between_words() -> None:
    out = terminal(50)
    rows = [("key", "a message of many words that does not fit into one line", 1_234)]
    print_table(["key", Column("message", wraps=True), *right("count")], rows, out=out)
    assert text_of(out).splitlines() == [
        "key  message                                 count",
        "key  a message of many words that does not   1,234",
        "     fit into one line",
    ]


def test_in_a_pipe_a_row_is_one_whole_line_without_blanks_at_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    headline = " ".join(["A headline without end"] * 100)
    columns: list[Column | str] = [
        "article",
        Column("headline", max_width=50),
        Column("note", wraps=True),
    ]
    print_table(columns, [("a1", headline, "n " * 9_000 + "m"), ("a2", "short", None)])
    print_text("word " * 5_000 + "end")
    console().print("word " * 5_000 + "end")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert headline in lines[1]
    assert lines[1].endswith("n m")
    assert lines[2] == "a2       short"
    assert lines[3] == lines[4] == "word " * 5_000 + "end"


def test_text_of_a_cell_is_not_markup_and_is_not_obeyed() -> None:
    out = terminal(80)
    print_table(["text", "styled", "none"], [("[red]\x1b[2J", Text("x", "red"), None)], out=out)
    assert text_of(out).splitlines()[1].split() == [r"[red]\u001b[2J", "x"]


def test_a_paragraph_is_broken_between_words_and_a_longer_word_stays_whole() -> None:
    out = terminal(20)
    print_text("one two three four five six", indent=2, out=out)
    assert text_of(out).splitlines() == ["  one two three four", "  five six"]
    out = terminal(20)
    print_text("see https://www.example.org/a/long/path", out=out)
    assert text_of(out) == "see https://www.example.org/a/long/path\n"
    out = terminal(20)
    print_text("it is at https://www.example.org/a/long/path and in many others", out=out)
    assert text_of(out).splitlines() == [
        "it is at https://www.example.org/a/long/path",
        "and in many others",
    ]


def test_lines_after_the_first_may_hang_deeper() -> None:
    out = terminal(20)
    print_text("one two three four five six", indent=2, hanging=3, out=out)
    assert text_of(out).splitlines() == ["  one two three", "     four five six"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (1.239, "1.24 s"),
        (59.5, "59.5 s"),
        (60, "1 min"),
        (2_013.757, "33 min 33 s"),
        (5_348, "1 h 29 min"),
        (86_400, "1 d"),
        (93_784, "1 d 2 h"),
        (86_400 * 4_000 + 59, "4,000 d"),
    ],
)
def test_a_duration_has_its_two_greatest_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_in_a_pipe_a_very_long_cell_is_whole_and_pads_no_other_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(["key", "code"], [("k" * 300, "one"), ("short-key", "two")])
    assert capsys.readouterr().out.splitlines() == [
        "key        code",
        "k" * 300 + "  one",
        "short-key  two",
    ]
