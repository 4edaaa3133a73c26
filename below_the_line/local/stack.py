"""The one-machine stack: started, stopped, looked at. The command line and the tests use this class alone."""

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from psutil import Process

from below_the_line.errors import BelowTheLineError
from below_the_line.local import airflow, environment, kafka, ports, postgres, processes, state
from below_the_line.local.layout import Layout
from below_the_line.local.parts import Part, base_environment, write_parts
from below_the_line.local.state import Choice, External
from below_the_line.local.supervisor import Supervisor, configuration, last_lines

_RUNNING = ("STARTING", "RUNNING", "BACKOFF", "STOPPING")


class Reporter(Protocol):
    """Hears what is being done. Called from several threads."""

    def begin(self, step: str, text: str) -> None:
        """A step begins; ``text`` says what is done or waited for."""

    def end(self, step: str, text: str, *, failed: bool = False) -> None:
        """The step has ended."""


class Silent:
    """A reporter that says nothing."""

    def begin(self, step: str, text: str) -> None:
        """Say nothing."""

    def end(self, step: str, text: str, *, failed: bool = False) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class PartStatus:
    """One line of ``btl status``."""

    name: str
    state: str
    """running, starting, restarting, stopping, stopped, failed or external."""
    since: datetime | None
    pid: int | None
    address: str
    log: Path | None

    @property
    def well(self) -> bool:
        """Whether it is as it should be."""
        return self.state in ("running", "external")


_STATES = {
    "RUNNING": "running",
    "STARTING": "starting",
    "BACKOFF": "restarting",
    "STOPPING": "stopping",
    "STOPPED": "stopped",
    "EXITED": "failed",
    "FATAL": "failed",
    "UNKNOWN": "failed",
}


class Stack:
    """The stack whose state is below ``home``. Two with different homes (and ports) do not know of each other.

    ``surroundings`` is the environment from which parts inherit what they need, by default this process's.
    """

    def __init__(self, home: Path | str, surroundings: Mapping[str, str] | None = None) -> None:
        self.layout = Layout.of(home)
        self._surroundings = dict(os.environ if surroundings is None else surroundings)
        self._supervisor = Supervisor(self.layout)

    # ------------------------------------------------------------------ starting

    def up(
        self,
        *,
        without: Sequence[str] = (),
        consumers: int | None = None,
        explicit_ports: Mapping[str, int] | None = None,
        automatic_ports: bool | None = None,
        external: External | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        """Start what does not run, and wait until all of it answers. Safe to call again.

        What was given at an earlier start and is None now stays as it was: ports, number of consumers. A part whose
        description changed is started anew; one that is left out now is stopped. Raises BelowTheLineError; what has been
        started until then keeps running, for a look at it.
        """
        _require_extra()
        reporter = reporter or Silent()
        self.layout.create()
        with self._locked():
            alive = self._supervisor.alive()
            if not alive:
                self._clear_leftovers(reporter)
            choice = self._choose(without, consumers, explicit_ports or {}, automatic_ports, external, running=alive)
            parts = self._describe(choice)
            self._check_ports(choice, alive=alive)
            state.save(self.layout.state, choice)
            self._configure(parts, alive, reporter)
            _Start(self.layout, self._supervisor, choice, parts, reporter).run()

    def _choose(
        self,
        without: Sequence[str],
        consumers: int | None,
        explicit: Mapping[str, int],
        automatic: bool | None,
        external: External | None,
        *,
        running: bool,
    ) -> Choice:
        before = state.load(self.layout.state) or Choice(ports={})
        automatic = before.automatic_ports if automatic is None else automatic
        choice = Choice(
            ports=ports.choose(
                self.layout.home,
                explicit=explicit,
                remembered=before.ports,
                automatic=automatic,
                # While the stack runs, it is itself what holds the remembered ports.
                usable=(lambda port: port in before.ports.values() or ports.is_free(port))
                if running
                else ports.is_free,
            ),
            automatic_ports=automatic,
            without=tuple(without),
            consumers=before.consumers if consumers is None else consumers,
            external=external or External(),
        )
        choice.check()
        return choice

    def _describe(self, choice: Choice) -> list[Part]:
        inherited = base_environment(
            self._surroundings, sys.executable, own_kafka=choice.external.kafka_bootstrap is None
        )
        inherited["BTL_HOME"] = str(self.layout.home)
        reached = environment.connections(self.layout, choice)
        if "BTL_KAFKA_BOOTSTRAP" in reached:
            inherited["BTL_KAFKA_BOOTSTRAP"] = reached["BTL_KAFKA_BOOTSTRAP"]

        def as_role(role: str) -> dict[str, str]:
            if choice.external.database_url is not None:
                return inherited | {"BTL_DATABASE_URL": choice.external.database_url}
            return inherited | {"BTL_DATABASE_URL": postgres.url(self.layout, choice.ports["postgres"], role)}

        parts: list[Part] = []
        if choice.runs_postgres:
            parts.append(postgres.part(self.layout, choice.ports["postgres"], inherited))
        if choice.runs_kafka:
            parts.append(kafka.part(self.layout, choice.ports["kafka"], choice.ports["kafka_controller"], inherited))
        if choice.runs_airflow:
            ours = as_role("btl_scheduler")
            settings = airflow.environment(
                self.layout, choice.ports["airflow"], choice.ports["postgres"], ours["BTL_DATABASE_URL"]
            )
            parts += airflow.parts(self.layout, choice.ports["airflow"], ours | settings)
        for name in choice.consumer_names:
            parts.append(
                Part(
                    name=name,
                    argv=(sys.executable, "-P", "-m", "below_the_line", "consume"),
                    environment=as_role("btl_ingest"),
                    folder=str(self.layout.home),
                    stop_seconds=10,
                )
            )
        return parts

    def _check_ports(self, choice: Choice, *, alive: bool) -> None:
        ours: set[int] = set()
        if alive:
            pids = {process.pid for process in processes.belonging(self.layout)}
            for port in choice.needed_ports.values():
                holder = ports.holder(port)
                if holder is not None and holder.pid in pids:
                    ours.add(port)
        for name, port in choice.needed_ports.items():
            if port not in ours and not ports.is_free(port):
                raise ports.taken(name, port)

    def _configure(self, parts: Sequence[Part], alive: bool, reporter: Reporter) -> None:
        root = os.geteuid() == 0
        write_parts(self.layout.parts, parts)
        self.layout.supervisor_configuration.write_text(configuration(parts, root=root), encoding="utf-8")
        if not alive:
            self._supervisor.start()
            return
        info = self._supervisor.info()
        wanted = {part.name for part in parts}
        stale = [
            name
            for name, process in info.items()
            if process["statename"] in _RUNNING and (name not in wanted or self._outdated(name, parts))
        ]
        if stale:
            reporter.begin("stopping", f"parts that have changed: {', '.join(stale)}")
            self._supervisor.stop_parts(stale)
            reporter.end("stopping", f"stopped what has changed: {', '.join(stale)}")
        self._supervisor.reload()

    def _outdated(self, name: str, parts: Iterable[Part]) -> bool:
        try:
            started = (self.layout.run / f"{name}.started").read_text(encoding="utf-8")
        except FileNotFoundError:
            return True
        return all(part.digest != started for part in parts if part.name == name)

    def _clear_leftovers(self, reporter: Reporter) -> None:
        """Stop what a supervisord that is gone has left behind, as `down` would have."""
        left = processes.belonging(self.layout)
        if left:
            reporter.begin("clearing", f"{len(left)} processes that a crash has left")
            self._stop_strays(left)
            reporter.end("clearing", f"stopped {len(left)} processes that a crash had left")
        for path in self.layout.run.glob("*.started"):
            path.unlink()
        self._await_ports()

    def _await_ports(self) -> None:
        choice = state.load(self.layout.state)
        for port in choice.needed_ports.values() if choice is not None else ():
            ports.released(port)

    def _stop_strays(self, strays: Sequence[Process]) -> None:
        remaining = processes.stop(strays, grace=10)
        if remaining:
            raise BelowTheLineError(
                f"Process {remaining[0].pid} of this stack cannot be stopped.",
                "Stop it yourself, or restart the machine.",
            )

    # ------------------------------------------------------------------ stopping

    def down(self, reporter: Reporter | None = None) -> bool:
        """Stop everything; afterwards no process and no port of the stack is left. Returns whether there was anything."""
        _require_extra()
        reporter = reporter or Silent()
        if not self.layout.home.is_dir():
            return False
        self.layout.create()
        with self._locked():
            alive = self._supervisor.alive()
            if alive:
                self._stop_orderly(reporter)
            left = processes.belonging(self.layout)
            if left:
                reporter.begin("remains", f"stopping {len(left)} processes that are left")
                self._stop_strays(left)
                reporter.end("remains", f"stopped {len(left)} processes that were left")
            for pattern in ("*.started", "supervisord.pid"):
                for path in self.layout.run.glob(pattern):
                    path.unlink()
            self.layout.supervisor_socket.unlink(missing_ok=True)
            if alive or left:
                self._await_ports()
            return alive or bool(left)

    def _stop_orderly(self, reporter: Reporter) -> None:
        info = self._supervisor.info()
        running = [name for name, process in info.items() if process["statename"] in _RUNNING]
        # The others need Postgres and Kafka to finish their work.
        for names in (
            [name for name in running if name not in (postgres.NAME, kafka.NAME)],
            [name for name in running if name in (postgres.NAME, kafka.NAME)],
        ):
            if names:
                text = ", ".join(names)
                reporter.begin(text, "stopping")
                self._supervisor.stop_parts(names)
                reporter.end(text, "stopped")
        pid = self._supervisor.pid()
        self._supervisor.shutdown()
        _until(lambda: not processes.exists(pid), seconds=15, what="The process supervisor did not end.")

    def reset(self, reporter: Reporter | None = None) -> None:
        """Stop everything and delete the stack's state: databases, topics, secrets, logs."""
        self.down(reporter)
        self.layout.remove()

    # ------------------------------------------------------------------ looking

    def status(self) -> list[PartStatus]:
        """Every part that should run, and its state. Empty if no stack was ever set up here."""
        choice = state.load(self.layout.state)
        if choice is None:
            return []
        _require_extra()
        info = self._supervisor.info() if self._supervisor.alive() else {}
        found = []
        for name, address in self._expected(choice).items():
            process = info.get(name, {"statename": "STOPPED", "start": 0, "pid": 0})
            started = process["statename"] == "RUNNING"
            found.append(
                PartStatus(
                    name=name,
                    state=_STATES[process["statename"]],
                    since=datetime.fromtimestamp(process["start"], UTC) if started else None,
                    pid=process["pid"] or None,
                    address=address,
                    log=self.layout.log(name),
                )
            )
        elsewhere = [
            ("postgres", choice.external.database_url and _without_password(choice.external.database_url)),
            ("kafka", choice.external.kafka_bootstrap),
            ("airflow", choice.external.airflow_url),
        ]
        return found + [PartStatus(name, "external", None, None, where, None) for name, where in elsewhere if where]

    def _expected(self, choice: Choice) -> dict[str, str]:
        expected = {}
        if choice.runs_postgres:
            expected[postgres.NAME] = f"{ports.HOST}:{choice.ports['postgres']}"
        if choice.runs_kafka:
            expected[kafka.NAME] = f"{ports.HOST}:{choice.ports['kafka']}"
        if choice.runs_airflow:
            expected |= {
                name: airflow.url(choice.ports["airflow"]) if name == "airflow-api-server" else ""
                for name in airflow.NAMES
            }
        return expected | dict.fromkeys(choice.consumer_names, "")

    def environment(self) -> dict[str, str]:
        """The settings by which others reach the stack, as environment variables. Raises BelowTheLineError if there is none."""
        choice = state.load(self.layout.state)
        if choice is None:
            raise BelowTheLineError(f"There is no stack in {self.layout.home}.", "Start one: `btl up`.")
        return environment.connections(self.layout, choice)

    def running(self) -> bool:
        """Whether the stack is up: its supervisor answers."""
        return self.layout.exists() and self._supervisor.alive()

    def database_url(self, role: str = "btl_owner") -> str:
        """The URL of our database for a role: one of the five, or ``postgres``, the server's superuser."""
        choice = state.load(self.layout.state)
        if choice is None or not choice.runs_postgres:
            raise BelowTheLineError(f"There is no Postgres in {self.layout.home}.", "Start one: `btl up`.")
        return postgres.url(self.layout, choice.ports["postgres"], role)

    def processes(self, part: str | None = None) -> list[Process]:
        """The live processes of the stack, or of one part; the first of a part is the one that the supervisor started."""
        if part is None:
            return processes.belonging(self.layout)
        pid = self._supervisor.info()[part]["pid"]
        return sorted(
            processes.belonging(self.layout, part, str(self.layout.postgres_data) if part == postgres.NAME else None),
            key=lambda process: (process.pid != pid, process.pid),
        )

    # ------------------------------------------------------------------ single parts, for tests of failure

    def stop_part(self, name: str) -> None:
        """Stop one part in its orderly way and leave it stopped until `start_part` or `up`."""
        self._supervisor.stop_parts([name])

    def start_part(self, name: str) -> None:
        """Start one part that was stopped; does not wait until it answers."""
        self._supervisor.start_part(name)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self.layout.lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BelowTheLineError(
                    f"Another `btl` is starting or stopping the stack in {self.layout.home}.",
                    "Wait until it has finished.",
                ) from None
            yield


class _Start:
    """One run of ``up`` over described parts: what depends on nothing goes at the same time."""

    def __init__(
        self, layout: Layout, supervisor: Supervisor, choice: Choice, parts: Sequence[Part], reporter: Reporter
    ) -> None:
        self._layout, self._supervisor, self._choice, self._reporter = layout, supervisor, choice, reporter
        self._parts = {part.name: part for part in parts}
        self._stop = threading.Event()

    def run(self) -> None:
        """Start everything and wait. Raises the first error."""
        with ThreadPoolExecutor(max_workers=5, thread_name_prefix="up") as pool:
            postgres_up = pool.submit(self._postgres)
            kafka_up = pool.submit(self._kafka)
            migrated = pool.submit(self._migrate, postgres_up)
            waiting = [
                postgres_up,
                kafka_up,
                migrated,
                pool.submit(self._airflow, postgres_up),
                pool.submit(self._consumers, migrated, kafka_up),
            ]
            try:
                wait(waiting, return_when="FIRST_EXCEPTION")
            finally:
                self._stop.set()
        errors = [error for future in waiting if (error := future.exception()) is not None]
        for error in errors:
            if not isinstance(error, _AbandonedError):
                raise error

    @contextmanager
    def _step(self, name: str, text: str) -> Iterator[Callable[[str], None]]:
        self._reporter.begin(name, text)
        result = [text]
        try:
            yield lambda said: result.__setitem__(0, said)
        except BaseException as error:
            self._reporter.end(name, "given up" if isinstance(error, _AbandonedError) else "failed", failed=True)
            raise
        self._reporter.end(name, result[0])

    def _postgres(self) -> None:
        if not self._choice.runs_postgres:
            return
        port = self._choice.ports["postgres"]
        first = not self._layout.postgres_data.exists()
        with self._step(postgres.NAME, "making the database cluster" if first else "starting") as say:
            self._supervisor.start_part(postgres.NAME)
            postgres.wait_until_ready(self._layout, port, self._checking(postgres.NAME))
            (self._layout.postgres / "superuser-password").unlink(missing_ok=True)
            postgres.create_roles_and_databases(self._layout, port)
            say(f"PostgreSQL at {ports.HOST}:{port}")

    def _kafka(self) -> None:
        if self._choice.runs_kafka:
            port = self._choice.ports["kafka"]
            if not kafka.jars_folder(self._layout).is_dir():
                with self._step("kafka-jars", f"fetching Kafka {kafka.VERSION} (once)") as say:
                    kafka.jars(self._layout)
                    say(f"Kafka {kafka.VERSION} in {kafka.jars_folder(self._layout)}")
            with self._step(kafka.NAME, "starting") as say:
                self._supervisor.start_part(kafka.NAME)
                kafka.wait_until_ready(port, self._checking(kafka.NAME))
                say(f"Kafka at {ports.HOST}:{port}")
        elif self._choice.external.kafka_bootstrap is None:
            return
        with self._step("topics", "creating the missing topics") as say:
            created = self._create_topics()
            say(f"created {', '.join(created)}" if created else "all there")

    def _create_topics(self) -> list[str]:
        from below_the_line.publishing import create_topics
        from below_the_line.settings import Settings

        if self._choice.external.kafka_bootstrap is not None:
            return create_topics(Settings(kafka_bootstrap=self._choice.external.kafka_bootstrap))
        ours = f"{ports.HOST}:{self._choice.ports['kafka']}"
        return create_topics(Settings(kafka_bootstrap=ours, kafka_security_protocol="PLAINTEXT"))

    def _migrate(self, postgres_up: "Future[None]") -> None:
        from below_the_line.database.migrations import migrate

        postgres_up.result()
        url = environment.connections(self._layout, self._choice).get("BTL_DATABASE_URL")
        if url is None:
            return
        with self._step("tables", "migrating the database") as say:
            applied = migrate(url)
            say(f"{len(applied)} migrations applied" if applied else "up to date")

    def _airflow(self, postgres_up: "Future[None]") -> None:
        if not self._choice.runs_airflow:
            return
        postgres_up.result()
        scheduler = self._parts["airflow-scheduler"]
        with self._step("airflow-migrate", "making Airflow's own tables") as say:
            say("made" if airflow.migrate(self._layout, scheduler.environment) else "up to date")
        self._checking()()
        with self._step("airflow", "starting scheduler, API server, DAG processor and triggerer") as say:
            running = {name for name, process in self._supervisor.info().items() if process["statename"] == "RUNNING"}
            since = datetime.fromtimestamp(0, UTC) if running.issuperset(airflow.NAMES) else datetime.now(UTC)
            for name in airflow.NAMES:
                self._supervisor.start_part(name)
            port = self._choice.ports["airflow"]
            airflow.wait_until_ready(port, since, self._checking(*airflow.NAMES))
            say(f"Airflow at {airflow.url(port)}")

    def _consumers(self, migrated: "Future[None]", kafka_up: "Future[None]") -> None:
        migrated.result()
        kafka_up.result()
        names = self._choice.consumer_names
        if not names:
            return
        with self._step("consumer", "starting") as say:
            for name in names:
                self._supervisor.start_part(name)
            check = self._checking(*names)
            _until(lambda: (check(), self._all_running(names))[1], seconds=30, what="The consumer did not start.")
            say(f"{len(names)} consumer{'s' if len(names) > 1 else ''} running")

    def _all_running(self, names: Iterable[str]) -> bool:
        info = self._supervisor.info()
        return all(info[name]["statename"] == "RUNNING" for name in names)

    def _checking(self, *names: str) -> Callable[[], None]:
        """A check to be called while waiting for parts: raises when one of them failed, or when another step did."""

        def check() -> None:
            if self._stop.is_set():
                raise _AbandonedError
            if not names:
                return
            info = self._supervisor.info()
            for name in names:
                if info[name]["statename"] in ("BACKOFF", "FATAL", "EXITED"):
                    log = self._layout.log(name)
                    said = "\n".join(f"  {line}" for line in last_lines(log, 12)) or "  (nothing)"
                    raise BelowTheLineError(
                        f"{name} ended instead of starting. Its log ends:\n{said}\n",
                        f"Mend the cause and run `btl up` again; the whole log is {log}.",
                    )

        return check


class _AbandonedError(Exception):
    """Another step failed, there is no use in going on."""


def _until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BelowTheLineError(what, "Look into `btl logs`, and try `btl down`.")
        time.sleep(0.05)


def _without_password(url: str) -> str:
    from below_the_line.database.connections import describe

    return describe(url)


def _require_extra() -> None:
    import importlib.util

    for package in ("psutil", "supervisor"):
        if importlib.util.find_spec(package) is None:
            raise BelowTheLineError(
                f"The package {package} is not installed.", "Install the extra: pip install 'below-the-line[local]'."
            )


def running_environment(home: Path | str) -> dict[str, str]:
    """The settings of the stack in ``home`` if it runs there, otherwise nothing; quick, and never an error.

    For commands in a shell that has no settings of its own.
    """
    layout = Layout.of(home)
    if not layout.exists():
        return {}
    try:
        stack = Stack(home)
        return stack.environment() if stack.running() else {}
    except (BelowTheLineError, ImportError, OSError):
        return {}
