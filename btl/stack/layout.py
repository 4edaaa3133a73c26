"""Where the local stack keeps its state: everything below one folder, ``BTL_HOME``."""

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from below_the_line.errors import BelowTheLineError

# A Unix socket's path has room for 107 bytes on Linux and 103 on macOS; the longest name that we
# put behind a folder is supervisord's temporary "supervisor.sock.4194304".
_SOCKET_PATH_BYTES = 103
_LONGEST_SOCKET_NAME = 24

CONTENTS = (
    "postgres",
    "kafka",
    "airflow",
    "quality",
    "logs",
    "run",
    "secrets",
    "cache",
    "stack.json",
    "lock",
)


@dataclass(frozen=True)
class Layout:
    """The paths of one stack. ``home`` is absolute; two stacks differ in nothing but their home and
    their ports.
    """

    home: Path

    @classmethod
    def of(cls, home: Path | str) -> "Layout":
        """The layout of a home given relative to the current folder or absolute; symbolic links are
        followed.
        """
        return cls(Path(home).expanduser().resolve())

    @property
    def postgres(self) -> Path:
        """Postgres' folder; belongs to the user that Postgres runs as."""
        return self.home / "postgres"

    @property
    def postgres_data(self) -> Path:
        """Postgres' data directory."""
        return self.postgres / "data"

    @property
    def kafka(self) -> Path:
        """Kafka's configuration and log segments."""
        return self.home / "kafka"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME, with the logs of the tasks."""
        return self.home / "airflow"

    @property
    def logs(self) -> Path:
        """One log file per part."""
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """What describes the running stack: supervisord's configuration, the parts, their
        sockets.
        """
        return self.home / "run"

    @property
    def secrets(self) -> Path:
        """One generated secret per file, readable by the owner only."""
        return self.home / "secrets"

    @property
    def state(self) -> Path:
        """What was chosen at the last ``btl up``: ports, parts, number of consumers."""
        return self.home / "stack.json"

    @property
    def lock(self) -> Path:
        """Held while the stack is being changed."""
        return self.home / "lock"

    @property
    def parts(self) -> Path:
        """How each part is run (holds secrets)."""
        return self.run / "parts.json"

    @property
    def supervisor_configuration(self) -> Path:
        """The file that supervisord reads."""
        return self.run / "supervisord.conf"

    @property
    def sockets(self) -> Path:
        """The folder of the Unix sockets: ``run``, or a short one under /tmp where ``run`` is too
        deep for a socket's path.

        It depends on the home alone (not on TMPDIR), so that every later command finds it.
        """
        if len(os.fsencode(self.run)) + 1 + _LONGEST_SOCKET_NAME <= _SOCKET_PATH_BYTES:
            return self.run
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path(f"/tmp/btl-{os.getuid()}-{digest}")  # noqa: S108 - its owner is checked in make_sockets

    @property
    def supervisor_socket(self) -> Path:
        """Where supervisord answers."""
        return self.sockets / "supervisor.sock"

    @property
    def postgres_sockets(self) -> Path:
        """The folder of Postgres' socket; belongs to the user that Postgres runs as."""
        return self.sockets / "pg"

    def log(self, part: str) -> Path:
        """The log file of a part."""
        return self.logs / f"{part}.log"

    def exists(self) -> bool:
        """Whether a stack was ever set up here."""
        try:
            return self.state.is_file()
        except PermissionError:
            raise BelowTheLineError(
                f"No permission to look into {self.home}.",
                "Use the user that made this stack, or another BTL_HOME.",
            ) from None

    def create(self) -> None:
        """Make the folders. Only the owner may look inside; others may pass through where Postgres
        needs it.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            # As root, Postgres runs as another user, who must be able to pass through our own
            # folders.
            self.home.chmod(0o711 if os.getuid() == 0 else 0o700)
            for folder, mode in [
                (self.run, 0o711 if os.getuid() == 0 else 0o700),
                (self.kafka, 0o700),
                (self.airflow, 0o700),
                (self.logs, 0o700),
                (self.secrets, 0o700),
            ]:
                folder.mkdir(exist_ok=True)
                folder.chmod(mode)
            self._make_sockets()
        except PermissionError as error:
            raise BelowTheLineError(
                f"No permission to write the stack's state: {error.filename}.",
                "Choose another folder with BTL_HOME, or use the user that made this one.",
            ) from None
        except (FileExistsError, NotADirectoryError) as error:
            raise BelowTheLineError(
                f"{error.filename} is in the way of the stack's folder.",
                "Choose another folder with BTL_HOME.",
            ) from None
        except OSError as error:
            raise BelowTheLineError(
                f"The stack's folder {self.home} cannot be made: {error.strerror}.",
                "Choose another one with BTL_HOME.",
            ) from None

    def _make_sockets(self) -> None:
        if self.sockets == self.run:
            return
        self.sockets.mkdir(exist_ok=True)
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise BelowTheLineError(
                f"{self.sockets} belongs to somebody else.",
                "Choose a shorter BTL_HOME, or have that folder removed.",
            )
        self.sockets.chmod(0o711 if os.getuid() == 0 else 0o700)

    def remove(self) -> None:
        """Delete what the stack made, and nothing else; the home itself only when it is then
        empty.
        """
        if self.sockets != self.run:
            shutil.rmtree(self.sockets, ignore_errors=True)
        for name in CONTENTS:
            path = self.home / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        if self.home.is_dir() and not any(self.home.iterdir()):
            self.home.rmdir()
