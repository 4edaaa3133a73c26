"""Files that are too long in one place: said with file and line, and not read on."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives import tables
from btl.archives.sources import files_of
from btl.archives.tables import Layout, open_table

HEADER = b"id,text\n"


def rows(path: Path) -> list[list[str]]:
    with open_table(files_of([path])[0], Layout()) as table:
        return [row.whole for row in table.rows()]


@pytest.mark.parametrize(
    "content",
    [
        HEADER + b"1,short\n" + b"2," + b"x" * 2_000 + b"\n",
        HEADER + b"1,short\n" + b'2,"' + b"x\n" * 1_000 + b'"\n',
        HEADER + b"1,short\n" + b'2,"' + b"x\n" * 1_000,
        HEADER + b"1,short\n" + b'"x\n",' * 500 + b"\n",
    ],
    ids=["a long line", "a cell of many lines", "a mark not closed", "many cells of many lines"],
)
def test_a_row_that_is_too_long_is_named_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(tables, "MAX_ROW_CHARACTERS", 1_000)
    path = tmp_path / "comments.csv"
    path.write_bytes(content)
    with pytest.raises(BelowTheLineError) as raised:
        rows(path)
    said = raised.value.message
    assert said == f"{path.name} has a row of more than 1,000 characters, which begins at line 3."


def test_rows_up_to_the_limit_are_read_line_breaks_included(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAX_ROW_CHARACTERS", 1_000)
    path = tmp_path / "comments.csv"
    text = "x\r\n" * 331 + "y"
    path.write_bytes(HEADER + f'1,"{text}"\r\n'.encode() * 3)
    assert rows(path) == [["1", text]] * 3


def test_of_a_small_file_that_unpacks_to_a_long_line_little_is_read(tmp_path: Path) -> None:
    """Twenty megabytes in one line, which are twenty kilobytes packed."""
    path = tmp_path / "comments.csv.gz"
    path.write_bytes(gzip.compress(HEADER + b"1," + b"x" * 20_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(BelowTheLineError, match="begins at line 2"):
            rows(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16_000_000


def test_a_header_of_very_many_columns_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "comments.csv"
    path.write_bytes(b"a," * 500_000 + b"a\n")
    with pytest.raises(BelowTheLineError, match="has the column 'a' twice"):
        rows(path)


def test_a_header_may_begin_with_a_bracket(tmp_path: Path) -> None:
    path = tmp_path / "comments.csv"
    path.write_bytes(b"[id],text\n1,x\n")
    assert rows(path) == [["1", "x"]]
