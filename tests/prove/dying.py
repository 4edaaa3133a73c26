"""``btl consume`` with an appointment: at a step of a batch it kills itself, or stops itself and
becomes a zombie.

Run as ``python -m tests.prove.dying STEP COUNT SIGNAL``: when the step (a Step's value,
``copying``: a row in the middle of a COPY, or ``copying straight``: more than a thousand rows are
copied into a table itself, and the last ones not sent) happens for the COUNT-th time, the process
sends itself the SIGNAL. Without arguments it has no appointment. BTL_PROVE_KAFKA_VIA=PORT=OTHER has
it reach the broker's PORT through a proxy's OTHER. Every batch tries the straight way.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import psycopg

from below_the_line.logs import configure_logs
from below_the_line.settings import from_environment
from consumers.adapters import postgres
from consumers.app import build_consumer
from consumers.core.observer import Observer, Step
from consumers.core.straight import StraightWay

COPYING = "copying"
"""Not reported to observers: the server is in COPY, and some rows are sent."""
COPYING_STRAIGHT = "copying straight"
"""The same, straight into a table, and others meet the keys of rows: the server inserts a thousand
at a time.
"""


class Appointment(Observer):
    """Counts the steps, and keeps the appointment."""

    def __init__(self, step: str, count: int, kind: signal.Signals) -> None:
        self._step = step
        self._left = count
        self._kind = kind

    def step(self, step: Step, seconds: float) -> None:  # noqa: ARG002
        if step.value == self._step:
            self.pass_by()

    def pass_by(self) -> None:
        """The step happened once more."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._kind)


def stall_in_copy(pass_by: Callable[[], None]) -> None:
    """Have every row that is copied pass by, with the rows before it handed to the server."""
    write_row = psycopg.Copy.write_row

    def write(self: psycopg.Copy, row: Sequence[Any]) -> None:
        write_row(self, row)
        pass_by()

    # mypy rightly rejects an assignment.
    setattr(psycopg.Copy, "write_row", write)  # noqa: B010


def stall_in_straight_copy(url: str, pass_by: Callable[[], None]) -> None:
    """Have the end of every copy straight into a table pass by, if the server has inserted rows
    then.
    """
    finish = postgres._Sender.finish

    def finished(self: Any, exc: BaseException | None = None) -> None:
        if exc is None and _is_inserting(url, self.connection.info.backend_pid):
            pass_by()
        finish(self, exc)

    setattr(postgres._Sender, "finish", finished)  # noqa: B010


def _is_inserting(url: str, backend_pid: int) -> bool:
    inserting = "select from pg_stat_progress_copy where pid = %s and tuples_processed >= 1000"
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(inserting, [backend_pid]).fetchone() is not None


def reach_through(port: int, proxy: int) -> None:
    """Redirect this process's connections to a local port."""
    connect_ex = socket.socket.connect_ex

    def redirected(self: socket.socket, address: Any) -> int:
        return connect_ex(self, (address[0], proxy) if address[1] == port else address)

    setattr(socket.socket, "connect_ex", redirected)  # noqa: B010


def main(arguments: Sequence[str]) -> None:
    """Consume until stopped, or until the appointment."""
    current = from_environment()
    observer = Observer()
    if arguments:
        step, count, kind = arguments
        appointment = Appointment(step, int(count), signal.Signals[kind])
        if step == COPYING:
            stall_in_copy(appointment.pass_by)
        elif step == COPYING_STRAIGHT:
            stall_in_straight_copy(current.require_database_url(), appointment.pass_by)
        observer = appointment
    via = os.environ.get("BTL_PROVE_KAFKA_VIA")
    if via:
        port, _, proxy = via.partition("=")
        reach_through(int(port), int(proxy))
    setattr(postgres, "StraightWay", partial(StraightWay, longest_pause=0))  # noqa: B010
    consumer = build_consumer(current, observer=observer)
    configure_logs(current.log_format)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: consumer.stop())
    consumer.run()


if __name__ == "__main__":
    main(sys.argv[1:])
