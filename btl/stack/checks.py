"""What `btl status` says below its table: what the processes of a stack do not show.

To add a line, write a function that takes a `System` and yields a `Notice` for each thing to say,
beside the code of its subject or here, and add it to `CHECKS`. It reads ``system.connection`` (the
owner's, in autocommit, each statement ends after some seconds), ``system.positions`` and
``system.logs``, and need not guard against services that are away: what it then raises
(BelowTheLineError, psycopg.Error) becomes one notice for all checks, or none where the table has
said so. It must be quick, and must write nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import psycopg

from below_the_line.accounting.positions import read_positions
from below_the_line.catalogue import topics
from below_the_line.database.connections import connect
from below_the_line.database.migrations import OlderDatabaseError, require_current
from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.admin import partition_logs
from below_the_line.kafka.topic_settings import COMMAND, drifted
from below_the_line.metrics.lateness import LATE_HINT, late_figures
from below_the_line.partitions import Blocker, Logs, PartitionStatus, Position, partition_statuses
from below_the_line.plurals import counted
from below_the_line.resources import sql
from below_the_line.retention.survey import announcement
from below_the_line.settings import Settings
from below_the_line.site_settings import agreed
from consumers.adapters.dead_letters import SourceCount, count_by_source
from consumers.core.dead_letters import Selection

_STATEMENT_SECONDS = 5
_OPEN_FOR = timedelta(seconds=60)
"""Transactions come and go: one for which a partition has stood still for this time is named."""
_MAX_ALIKE = 3
"""Partitions that are named one by one; more have one line together."""


_MAX_GROUPS = 10_000
"""Groups of dead letters that are added up: senders can make any number of them."""
_FLOOD = 1_000
"""From this number on, open dead letters of one source, type and code need somebody."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A line of `btl status` below its table."""

    subject: str
    """What it is about: a part as in the table, a partition, a topic, a DAG."""
    sentence: str
    """A clause that begins with a small letter and ends without a full stop."""
    command: str | None = None
    """The command that helps, if there is one."""
    wrong: bool = True
    """Whether somebody must do something: `btl status` then ends with exit status 1."""

    def __str__(self) -> str:
        helps = f": {self.command}" if self.command else ""
        return f"{self.subject}: {self.sentence}{helps}"


class System:
    """What checks look at: the database and the brokers of a stack, its own or from elsewhere."""

    def __init__(
        self,
        settings: Settings,
        now: datetime,
        away: frozenset[str] = frozenset(),
        *,
        upgrade: str = "btl migrate",
    ) -> None:
        """``away``: those of ``postgres`` and ``kafka`` that are known not to answer. ``upgrade``:
        the command that brings the database up to date.
        """
        self.settings, self.now, self.upgrade = settings, now, upgrade
        self._away = away

    @cached_property
    def connection(self) -> psycopg.Connection:
        """A connection as the owner, in autocommit. Raises BelowTheLineError."""
        if "postgres" in self._away or self.settings.database_url is None:
            raise _KnownError
        url = self.settings.require_database_url()
        connection = connect(url, application_name="btl status", autocommit=True)
        connection.execute(f"set statement_timeout = '{_STATEMENT_SECONDS}s'".encode())
        return connection

    @cached_property
    def site(self) -> Settings:
        """The settings with those that the database keeps. Raises BelowTheLineError if the
        environment says something else.
        """
        return agreed(self.settings, self.connection)

    @cached_property
    def positions(self) -> Sequence[Position]:
        """The positions of this consumer group."""
        return read_positions(self.connection, self.site.consumer_group)

    @cached_property
    def logs(self) -> Logs:
        """The brokers' logs of the input topics. Raises BelowTheLineError."""
        if "kafka" in self._away or self.settings.kafka_bootstrap is None:
            raise _KnownError
        names = {topic.name for topic in topics() if topic.direction == "in"}
        return partition_logs(self.settings, names | {each.topic for each in self.positions})

    @cached_property
    def partitions(self) -> Sequence[PartitionStatus]:
        """Each partition of this consumer group beside its log."""
        return partition_statuses(self.positions, self.logs, self.site.consumer_group)

    def leave_database(self) -> None:
        """Let no other check look at the database: its tables are not those of this software."""
        self.close()
        self.__dict__.pop("connection", None)
        self._away |= {"postgres"}

    def close(self) -> None:
        """Close the connection, if one was opened."""
        if "connection" in self.__dict__:
            self.connection.close()


class _KnownError(Exception):
    """A service is away, and `btl status` has said so."""


def up_to_date(system: System) -> Iterator[Notice]:
    """Say that the tables are older or newer than this software. No other check then reads them."""
    _ = system.connection
    try:
        require_current(system.settings.require_database_url())
    except OlderDatabaseError:
        system.leave_database()
        yield Notice(
            "postgres",
            "the database is of an older release and must be brought up to date",
            system.upgrade,
        )
    except BelowTheLineError as error:
        system.leave_database()
        yield Notice("postgres", _clause(f"{error.message} {error.hint or ''}"))


def partitions(system: System) -> Iterator[Notice]:
    """Say which partitions wait for a decision, and which nobody reads."""
    waiting = [each for each in system.partitions if each.required_decision is not None]
    for each in waiting[:_MAX_ALIKE]:
        decision = each.required_decision
        assert decision is not None  # noqa: S101 - for the type checker
        yield Notice(
            str(each), f"{decision.blocker}, it is not read: {decision.sentence}", decision.command
        )
    if len(waiting) > _MAX_ALIKE:
        rest = counted(len(waiting) - _MAX_ALIKE, "more partition")
        tripped = all(
            each.required_decision is not None and each.required_decision.blocker is Blocker.TRIPPED
            for each in waiting
        )
        command = "btl breaker accept --all-partitions" if tripped else "btl offsets show"
        yield Notice("partitions", f"{rest} not read", command)
    alone = [each for each in system.partitions if each.state in ("no consumer", "not taken")]
    lag = sum(each.lag or 0 for each in alone)
    if alone and lag:
        yield Notice(
            "consumers",
            f"none reads {counted(len(alone), 'partition')} with {counted(lag, 'record')} to read",
            "btl up --consumers 1",
        )


def open_transactions(system: System) -> Iterator[Notice]:
    """Say which partitions wait for a transaction to end: nothing closes meanwhile."""
    for each in system.partitions:
        idle = each.position is None or system.now - each.position.moved_at >= _OPEN_FOR
        if each.open_transaction is not None and idle:
            yield Notice(
                str(each),
                f"open transaction since offset {each.open_transaction}, nothing from there on can"
                " be read before it ends, and no discussion closes",
                "btl offsets show",
            )


def topic_settings(system: System) -> Iterator[Notice]:
    """Say which topics have other settings than schemas/topics.yaml."""
    _ = system.logs
    drifts = drifted(system.settings)
    for topic in dict.fromkeys(each.topic for each in drifts):
        of_topic = [str(each) for each in drifts if each.topic == topic]
        yield Notice(topic, "; ".join(of_topic), COMMAND)


def figures(system: System) -> Iterator[Notice]:
    """Say that figures do not follow events."""
    row = system.connection.execute(sql("ingest/audit/marks.sql")).fetchone()
    if row is None:
        return
    late = late_figures(row[0], row[1], system.now)
    if late:
        yield Notice("article_metrics", f"{late}: {LATE_HINT}")


def dead_letters(system: System) -> Iterator[Notice]:
    """Say who sent the records that could not be applied, the largest groups first."""
    groups = count_by_source(system.connection, Selection(), _MAX_GROUPS)
    command = "btl dead-letters list --summary"
    if len(groups) == 1:
        yield Notice("dead letters", _group(groups[0]), command, groups[0].letters >= _FLOOD)
    if len(groups) <= 1:
        return
    least = "at least " if len(groups) == _MAX_GROUPS else ""
    total = counted(sum(each.letters for each in groups), "open one")
    named = groups[:_MAX_ALIKE]
    shown = f", the largest {len(named)} of them here" if len(groups) > len(named) else ""
    yield Notice(
        "dead letters",
        f"{least}{total}, in {least}{len(groups):,} groups by source, type and code{shown}",
        command,
        wrong=False,
    )
    for each in named:
        yield Notice("dead letters", _group(each), wrong=each.letters >= _FLOOD)


def _group(group: SourceCount) -> str:
    what = f"{group.event_type or 'unreadable type'}, {group.code}"
    return (
        f"{counted(group.letters, 'open one')} of {group.source or 'an unreadable source'}"
        f" ({what}), the latest of {group.newest:%Y-%m-%d %H:%M} UTC"
    )


def old_dead_letters(system: System) -> Iterator[Notice]:
    """Say which open dead letters retention deletes soon."""
    soon = announcement(system.connection, system.site, system.now)
    if soon is not None:
        yield Notice("dead letters", str(soon), "btl dead-letters list", wrong=False)


CHECKS: Sequence[Callable[[System], Iterable[Notice]]] = (
    up_to_date,
    partitions,
    open_transactions,
    topic_settings,
    figures,
    dead_letters,
    old_dead_letters,
)
"""In the order of their lines."""


def notices(system: System) -> list[Notice]:
    """Return what the checks say. A check that cannot look is itself a notice, said once."""
    found: list[Notice] = []
    for check in CHECKS:
        try:
            found += check(system)
        except _KnownError:
            continue
        except (BelowTheLineError, psycopg.Error) as error:
            text = error.message if isinstance(error, BelowTheLineError) else _reason(error)
            unknown = Notice("status", f"not all could be looked at: {_clause(text)}")
            if unknown not in found:
                found.append(unknown)
    return found


def _reason(error: psycopg.Error) -> str:
    """Return what the server says, without the lines about the statement."""
    return error.diag.message_primary or str(error)


def _clause(text: str) -> str:
    """Return a sentence, in one line, without its full stop."""
    return " ".join(text.split()).rstrip(".")
