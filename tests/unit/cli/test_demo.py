"""The demo of a site's own export."""

from pathlib import Path

import pytest

from below_the_line.settings import Settings
from btl.cli import configuration, demo
from tests.recorded_publisher import Recorder
from tests.unit.archives.tiny_export import ARTICLES, COMMENTS, MAPPING


def test_an_export_of_ones_own_is_streamed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(configuration, "settings", Settings)
    monkeypatch.setattr("btl.archives.production.Publisher", Recorder)
    monkeypatch.setattr("btl.cli.archive.existing_topics", lambda _: set())
    folder = tmp_path / "weekly"
    folder.mkdir()
    (folder / "articles.csv").write_text(ARTICLES)
    (folder / "comments.csv").write_text(COMMENTS)
    (folder / "mapping.toml").write_text(MAPPING)

    demo._stream(demo._export(folder), seed=1)

    assert [outgoing.topic for outgoing in Recorder.sent].count("articles") == 2
    assert [outgoing.topic for outgoing in Recorder.sent].count("comment-events") == 3
    assert "2 articles and 3 comments" in capsys.readouterr().out
