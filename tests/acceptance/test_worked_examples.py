"""The worked examples of CONTRIBUTING.md, followed to the letter in a copy of the repository."""

from pathlib import Path

import pytest

from tests.worked_examples import recipes

EVENT_TYPE = "A new event type"
TESTS = (
    "tests/worked_examples/event_type/proof.py",
    "tests/contracts/test_examples.py",
    "tests/contracts/test_event_tables.py",
    "tests/contracts/evolution",
    "tests/unit/event_tables",
    "tests/properties/test_fold.py",
    "tests/sql/test_event_tables.py",
    "tests/sql/test_personal_data.py::test_every_column_that_can_hold_a_text_has_a_class",
)


@pytest.mark.stack
def test_a_new_event_type_needs_the_files_that_are_named_and_then_works(
    tmp_path: Path, server_url: str
) -> None:
    assert server_url
    folder = recipes.copy_of_repository(tmp_path)
    written = recipes.follow(EVENT_TYPE, folder)
    assert len(set(written)) == 9
    for command in recipes.commands(EVENT_TYPE):
        recipes.run(folder, "btl", *command)
    recipes.run(folder, "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTS)


def test_a_hunk_is_applied_only_where_its_lines_stand_once() -> None:
    assert recipes.patched("a\nb\nc\n", " a\n+x\n b\n@@\n-c\n+y\n") == "a\nx\nb\ny\n"
    for text in ("a\nc\n", "a\nb\na\nb\n", "za\nb\n"):
        with pytest.raises(ValueError, match="not there exactly once"):
            recipes.patched(text, " a\n+x\n b\n")
