"""The stack of one machine: start, stop and status. The command line and the tests use this class
only.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from psutil import Process

from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from btl.stack import airflow, environment, erasure, kafka, ports, postgres, processes, state
from btl.stack.layout import Layout
from btl.stack.parts import Part, Started, changed_variables, write_parts
from btl.stack.plan import addresses, describe
from btl.stack.probes import Answers, ask
from btl.stack.reporter import Reporter, Silent
from btl.stack.secrets import rotate
from btl.stack.software import installed
from btl.stack.startup import Start, until
from btl.stack.state import Choice, External
from btl.stack.supervisor import Supervisor, configuration

# The other parts need these to finish their work.
_STOPPED_LAST = (postgres.NAME, kafka.NAME, airflow.API_SERVER)
_RUNNING = ("STARTING", "RUNNING", "BACKOFF", "STOPPING")
_MAX_STARTING = timedelta(seconds=30)
"""A process that has run for less than this, and does not answer yet, is starting."""


@dataclass(frozen=True)
class PartStatus:
    """The status of one part: one line of ``btl status``."""

    name: str
    state: str
    """running, silent (it runs and does not answer), unready (it answers that it does not work),
    starting, restarting, stopping, stopped, failed or external.
    """
    since: datetime | None
    pid: int | None
    address: str
    log: Path | None
    because: tuple[str, ...] = ()
    """Why it is unready, in its own sentences."""
    older: bool = False
    """Whether it runs, with older software than is installed."""

    @property
    def well(self) -> bool:
        """Whether the part runs as it should."""
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
    """The stack whose state is below ``home``. Stacks with different homes and ports are
    independent.

    ``surroundings`` is the environment from which parts inherit what they need; by default that of
    this process.
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
        airflow_log_days: int | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        """Start what does not run, and wait until every part answers. Safe to call again.

        Ports and number of consumers that are None stay as at the last start. Logs of Airflow's
        tasks that are older than ``airflow_log_days`` are deleted; None: none are. A part whose
        description changed is restarted; a part that is left out now is stopped. Raises
        BelowTheLineError; the parts started until then keep running, so that their logs can be
        read.
        """
        _require_extra()
        reporter = reporter or Silent()
        self.layout.create()
        with self._locked():
            alive = self._supervisor.alive()
            if not alive:
                self._clear_leftovers(reporter)
            choice = self._choose(
                without, consumers, explicit_ports or {}, automatic_ports, external, running=alive
            )
            parts = describe(self.layout, choice, self._surroundings)
            from below_the_line.site_settings import given_in

            site_settings = given_in(self._surroundings)
            self._check_ports(choice, alive=alive)
            state.save(self.layout.state, choice)
            self._configure(parts, alive, reporter)
            Start(self.layout, self._supervisor, choice, parts, reporter, site_settings).run()
        if airflow_log_days is not None:
            self._prune_logs(airflow_log_days, reporter)

    def _prune_logs(self, days: int, reporter: Reporter) -> None:
        deleted = airflow.prune_logs(self.layout, days, datetime.now(UTC))
        if deleted:
            reporter.begin("task logs", "")
            reporter.end("task logs", f"{counted(deleted, 'log')} older than {days} days deleted")

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
                # While the stack runs, it holds the remembered ports itself.
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
        because = {part.name: changed_variables(self.layout.parts, part) for part in parts}
        write_parts(self.layout.parts, parts)
        self.layout.supervisor_configuration.write_text(
            configuration(parts, root=root), encoding="utf-8"
        )
        if not alive:
            self._supervisor.start()
            return
        wanted = {part.name: part for part in parts}
        running = [
            name
            for name, process in self._supervisor.info().items()
            if process["statename"] in _RUNNING
        ]
        older = [name for name in running if name in wanted and self._runs_older(name)]
        if older:
            reporter.begin("older software", "restarting what runs it")
            said = f"{', '.join(older)} began with older software, and will be restarted"
            reporter.end("older software", said)
        changed = [
            name
            for name in running
            if name in wanted and name not in older and self._is_changed(wanted[name])
        ]
        if changed:
            reporter.begin("settings", "restarting what has other settings")
            reporter.end("settings", restarted_because(changed, because))
        self._stop_in_order(
            [name for name in running if name in {*older, *changed} or name not in wanted],
            reporter,
        )
        self._supervisor.reload()

    def _runs_older(self, name: str) -> bool:
        """Return whether a running part was started with other software than is installed now."""
        started = Started.read(self.layout.started(name))
        return started is not None and started.software != installed(started.distribution)

    def _is_changed(self, part: Part) -> bool:
        """Return whether a running part must be restarted to run as described."""
        started = Started.read(self.layout.started(part.name))
        return started is None or started.digest != part.digest

    def _clear_leftovers(self, reporter: Reporter) -> None:
        """Stop what a supervisord that crashed has left behind, as `down` would have done."""
        left = processes.belonging(self.layout)
        if left:
            reporter.begin("clearing", f"{len(left)} processes that a crash left behind")
            self._stop_strays(left)
            reporter.end("clearing", f"stopped {len(left)} processes that a crash left behind")
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
        """Stop everything: no process and no port of the stack is left. Return whether anything
        ran.
        """
        _require_extra()
        reporter = reporter or Silent()
        if not self.layout.exists() and not self.layout.run.is_dir():
            return False
        self.layout.create()
        with self._locked():
            return self._down(reporter)

    def _down(self, reporter: Reporter) -> bool:
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
        self._stop_in_order(running, reporter)
        pid = self._supervisor.pid()
        self._supervisor.shutdown()
        until(
            lambda: not processes.exists(pid),
            seconds=15,
            message="The process supervisor did not end.",
        )

    def _stop_in_order(self, names: Sequence[str], reporter: Reporter) -> None:
        for last in (False, True):
            now = [name for name in names if (name in _STOPPED_LAST) is last]
            if now:
                step = "services" if last else "parts"
                reporter.begin(step, f"stopping {', '.join(now)}")
                self._supervisor.stop_parts(now)
                reporter.end(step, f"stopped {', '.join(now)}")

    def reset(self, reporter: Reporter | None = None) -> None:
        """Stop everything and delete the stack's state: databases, topics, secrets, logs."""
        self.down(reporter)
        self.layout.remove()

    # ------------------------------------------------------------------ secrets

    def secrets(self) -> dict[str, str]:
        """Return the names of the secrets that this stack uses, each with what it is for.

        Raises BelowTheLineError if there is no stack.
        """
        choice = self._chosen()
        return {
            **(postgres.SECRETS if choice.runs_postgres else {}),
            **(airflow.SECRETS if choice.runs_airflow else {}),
            **(erasure.SECRETS if choice.has_database else {}),
        }

    def rotate_secrets(self, names: Sequence[str], reporter: Reporter | None = None) -> None:
        """Replace these secrets by new ones, and restart what uses them.

        The stack must run. Only the superuser's password can be replaced while it is down, also
        where the old one is lost; the stack then stays down. Safe to repeat after an interruption.
        Raises BelowTheLineError.
        """
        reporter = reporter or Silent()
        choice, wanted = self._chosen(), set(names)
        unknown = sorted(wanted - self.secrets().keys())
        if unknown:
            raise BelowTheLineError(
                f"This stack has no secret {unknown[0]!r}.", "See `btl secrets list`."
            )
        kept = sorted(wanted & erasure.KEPT.keys())
        if kept:
            raise BelowTheLineError(
                f"The secret {kept[0]!r} is never rotated. {erasure.KEPT[kept[0]]}.",
                "docs/erasure.md says what to do if somebody has read it.",
            )
        alive = self._supervisor.alive()
        if not alive and wanted - {postgres.SUPERUSER_SECRET}:
            raise BelowTheLineError(
                f"The stack in {self.layout.home} does not run.", "Start it: `btl up`."
            )
        with self._locked():
            if airflow.FERNET_SECRET in wanted:
                self._rotate_fernet_key(reporter)
            if postgres.SUPERUSER_SECRET in wanted:
                self._down(reporter)
                postgres.rotate_superuser_password(self.layout)
            for name in wanted - {airflow.FERNET_SECRET, postgres.SUPERUSER_SECRET}:
                rotate(self.layout.secrets, name)
        if alive:
            self.up(without=choice.without, external=choice.external, reporter=reporter)

    def _rotate_fernet_key(self, reporter: Reporter) -> None:
        reporter.begin("fernet key", "encrypting again what Airflow has stored")
        self._supervisor.stop_parts(airflow.NAMES)
        airflow.rotate_fernet_key(self.layout, self.airflow_environment)
        reporter.end("fernet key", "what Airflow has stored is encrypted with the new key")

    # ------------------------------------------------------------------ looking

    def _chosen(self) -> Choice:
        choice = state.load(self.layout.state)
        if choice is None:
            raise BelowTheLineError(
                f"There is no stack in {self.layout.home}.", "Start one: `btl up`."
            )
        return choice

    def status(self, *, probe: bool = False) -> list[PartStatus]:
        """Return the status of every part that should run. Empty if no stack was ever set up here.

        ``probe``: also ask each running part whether it answers. This takes a few seconds if one
        does not.
        """
        choice = state.load(self.layout.state)
        if choice is None:
            return []
        _require_extra()
        info = self._supervisor.info() if self._supervisor.alive() else {}
        answers = ask(self.layout, choice) if probe and info else Answers()
        now = datetime.now(UTC)
        found = []
        for name, address in addresses(choice).items():
            process = info.get(name, {"statename": "STOPPED", "start": 0, "pid": 0})
            since = (
                datetime.fromtimestamp(process["start"], UTC)
                if process["statename"] == "RUNNING"
                else None
            )
            condition = _STATES[process["statename"]]
            because: Sequence[str] = ()
            if since is not None and (name in answers.silent or name in answers.unready):
                condition = "silent" if name in answers.silent else "unready"
                because = answers.unready.get(name, ())
                if now - since <= _MAX_STARTING:
                    condition, because = "starting", ()
            found.append(
                PartStatus(
                    name=name,
                    state=condition,
                    since=since,
                    pid=process["pid"] or None,
                    address=address,
                    log=self.layout.log(name),
                    because=tuple(because),
                    older=since is not None and self._runs_older(name),
                )
            )
        elsewhere = [
            (
                "postgres",
                choice.external.database_url and _without_password(choice.external.database_url),
            ),
            ("kafka", choice.external.kafka_bootstrap),
            ("airflow", choice.external.airflow_url),
        ]
        return found + [
            PartStatus(name, "external", None, None, where, None)
            for name, where in elsewhere
            if where
        ]

    def environment(self) -> dict[str, str]:
        """Return the settings by which other programs reach the stack, as environment variables.

        Raises BelowTheLineError if there is no stack.
        """
        choice = self._chosen()
        secrets = environment.required_secrets(choice)
        missing = [name for name in secrets if not (self.layout.secrets / name).exists()]
        if missing:
            # One that is made here would be accepted nowhere.
            raise BelowTheLineError(
                f"The secret {missing[0]} of the stack in {self.layout.home} is missing.",
                "`btl up` makes a new one, and uses it.",
            )
        return environment.connections(self.layout, choice)

    @property
    def consumers(self) -> int:
        """The number of consumers of the last start."""
        return self._chosen().consumers

    @property
    def runs_postgres(self) -> bool:
        """Whether the stack has a database server of its own."""
        choice = state.load(self.layout.state)
        return choice is not None and choice.runs_postgres

    @property
    def runs_kafka(self) -> bool:
        """Whether the stack has a broker of its own."""
        choice = state.load(self.layout.state)
        return choice is not None and choice.runs_kafka

    def running(self) -> bool:
        """Return whether the stack is up: its supervisor answers."""
        return self.layout.exists() and self._supervisor.alive()

    def airflow_environment(self) -> dict[str, str]:
        """Return the whole environment of this stack's Airflow, to run its command.

        Raises BelowTheLineError if the stack has no Airflow.
        """
        choice = state.load(self.layout.state)
        if choice is None or not choice.runs_airflow:
            raise BelowTheLineError(
                f"There is no Airflow in {self.layout.home}.", "Start one: `btl up`."
            )
        parts = describe(self.layout, choice, self._surroundings)
        return dict(next(part for part in parts if part.name == airflow.API_SERVER).environment)

    def database_url(self, role: str = "btl_owner") -> str:
        """Return the URL of the project's database for a role: one of the five, or ``postgres``,
        the superuser.

        Raises BelowTheLineError if the stack has no Postgres.
        """
        choice = state.load(self.layout.state)
        if choice is None or not choice.runs_postgres:
            raise BelowTheLineError(
                f"There is no Postgres in {self.layout.home}.", "Start one: `btl up`."
            )
        return postgres.url(self.layout, choice.ports["postgres"], role)

    def processes(self, part: str | None = None) -> list[Process]:
        """Return the live processes of the stack, or of one part.

        The first process of a part is the one that the supervisor started.
        """
        if part is None:
            return processes.belonging(self.layout)
        pid = self._supervisor.info()[part]["pid"]
        return sorted(
            processes.belonging(
                self.layout, part, str(self.layout.postgres_data) if part == postgres.NAME else None
            ),
            key=lambda process: (process.pid != pid, process.pid),
        )

    # ------------------------------------------------------------------ single parts, for tests of
    # failure

    def stop_part(self, name: str) -> None:
        """Stop one part in an orderly way. It stays stopped until `start_part` or `up`."""
        self._supervisor.stop_parts([name])

    def start_part(self, name: str) -> None:
        """Start one part that was stopped. Does not wait until it answers."""
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


def restarted_because(names: Sequence[str], because: Mapping[str, Sequence[str]]) -> str:
    """Return which parts are restarted for which variables. Their values are nobody's business."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        alike.setdefault(tuple(because.get(name, ())), []).append(name)
    sentences = []
    for variables, parts in alike.items():
        which = f" ({', '.join(variables)})" if variables else ""
        sentences.append(
            f"{', '.join(parts)} began with other settings{which}, and will be restarted"
        )
    return "; ".join(sentences)


def _without_password(url: str) -> str:
    from below_the_line.database.connections import describe

    return describe(url)


def _require_extra() -> None:
    import importlib.util

    for package in ("psutil", "supervisor"):
        if importlib.util.find_spec(package) is None:
            raise BelowTheLineError(
                f"The package {package} is not installed.",
                "Install the extra: pip install 'below-the-line[local]'.",
            )


def running_environment(home: Path | str) -> dict[str, str]:
    """Return the settings of the stack in ``home`` if it runs, otherwise nothing. Quick, never an
    error.

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
