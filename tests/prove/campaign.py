"""A campaign against the consumers: kills, zombies, rebalances and restarts under load, planned
from a seed and counted.

Whatever happens, the end must be what the reference model makes of the topics:
``tests.prove.load.assert_exactly_once``.
"""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from btl.stack.stack import Stack
from consumers.core.observer import Step
from tests.pipeline import Pipeline, wait_until
from tests.prove.dying import COPYING, COPYING_STRAIGHT
from tests.prove.load import Feed, assert_exactly_once, burst, records_in_topics, send
from tests.prove.proxy import Proxy

STEPS = (*(step.value for step in Step), COPYING)
"""Where a process can have its appointment."""
RANDOM = "random point"
REJECTIONS = "rejections by the fence"
STALLED_STEPS = (COPYING, Step.STAGED.value, Step.MERGING.value, Step.FENCED.value)
"""Where a zombie is stopped: in COPY, before its merges, with their locks, with those of its
fence. A zombie of the kind ``copying straight`` has the keys of rows that nobody else can insert.
"""
_BURST = 4_000
ASLEEP, CUT_OFF, CUT_FROM_BROKER = (
    "asleep while reading",
    "network cut",
    "cut off from the broker alone",
)
_PATIENCE_SECONDS = 60.0
_SESSION_SECONDS = 1.5


@dataclass(frozen=True)
class Appointment:
    """Where a process is to be killed: when a step has happened a number of times, or after
    some time.
    """

    step: str
    count: int = 1
    seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What is to happen. The same seed gives the same plan; what it meets depends on the
    machine.
    """

    kills: Sequence[Appointment]
    zombies: Sequence[str]
    rebalances: int
    postgres_restarts: int
    postgres_kills: int
    broker_restarts: int
    broker_kills: int

    @classmethod
    def drawn(cls, seed: int, kills: int, zombies_of_each: int, others: int) -> "Plan":
        """Kills, every named step among them, zombies of each kind, and the other faults: a number
        of each.
        """
        chance = random.Random(seed)
        steps = [*STEPS * (1 + kills // (2 * len(STEPS)))][: max(len(STEPS), kills // 2)]
        appointments = [Appointment(step, chance.randint(1, 4)) for step in steps]
        while len(appointments) < kills:
            appointments.append(Appointment(RANDOM, seconds=chance.uniform(0.2, 3.0)))
        chance.shuffle(appointments)
        return cls(
            appointments,
            (*STALLED_STEPS, COPYING_STRAIGHT, ASLEEP, CUT_OFF, CUT_FROM_BROKER) * zombies_of_each,
            others,
            others,
            others,
            others,
            others,
        )


@dataclass
class Tally:
    """What happened."""

    kills: Counter[str] = field(default_factory=Counter)
    zombies: dict[str, list[float]] = field(default_factory=dict)
    """By kind: seconds from the stop until others had all its partitions and had written, less the
    session's time-out.
    """
    others: Counter[str] = field(default_factory=Counter)
    account: Mapping[str, int] = field(default_factory=dict)


class Campaign:
    """Carries a plan out against the consumers of a pipeline."""

    def __init__(self, pipeline: Pipeline, stack: Stack, seed: int) -> None:
        self._pipeline = pipeline
        self._stack = stack
        self._chance = random.Random(seed)
        self._seed = seed
        self.tally = Tally()

    def run(self, plan: Plan, per_second: float) -> Tally:
        """All of the plan under load; then the rest is consumed in peace, and everything must be as
        the model has it.
        """
        with Feed(self._pipeline, self._seed, per_second):
            self._kill(plan.kills)
            first = self._join(others=0)
            second = self._join(others=1)
            try:
                for kind in plan.zombies:
                    self._stop(first)
                    first = self._raise_zombie(kind)
                for _ in range(plan.rebalances):
                    first, second = second, self._rebalance(first, second)
                for count, name, happen, part in (
                    (plan.postgres_restarts, "Postgres restarted", self._restart, "postgres"),
                    (plan.postgres_kills, "Postgres killed", self._kill_server, "postgres"),
                    (plan.broker_restarts, "broker restarted", self._restart, "kafka"),
                    (plan.broker_kills, "broker killed", self._kill_server, "kafka"),
                ):
                    for _ in range(count):
                        happen(part)
                        self._wait_for_progress()
                        self.tally.others[name] += 1
            finally:
                self._stop(first)
                self._stop(second)
        self._finish()
        return self.tally

    # Processes

    def _start(
        self, appointment: Appointment | None = None, kind: str = "SIGKILL", **environment: str
    ) -> "Process":
        command = [sys.executable, "-m", "tests.prove.dying"]
        if appointment is not None and appointment.step != RANDOM:
            command += [appointment.step, str(appointment.count), kind]
        return self._pipeline.start_consumer(
            command=command,
            **{"BTL_BATCH_RECORDS": "50", "BTL_SESSION_SECONDS": str(_SESSION_SECONDS)}
            | environment,
        )

    def _join(self, others: int) -> "Process":
        """Start one beside the others, and wait until it has its part."""
        before = self._owner_names()
        process = self._start()
        self._wait_for_new_owners(before, others + 1)
        return process

    def _stop(self, process: "Process") -> None:
        """SIGTERM; it must end well."""
        if process.poll() is None:
            process.terminate()
        assert process.wait(20) == 0, self._logs()

    def _logs(self) -> str:
        return self._pipeline.consumer_logs()[-6000:]

    def _query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(
            self._pipeline.database_url, autocommit=True, connect_timeout=2
        ) as connection:
            return connection.execute(statement.encode()).fetchall()

    def _records(self) -> int:
        return int(
            self._query("select coalesce(sum(records), 0)::bigint from ingest.batches")[0][0]
        )

    def _wait(self, condition: Callable[[], object]) -> None:
        def holds() -> object:
            try:
                return condition()
            except psycopg.OperationalError:
                return False

        wait_until(holds, _PATIENCE_SECONDS, self._logs, every=0.05)

    def _wait_for_progress(self) -> None:
        """Until something more was committed than before."""
        before: list[int] = []

        def progressed() -> bool:
            records = self._records()
            before.append(records)
            return records > before[0]

        self._wait(progressed)

    # What happens

    def _kill(self, appointments: Sequence[Appointment]) -> None:
        """Two processes at a time, each until its appointment; then the next takes its place."""
        pending = list(appointments)
        alive: dict[Process, tuple[Appointment, float]] = {}
        deadline = monotonic() + _PATIENCE_SECONDS
        while pending or alive:
            while pending and len(alive) < 2:
                appointment = pending.pop()
                alive[self._start(appointment)] = (appointment, monotonic())
            for process, (appointment, started) in list(alive.items()):
                if appointment.step == RANDOM and monotonic() - started > 1 + appointment.seconds:
                    process.kill()
                status = process.poll()
                if status is not None:
                    assert status == -signal.SIGKILL, (
                        f"ended with status {status} before {appointment}\n{self._logs()}"
                    )
                    del alive[process]
                    self.tally.kills[appointment.step] += 1
                    deadline = monotonic() + _PATIENCE_SECONDS
            assert monotonic() < deadline, (
                f"nobody keeps an appointment: {list(alive.values())}\n{self._logs()}"
            )
            self._tick()

    def _tick(self, seconds: float = 0.02) -> None:
        moment = monotonic() + seconds
        wait_until(lambda: monotonic() > moment, 2 * seconds + 1, every=0.02)

    def _raise_zombie(self, kind: str) -> "Process":
        """A process stops in the middle of its work, another takes over, then it comes back.
        Returns it, alive and well.
        """
        if kind in (CUT_OFF, CUT_FROM_BROKER):
            zombie, seconds = self._cut_off(from_database=kind == CUT_OFF)
        elif kind == COPYING_STRAIGHT:
            zombie, seconds = self._freeze_in_straight_copy()
        else:
            step = Step.POLLED.value if kind == ASLEEP else kind
            zombie = self._start(Appointment(step, self._chance.randint(3, 6)), "SIGSTOP")
            try:
                self._wait(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_STOPPED)
                seconds = self._taken_over()
            finally:
                os.kill(zombie.pid, signal.SIGCONT)
        self.tally.zombies.setdefault(kind, []).append(seconds)
        # It has seen that it lost everything, and takes part again.
        self._wait(lambda: self._owners() == 2)
        self._wait_for_progress()
        assert zombie.poll() is None, self._logs()
        return zombie

    def _freeze_in_straight_copy(self) -> "tuple[Process, float]":
        before, sent = self._owner_names(), 0
        zombie = self._start(Appointment(COPYING_STRAIGHT), "SIGSTOP", BTL_BATCH_RECORDS="5000")
        name = f"burst-{zombie.pid}"
        try:
            self._wait_for_new_owners(before, 2)
            deadline = monotonic() + _PATIENCE_SECONDS
            while psutil.Process(zombie.pid).status() != psutil.STATUS_STOPPED:
                # A batch that meets a row, such as one that is sent twice, is merged: then the next
                # one may do.
                assert monotonic() < deadline, self._logs()
                send(self._pipeline, burst(f"{name}-{sent}", _BURST))
                sent += 1
                self._tick(1.0)
            stopped = monotonic()
            self._wait(lambda: self._owners() == 1)
            written = f"select from discussion.comments where comment_id like '{name}-%'"
            self._wait(lambda: len(self._query(written)) == sent * _BURST)
        finally:
            os.kill(zombie.pid, signal.SIGCONT)
        return zombie, max(0.0, monotonic() - stopped - _SESSION_SECONDS)

    def _cut_off(self, *, from_database: bool) -> "tuple[Process, float]":
        connection = conninfo_to_dict(self._pipeline.database_url)
        broker = int(self._pipeline.bootstrap.rpartition(":")[2])
        database = Proxy(int(connection["port"] or 5432))
        with Proxy(broker) as to_broker, database as to_database:
            url = make_conninfo(
                self._pipeline.database_url, host="127.0.0.1", port=to_database.port
            )
            before = self._owner_names()
            zombie = self._start(
                BTL_DATABASE_URL=url, BTL_PROVE_KAFKA_VIA=f"{broker}={to_broker.port}"
            )
            self._wait_for_new_owners(before, 2)
            self._wait_for_progress()
            to_broker.cut()
            if from_database:
                to_database.cut()
            try:
                seconds = self._taken_over()
            finally:
                to_broker.mend()
                to_database.mend()
            self._wait(lambda: self._owners() == 2)
            # The way back leads through the proxies, which end with this block: its successor comes
            # without them.
            self._stop(zombie)
        return self._join(others=1), seconds

    def _owners(self) -> int:
        """How many processes have partitions from which something was read and written."""
        return len(self._owner_names())

    def _owner_names(self) -> set[object]:
        return {
            name
            for (name,) in self._query(
                "select distinct owner from ingest.partition_offsets where epoch > 0"
            )
        }

    def _wait_for_new_owners(self, before: set[object], count: int) -> None:
        """Wait until this number of processes have partitions, and each has taken them again. A
        process that left is an owner until then.
        """

        def have_taken() -> bool:
            names = self._owner_names()
            return len(names) == count and not names & before

        self._wait(have_taken)

    def _taken_over(self) -> float:
        """Wait until one process has all partitions and writes. Returns the seconds beyond the
        session's time-out.
        """
        stopped = monotonic()
        self._wait(lambda: self._owners() == 1)
        self._wait_for_progress()
        return max(0.0, monotonic() - stopped - _SESSION_SECONDS)

    def _rebalance(self, leaves: "Process", stays: "Process") -> "Process":
        """A third process joins, then one of the others leaves. Returns the new one."""
        joined = self._join(others=2)
        self._stop(leaves)
        self._wait(lambda: self._owners() == 2)
        self._wait_for_progress()
        assert stays.poll() is None, self._logs()
        self.tally.others["processes that joined"] += 1
        self.tally.others["processes that left"] += 1
        return joined

    def _restart(self, part: str) -> None:
        self._stack.stop_part(part)
        self._stack.start_part(part)

    def _kill_server(self, part: str) -> None:
        server = self._stack.processes(part)[0]
        server.kill()
        server.wait(20)

        def replaced() -> bool:
            found = self._stack.processes(part)
            return bool(found) and found[0].pid != server.pid

        self._wait(replaced)

    def _finish(self) -> None:
        """Consume what is left, stop in good order, and compare."""
        processes = [self._join(others) for others in range(2)]
        with psycopg.connect(self._pipeline.database_url, autocommit=True) as connection:
            self._pipeline.wait_for_records(
                connection, records_in_topics(self._pipeline), seconds=120
            )
            for process in processes:
                self._stop(process)
            self.tally.others[REJECTIONS] = self._pipeline.consumer_logs().count(
                '"event": "fenced"'
            )
            self.tally.account = assert_exactly_once(self._pipeline, connection)


Process = subprocess.Popen[bytes]
