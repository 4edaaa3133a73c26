"""Tables on terminals of any width: no figure is cut, and no name that somebody has to type."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from btl.cli.output import Column, print_table, right

ROWS = (
    ("article-with-a-long-id-1", "A headline that goes on and on and on and on", "1,234,567", "12"),
    ("article-with-a-long-id-2", "Another one", "7", ""),
)


def shown(width: int, *, cut: bool = True) -> str:
    out = Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system=None, soft_wrap=True
    )
    columns: list[Column | str] = [
        "article",
        Column("headline", max_width=50, cut=cut),
        *right("comments", "reports"),
    ]
    print_table(columns, ROWS, out=out)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


@pytest.mark.parametrize("width", [200, 100, 70, 60, 40])
def test_everything_but_what_gives_way_is_whole(width: int) -> None:
    text = shown(width)
    for row in ROWS:
        for cell in (row[0], *row[2:]):
            assert cell in text
    assert max(map(len, text.splitlines())) <= width or width < 60


def test_there_is_one_line_a_row_while_what_gives_way_can_be_cut_to_a_dozen_characters() -> None:
    assert ROWS[0][1] in shown(200)
    assert len(shown(70).splitlines()) == 3
    assert "A headline th…" in shown(60)
    assert len(shown(60).splitlines()) == 3


def test_where_there_is_no_room_each_cell_has_a_line_of_its_own() -> None:
    lines = shown(50).splitlines()
    assert lines[:3] == [
        "article  article-with-a-long-id-1",
        "headline A headline that goes on and on and on and on",
        "comments 1,234,567",
    ]
    assert len(shown(60, cut=False).splitlines()) == 4 + 1 + 3 + 1


def test_cells_that_may_wrap_take_several_lines_before_the_table_is_given_up() -> None:
    out = Console(file=io.StringIO(), width=50, force_terminal=True, color_system=None)
    rows = [("key", "a message of many words that does not fit into one line", 1_234)]
    print_table(["key", Column("message", wraps=True), *right("count")], rows, out=out)
    assert isinstance(out.file, io.StringIO)
    lines = out.file.getvalue().splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["key", "key"]
    assert lines[1].endswith("1,234")
    assert len(lines) == 3


def test_text_of_a_cell_is_not_markup_and_is_not_obeyed() -> None:
    out = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    print_table(["text", "styled", "none"], [("[red]\x1b[2J", Text("x", "red"), None)], out=out)
    assert isinstance(out.file, io.StringIO)
    assert out.file.getvalue().splitlines()[1].split() == [r"[red]\u001b[2J", "x"]
