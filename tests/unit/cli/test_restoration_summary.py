"""What a restoration says in the end."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from btl.archives import restoration
from btl.cli import archive_export, configuration, database


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (3, "all 3 rows restored ("),
        (2, "2 rows of 3 restored, the other was there or is newer here ("),
        (1, "1 row of 3 restored, the others were there or are newer here ("),
    ],
)
def test_how_many_rows_were_there_already_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changed: int, said: str
) -> None:
    restored = SimpleNamespace(
        manifest=SimpleNamespace(site=None, as_of="2026-05-01T10:00:00Z"),
        rows={"articles": 1, "comments": 2},
        changed={"articles": 0, "comments": changed},
        notes=[],
    )
    settings = SimpleNamespace(
        require_database_url=lambda: "postgresql://db.example/x", erasure_key=None
    )
    monkeypatch.setattr(configuration, "settings", lambda: settings)
    monkeypatch.setattr(database, "connected", lambda _: nullcontext())
    monkeypatch.setattr(restoration, "restore", lambda *_, **__: restored)
    archive_export.restore_archive([], {}, dry_run=False, as_json=False)
    assert said in capsys.readouterr().out
