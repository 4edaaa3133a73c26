"""The worked example "A new metric column" of CONTRIBUTING.md, followed in a copy of the tree."""

from pathlib import Path

import pytest

from tests.worked_examples import recipes

HEADING = "A new metric column"
WHICH = "proof or unit or article_engagement or quick"
PROOFS = (
    "tests/worked_examples/metric_column/proof.py",
    "tests/unit/metrics/test_definitions.py",
    "tests/sql/test_definitions.py",
    "tests/sql/test_engagement.py::test_edits_within_five_minutes_are_quick",
)


@pytest.mark.stack
def test_a_new_metric_column_needs_six_files_and_is_then_computed_everywhere(
    tmp_path: Path, server_url: str
) -> None:
    assert server_url
    folder = recipes.copy_of_repository(tmp_path)
    written = recipes.follow(HEADING, folder)
    page = folder / "docs" / "metrics.md"
    before = page.read_text(encoding="utf-8")
    for command in recipes.commands(HEADING):
        recipes.run(folder, "btl", *command)
    assert page.read_text(encoding="utf-8") != before
    assert len({*written, "docs/metrics.md"}) == 6
    recipes.run(folder, "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", WHICH, *PROOFS)
