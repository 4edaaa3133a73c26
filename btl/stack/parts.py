"""A part of the stack: a program, and how it is prepared, started and stopped."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from below_the_line.settings import SITE_SETTINGS, variable
from btl.stack import software
from btl.stack.privileges import Identity
from btl.stack.secrets import write_private

# These mark every process of a stack in its environment, so that strays are found, whatever their
# parent is.
STACK_MARK, PART_MARK = "BTL_STACK", "BTL_PART"


@dataclass(frozen=True)
class Preparation:
    """A command that runs before the part's start, unless ``creates`` exists.

    With ``scratch``, the command creates that path, and it is renamed to ``creates`` when the
    command has succeeded. So an interrupted command runs again.
    """

    creates: str
    argv: tuple[str, ...]
    scratch: str | None = None


@dataclass(frozen=True)
class Part:
    """One program of the stack. The launcher runs it, the supervisor keeps it running."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    distribution: str
    """The package whose software it runs: it is restarted when another version is installed."""
    address: str = ""
    identity: Identity | None = None
    prepare: tuple[Preparation, ...] = ()
    remove: tuple[str, ...] = ()
    """Files that a crash leaves and that would prevent the start."""
    data: str | None = None
    """Working folder that identifies the processes of a program that overwrites its environment."""
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    settings: Mapping[str, str] = field(default_factory=dict)
    """Contents of the part's configuration files, by path. If they change, the part is restarted.
    """

    @property
    def digest(self) -> str:
        """A digest that changes if the part must be restarted to run as described."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def write_parts(path: Path, parts: Iterable[Part]) -> None:
    """Write the parts for the launcher, and their configuration files."""
    described = {}
    for part in parts:
        described[part.name] = asdict(part) | {"digest": part.digest}
        for name, text in part.settings.items():
            _write_settings(Path(name), text, part.identity)
    write_private(path, json.dumps(described, indent=1))


@dataclass(frozen=True, slots=True)
class Started:
    """How a part was started: the digest of its description, and the software that it runs."""

    digest: str
    distribution: str
    software: str

    def write(self, path: Path) -> None:
        """Store it beside the other files about what runs."""
        write_private(path, json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Started | None":
        """Return what was stored; None if nothing was.

        What release 0.1.0 stored says nothing about its software: it is older.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return cls(**json.loads(text)) if text.startswith("{") else cls(text, software.OURS, "")


def changed_variables(path: Path, part: Part) -> list[str]:
    """Return the names of the variables that this part has otherwise than `write_parts` wrote it.

    Empty if it was not written, or cannot be read: it is only said to people.
    """
    try:
        before = read_part(path, part.name)["environment"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return sorted(
        name
        for name in before.keys() | part.environment.keys()
        if before.get(name) != part.environment.get(name)
    )


def read_part(path: Path, name: str) -> dict[str, Any]:
    """Return one part as `write_parts` wrote it. Raises KeyError for an unknown name."""
    described: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return described[name]


def _write_settings(path: Path, text: str, identity: Identity | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, text)
    if identity is not None:
        os.chown(path.parent, identity.uid, identity.gid)
        os.chown(path, identity.uid, identity.gid)


_INHERITED = (
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)
_OWN = ("BTL_HOME", "BTL_KAFKA_BOOTSTRAP", "BTL_ENV_HOME")


def base_environment(
    surroundings: Mapping[str, str], python: str, *, own_kafka: bool
) -> dict[str, str]:
    """Return the environment that every part gets, independent of the shell that ran ``btl up``.

    Settings of another Airflow, Postgres or Java installation (AIRFLOW*, PG*) stay out. Settings of
    this project (BTL_BATCH_RECORDS and so on) go in, except addresses and ports, which the stack
    sets itself, site settings, which the database keeps, and the login for a Kafka that runs
    elsewhere (with ``own_kafka``).
    """
    kept = {name: surroundings[name] for name in _INHERITED if name in surroundings}
    kept |= {
        name: value
        for name, value in surroundings.items()
        if name.lower() in ("no_proxy", "http_proxy", "https_proxy")
    }
    kept |= {
        name: value
        for name, value in surroundings.items()
        if name.startswith("BTL_")
        and name not in _OWN
        # Logins of people (`btl env`) are not for parts: each has its own.
        and not name.endswith("DATABASE_URL")
        and name not in (STACK_MARK, PART_MARK)
        # The database keeps these: an old value of a shell must not stand in their way.
        and name not in map(variable, SITE_SETTINGS)
        and not name.startswith("BTL_AIRFLOW_")
        and not (own_kafka and name.startswith("BTL_KAFKA_"))
        and not name.endswith("_PORT")
    }
    exempt = [
        part for part in (kept.get("no_proxy"), kept.get("NO_PROXY"), "127.0.0.1,localhost") if part
    ]
    return kept | {
        "no_proxy": ",".join(dict.fromkeys(exempt)),
        "NO_PROXY": ",".join(dict.fromkeys(exempt)),
        "PATH": os.pathsep.join([str(Path(python).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "SPT_NOENV": "1",  # keeps setproctitle from overwriting the mark in /proc/PID/environ
    }
