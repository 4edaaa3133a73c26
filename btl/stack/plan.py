"""The parts of a stack, and how each is run."""

import sys
from collections.abc import Mapping

from btl.stack import airflow, environment, kafka, postgres, software
from btl.stack.layout import Layout
from btl.stack.parts import Part, base_environment
from btl.stack.ports import HOST
from btl.stack.state import Choice


def describe(layout: Layout, choice: Choice, surroundings: Mapping[str, str]) -> list[Part]:
    """Return the parts that the stack runs itself, each with its environment.

    ``surroundings`` is the environment from which they may inherit.
    """
    ports = choice.ports
    inherited = base_environment(
        surroundings, sys.executable, own_kafka=choice.external.kafka_bootstrap is None
    )
    # Postgres and Kafka do not get the BTL_ settings, so that a change of these does not restart
    # them.
    infrastructure = {
        name: value for name, value in inherited.items() if not name.startswith("BTL_")
    }
    reached = environment.connections(layout, choice)
    services = inherited | {
        name: reached[name]
        for name in ("BTL_HOME", "BTL_KAFKA_BOOTSTRAP", "BTL_ERASURE_KEY")
        if name in reached
    }

    def as_role(role: str) -> dict[str, str]:
        url = choice.external.database_url or postgres.url(layout, ports["postgres"], role)
        return services | {"BTL_DATABASE_URL": url}

    parts: list[Part] = []
    if choice.runs_postgres:
        parts.append(postgres.part(layout, ports["postgres"], infrastructure))
    if choice.runs_kafka:
        parts.append(kafka.part(layout, ports["kafka"], ports["kafka_controller"], infrastructure))
    if choice.runs_airflow:
        ours = as_role("btl_scheduler")
        settings = airflow.environment(
            layout,
            ports["airflow"],
            ports["postgres"],
            ours["BTL_DATABASE_URL"],
            as_role("btl_redrive")["BTL_DATABASE_URL"],
            as_role("btl_erase")["BTL_DATABASE_URL"],
        )
        parts += airflow.parts(layout, ports["airflow"], ours | settings)
    for name in choice.consumer_names:
        parts.append(
            Part(
                name=name,
                argv=(sys.executable, "-P", "-m", "btl", "consume"),
                environment=as_role("btl_ingest")
                | (
                    {"BTL_HTTP_PORT": str(choice.consumer_ports[name])}
                    if name in choice.consumer_ports
                    else {}
                ),
                folder=str(layout.home),
                distribution=software.OURS,
                stop_seconds=10,
            )
        )
    return parts


def addresses(choice: Choice) -> dict[str, str]:
    """Return the parts that the stack runs itself, in the order of starting, with their addresses.

    The address is empty for a part that has none.
    """
    found = {}
    if choice.runs_postgres:
        found[postgres.NAME] = f"{HOST}:{choice.ports['postgres']}"
    if choice.runs_kafka:
        found[kafka.NAME] = f"{HOST}:{choice.ports['kafka']}"
    if choice.runs_airflow:
        found |= dict.fromkeys(airflow.NAMES, "") | {
            airflow.API_SERVER: airflow.url(choice.ports["airflow"])
        }
    metrics = {
        name: f"http://{HOST}:{port}/metrics" for name, port in choice.consumer_ports.items()
    }
    return found | dict.fromkeys(choice.consumer_names, "") | metrics
