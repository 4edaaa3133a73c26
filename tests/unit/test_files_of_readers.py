"""Files with what readers wrote: nobody else may read them."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from below_the_line.files import open_private
from below_the_line.spreadsheet_cells import protected, unprotected


@pytest.mark.parametrize("before", [None, 0o644])
def test_only_the_owner_may_read_it_also_where_it_was_there(
    tmp_path: Path, before: int | None
) -> None:
    path = tmp_path / "rejected-rows.csv"
    if before is not None:
        path.write_text("something longer")
        path.chmod(before)
    umask = os.umask(0o022)
    try:
        with open_private(path) as file:
            file.write(b"new")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"new"


def test_what_is_no_file_is_left_as_it_is() -> None:
    path = Path(os.devnull)
    before = path.stat().st_mode
    with open_private(path) as file:
        file.write(b"gone")
    assert path.stat().st_mode == before


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("plain", "plain"),
        ("", ""),
        ("'quoted'", "'quoted'"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-5 degrees", "'-5 degrees"),
        ("@somebody", "'@somebody"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
    ],
)
def test_a_cell_that_a_spreadsheet_would_compute_has_an_apostrophe(text: str, cell: str) -> None:
    assert protected(text) == cell


@given(st.text(alphabet="'=+-@\t\r\nx1") | st.text())
def test_what_was_protected_is_exactly_restored(text: str) -> None:
    assert unprotected(protected(text)) == text
