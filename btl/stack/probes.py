"""Probes of a stack's parts. A process may run and still hang: stopped, out of memory, or waiting
for a disk.
"""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
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


def silent_parts(layout: Layout, choice: Choice) -> frozenset[str]:
    """Return the parts of the stack that do not answer in time, even if their processes run."""
    probes: dict[str, Callable[[], bool]] = {}
    if choice.runs_postgres:
        probes[postgres.NAME] = partial(_postgres_answers, layout, choice.ports["postgres"])
    if choice.runs_kafka:
        probes[kafka.NAME] = partial(kafka.answers, choice.ports["kafka"], PATIENCE_SECONDS)
    for name, port in choice.consumer_ports.items():
        probes[name] = partial(_is_alive, f"http://{HOST}:{port}/healthz")
    with ThreadPoolExecutor(max_workers=len(probes) + 1, thread_name_prefix="probe") as pool:
        of_airflow = (
            pool.submit(_silent_components, choice.ports["airflow"])
            if choice.runs_airflow
            else None
        )
        answers = dict(zip(probes, pool.map(lambda probe: probe(), probes.values()), strict=True))
        silent = {name for name, answered in answers.items() if not answered}
        return frozenset(silent | (of_airflow.result() if of_airflow is not None else set()))


def _postgres_answers(layout: Layout, port: int) -> bool:
    url = postgres.url(layout, port, postgres.SUPERUSER, "postgres")
    try:
        with psycopg.connect(url, connect_timeout=PATIENCE_SECONDS) as connection:
            connection.execute("select")
    except psycopg.Error:
        return False
    return True


def _is_alive(url: str) -> bool:
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # a proxy has another 127.0.0.1
    try:
        with direct.open(url, timeout=PATIENCE_SECONDS):
            return True
    except (OSError, ValueError, HTTPException):
        return False


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
