"""Secrets that are removed or rotated: what is printed is what is accepted."""

import json
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from below_the_line.errors import BelowTheLineError
from btl.stack import airflow, secrets, state
from btl.stack.layout import Layout
from btl.stack.stack import Stack
from btl.stack.state import Choice

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


def test_only_what_the_stack_uses_can_be_rotated_and_only_while_it_runs(layout: Layout) -> None:
    stack = Stack(layout.home)
    with pytest.raises(BelowTheLineError, match="no secret 'nosuch'"):
        stack.rotate_secrets(["nosuch"])
    with pytest.raises(BelowTheLineError, match="does not run"):
        stack.rotate_secrets(["airflow_admin"])
    state.save(layout.state, Choice(ports=PORTS, without=("airflow",)))
    assert not any(name in airflow.SECRETS for name in stack.secrets())
