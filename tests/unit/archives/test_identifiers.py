"""Ids of cells: stripped, and numbers of spreadsheets restored where no digit is lost."""

import pytest

from btl.archives.identifiers import read_id


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("26691034", "26691034"),
        ("  7\n", "7"),
        ("source1_26691065_0_0", "source1_26691065_0_0"),
        ("2e5", "2e5"),
        ("", None),
        ("   ", None),
        ("1.2.3", "1.2.3"),
    ],
)
@pytest.mark.parametrize("rule", ["strict", "spreadsheet", "text"])
def test_ids_are_taken_without_the_blanks_around_them(
    rule: str, cell: str, expected: str | None
) -> None:
    assert read_id(cell, rule) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("26691034.0", "26691034"),
        ("26691034.", "26691034"),
        ("0.0", "0"),
        ("2.6691034E7", "26691034"),
        ("2.66E7", "26600000"),
        ("2.6691034e+07", "26691034"),
        ("9007199254740992.0", "9007199254740992"),
    ],
)
def test_numbers_of_spreadsheets_are_restored_if_asked(cell: str, expected: str) -> None:
    assert read_id(cell, "spreadsheet") == expected
    assert read_id(cell, "text") == cell
    with pytest.raises(ValueError, match='ids = "spreadsheet" to restore such ids'):
        read_id(cell, "strict")


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("2.669E+07", "has lost digits in a spreadsheet"),
        ("3E+08", "has lost digits in a spreadsheet"),
        ("1.04100000000000001E+17", "may have lost digits in a spreadsheet"),
        ("9007199254740994.0", "may have lost digits in a spreadsheet"),
        ("1E+999999999", "is larger than any id"),
        ("7.5", "is not a whole number"),
    ],
)
def test_numbers_that_lost_digits_are_refused(cell: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_id(cell, "spreadsheet")
