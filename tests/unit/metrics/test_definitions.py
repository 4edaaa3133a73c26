"""The definitions of the metrics as a page, and as the statement that keeps replaced figures."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from below_the_line import resources
from below_the_line.metrics import definitions, statements
from btl.cli.main import app

PAGE = Path("docs") / "metrics.md"


def test_the_committed_page_is_what_the_definitions_say() -> None:
    assert (resources.ROOT / PAGE).read_text(encoding="utf-8") == definitions.page()


def test_the_command_writes_the_page_and_names_one_that_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text("out of date")
    outdated = CliRunner().invoke(app, ["metrics", "docs", "--check"])
    assert outdated.exit_code == 1
    assert CliRunner().invoke(app, ["metrics", "docs"]).exit_code == 0
    assert (tmp_path / PAGE).read_text(encoding="utf-8") == definitions.page()
    assert CliRunner().invoke(app, ["metrics", "docs", "--check"]).exit_code == 0


def test_every_figure_but_key_and_state_becomes_final_with_one_flag() -> None:
    engagement = definitions.definitions("article_engagement")
    never = ("article_id", "state", "closes_at", "closed_at", "final", "reactions_final")
    final = engagement.final_figures
    assert final["reactions_final"] == ("reactions_net", "reactions_added", "engagement")
    assert sorted((*final["final"], *final["reactions_final"], *never, "revision")) == sorted(
        engagement.figures
    )


def test_replaced_rows_are_kept_whole_with_the_revision_that_ends_with_them() -> None:
    text = " ".join(statements.revising().decode().split())
    kept = text[text.index("select ") : text.index(" from metrics.article_engagement")]
    columns = definitions.definitions("article_engagement").columns
    assert kept.removeprefix("select ").split(", ") == [
        "computed.revision" if column.name == "revision" else f"before.{column.name}"
        for column in columns
    ]
    assert (
        "(before.reactions_final and (before.reactions_net, before.reactions_added,"
        " before.engagement) is distinct from (computed.reactions_net, computed.reactions_added,"
        " computed.engagement))" in text
    )
