"""Start the parts in the order in which they need each other, as many as possible at once."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from below_the_line.errors import BelowTheLineError
from below_the_line.plurals import counted
from btl.stack import airflow, environment, kafka, ports, postgres
from btl.stack.layout import Layout
from btl.stack.parts import Part
from btl.stack.reporter import Reporter
from btl.stack.state import Choice
from btl.stack.supervisor import Supervisor, last_lines

if TYPE_CHECKING:
    from below_the_line.settings import Settings


class Start:
    """One run of ``up`` over described parts. Independent parts start at the same time."""

    def __init__(
        self,
        layout: Layout,
        supervisor: Supervisor,
        choice: Choice,
        parts: Sequence[Part],
        reporter: Reporter,
        site_settings: Mapping[str, str],
    ) -> None:
        """``site_settings``: what the shell says about the settings that the database keeps."""
        self._site_settings = site_settings
        self._layout, self._supervisor, self._choice, self._reporter = (
            layout,
            supervisor,
            choice,
            reporter,
        )
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
            self._reporter.end(
                name, "abandoned" if isinstance(error, _AbandonedError) else "failed", failed=True
            )
            raise
        self._reporter.end(name, result[0])

    def _postgres(self) -> None:
        if not self._choice.runs_postgres:
            return
        port = self._choice.ports["postgres"]
        first = not self._layout.postgres_data.exists()
        with self._step(
            postgres.NAME, "creating the database cluster" if first else "starting"
        ) as say:
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
            other = self._other_topics()
            words = f"created {', '.join(created)}" if created else "all exist"
            say(
                f"{words}; other settings: {', '.join(other)} (btl topics check)"
                if other
                else words
            )

    def _create_topics(self) -> list[str]:
        from below_the_line.kafka.admin import create_topics

        return create_topics(self._kafka_settings())

    def _other_topics(self) -> list[str]:
        """Return the topics that have other settings than they should."""
        from below_the_line.kafka.topic_settings import drifted

        try:
            return list(dict.fromkeys(each.topic for each in drifted(self._kafka_settings())))
        except BelowTheLineError:
            # Brokers from elsewhere need not show them.
            return []

    def _kafka_settings(self) -> "Settings":
        from below_the_line.settings import Settings

        if self._choice.external.kafka_bootstrap is not None:
            return Settings(kafka_bootstrap=self._choice.external.kafka_bootstrap)
        ours = f"{ports.HOST}:{self._choice.ports['kafka']}"
        return Settings(kafka_bootstrap=ours, kafka_security_protocol="PLAINTEXT")

    def _migrate(self, postgres_up: "Future[None]") -> None:
        from below_the_line.database.connections import connect
        from below_the_line.database.migrations import migrate
        from below_the_line.site_settings import establish

        postgres_up.result()
        url = environment.connections(self._layout, self._choice).get("BTL_DATABASE_URL")
        if url is None:
            return
        with self._step("tables", "migrating the database") as say:
            applied = migrate(url, announce=lambda text: self._reporter.begin("tables", text))
            with connect(url, application_name="btl up", autocommit=True) as connection:
                establish(connection, self._site_settings)
            say(f"{len(applied)} files of sql/ applied" if applied else "up to date")

    def _airflow(self, postgres_up: "Future[None]") -> None:
        if not self._choice.runs_airflow:
            return
        postgres_up.result()
        scheduler = self._parts["airflow-scheduler"]
        with self._step("airflow-migrate", "creating Airflow's own tables") as say:
            say("created" if airflow.migrate(self._layout, scheduler.environment) else "up to date")
        self._checking()()
        with self._step(
            "airflow", "starting scheduler, API server, DAG processor and triggerer"
        ) as say:
            running = {
                name
                for name, process in self._supervisor.info().items()
                if process["statename"] == "RUNNING"
            }
            since = (
                datetime.fromtimestamp(0, UTC)
                if running.issuperset(airflow.NAMES)
                else datetime.now(UTC)
            )
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
            until(
                lambda: (check(), self._all_running(names))[1],
                seconds=120,
                message="The consumer did not start.",
            )
            say(f"{counted(len(names), 'consumer')} running")

    def _all_running(self, names: Iterable[str]) -> bool:
        info = self._supervisor.info()
        return all(info[name]["statename"] == "RUNNING" for name in names)

    def _checking(self, *names: str) -> Callable[[], None]:
        """Return a check to call while waiting for parts: it raises if one of them or another step
        failed.
        """

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
                        f"Fix the cause and run `btl up` again; the whole log is {log}.",
                    )

        return check


class _AbandonedError(Exception):
    """Another step failed, so this one was given up."""


def until(condition: Callable[[], bool], *, seconds: float, message: str) -> None:
    """Wait until the condition holds.

    Raises BelowTheLineError with ``message`` after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BelowTheLineError(message, "See `btl logs`, and try `btl down`.")
        time.sleep(0.05)
