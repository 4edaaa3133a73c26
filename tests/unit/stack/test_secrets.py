"""Secrets that are removed or rotated: what is printed is what is accepted."""

import json
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from below_the_line.errors import BelowTheLineError
from btl.cli.main import app
from btl.stack import airflow, secrets, state
from btl.stack.layout import Layout
from btl.stack.plan import describe
from btl.stack.stack import Stack
from btl.stack.state import Choice, External

PORTS = {"postgres": 1, "kafka": 2, "kafka_controller": 3, "airflow": 4}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout.of(tmp_path / "home")
    layout.create()
    state.save(layout.state, Choice(ports=PORTS))
    for name in Stack(layout.home).secrets():
        secrets.secret(layout.secrets, name)
    airflow.password(layout)
    return layout


def accepted(layout: Layout) -> str:
    """The password by which Airflow lets its user in: it reads this file at each login."""
    file = layout.secrets / "airflow_passwords.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (password,) = json.loads(file.read_text()).values()
    return str(password)


@pytest.mark.parametrize("removed", [["airflow_admin"], ["airflow_passwords.json"], []])
def test_the_password_that_is_printed_is_the_one_that_airflow_accepts(
    layout: Layout, removed: list[str]
) -> None:
    before = accepted(layout)
    for name in removed:
        (layout.secrets / name).unlink()
    if not removed:
        secrets.rotate(layout.secrets, "airflow_admin")
    printed = Stack(layout.home).environment()["BTL_AIRFLOW_PASSWORD"]
    assert printed == accepted(layout)
    assert (printed == before) is (removed == ["airflow_passwords.json"])


def test_a_password_that_was_removed_is_not_made_up_where_nobody_accepts_it(
    layout: Layout,
) -> None:
    (layout.secrets / "database_btl_reader").unlink()
    with pytest.raises(BelowTheLineError, match=r"secret database_btl_reader .* is missing"):
        Stack(layout.home).environment()
    assert not (layout.secrets / "database_btl_reader").exists()


def test_until_all_is_encrypted_again_both_fernet_keys_are_valid(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key() -> str:
        return (layout.secrets / "airflow_fernet_key").read_text()

    seen: list[str] = []

    def fails(*_: object) -> None:
        seen.append(key())
        raise BelowTheLineError("interrupted")

    old = key()
    monkeypatch.setattr(airflow, "_run", fails)
    for _ in range(2):
        with pytest.raises(BelowTheLineError, match="interrupted"):
            airflow.rotate_fernet_key(layout, dict)
    assert seen[0] == seen[1] == key()
    new, kept = key().split(",")
    assert kept == old
    monkeypatch.setattr(airflow, "_run", lambda *_: None)
    airflow.rotate_fernet_key(layout, dict)
    assert key() == new
    Fernet(new)


def test_the_key_of_erasures_is_made_once_and_never_rotated(layout: Layout) -> None:
    stack = Stack(layout.home)
    key = (layout.secrets / "erasure_key").read_text()
    assert len(key) >= 43, "256 bits"
    assert stack.environment()["BTL_ERASURE_KEY"] == key
    with pytest.raises(BelowTheLineError, match=r"'erasure_key' is never rotated\. Pseudonyms"):
        stack.rotate_secrets(["airflow_admin", "erasure_key"])
    assert (layout.secrets / "erasure_key").read_text() == key


def test_all_secrets_are_rotated_but_the_key_of_erasures(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotated: list[str] = []
    monkeypatch.setenv("BTL_HOME", str(layout.home))
    monkeypatch.setattr(Stack, "rotate_secrets", lambda _, names, __: rotated.extend(names))

    found = CliRunner().invoke(app, ["secrets", "rotate", "--all"])

    assert found.exit_code == 0, found.output
    assert set(rotated) == Stack(layout.home).secrets().keys() - {"erasure_key"}
    assert "Kept, since it is never rotated: erasure_key." in found.output


def test_a_stack_whose_database_is_elsewhere_has_no_key_of_its_own(layout: Layout) -> None:
    external = External(database_url="postgresql://me:x@db.example/below_the_line")
    choice = Choice(ports={**PORTS, "consumer": 5}, external=external)
    state.save(layout.state, choice)

    assert "erasure_key" not in Stack(layout.home).secrets()
    assert "BTL_ERASURE_KEY" not in Stack(layout.home).environment()
    parts = describe(layout, choice, {"BTL_ERASURE_KEY": "that of the database"})
    needing = [part.name for part in parts if "BTL_DATABASE_URL" in part.environment]
    assert needing == [*airflow.NAMES, "consumer-1"]
    assert {part.environment.get("BTL_ERASURE_KEY") for part in parts if part.name in needing} == {
        "that of the database"
    }


def test_only_what_the_stack_uses_can_be_rotated_and_only_while_it_runs(layout: Layout) -> None:
    stack = Stack(layout.home)
    with pytest.raises(BelowTheLineError, match="no secret 'nosuch'"):
        stack.rotate_secrets(["nosuch"])
    with pytest.raises(BelowTheLineError, match="does not run"):
        stack.rotate_secrets(["airflow_admin"])
    state.save(layout.state, Choice(ports=PORTS, without=("airflow",)))
    assert not any(name in airflow.SECRETS for name in stack.secrets())
