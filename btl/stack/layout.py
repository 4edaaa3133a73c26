"""The folders and files of the local stack: all below one folder, ``BTL_HOME``."""

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from below_the_line.errors import BelowTheLineError

# A Unix socket's path may have 107 bytes on Linux and 103 on macOS. The longest name below a folder
# is supervisord's temporary "supervisor.sock.4194304".
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
    """The paths of one stack.

    ``home`` is absolute. Two stacks differ only in their home and their ports.
    """

    home: Path

    @classmethod
    def of(cls, home: Path | str) -> "Layout":
        """Return the layout of a home, given as an absolute path or relative to the current folder.

        Symbolic links are followed.
        """
        return cls(Path(home).expanduser().resolve())

    @property
    def postgres(self) -> Path:
        """Postgres' folder. It belongs to the user that runs Postgres."""
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
        """Files about the running stack: supervisord's configuration, the parts, their sockets."""
        return self.home / "run"

    @property
    def secrets(self) -> Path:
        """One generated secret per file, readable by the owner only."""
        return self.home / "secrets"

    @property
    def state(self) -> Path:
        """The choices of the last ``btl up``: ports, parts, number of consumers."""
        return self.home / "stack.json"

    @property
    def lock(self) -> Path:
        """The file that is locked while the stack is being changed."""
        return self.home / "lock"

    @property
    def parts(self) -> Path:
        """The file that says how each part is run. It holds secrets."""
        return self.run / "parts.json"

    @property
    def supervisor_configuration(self) -> Path:
        """The file that supervisord reads."""
        return self.run / "supervisord.conf"

    @property
    def sockets(self) -> Path:
        """The folder of the Unix sockets: ``run``, or a short one under /tmp if ``run`` is too long
        for a socket's path.

        It depends on the home alone (not on TMPDIR), so that every later command finds it.
        """
        if len(os.fsencode(self.run)) + 1 + _LONGEST_SOCKET_NAME <= _SOCKET_PATH_BYTES:
            return self.run
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        # _make_sockets checks the owner of this folder.
        return Path(f"/tmp/btl-{os.getuid()}-{digest}")  # noqa: S108

    @property
    def supervisor_socket(self) -> Path:
        """The socket at which supervisord answers."""
        return self.sockets / "supervisor.sock"

    @property
    def postgres_sockets(self) -> Path:
        """The folder of Postgres' socket. It belongs to the user that runs Postgres."""
        return self.sockets / "pg"

    def log(self, part: str) -> Path:
        """Return the log file of a part."""
        return self.logs / f"{part}.log"

    def started(self, part: str) -> Path:
        """Return the file that says how a part was started."""
        return self.run / f"{part}.started"

    def exists(self) -> bool:
        """Return whether a stack was ever set up here. Raises BelowTheLineError if permission is
        missing.
        """
        try:
            return self.state.is_file()
        except PermissionError:
            raise BelowTheLineError(
                f"No permission to look into {self.home}.",
                "Run as the user that created this stack, or choose another BTL_HOME.",
            ) from None

    def create(self) -> None:
        """Create the folders.

        Only the owner may look inside; others may pass through where Postgres needs it. Raises
        BelowTheLineError if that is not possible.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            # As root, Postgres runs as another user, who must be able to pass through the stack's
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
                "Choose another folder with BTL_HOME, or run as the user that created this one.",
            ) from None
        except (FileExistsError, NotADirectoryError) as error:
            raise BelowTheLineError(
                f"{error.filename} is in the way of the stack's folder.",
                "Choose another folder with BTL_HOME.",
            ) from None
        except OSError as error:
            raise BelowTheLineError(
                f"The stack's folder {self.home} cannot be created: {error.strerror}.",
                "Choose another one with BTL_HOME.",
            ) from None

    def _make_sockets(self) -> None:
        if self.sockets == self.run:
            return
        self.sockets.mkdir(exist_ok=True)
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise BelowTheLineError(
                f"{self.sockets} belongs to another user.",
                "Choose a shorter BTL_HOME, or have that folder deleted.",
            )
        self.sockets.chmod(0o711 if os.getuid() == 0 else 0o700)

    def remove(self) -> None:
        """Delete what the stack created, and nothing else. The home itself is deleted if it is then
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
