"""A client for Airflow's REST interface, as far as the demo needs it: run a DAG and wait for it."""

import time
from collections.abc import Callable

import httpx

from below_the_line.errors import BelowTheLineError


class Scheduler:
    """The scheduler of a running Airflow 3, through its API server."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)
        self._url = url
        answer = self._call("POST", "/auth/token", {"username": user, "password": password})
        self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def _call(self, method: str, path: str, body: object = None) -> dict[str, str]:
        try:
            answer = self._client.request(method, path, json=body)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise BelowTheLineError(
                f"Airflow at {self._url} answered {error.response.status_code} to {path}.",
                "Is BTL_AIRFLOW_PASSWORD right? See `btl logs airflow-api-server`.",
            ) from None
        except httpx.HTTPError as error:
            raise BelowTheLineError(
                f"Airflow at {self._url} cannot be reached: {error}.",
                "Is it running? See `btl status`.",
            ) from None
        found: dict[str, str] = answer.json()
        return found

    def wait_for_dag(self, dag_id: str, seconds: float = 90) -> None:
        """Wait until the DAG has been parsed and may run. Raises BelowTheLineError after
        ``seconds``.
        """
        self._wait(
            lambda: self._client.get(f"/api/v2/dags/{dag_id}").status_code == httpx.codes.OK,
            seconds,
            f"Airflow did not find the DAG {dag_id} within {seconds:.0f} s.",
            "See `btl logs airflow-dag-processor`.",
        )

    def run(self, dag_id: str, seconds: float = 300) -> None:
        """Request a run of the DAG and wait until it has succeeded.

        Raises BelowTheLineError if it fails, or after ``seconds``.
        """
        created = self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})
        path = f"/api/v2/dags/{dag_id}/dagRuns/{created['dag_run_id']}"

        def ended() -> bool:
            state = self._call("GET", path)["state"]
            if state == "failed":
                raise BelowTheLineError(
                    f"The run {created['dag_run_id']} of {dag_id} failed.",
                    f"Its log: {self._url}/dags/{dag_id}/runs.",
                )
            return state == "success"

        self._wait(
            ended,
            seconds,
            f"{dag_id} did not end within {seconds:.0f} s.",
            "See `btl logs airflow-scheduler`.",
        )

    def _wait(self, reached: Callable[[], bool], seconds: float, message: str, hint: str) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > deadline:
                raise BelowTheLineError(message, hint)
            time.sleep(0.3)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
