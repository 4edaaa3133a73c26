"""schemas/released.json, and the commands that hold the contracts to it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from below_the_line import __version__
from below_the_line.errors import BelowTheLineError
from below_the_line.resources import SCHEMAS
from btl.cli.main import app
from btl.evolution.comparison import breaking_changes
from btl.evolution.release import last_release, present, write_release


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of schemas/ to change, in which everything is released."""
    copy = Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))
    write_release(present(), copy)
    return copy


def edit(path: Path, **members: Any) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    document["properties"] |= members
    path.write_text(json.dumps(document), encoding="utf-8")


def run(*arguments: str) -> tuple[str, BelowTheLineError | None]:
    result = CliRunner().invoke(app, ["schemas", *arguments])
    error = result.exception
    if error is not None and not isinstance(error, BelowTheLineError):
        raise error
    return result.output, error


def test_the_contracts_as_they_are_break_nothing_that_was_released() -> None:
    released = last_release()
    assert len(released.event_types) >= 18
    assert breaking_changes(released, present()) == []
    assert "Compatible with release" in run("check")[0]


def test_the_changelog_has_the_fingerprint_of_this_version() -> None:
    changelog = (SCHEMAS.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"^## \[{re.escape(__version__)}\] - .*?(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    assert section is not None
    found = re.findall(r"sha256:[0-9a-f]{64}", section[0])
    assert found == [last_release().fingerprint]


def test_the_fingerprint_changes_with_the_contracts_and_not_with_their_words(folder: Path) -> None:
    path = folder / "comment.posted.v1.json"
    before = present(folder).fingerprint
    document = json.loads(path.read_text(encoding="utf-8"))
    document["description"] = "Somebody posted a comment."
    path.write_text(json.dumps(document), encoding="utf-8")
    assert present(folder).fingerprint == before
    edit(path, mood={"description": "The mood.", "type": ["string", "null"]})
    assert present(folder).fingerprint != before


def test_what_was_written_is_read_again(folder: Path) -> None:
    (folder / "released.json").write_text('{"version": "0", "event_types": {}}', encoding="utf-8")
    output, error = run("release", "--folder", str(folder))
    assert error is None
    assert "comment.posted.v1 is new, on topic comment-events." in output
    assert last_release(folder) == present(folder)
    assert (folder / "released.json").read_text(encoding="utf-8").endswith("}\n")


def test_an_addition_passes_and_is_released(folder: Path) -> None:
    edit(
        folder / "comment.posted.v1.json",
        mood={"description": "The mood.", "type": ["string", "null"]},
    )
    output, error = run("check", "--folder", str(folder))
    assert error is None
    assert output.splitlines() == [
        "comment.posted.v1 /data/mood is a new, optional member.",
        "Compatible with release 0.1.0. Additions since: 1.",
        f"Fingerprint: {present(folder).fingerprint}",
    ]
    assert run("release", "--folder", str(folder))[1] is None
    assert run("check", "--folder", str(folder))[0].startswith("Compatible")


def test_a_breaking_change_is_named_and_cannot_be_released(folder: Path) -> None:
    edit(folder / "comment.posted.v1.json", held={"description": "Waits.", "type": "string"})
    path = folder / "examples" / "comment.edited.v1.json"
    documents = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**documents, "valid": {}}), encoding="utf-8")
    before = (folder / "released.json").read_bytes()
    for command in ("check", "release"):
        output, error = run(command, "--folder", str(folder))
        assert error is not None
        assert error.message == "The contracts break release 0.1.0, in 6 points."
        assert "schemas/README.md" in error.hint
        assert "comment.posted.v1 /data/held no longer takes the type boolean: producers" in output
        assert "comment.edited.v1 has lost the example valid/second-edit" in output
    assert (folder / "released.json").read_bytes() == before


def test_a_document_that_lags_behind_is_named(folder: Path) -> None:
    topics = (folder / "topics.yaml").read_text(encoding="utf-8")
    (folder / "topics.yaml").write_text(
        topics.replace("partitions: 6", "partitions: 12"), encoding="utf-8"
    )
    _, error = run("check", "--folder", str(folder))
    assert error is not None
    assert "asyncapi.yaml does not match topics.yaml and the schemas" in error.message
    assert error.hint == "Write it: `btl schemas asyncapi`."
    assert run("asyncapi", "--folder", str(folder))[1] is None
    assert run("check", "--folder", str(folder))[1] is None


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": "1"}', '{"version": "1", "event_types": {"a": {}}}']
)
def test_a_fingerprint_that_is_none_is_named(folder: Path, text: str) -> None:
    (folder / "released.json").write_text(text, encoding="utf-8")
    _, error = run("check", "--folder", str(folder))
    assert error is not None
    assert "released.json does not hold released contracts" in error.message


def test_a_fingerprint_that_is_missing_is_named(folder: Path) -> None:
    (folder / "released.json").unlink()
    _, error = run("check", "--folder", str(folder))
    assert error is not None
    assert error.message.endswith("released.json.")
