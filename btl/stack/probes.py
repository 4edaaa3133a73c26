"""Probes of a stack's parts. A process may run and still hang (stopped, out of memory, waiting for
a disk), or answer that it does not work.
"""

import http
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import HTTPException

import psycopg

from btl.stack import airflow, kafka, postgres
from btl.stack.layout import Layout
from btl.stack.ports import HOST
from btl.stack.state import Choice

PATIENCE_SECONDS = 3
"""Longest wait for an answer; for the broker's, up to twice as long."""
_MAX_BETWEEN_HEARTBEATS = timedelta(seconds=30)
"""Between heartbeats of an Airflow component: five seconds, longer on a busy machine."""
_COMPONENTS: Mapping[str, str] = {
    "scheduler": "airflow-scheduler",
    "dag_processor": "airflow-dag-processor",
    "triggerer": "airflow-triggerer",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What the parts of a stack answered."""

    silent: frozenset[str] = frozenset()
    """Parts that did not answer in time, even if their processes run."""
    unready: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Consumers that answered that they do not work, with their sentences why."""


def ask(layout: Layout, choice: Choice) -> Answers:
    """Ask every part of the stack whether it works."""
    probes: dict[str, Callable[[], bool]] = {}
    if choice.runs_postgres:
        probes[postgres.NAME] = partial(_postgres_answers, layout, choice.ports["postgres"])
    if choice.runs_kafka:
        probes[kafka.NAME] = partial(kafka.answers, choice.ports["kafka"], PATIENCE_SECONDS)
    unready: dict[str, Sequence[str]] = {}
    for name, port in choice.consumer_ports.items():
        probes[name] = partial(_consumer_answers, name, port, unready)
    with ThreadPoolExecutor(max_workers=len(probes) + 1, thread_name_prefix="probe") as pool:
        of_airflow = (
            pool.submit(_silent_components, choice.ports["airflow"])
            if choice.runs_airflow
            else None
        )
        answers = dict(zip(probes, pool.map(lambda probe: probe(), probes.values()), strict=True))
        silent = {name for name, answered in answers.items() if not answered}
        silent |= of_airflow.result() if of_airflow is not None else set()
    return Answers(frozenset(silent), unready)


def _postgres_answers(layout: Layout, port: int) -> bool:
    url = postgres.url(layout, port, postgres.SUPERUSER, "postgres")
    try:
        with psycopg.connect(url, connect_timeout=PATIENCE_SECONDS) as connection:
            connection.execute("select")
    except psycopg.Error:
        return False
    return True


def _consumer_answers(name: str, port: int, unready: dict[str, Sequence[str]]) -> bool:
    status, lines = _get(f"http://{HOST}:{port}/readyz")
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        unready[name] = lines
        # One that hangs is not ready either.
        status, _ = _get(f"http://{HOST}:{port}/healthz")
    return status == http.HTTPStatus.OK


def _get(url: str) -> tuple[int | None, list[str]]:
    """Return the status and the lines of an answer; None if none comes."""
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # a proxy has another 127.0.0.1
    try:
        with direct.open(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode("utf-8", "replace").splitlines()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode("utf-8", "replace").splitlines()
    except (OSError, ValueError, HTTPException):
        return None, []


def _silent_components(port: int) -> set[str]:
    """Return the silent components of Airflow, from the API server and the heartbeats that it
    reports.

    While the API server is silent itself, nothing is known about the others.
    """
    answer = airflow.health(port, PATIENCE_SECONDS)
    if answer is None:
        return {airflow.API_SERVER}
    return {
        part
        for component, part in _COMPONENTS.items()
        if _is_old(answer.get(component, {}).get(f"latest_{component}_heartbeat"))
    }


def _is_old(heartbeat: str | None) -> bool:
    return (
        heartbeat is None
        or datetime.now(UTC) - datetime.fromisoformat(heartbeat) > _MAX_BETWEEN_HEARTBEATS
    )
