"""The generated SQL that is committed is what the description of the tables gives."""

from pathlib import Path

from below_the_line.event_tables import statements
from below_the_line.resources import SQL

STALE = "generated/merge/comments.sql"
SUPERFLUOUS = "generated/merge/of_another_time.sql"


def test_the_committed_files_are_those_that_the_description_gives() -> None:
    assert statements.differences(SQL) == [], "run `btl schemas sql --write`"


def test_writing_repairs_what_is_changed_missing_or_no_longer_made(tmp_path: Path) -> None:
    expected = statements.files()
    assert statements.write(tmp_path) == sorted(expected)
    (tmp_path / STALE).write_text("select 1;", encoding="utf-8")
    (tmp_path / SUPERFLUOUS).write_text("select 1;", encoding="utf-8")
    assert statements.differences(tmp_path) == [STALE, SUPERFLUOUS]
    assert statements.write(tmp_path) == [STALE, SUPERFLUOUS]
    assert statements.differences(tmp_path) == []


def test_every_statement_has_a_header_and_lines_of_at_most_100_columns() -> None:
    for path, text in statements.files().items():
        if path.startswith("generated/"):
            assert text.startswith("-- Purpose: "), path
            assert "Re-run: " in text, path
        assert max(map(len, text.splitlines())) <= 100, path
