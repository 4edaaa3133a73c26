"""The local stack for real: Postgres and Kafka under the supervisor, in a folder of these tests'
own.
"""

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from below_the_line.errors import BelowTheLineError
from btl.stack import ports
from btl.stack.parts import Started
from btl.stack.stack import Stack, running_environment
from tests.pipeline import wait_until

pytestmark = pytest.mark.stack

WITHOUT = ("airflow", "consumer")
BTL = [sys.executable, "-m", "btl"]


def _surroundings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("BTL_")}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("a stack") / ".btl"
    yield path
    Stack(path, _surroundings()).reset()


@pytest.fixture
def stack(home: Path) -> Stack:
    # Some newsroom's shell; other commands of these tests run in a plain one.
    stack = Stack(home, _surroundings() | {"BTL_SITE_TIMEZONE": "Europe/Vienna"})
    stack.up(without=WITHOUT, automatic_ports=True)
    return stack


def test_the_zone_of_the_shell_that_started_the_stack_is_that_of_every_shell(
    stack: Stack, home: Path
) -> None:
    assert stack.running()
    shown = json.loads(_btl(home, "settings", "show", "--json").stdout)
    assert {each["name"]: each["value"] for each in shown["settings"]}["site_timezone"] == (
        "Europe/Vienna"
    )
    rehearsed = _btl(home, "rules", "set", "3d", "--valid-from", "2030-06-01", "--dry-run")
    assert rehearsed.returncode == 0, rehearsed.stderr
    assert re.search(r" CES?T, there would be", rehearsed.stdout)
    rejected = _btl(home, "top", BTL_SITE_TIMEZONE="America/New_York")
    assert rejected.returncode == 1
    assert "America/New_York in the environment, but Europe/Vienna in the database" in (
        rejected.stderr
    )
    with pytest.raises(BelowTheLineError, match="but Europe/Vienna in the database"):
        Stack(home, _surroundings() | {"BTL_SITE_TIMEZONE": "UTC"}).up(without=WITHOUT)


def _pids(stack: Stack) -> dict[str, int | None]:
    return {part.name: part.pid for part in stack.status()}


def _btl(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BTL, *arguments],
        env=_surroundings() | {"BTL_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _answers(stack: Stack) -> bool:
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        with psycopg.connect(stack.database_url(), connect_timeout=2) as connection:
            connection.execute("select from ingest.batches")
        bootstrap = stack.environment()["BTL_KAFKA_BOOTSTRAP"]
        host, port = bootstrap.split(":")
        socket.create_connection((host, int(port)), timeout=1).close()
        client = KafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            return {"articles", "comment-events", "discussion-events"} <= set(client.list_topics())
        finally:
            client.close()
    except (psycopg.OperationalError, KafkaError, OSError):
        return False


def test_starting_again_changes_nothing(stack: Stack) -> None:
    before = _pids(stack)

    stack.up(without=WITHOUT)

    assert set(before) == {"postgres", "kafka"}
    assert _pids(stack) == before
    assert _answers(stack)


def _stored(path: Path) -> Started:
    found = Started.read(path)
    assert found is not None
    return found


class Said:
    """What a step ended with, by its name."""

    def __init__(self) -> None:
        self.ends: dict[str, str] = {}

    def begin(self, step: str, text: str) -> None:
        pass

    def end(self, step: str, text: str, *, failed: bool = False) -> None:
        assert not failed
        self.ends[step] = text


def test_a_part_that_began_with_older_software_is_restarted_and_named(stack: Stack) -> None:
    before, reporter = _pids(stack), Said()
    began = stack.layout.started("postgres")
    replace(_stored(began), software="that of last week").write(began)
    assert "postgres: began with older software than is installed: btl up" in (
        _btl(stack.layout.home, "status").stdout
    )

    stack.up(without=WITHOUT, reporter=reporter)

    assert reporter.ends["older software"].startswith("postgres began with older software")
    after = _pids(stack)
    assert after["postgres"] != before["postgres"]
    assert after["kafka"] == before["kafka"]
    assert not any(part.older for part in stack.status())


def test_each_role_may_log_in(stack: Stack) -> None:
    for role in ("btl_owner", "btl_ingest", "btl_scheduler", "btl_reader", "btl_moderator"):
        with psycopg.connect(stack.database_url(role)) as connection:
            assert connection.execute("select session_user").fetchone() == (role,)
    wrong = stack.database_url("btl_reader").replace("btl_reader:", "btl_owner:")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_a_rotated_password_is_accepted_and_the_old_one_is_not(stack: Stack) -> None:
    old, before = stack.database_url("btl_reader"), _pids(stack)

    rotated = _btl(stack.layout.home, "secrets", "rotate", "database_btl_reader")

    assert rotated.returncode == 0, rotated.stderr
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(old)
    with psycopg.connect(stack.database_url("btl_reader")) as connection:
        assert connection.execute("select session_user").fetchone() == ("btl_reader",)
    assert _pids(stack) == before, "no part uses this one"


def test_a_superuser_password_that_is_lost_can_be_replaced(stack: Stack) -> None:
    stack.down()
    (stack.layout.secrets / "database_postgres").unlink()
    with pytest.raises(BelowTheLineError) as raised:
        stack.up(without=WITHOUT)
    assert "`btl secrets rotate database_postgres`" in str(raised.value)
    stack.down()

    stack.rotate_secrets(["database_postgres"])

    assert not stack.running()
    stack.up(without=WITHOUT)
    with psycopg.connect(stack.database_url("postgres")) as connection:
        assert connection.execute("select session_user").fetchone() == ("postgres",)


@pytest.mark.parametrize("part", ["postgres", "kafka"])
def test_a_killed_part_is_restarted(stack: Stack, part: str) -> None:
    before = _pids(stack)[part]
    assert before is not None

    os.kill(before, signal.SIGKILL)

    wait_until(lambda: _pids(stack)[part] not in (None, before) and _answers(stack), 120)
    assert before not in [process.pid for process in stack.processes()]


def test_a_stack_that_was_killed_whole_comes_back_with_its_data(stack: Stack) -> None:
    with psycopg.connect(stack.database_url(), autocommit=True) as connection:
        connection.execute("create table if not exists public.kept (at timestamptz default now())")
        connection.execute("insert into public.kept default values")
    chosen = stack.environment()
    killed = stack.processes()
    assert len(killed) > 5
    for process in killed:
        process.kill()
    wait_until(lambda: not stack.processes(), 120)
    assert not stack.running()

    stack.up(without=WITHOUT)

    assert stack.environment() == chosen, "the same ports and passwords"
    assert _answers(stack)
    with psycopg.connect(stack.database_url(), autocommit=True) as connection:
        assert connection.execute("select count(*) > 0 from public.kept").fetchone() == (True,)


def test_what_a_killed_supervisor_left_running_is_replaced(stack: Stack) -> None:
    before = {process.pid for process in stack.processes()}
    [supervisor] = [
        process for process in stack.processes() if "supervisor.supervisord" in process.cmdline()
    ]
    supervisor.kill()
    wait_until(lambda: not stack.running(), 120)
    assert len(stack.processes()) >= len(before) - 1, "the parts themselves go on"

    stack.up(without=WITHOUT)

    assert not before & {process.pid for process in stack.processes()}
    assert _answers(stack)


def test_two_stacks_run_side_by_side(stack: Stack, tmp_path: Path) -> None:
    other = Stack(tmp_path / "other", _surroundings())
    mine = _pids(stack)
    try:
        other.up(without=["airflow", "consumer", "kafka"], automatic_ports=True)
        assert other.database_url() != stack.database_url()
        with psycopg.connect(other.database_url()) as connection:
            assert connection.execute("select count(*) from ingest.batches").fetchone() == (0,)
        other.down()
    finally:
        other.reset()

    assert _pids(stack) == mine
    assert not (tmp_path / "other").exists()


def test_a_taken_port_is_explained_in_one_line(tmp_path: Path) -> None:
    with socket.create_server((ports.HOST, 0)) as stranger:
        port = stranger.getsockname()[1]
        stack = Stack(tmp_path / "home", _surroundings())
        with pytest.raises(
            BelowTheLineError, match=f"Port {port} for postgres is taken by .*process {os.getpid()}"
        ):
            stack.up(without=["airflow", "consumer", "kafka"], explicit_ports={"postgres": port})
        assert stack.processes() == []

        shown = subprocess.run(
            [*BTL, "up", "--without", "airflow", "--without", "consumer", "--without", "kafka"],
            env=_surroundings()
            | {"BTL_HOME": str(tmp_path / "home"), "BTL_POSTGRES_PORT": str(port)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert shown.returncode == 1
    assert len(shown.stderr.splitlines()) == 1
    assert "BTL_POSTGRES_PORT" in shown.stderr


def test_only_one_command_at_a_time_changes_a_stack(stack: Stack) -> None:
    with stack._locked(), pytest.raises(BelowTheLineError, match="Another `btl`"):
        stack.up(without=WITHOUT)


def test_the_command_line_shows_the_stack(stack: Stack) -> None:
    status = _btl(stack.layout.home, "status")
    environment = _btl(stack.layout.home, "env")
    query = _btl(
        stack.layout.home, "psql", "--", "-Atc", "select current_user || ' ' || current_database()"
    )
    logs = _btl(stack.layout.home, "logs", "post", "-n", "3")

    assert status.returncode == 0
    assert [line.split()[:2] for line in status.stdout.splitlines()[1:]] == [
        ["postgres", "running"],
        ["kafka", "running"],
    ]
    assert f"export BTL_DATABASE_URL={stack.database_url()}\n" in environment.stdout
    assert query.stdout == "btl_owner below_the_line\n"
    assert logs.returncode == 0
    assert 1 <= len(logs.stdout.splitlines()) <= 3
    assert running_environment(stack.layout.home) == stack.environment()


def test_the_status_says_where_the_data_docs_are_once_there_are_any(stack: Stack) -> None:
    page = stack.layout.home / "quality" / "docs" / "index.html"
    assert "data docs" not in _btl(stack.layout.home, "status").stdout
    page.parent.mkdir(parents=True)
    page.write_text("<html></html>")
    try:
        status = _btl(stack.layout.home, "status")
    finally:
        shutil.rmtree(stack.layout.home / "quality")
    assert status.returncode == 0
    (line,) = [line for line in status.stdout.splitlines() if line.startswith("data docs: ")]
    assert (Path.cwd() / line.removeprefix("data docs: ")).resolve() == page.resolve()


def test_the_status_is_not_well_while_partitions_wait_for_a_decision(stack: Stack) -> None:
    with psycopg.connect(stack.database_url(), autocommit=True) as connection:
        connection.execute(
            "insert into ingest.partition_offsets (consumer_group, topic, partition, topic_id,"
            " next_offset, epoch) values ('below-the-line', 'articles', 0, gen_random_uuid(), 0, 1)"
        )
        try:
            status = _btl(stack.layout.home, "status")
            rows = json.loads(_btl(stack.layout.home, "status", "--json").stdout)
        finally:
            connection.execute("delete from ingest.partition_offsets")
    assert status.returncode == 1
    assert "articles-0: recreated, it is not read: the topic was deleted and created again" in (
        status.stdout
    )
    assert [row["part"] for row in rows if row["state"] == "running"] == ["postgres", "kafka"]
    (notice,) = [row for row in rows if row["state"] == "notice"]
    assert (notice["part"], notice["well"]) == ("articles-0", False)
    assert notice["command"] == "btl offsets reset articles 0 --to start"
    assert _btl(stack.layout.home, "status").returncode == 0


def test_a_command_takes_from_the_stack_what_belongs_to_it_and_mixes_no_two_systems(
    stack: Stack,
) -> None:
    home, broker = stack.layout.home, stack.environment()["BTL_KAFKA_BOOTSTRAP"]
    completed = _btl(home, "offsets", "show", BTL_KAFKA_BOOTSTRAP=broker)
    assert completed.returncode == 0, completed.stderr
    mixed = _btl(home, "offsets", "show", BTL_KAFKA_BOOTSTRAP="kafka.example:9092")
    assert mixed.returncode == 1
    assert "BTL_KAFKA_BOOTSTRAP is set, so none is taken from the stack in" in mixed.stderr
    assert "Set BTL_DATABASE_URL as well" in mixed.stderr


def test_a_part_that_hangs_is_silent_unless_it_has_just_begun(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def states() -> dict[str, str]:
        return {part.name: part.state for part in stack.status(probe=True)}

    (broker, *_) = stack.processes("kafka")
    broker.suspend()
    try:
        monkeypatch.setattr("btl.stack.stack._MAX_STARTING", timedelta(days=1))
        assert states() == {"postgres": "running", "kafka": "starting"}
        assert _btl(stack.layout.home, "status").returncode == 1
        monkeypatch.setattr("btl.stack.stack._MAX_STARTING", timedelta(0))
        assert states() == {"postgres": "running", "kafka": "silent"}
    finally:
        broker.resume()
    wait_until(lambda: states() == {"postgres": "running", "kafka": "running"}, seconds=30)


def test_on_a_terminal_steps_are_shown_while_they_go_on_and_come_to_an_end(stack: Stack) -> None:
    """A terminal has lines that are drawn again and again, by another thread."""
    stack.stop_part("postgres")
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        up = subprocess.Popen(
            [*BTL, "up", "--without", "airflow", "--without", "consumer"],
            env=_surroundings() | {"BTL_HOME": str(stack.layout.home), "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = bytearray()

        def read() -> None:
            with suppress(OSError):  # what a terminal says at its end
                while piece := terminal.read(65_536):
                    shown.extend(piece)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            assert up.wait(60) == 0, shown.decode(errors="replace")
        finally:
            up.kill()
            up.wait()
        reader.join(10)
    text = shown.decode(errors="replace")
    assert "✓" in text
    assert "The stack is up" in text


def test_after_down_no_process_and_no_port_is_left(stack: Stack) -> None:
    taken = [int(part.address.rsplit(":")[-1]) for part in stack.status()]
    assert not any(ports.is_free(port) for port in taken)

    down = _btl(stack.layout.home, "down")

    assert down.returncode == 0
    assert stack.processes() == []
    assert all(ports.is_free(port) for port in taken)
    assert not stack.layout.supervisor_socket.exists()
    assert _btl(stack.layout.home, "status").returncode == 1
    assert running_environment(stack.layout.home) == {}
    assert _btl(stack.layout.home, "down").returncode == 0, "a second time is no error"
