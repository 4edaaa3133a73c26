"""Progress: few lines where nobody watches, a bar on a terminal."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from btl.cli.progress import QuietLines, Unit, progress


class Log:
    """Lines, and a clock that is set by hand."""

    def __init__(self, description: str, total: int | None, unit: Unit) -> None:
        self.now = 1_000.0
        self.lines: list[str] = []
        self.progress = QuietLines(
            description, total, unit, clock=lambda: self.now, write=self.lines.append
        )

    def after(self, seconds: float, done: int) -> None:
        self.now += seconds
        self.progress.update(done)


def test_a_log_gets_a_line_at_the_beginning_one_a_minute_and_one_at_the_end() -> None:
    log = Log("produce", 90_000, "events")
    log.progress.begin()
    for second in range(1, 151):
        log.after(1, second * 500)
    log.after(30, 90_000)
    log.progress.end()
    assert log.lines == [
        "produce begins: 90,000 events.",
        "produce: 30,000 of 90,000 events (33%), 500 events/s, 2 min 0 s left.",
        "produce: 60,000 of 90,000 events (67%), 500 events/s, 1 min 0 s left.",
        "produce: 90,000 of 90,000 events (100%), 500 events/s, 0.0 s left.",
        "produce ends: 90,000 events in 3 min 0 s, 500 events/s.",
    ]


def test_work_without_a_known_end_has_no_time_left_and_bytes_are_megabytes() -> None:
    log = Log("check", None, "bytes")
    log.progress.begin()
    log.after(7_200, 14_400_000_000)
    log.progress.end()
    assert log.lines == [
        "check begins.",
        "check: 14,400.0 MB, 2.0 MB/s.",
        "check ends: 14,400.0 MB in 2 h 0 min, 2.0 MB/s.",
    ]


def test_what_fails_ends_without_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with progress("check", 10) as update:
            update(5)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capsys.readouterr().err == "check begins: 10 events.\n"


def test_a_pipe_gets_no_control_characters(tmp_path: Path) -> None:
    done = run_simulate(tmp_path, subprocess.PIPE)
    lines = done.decode().splitlines()
    assert lines[0] == "simulate begins: 1,000 events."
    assert lines[1].startswith("simulate ends: 1,000 events in ")
    assert "\x1b" not in done.decode()
    assert "\r" not in done.decode()
    assert len(lines) <= 4


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    try:
        run_simulate(tmp_path, follower)
        seen = os.read(leader, 65_536).decode()
    finally:
        os.close(leader)
        os.close(follower)
    assert "100%" in seen
    assert "1,000 of 1,000" in seen
    assert "begins" not in seen


def run_simulate(folder: Path, stderr: int) -> bytes:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "btl", "simulate", "--events", "1000"),
            *("--output", str(folder / "day.jsonl")),
        ],
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        check=True,
    )
    return done.stderr or b""
