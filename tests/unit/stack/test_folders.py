"""Folders, privileges, preparations and logs of the stack."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from below_the_line.errors import BelowTheLineError
from btl.stack import launcher, privileges
from btl.stack.layout import CONTENTS, Layout
from btl.stack.logs import tail
from btl.stack.processes import exists


def test_sockets_lie_in_the_home_unless_that_is_too_deep(tmp_path: Path) -> None:
    near, far = Layout.of("/srv/.btl"), Layout.of(tmp_path / ("x" * 90) / ".btl")

    assert near.supervisor_socket == Path("/srv/.btl/run/supervisor.sock")
    assert far.supervisor_socket == Layout.of(far.home).supervisor_socket
    assert str(far.supervisor_socket).startswith("/tmp/btl-")
    assert len(os.fsencode(far.supervisor_socket)) < 90
    assert far.supervisor_socket != Layout.of(tmp_path / ("y" * 90) / ".btl").supervisor_socket


def test_removing_a_stack_leaves_what_is_not_its_own(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path / "home")
    layout.create()
    layout.state.write_text("{}")
    (layout.home / "letter.txt").write_text("mine")

    layout.remove()

    assert [path.name for path in layout.home.iterdir()] == ["letter.txt"]


def test_removing_a_stack_removes_its_home_and_its_short_folder(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path / ("x" * 90))
    layout.create()
    assert layout.sockets.is_dir()
    assert {path.name for path in layout.home.iterdir()} <= set(CONTENTS)

    layout.remove()

    assert not layout.home.exists()
    assert not layout.sockets.exists()


def test_a_file_in_the_way_of_the_home_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BelowTheLineError, match=f"{tmp_path}/file"):
        Layout.of(tmp_path / "file" / ".btl").create()


def test_the_first_folder_that_a_user_may_not_enter_is_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    (tmp_path / "open" / "closed" / "inner").mkdir(parents=True)
    (tmp_path / "open").chmod(0o711)
    (tmp_path / "open" / "closed").chmod(0o700)
    stranger = os.getuid() + 12_345

    def found(path: Path, uid: int) -> Path | None:
        closed = privileges.closed_folder(path, uid, os.getgid() + 12_345)
        # What lies above is the machine's, not this test's.
        return closed if closed is None or closed.is_relative_to(tmp_path) else None

    above = privileges.closed_folder(tmp_path, stranger, stranger)
    if above is None:
        assert (
            found(tmp_path / "open" / "closed" / "inner", stranger) == tmp_path / "open" / "closed"
        )
    assert found(tmp_path / "open" / "closed" / "inner", os.getuid()) is None
    assert found(tmp_path / "open" / "new", stranger) is None


def test_capabilities_are_read_from_a_status_file() -> None:
    assert privileges.permitted_capabilities(["Name:\tx\n", "CapPrm:\t0000000000000006\n"]) == 6
    assert privileges.permitted_capabilities([]) == 0


def _preparation(tmp_path: Path, program: str) -> dict[str, object]:
    return {
        "creates": str(tmp_path / "data"),
        "scratch": str(tmp_path / "data.new"),
        "argv": [sys.executable, "-c", program],
    }


def test_a_preparation_that_fails_halfway_is_begun_anew(tmp_path: Path) -> None:
    make = f"import os; os.mkdir({str(tmp_path / 'data.new')!r});"
    with pytest.raises(SystemExit):
        launcher._prepare(_preparation(tmp_path, make + "exit(3)"), {})
    assert not (tmp_path / "data").exists()

    launcher._prepare(_preparation(tmp_path, make), {})

    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    launcher._prepare(_preparation(tmp_path, "exit(3)"), {})  # there already: nothing is run


def test_the_last_lines_of_a_log_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"one\ntwo\nthr\xff\n")

    assert [line for _, line in tail([path], lines=2, follow=False)] == [
        "two",
        "thr\N{REPLACEMENT CHARACTER}",
    ]


def test_following_a_log_goes_on_after_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    lines = tail([path], lines=1, follow=True)
    assert next(lines) == (path, "old")

    with path.open("a") as file:
        file.write("new\nhal")
    assert next(lines) == (path, "new")
    with path.open("a") as file:
        file.write("f\n")
    assert next(lines) == (path, "half")
    path.rename(tmp_path / "a.log.1")
    path.write_text("rotated\n")
    assert next(lines) == (path, "rotated")


def test_a_process_that_has_ended_does_not_exist() -> None:
    child = psutil.Popen([sys.executable, "-c", ""])
    child.wait()

    assert not exists(child.pid)
    assert exists(os.getpid())
