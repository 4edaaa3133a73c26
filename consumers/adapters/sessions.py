"""A session with Postgres in which every wait ends, on either side."""

from collections.abc import Callable, Generator
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.adapt import PyFormat
from psycopg.conninfo import make_conninfo
from psycopg.waiting import Ready, Wait

from below_the_line.database.connections import defaults, session_parameters

_T = TypeVar("_T")

SILENCE_SECONDS = 70.0
"""A server that is silent for longer is cut off or frozen: it ends statements after 60 s
(statement_timeout).
"""
_SHORT_SILENCE_SECONDS = 2.0
"""The same while the process stops."""

_SETTINGS = {
    "timezone": "UTC",
    # Offset and rows are lost together, so a batch need not wait for the disk; ownership does (see
    # Store.take).
    "synchronous_commit": "off",
    # A stalled zombie may hold row locks: see end_superseded_backends and end_stalled_owners.
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "statement_timeout": "1min",
    # The server, too, must notice that the network is cut, and release the locks.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
    "jit": "off",
    # Staged rows must be locked in the order in which they were copied.
    "synchronize_seqscans": "off",
}
_PARAMETERS = {
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""How this side notices that the network is cut, unless the URL says otherwise."""
_TIMEOUTS = ("lock_timeout", "idle_in_transaction_session_timeout", "statement_timeout")
"""Settings that are looked at after connecting: without them a consumer could wait for ever."""

_READS_BY_ITS_LOGIN = """
    select from pg_settings
    where name = 'default_transaction_read_only' and setting = 'on'
        and source in ('user', 'database user')
"""
"""A row if it is the login, not the server or the database, that is read-only by default."""


class Session(psycopg.Connection[tuple[Any, ...]]):
    """A connection that gives up on a silent server: the wait ends with OperationalError, and the
    connection is closed.
    """

    _max_silence_seconds = SILENCE_SECONDS
    while_silent: Callable[[float], object] = staticmethod(lambda _seconds: None)
    """Called ten times a second while the server is silent, with the seconds since it was not."""

    @classmethod
    def open(cls, url: str, application_name: str) -> "Session":
        """Connect. Raises psycopg.Error."""
        session = cls.connect(
            make_conninfo(
                url,
                **defaults(url, _PARAMETERS),
                **session_parameters(url, _SETTINGS, application_name),
            )
        )
        session._require_timeouts()
        session._write_as_a_login_that_reads()
        # COPY takes the dumper that was registered last for a column of bytes; psycopg's own choice
        # is one in Python.
        session.adapters.register_dumper(bytes, session.adapters.get_dumper(bytes, PyFormat.BINARY))
        return session

    def _require_timeouts(self) -> None:
        with self.transaction():
            found = dict(
                self.execute(
                    "select name, current_setting(name) from unnest(%s::text[]) as name",
                    [list(_TIMEOUTS)],
                    prepare=False,
                ).fetchall()
            )
        wrong = {name: value for name, value in found.items() if value != _SETTINGS[name]}
        if wrong:
            self.close()
            shown = ", ".join(
                f"{name} is {value} instead of {_SETTINGS[name]}" for name, value in wrong.items()
            )
            raise psycopg.OperationalError(
                f"the session has not the settings that were asked for ({shown}): a pooler drops"
                " the options of the connection"
            )

    def _write_as_a_login_that_reads(self) -> None:
        """Let a login that only reads by default try to write: it must hear which right it lacks.

        A server or a database that is read-only is waited for instead.
        """
        with self.transaction():
            if self.execute(_READS_BY_ITS_LOGIN, prepare=False).fetchone() is not None:
                self.execute("set default_transaction_read_only = off", prepare=False)

    def shorten_timeouts(self) -> None:
        """Wait at most two seconds from now on, also in a wait that has begun. May be called from a
        signal handler.
        """
        self._max_silence_seconds = _SHORT_SILENCE_SECONDS

    def wait(
        self, gen: Generator[Any, Any, _T], interval: float = 0.1, timeout: float | None = None
    ) -> _T:
        """Wait as psycopg does, but at most until the server counts as gone."""
        return super().wait(self._until_silent(gen), interval, timeout)

    def _until_silent(self, gen: Generator[Any, Any, _T]) -> Generator[Any, Any, _T]:
        began = monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready == Ready.NONE:
                    silence = monotonic() - began
                    self.while_silent(silence)
                    if silence > self._max_silence_seconds:
                        self.pgconn.finish()
                        raise psycopg.OperationalError(f"the server was silent for {silence:.0f} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            result: _T = end.value
            return result

    def wait_for_input(self) -> None:
        """Wait until the server has sent something."""
        self.wait(self._input())

    def _input(self) -> Generator[Wait, Ready, None]:
        while (yield Wait.R) == Ready.NONE:
            pass

    def flush(self) -> None:
        """Wait until the server has received everything that was sent."""
        self.wait(self._flushing())

    def _flushing(self) -> Generator[Wait, Ready, None]:
        while self.pgconn.flush():
            if (yield Wait.RW) & Ready.R:
                # It may have to send something before it can receive more.
                self.pgconn.consume_input()
