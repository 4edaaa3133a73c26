"""The choices of the last start, stored beside the stack for later commands and starts."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from below_the_line.errors import BelowTheLineError
from btl.stack.ports import variable
from btl.stack.secrets import write_private

GROUPS = ("postgres", "kafka", "airflow", "consumer")


@dataclass(frozen=True)
class External:
    """Services that run elsewhere. None: the stack runs its own."""

    database_url: str | None = None
    kafka_bootstrap: str | None = None
    airflow_url: str | None = None


@dataclass(frozen=True)
class Choice:
    """Ports, parts that are left out, number of consumers, and services that run elsewhere."""

    ports: Mapping[str, int]
    automatic_ports: bool = False
    without: tuple[str, ...] = ()
    consumers: int = 1
    external: External = field(default_factory=External)

    @property
    def runs_airflow(self) -> bool:
        """Whether the stack runs Airflow itself."""
        return "airflow" not in self.without and self.external.airflow_url is None

    @property
    def runs_postgres(self) -> bool:
        """Whether the stack runs Postgres: for the project's tables, or for Airflow's alone.

        Airflow's tables never go into a server that runs elsewhere.
        """
        return "postgres" not in self.without and (
            self.external.database_url is None or self.runs_airflow
        )

    @property
    def has_database(self) -> bool:
        """Whether the project's tables are in the stack's own Postgres."""
        return self.runs_postgres and self.external.database_url is None

    @property
    def runs_kafka(self) -> bool:
        """Whether the stack runs Kafka."""
        return "kafka" not in self.without and self.external.kafka_bootstrap is None

    @property
    def consumer_names(self) -> list[str]:
        """The names of the consumer processes."""
        if "consumer" in self.without:
            return []
        return [f"consumer-{number}" for number in range(1, self.consumers + 1)]

    @property
    def needed_ports(self) -> dict[str, int]:
        """The ports that the stack's own parts listen on."""
        runs = {
            "postgres": self.runs_postgres,
            "kafka": self.runs_kafka,
            "kafka_controller": self.runs_kafka,
            "airflow": self.runs_airflow,
        }
        needed = {name: port for name, port in self.ports.items() if runs.get(name)}
        return needed | {name.replace("-", "_"): port for name, port in self.consumer_ports.items()}

    @property
    def consumer_ports(self) -> dict[str, int]:
        """The port at which each consumer process answers /metrics."""
        first = self.ports.get("consumer")
        return (
            {}
            if first is None
            else {name: first + number for number, name in enumerate(self.consumer_names)}
        )

    def check(self) -> None:
        """Raise BelowTheLineError for a combination that cannot work."""
        unknown = sorted(set(self.without) - set(GROUPS))
        if unknown:
            raise BelowTheLineError(
                f"There is no part {unknown[0]!r} to leave out.",
                f"The parts are {', '.join(GROUPS)}.",
            )
        if self.runs_airflow and not self.runs_postgres:
            raise BelowTheLineError(
                "Airflow needs Postgres.", "Leave out Airflow, too: --without airflow."
            )
        if self.consumer_names:
            if not self.runs_postgres and self.external.database_url is None:
                raise BelowTheLineError(
                    "The consumer needs Postgres.", "Leave it out, too: --without consumer."
                )
            if not self.runs_kafka and self.external.kafka_bootstrap is None:
                raise BelowTheLineError(
                    "The consumer needs Kafka.", "Leave it out, too: --without consumer."
                )
        used: dict[int, str] = {}
        for name, port in self.needed_ports.items():
            if not 1 <= port <= 65535:
                raise BelowTheLineError(
                    f"{port} is not a valid port (for {name}).", "Choose one from 1024 to 65535."
                )
            if port in used:
                raise BelowTheLineError(
                    f"{used[port]} and {name} have the same port {port}.",
                    f"Give {variable(name)} another one.",
                )
            used[port] = name


def save(path: Path, choice: Choice) -> None:
    """Store the choice, readable by the owner only, since URLs hold passwords."""
    write_private(path, json.dumps(asdict(choice), indent=1))


def load(path: Path) -> Choice | None:
    """Return the choice of the last start, or None if there was none.

    Raises BelowTheLineError if the file is damaged or may not be read.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Choice(
            ports={str(name): int(port) for name, port in found["ports"].items()},
            automatic_ports=bool(found["automatic_ports"]),
            without=tuple(found["without"]),
            consumers=int(found["consumers"]),
            external=External(**found["external"]),
        )
    except FileNotFoundError:
        return None
    except PermissionError:
        raise BelowTheLineError(
            f"No permission to read {path}.",
            "Run as the user that started this stack, or choose another BTL_HOME.",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BelowTheLineError(
            f"{path} is damaged.",
            "Delete that file (ports go back to the defaults), or `btl reset`.",
        ) from None
