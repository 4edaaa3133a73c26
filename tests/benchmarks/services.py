"""The broker and the database that are measured with: topics filled beforehand, and a fresh
database for each run.
"""

import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from below_the_line import catalogue
from below_the_line.catalogue import Topic
from below_the_line.database.migrations import migrate
from below_the_line.kafka.admin import admin_client
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.producer import Publisher
from below_the_line.settings import Settings
from btl.stack.stack import Stack
from tests.databases import with_database

_TEMPLATE = "bench_template"


@dataclass(frozen=True)
class Load:
    """Records that lie in topics of their own: the input topics, with a name appended."""

    name: str
    records: int

    def topic(self, name: str) -> str:
        """The topic in which the records of this topic of the catalogue lie."""
        return f"{name}-{self.name}"

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of this load."""
        return tuple(self.topic(each.name) for each in input_topics())


def input_topics(load: str | None = None) -> tuple[Topic, ...]:
    """The catalogue's input topics, under the names that they have for a load."""
    inputs = tuple(each for each in catalogue.topics() if each.direction == "in")
    return (
        inputs
        if load is None
        else tuple(replace(each, name=Load(load, 0).topic(each.name)) for each in inputs)
    )


class Services:
    """A running stack."""

    def __init__(self, stack: Stack, logs: Path, say: Callable[[str], None]) -> None:
        self.layout = stack.layout
        self.logs = logs
        self.say = say
        """Tells the user what is done now."""
        self.bootstrap = stack.environment()["BTL_KAFKA_BOOTSTRAP"]
        self._superuser = stack.database_url("postgres")
        self._consumer = stack.database_url("btl_ingest")
        self._stack = stack
        self.make_template(_TEMPLATE, migrate)

    @property
    def settings(self) -> Settings:
        """How to reach the broker."""
        return Settings.model_validate({"kafka_bootstrap": self.bootstrap})

    @property
    def environment(self) -> dict[str, str]:
        """For processes that are started: nothing of this one's settings."""
        return {name: value for name, value in os.environ.items() if not name.startswith("BTL_")}

    def postmaster(self) -> int:
        """The process id of the database server's first process, the parent of all others."""
        with psycopg.connect(self._superuser) as connection:
            return psutil.Process(connection.info.backend_pid).ppid()

    def processes(self) -> list[int]:
        """The process ids of everything that is measured or needed for it: this process and the
        parts of the stack.
        """
        parts = (part.pid for part in self._stack.status())
        return [os.getpid(), *(each for each in parts if each is not None)]

    def make_template(self, name: str, migrate: Callable[[str], object]) -> None:
        """Make a database, migrated by ``migrate`` (of its URL), of which databases are copied."""
        self._on_server("create database {}", name)
        migrate(with_database(self._superuser, name))

    def _on_server(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._superuser, autocommit=True) as server:
            server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def postgres_version(self) -> str:
        """Such as 18.4."""
        with psycopg.connect(self._superuser) as connection:
            version = connection.info.server_version
        return f"{version // 10_000}.{version % 10_000}"

    @contextmanager
    def database(self, template: str = _TEMPLATE) -> Iterator["Database"]:
        """A migrated database without a row, gone afterwards. What was written before it is on the
        disk already.
        """
        name = f"bench_{uuid.uuid4().hex[:12]}"
        self._on_server("create database {} template {}", name, template)
        try:
            # The next measurement must not pay for the checkpoint of the one before.
            self._on_server("checkpoint")
            yield Database(
                with_database(self._superuser, name), with_database(self._consumer, name)
            )
        finally:
            self._on_server("drop database {} with (force)", name)

    def fill(self, name: str, events: Iterable[Outgoing], partitions: int | None = None) -> Load:
        """Make a load of these events; ``partitions`` per topic, by default as many as the
        catalogue says.
        """
        load = self.create(name, partitions)
        count = 0
        with Publisher(self.settings) as publisher:
            for event in events:
                publisher.send(event._replace(topic=load.topic(event.topic)))
                count += 1
        return replace(load, records=count)

    def create(self, name: str, partitions: int | None = None) -> Load:
        """The topics of a load, without a record."""
        for topic in input_topics(name):
            self.create_topic(topic.name, partitions or topic.partitions, topic.config)
        return Load(name, 0)

    def create_topic(self, name: str, partitions: int, configuration: Mapping[str, str]) -> None:
        """A topic, ready to be used."""
        with admin_client(self.settings) as admin:
            definition = {
                "num_partitions": partitions,
                "replication_factor": 1,
                "configs": dict(configuration),
            }
            admin.create_topics({name: definition}, timeout_ms=10_000)
            admin.wait_for_topics([name], timeout_ms=30_000)

    def remove(self, load: Load) -> None:
        """Delete the topics of a load, and with them its records."""
        with admin_client(self.settings) as admin:
            admin.delete_topics(list(load.topics))


@dataclass(frozen=True)
class Database:
    """A database of one run."""

    superuser: str
    """Its URL, to look at everything."""
    consumer: str
    """Its URL with the rights of a consumer."""
