"""Tables on terminals of any width: no figure is cut, and no name that somebody has to type."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from btl.cli.output import print_table

HEADINGS = ("article", "headline", "comments", "reports")
ROWS = (
    ("article-with-a-long-id-1", "A headline that goes on and on and on and on", "1,234,567", "12"),
    ("article-with-a-long-id-2", "Another one", "7", ""),
)


def shown(width: int, gives_way: str | None = "headline") -> str:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in HEADINGS:
        table.add_column(
            heading,
            no_wrap=True,
            overflow="ellipsis",
            max_width=50 if heading == "headline" else None,
        )
    for row in ROWS:
        table.add_row(*row)
    out = Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system=None, soft_wrap=True
    )
    print_table(out, table, gives_way)
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
    assert len(shown(60, gives_way=None).splitlines()) == 4 + 1 + 3 + 1
