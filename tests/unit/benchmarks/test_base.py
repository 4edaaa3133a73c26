from pathlib import Path

import pytest

from below_the_line.errors import BelowTheLineError
from tests.benchmarks.base import unpack
from tests.benchmarks.environments import run


def test_the_current_commit_is_unpacked_with_its_lock_file(tmp_path: Path) -> None:
    unpack("HEAD", tmp_path)

    assert (tmp_path / "requirements.lock").is_file()
    assert (tmp_path / "tests" / "benchmarks" / "path.py").is_file()


def test_a_commit_that_is_not_in_the_clone_is_the_reason() -> None:
    with pytest.raises(BelowTheLineError, match="Commit 0123456789 is not in this clone"):
        unpack("0123456789", Path("never made"))


def test_a_failed_installation_says_how_it_ended(tmp_path: Path) -> None:
    with pytest.raises(BelowTheLineError, match="sh -c failed: No network"):
        run(["sh", "-c", "echo No network. >&2; exit 1"])
    with pytest.raises(BelowTheLineError, match="can't be run: No such file"):
        run([tmp_path / "missing", "venv"])
