"""Options and arguments: the same word for the same thing, and one way to write times and ids."""

import re
from contextlib import nullcontext
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from below_the_line.errors import BelowTheLineError
from below_the_line.metrics.export import EXPORTED, FORMATS, format_of, source
from below_the_line.unknown import unknown
from btl.cli import figures
from btl.cli.main import app
from btl.cli.metrics import article_ids
from tests.unit.cli.test_json import commands


def every_command() -> dict[str, TyperCommand]:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    return dict(commands(root))


COMMANDS = every_command()
METAVARS = {
    "--article": "ARTICLE",
    "--site": "SITE",
    "--section": "SECTION",
    "--topic": "TOPIC",
    "--since": "TIME",
    "--until": "TIME",
    "--limit": "NUMBER",
    "article": "ARTICLE",
    "article_id": "ARTICLE",
    "comment": "COMMENT",
    "--comment": "COMMENT",
    "comment_id": "COMMENT",
    "topic": "TOPIC",
    "partition": "PARTITION",
    "file": "FILE",
}
PLACES = {"breaker accept"}
"""Commands whose --until is an offset."""


@pytest.mark.parametrize("name", COMMANDS)
def test_values_have_names_in_capitals_and_flags_have_none(name: str) -> None:
    for each in COMMANDS[name].params:
        metavar = getattr(each, "metavar", None)
        if getattr(each, "is_flag", False):
            assert metavar == "", each.name
        elif metavar is not None:
            assert re.fullmatch(r"\[?[A-Z][A-Z_|-]*\]?", metavar), (each.name, metavar)
        for option in each.opts:
            if option in METAVARS and name not in PLACES:
                assert metavar == METAVARS[option], option


@pytest.mark.parametrize("arguments", [("-h",), ("top", "-h"), ("offsets", "-h")])
def test_help_is_short_of_types(arguments: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "100"})
    assert shown.exit_code == 0
    assert "Usage: btl" in shown.output or "Usage: root" in shown.output
    assert not re.search("<(bool|str|int|path)", shown.output)


def test_what_passes_its_arguments_on_leaves_h_to_the_other_program() -> None:
    for name in ("psql", "pg_dump", "pg_restore", "airflow"):
        assert COMMANDS[name].context_settings["help_option_names"] == ["--help"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("statsu", "status"), ("offset", "offsets"), ("dead_letters", "dead-letters")],
)
def test_a_misspelt_command_is_recognized(typed: str, meant: str) -> None:
    shown = CliRunner().invoke(app, [typed])
    assert shown.exit_code == 2
    assert f"Did you mean '{meant}'?" in " ".join(shown.output.split())


@pytest.mark.parametrize("typed", ["wipe", "delete", "forget"])
def test_no_command_that_destroys_is_suggested_for_another(typed: str) -> None:
    shown = CliRunner().invoke(app, [typed])
    assert shown.exit_code == 2
    assert "reset" not in shown.output
    assert "`btl -h` lists all" in " ".join(shown.output.replace("root", "btl").split())


def test_completion_offers_commands_and_options() -> None:
    def completed(words: str, number: int) -> set[str]:
        shown = CliRunner().invoke(
            app,
            env={"_BTL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(number)},
            prog_name="btl",
        )
        return set(shown.output.split())

    assert completed("btl offs", 1) == {"offsets"}
    assert completed("btl offsets ", 2) == {"show", "accept-gap", "reset"}
    assert "--since" in completed("btl top --si", 2)


def test_articles_are_named_one_by_one_by_commas_and_in_files(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("a,1\n\n  b \na,1\n", encoding="utf-8")
    assert article_ids(None, None) == ()
    assert article_ids(["a, b", "c"], None) == ("a", "b", "c")
    assert article_ids([f"@{file}", "c"], ["d,e", "@f"]) == ("d,e", "@f", "a,1", "b", "c")


@pytest.mark.parametrize("texts", [[""], [","], ["@/dev/null"]])
def test_an_option_that_names_no_article_does_not_mean_all(texts: list[str]) -> None:
    with pytest.raises(BelowTheLineError, match="--articles names no article"):
        article_ids(texts, None)


def test_a_file_of_ids_that_cannot_be_read_is_named() -> None:
    with pytest.raises(BelowTheLineError, match=r"no/ids\.txt cannot be read: No such file"):
        article_ids(["@no/ids.txt"], None)


@pytest.mark.parametrize(
    ("file", "form", "expected"),
    [
        (None, None, "csv"),
        (None, "parquet", "parquet"),
        ("x.parquet", None, "parquet"),
        ("x.CSV", None, "csv"),
        ("x.jsonl", None, "json"),
        ("x.json", "json", "json"),
        ("x", None, "csv"),
        ("x.txt", "csv", "csv"),
        ("x.csv", "parquet", "parquet"),
    ],
)
def test_the_ending_of_a_file_says_its_format(
    file: str | None, form: str | None, expected: str
) -> None:
    assert format_of(None if file is None else Path(file), form) == expected


@pytest.mark.parametrize(
    ("file", "form", "said"),
    [
        ("x.xlsx", None, "The ending of x.xlsx is not that of a format"),
        (None, "parket", "There is no format 'parket'. Did you mean parquet?"),
    ],
)
def test_an_ending_that_says_something_else_is_rejected(
    file: str | None, form: str | None, said: str
) -> None:
    with pytest.raises(BelowTheLineError) as refused:
        format_of(None if file is None else Path(file), form)
    assert said in str(refused.value)
    assert len(FORMATS) == 3


def test_an_unknown_name_is_named_with_the_nearest_and_those_that_exist() -> None:
    assert str(unknown("site", "dialy", ["daily", "weekly"])) == (
        "There is no site 'dialy'. Did you mean daily? These exist: daily, weekly."
    )
    assert str(unknown("site", "x", [])) == "There is no site 'x'. No site is known yet."
    assert str(unknown("site", "x", map(str, range(30)))).endswith("18, 19, ….")


def test_all_that_can_be_exported_is_listed() -> None:
    with pytest.raises(BelowTheLineError) as error:
        source("nope")
    assert error.value.hint == f"These exist: {', '.join(EXPORTED)}."


def test_a_dash_is_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    targets: list[Path | None] = []
    monkeypatch.setattr(figures, "connected", lambda _: nullcontext())
    monkeypatch.setattr(figures, "write", lambda *given: targets.append(given[3]))
    figures.export("article_hourly", output=Path("-"))
    assert targets == [None]
