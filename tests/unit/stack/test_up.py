"""What ``btl up`` says after a start, without the start."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from btl.cli.main import app
from btl.stack import state
from btl.stack.stack import Stack
from btl.stack.state import Choice

NONE_RUNS = "No consumer runs, as last time: btl up --consumers 1\n"


@pytest.mark.parametrize(
    ("kept", "arguments", "said"),
    [
        (0, (), True),
        (0, ("--consumers", "0"), False),
        (0, ("--without", "consumer"), False),
        (1, (), False),
    ],
)
def test_that_no_consumer_runs_as_last_time_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: int,
    arguments: tuple[str, ...],
    said: bool,
) -> None:
    def start(stack: Stack, **_: object) -> None:
        stack.layout.create()
        without = ("postgres", "kafka", "airflow", "consumer")
        state.save(stack.layout.state, Choice(ports={}, consumers=kept, without=without))

    monkeypatch.setattr(Stack, "up", start)
    done = CliRunner().invoke(app, ["up", *arguments], env={"BTL_HOME": str(tmp_path / "home")})
    assert done.exit_code == 0, done.output
    assert done.output.endswith(NONE_RUNS) is said
