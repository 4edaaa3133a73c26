"""Files of text that cannot be read as they are: said with file and line."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives import tables
from btl.archives.sources import files_of
from btl.archives.tables import Layout, looks_like_table, open_table

HEADER = b"id,text\n"


def rows(path: Path, encoding: str = "utf-8") -> list[list[str]]:
    with open_table(files_of([path])[0], Layout(encoding)) as table:
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


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('1,"short"\n2,"a\n3,b\n4,c\n', 3),
        ('1,"short"\n2,"a\r\n3,b', 3),
        ('"one\ntwo\nthree","four\nfive', 4),
        ('"one\ntwo","', 3),
        ('1,"', 2),
        ('1,"\n', 2),
        ('1,"a""', 2),
    ],
)
def test_a_quotation_mark_that_is_not_closed_before_the_end_is_a_fault_of_the_file(
    tmp_path: Path, content: str, line: int
) -> None:
    path = tmp_path / "comments.csv"
    path.write_bytes(HEADER + content.encode())
    with pytest.raises(BelowTheLineError) as raised:
        rows(path)
    assert raised.value.message == (
        f"comments.csv ends inside of quotation marks that are opened in line {line}."
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (
            '1,"a\n2,b\n3,"c"\n4,d\n',
            "ends in line 4, and has text after a quotation mark that closes: perhaps a quotation"
            " mark is not closed",
        ),
        (
            '1,"a\n2,b\n3,c",d\n4,d\n',
            "has 3 cells, but the header names 2 columns; it ends in line 4: perhaps a quotation"
            " mark is not closed",
        ),
    ],
    ids=["as many cells as columns", "other cells"],
)
def test_a_row_that_may_hold_other_rows_is_rejected_with_its_last_line(
    tmp_path: Path, content: str, fault: str
) -> None:
    path = tmp_path / "comments.csv"
    path.write_bytes(HEADER + content.encode())
    with open_table(files_of([path])[0], Layout()) as table:
        found = [(row.number, row.fault) for row in table.rows()]
    assert found == [(2, fault), (5, None)]


def test_quotation_marks_inside_of_a_line_are_read_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "comments.csv"
    path.write_bytes(HEADER + b'1,"say ""fog""\nor"\n2,"fog" it is\n3,6" long\n')
    assert rows(path) == [["1", 'say "fog"\nor'], ["2", "fog it is"], ["3", '6" long']]


@pytest.mark.parametrize("order", ["le", "be"])
def test_a_byte_order_mark_says_the_encoding_whatever_the_mapping_says(
    tmp_path: Path, order: str
) -> None:
    text = "id,text\n1,Möwe\n"
    path = tmp_path / "comments.csv"
    for content in ("\ufeff" + text).encode(f"utf-16-{order}"), ("\ufeff" + text).encode():
        path.write_bytes(content)
        assert looks_like_table(files_of([path])[0])
        with open_table(files_of([path])[0], Layout("cp1252")) as table:
            assert table.columns.names == ["id", "text"]
            assert [row.whole for row in table.rows()] == [["1", "Möwe"]]


@pytest.mark.parametrize(
    ("content", "encoding", "line"),
    [
        (b"id,text\n1,M\xf6we\n2,x\n", "utf-8", 2),
        (b"id,text\r1,x\r2,M\xf6we\r", "utf-8", 3),
        (b"id,text\r\n" + b"1,fog\r\n" * 40_000 + b"2,M\xf6we\r\n", "utf-8", 40_002),
        (b"id,text\n1,x\n2,\x81\n", "cp1252", 3),
        (b"id,text\n1,x\n2,M\xc3", "utf-8", 3),
        ("\ufeffid,text\n1,x\n".encode("utf-16-le") + b"\x00\xdc", "cp1252", 3),
    ],
)
def test_a_file_of_another_encoding_is_said_with_the_line(
    tmp_path: Path, content: bytes, encoding: str, line: int
) -> None:
    path = tmp_path / "comments.csv"
    path.write_bytes(content)
    with pytest.raises(BelowTheLineError, match=rf"^comments\.csv is not .*, in line {line}\."):
        rows(path, encoding)
