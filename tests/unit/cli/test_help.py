"""The help of every command: all of its words are shown, and they make sentences."""

import re

import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from btl.cli.main import app
from tests.unit.cli.test_json import commands

FRAME = re.compile("[╭╮╰╯│─]")


def test_each_help_text_is_shown_word_for_word_and_ends_with_a_full_stop() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    seen = 0
    for name, command in commands(root):
        result = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "400"})
        shown = " ".join(FRAME.sub(" ", result.output).split())
        for text in (getattr(each, "help", None) for each in command.params):
            if text:
                assert text.replace("`", "") in shown, name
                assert text.endswith("."), (name, text)
                seen += 1
    assert seen > 100
