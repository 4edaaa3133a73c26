"""supervisord: its configuration, its start, and its answers over its Unix socket."""

import http.client
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from below_the_line.errors import BelowTheLineError
from btl.stack.layout import Layout
from btl.stack.parts import STACK_MARK, Part

_HEAD = """\
; Written by `btl up`; changes are lost. parts.json says how each part is run.
[unix_http_server]
file=%(ENV_BTL_SOCKETS)s/supervisor.sock
chmod=0700

[supervisord]
identifier=below-the-line
directory=%(here)s
logfile=%(here)s/../logs/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile=%(here)s/supervisord.pid
umask=077
nocleanup=true
{user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

# Restarted always, whatever the exit status: Airflow's components end if the database is down for
# some seconds.
_PROGRAM = """
[program:{name}]
command="%(ENV_BTL_PYTHON)s" -P -m btl.stack.launcher {name}
directory=%(here)s
autostart=false
autorestart=true
startsecs=1
startretries=1000000
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile=../logs/{name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1
"""


def configuration(parts: Iterable[Part], *, root: bool) -> str:
    """Return the text of supervisord.conf, to be read with its own folder as the working folder.

    Paths are relative or come from the environment, since they may hold characters that have a
    meaning in this file.
    """
    text = _HEAD.format(user="user=root\n" if root else "")
    for part in parts:
        text += _PROGRAM.format(
            name=part.name, stop_signal=part.stop_signal, stop_seconds=part.stop_seconds
        )
    return text


class Supervisor:
    """The supervisord of one stack."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @contextmanager
    def _remote(self) -> Iterator[Any]:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self._layout.supervisor_socket}")
        try:
            yield xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor
        finally:
            transport.close()

    def alive(self) -> bool:
        """Return whether the supervisor answers."""
        if not self._layout.supervisor_socket.exists():
            return False
        try:
            with self._remote() as remote:
                return bool(remote.getState()["statename"] == "RUNNING")
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False

    def start(self) -> None:
        """Start the supervisor in the background.

        Raises BelowTheLineError with its output if it does not start.
        """
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BTL_", "PYTHON"))
        }
        environment |= {
            STACK_MARK: str(self._layout.home),
            "BTL_PYTHON": sys.executable,
            "BTL_SOCKETS": str(self._layout.sockets),
        }
        command = [sys.executable, "-P", "-W", "ignore", "-m", "supervisor.supervisord"]
        command += ["-c", str(self._layout.supervisor_configuration)]
        result = subprocess.run(
            command,
            env=environment,
            cwd=self._layout.run,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        deadline = time.monotonic() + 10
        while result.returncode == 0 and not self.alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        if not self.alive():
            output = (result.stderr or result.stdout).strip().splitlines() or ["(no output)"]
            raise BelowTheLineError(
                f"The process supervisor did not start: {output[-1]}.",
                f"See {self._layout.log('supervisord')}.",
            )

    def reload(self) -> None:
        """Make the supervisor read its configuration again.

        Parts that are not in it any more are stopped. Changed parts are stopped, and run as
        described when they are started again.
        """
        with self._remote() as remote:
            [[added, changed, removed]] = remote.reloadConfig()
            for name in [*changed, *removed]:
                remote.stopProcessGroup(name)
                remote.removeProcessGroup(name)
            for name in [*added, *changed]:
                remote.addProcessGroup(name)

    def info(self) -> dict[str, dict[str, Any]]:
        """Return the supervisor's information about each part, by name.

        See getProcessInfo in supervisor's manual.
        """
        with self._remote() as remote:
            return {process["name"]: process for process in remote.getAllProcessInfo()}

    def start_part(self, name: str) -> None:
        """Start a part unless it runs. Returns at once."""
        with self._remote() as remote:
            if remote.getProcessInfo(name)["statename"] in ("STOPPED", "EXITED", "FATAL"):
                remote.startProcess(name, False)

    def stop_parts(self, names: Iterable[str]) -> None:
        """Stop parts at the same time, each with its own signal and grace period, and wait for all
        of them.
        """
        waited_for = set(names)
        with self._remote() as remote:
            for name in waited_for:
                if remote.getProcessInfo(name)["statename"] in ("STARTING", "RUNNING", "BACKOFF"):
                    remote.stopProcess(name, False)
            while any(
                process["name"] in waited_for
                and process["statename"] in ("STARTING", "RUNNING", "STOPPING", "BACKOFF")
                for process in remote.getAllProcessInfo()
            ):
                time.sleep(0.05)

    def shutdown(self) -> None:
        """Make the supervisor stop what still runs, and end."""
        with self._remote() as remote:
            remote.shutdown()

    def pid(self) -> int:
        """Return the supervisor's process id."""
        with self._remote() as remote:
            return int(remote.getPID())


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a log file, or nothing if there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 100_000))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]
    except FileNotFoundError:
        return []
