import os
import subprocess
import sys
import time

from tests.benchmarks.machine import Others, Usage, spent_seconds

SPEND = "import time\nwhile time.process_time() < 0.2: pass\n"
SPEND_BELOW = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SPEND!r}])\n"
HOLD = "print(flush=True); input()"


def test_what_ended_children_of_children_spent_is_included() -> None:
    before = spent_seconds(os.getpid())

    subprocess.run([sys.executable, "-c", SPEND_BELOW], check=True)

    assert spent_seconds(os.getpid()) - before >= 0.19


def test_what_running_children_of_children_spent_is_included() -> None:
    program = f"{SPEND}{HOLD}"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {program!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        spent = spent_seconds(process.pid)
        process.communicate(b"\n")

    assert spent >= 0.19


def test_a_process_that_is_gone_has_spent_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    assert spent_seconds(process.pid) == 0


def test_the_servers_time_between_two_moments_is_that_of_all_its_processes() -> None:
    with Usage([], postmaster=os.getpid()) as usage:
        begin = time.time()
        subprocess.run([sys.executable, "-c", SPEND], check=True)
        end = time.time()

    spent = usage.postgres_seconds(begin, end)
    assert spent is not None
    assert spent >= 0.15
    assert Usage([]).postgres_seconds(begin, end) is None


def test_what_is_below_the_roots_is_not_others() -> None:
    begin = time.monotonic()
    with Others([os.getpid()]) as without_own, Others([]) as with_own:
        subprocess.run([sys.executable, "-c", SPEND], check=True)
    seconds = time.monotonic() - begin

    own = (with_own.share - without_own.share) * seconds * (os.cpu_count() or 1)
    assert own >= 0.15
