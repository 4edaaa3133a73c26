"""Airflow in the local stack: four components, with their metadata in the stack's own Postgres."""

import importlib.metadata
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any

from below_the_line import resources
from below_the_line.errors import BelowTheLineError
from below_the_line.retention.log_files import delete_old_files
from btl.stack import postgres, software
from btl.stack.layout import Layout
from btl.stack.parts import Part
from btl.stack.ports import HOST
from btl.stack.secrets import generate, secret, write_private
from btl.stack.supervisor import last_lines

USER = "admin"

# Argument, and the longest time to stop in seconds. A scheduler waits for its tasks. A triggerer
# may need ten seconds to notice that its child has ended.
_COMPONENTS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "airflow-scheduler": (("scheduler", "--skip-serve-logs"), 30),
    "airflow-api-server": (("api-server",), 15),
    "airflow-dag-processor": (("dag-processor",), 15),
    "airflow-triggerer": (("triggerer", "--skip-serve-logs"), 25),
}
NAMES = tuple(_COMPONENTS)
ADMIN_SECRET, FERNET_SECRET = "airflow_admin", "airflow_fernet_key"
SECRETS: Mapping[str, str] = {
    ADMIN_SECRET: f"password of Airflow's user {USER}",
    "airflow_api_secret": "signs the sessions of Airflow's pages",
    FERNET_SECRET: "encrypts what Airflow stores of connections and variables",
    "airflow_jwt_secret": "signs the tokens of Airflow's API and of its tasks",
}
"""The secrets of Airflow, with what each is for."""
API_SERVER = "airflow-api-server"

_SETTINGS: Mapping[str, str] = {
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__PARALLELISM": "4",  # processes that run from the start
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
    "API__WORKERS": "1",
    "DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "15",
    "DAG_PROCESSOR__REFRESH_INTERVAL": "15",
    "DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
    # A run starts about a second after the event that causes it.
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # A task that has ended frees its slot at once. Without this, sensors that look again soon fail
    # without reason.
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # Tasks wait for an API server that is starting or restarting, and continue soon after.
    "WORKERS__EXECUTION_API_RETRIES": "20",
    "WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "5",
    # After a kill, continue within seconds instead of five minutes. The launcher kills the remains
    # of a component before it starts it again, so that no task runs twice at the same time.
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
    "TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "LOGGING__NAMESPACE_LEVELS": "uvicorn.error=WARNING",
}


def version() -> str:
    """Return the installed version. Raises BelowTheLineError when Airflow is not installed."""
    try:
        return importlib.metadata.version("apache-airflow-core")
    except importlib.metadata.PackageNotFoundError:
        raise BelowTheLineError(
            "Airflow is not installed.",
            "Install the extra: pip install 'below-the-line[airflow]', or start the rest:"
            " `btl up --without airflow`.",
        ) from None


def url(port: int) -> str:
    """Return the URL of the API server and its pages."""
    return f"http://{HOST}:{port}"


def password(layout: Layout) -> str:
    """Return the password of the user `USER`, which is the one that Airflow accepts.

    Airflow reads its file of passwords at each login. What is not in it as the secret says (which
    was rotated or removed) is written first.
    """
    found = secret(layout.secrets, ADMIN_SECRET)
    file = layout.secrets / "airflow_passwords.json"
    try:
        accepted = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        accepted = None
    if accepted != {USER: found}:
        write_private(file, json.dumps({USER: found}))
    return found


def environment(
    layout: Layout,
    port: int,
    postgres_port: int,
    connection: str,
    redrive_connection: str,
    erase_connection: str,
) -> dict[str, str]:
    """Return Airflow's whole configuration as environment variables.

    The connections are URLs of the project's database: one with the role of the DAGs, one with the
    role of redrives, for the DAG that redrives dead letters, and one with the role of erasures, for
    the DAGs that erase.
    """
    metadata = postgres.url(layout, postgres_port, postgres.AIRFLOW_ROLE, postgres.AIRFLOW_DATABASE)
    settings = dict(_SETTINGS) | {
        "CORE__DAGS_FOLDER": str(resources.DAGS),
        "CORE__PLUGINS_FOLDER": str(layout.airflow / "plugins"),
        "CORE__FERNET_KEY": secret(layout.secrets, FERNET_SECRET),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(layout.secrets / "airflow_passwords.json"),
        "CORE__EXECUTION_API_SERVER_URL": f"{url(port)}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": metadata.replace("postgresql://", "postgresql+psycopg://", 1),
        "API__HOST": HOST,
        "API__PORT": str(port),
        "API__BASE_URL": url(port),
        "API__SECRET_KEY": secret(layout.secrets, "airflow_api_secret"),
        "API_AUTH__JWT_SECRET": secret(layout.secrets, "airflow_jwt_secret"),
    }
    return {f"AIRFLOW__{name}": value for name, value in settings.items()} | {
        "AIRFLOW_HOME": str(layout.airflow),
        "AIRFLOW_CONN_BTL": connection_json(connection),
        "AIRFLOW_CONN_BTL_REDRIVE": connection_json(redrive_connection),
        "AIRFLOW_CONN_BTL_ERASE": connection_json(erase_connection),
        # Tasks have no access to Airflow's database; retention deletes its old history.
        "AIRFLOW_CONN_BTL_AIRFLOW": json.dumps(
            {"conn_type": "generic", "password": settings["DATABASE__SQL_ALCHEMY_CONN"]}
        ),
        "BTL_QUALITY_HOME": str(layout.home / "quality"),
        "PYTHONWARNINGS": "ignore",
    }


def connection_json(database_url: str) -> str:
    """Return a database's URL as the JSON form of an Airflow connection: no escaping needed."""
    from below_the_line.database.connections import parameters

    parts = parameters(database_url)
    described: dict[str, Any] = {"conn_type": "postgres"}
    for theirs, ours in [("login", "user"), ("password", "password"), ("schema", "dbname")]:
        if ours in parts:
            described[theirs] = parts.pop(ours)
    # Several hosts stay among the extras: the fields take one.
    if "," not in parts.get("host", "") + parts.get("port", ""):
        if "host" in parts:
            described["host"] = parts.pop("host")
        if "port" in parts:
            described["port"] = int(parts.pop("port"))
    if parts:
        described["extra"] = parts
    return json.dumps(described)


def parts(layout: Layout, port: int, environment: Mapping[str, str]) -> list[Part]:
    """Return the four components, with how each is run."""
    version()
    password(layout)
    return [
        Part(
            name=name,
            argv=(sys.executable, "-P", "-m", "airflow", *arguments),
            environment=dict(environment),
            folder=str(layout.airflow),
            distribution=software.OURS,
            address=url(port) if name == API_SERVER else "",
            stop_seconds=seconds,
        )
        for name, (arguments, seconds) in _COMPONENTS.items()
    ]


def migrate(layout: Layout, environment: Mapping[str, str]) -> bool:
    """Bring Airflow's metadata tables to the installed version. Return whether there was anything
    to do.

    Raises BelowTheLineError if Airflow's command fails.
    """
    stamp, installed = layout.airflow / "migrated", version()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == installed:
        return False
    _run(layout, environment, "db migrate", "Airflow's metadata tables could not be created")
    stamp.write_text(installed, encoding="utf-8")
    return True


def prune_logs(layout: Layout, days: int, now: datetime) -> int:
    """Delete the logs of tasks and DAG files that were last written more than ``days`` ago, and the
    folders that are then empty. Return the number of files deleted.

    Safe while Airflow runs: it writes to none of them any more.
    """
    return delete_old_files(layout.airflow / "logs", now - timedelta(days=days))


def rotate_fernet_key(layout: Layout, environment: Callable[[], Mapping[str, str]]) -> None:
    """Replace the Fernet key, and encrypt what is stored with the new one.

    Airflow's components must not run, its database must. ``environment`` returns Airflow's
    configuration by the secrets of then. Safe to repeat after an interruption: until everything is
    encrypted again the secret holds both keys. Raises BelowTheLineError.
    """
    file = layout.secrets / FERNET_SECRET
    keys = secret(layout.secrets, FERNET_SECRET).split(",")
    if len(keys) == 1:
        keys.insert(0, generate(FERNET_SECRET))
        write_private(file, ",".join(keys))
    _run(
        layout,
        environment(),
        "rotate-fernet-key",
        "What Airflow has stored could not be encrypted with the new key; both keys stay valid",
    )
    write_private(file, keys[0])


def _run(layout: Layout, environment: Mapping[str, str], command: str, problem: str) -> None:
    """Run Airflow's command. Raises BelowTheLineError with the last lines of its output."""
    log = layout.log(f"airflow-{command.split()[-1]}")
    with log.open("wb") as output:
        result = subprocess.run(
            [sys.executable, "-P", "-m", "airflow", *command.split()],
            env=environment,
            cwd=layout.airflow,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if result.returncode != 0:
        raise BelowTheLineError(f"{problem}:\n" + "\n".join(last_lines(log, 10)), f"\nSee {log}.")


def health(port: int, seconds: float = 5) -> dict[str, Any] | None:
    """Return the API server's report about the components, or None if it does not answer within
    ``seconds``.
    """
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # a proxy has another 127.0.0.1
    try:
        with direct.open(f"{url(port)}/api/v2/monitor/health", timeout=seconds) as response:
            answer: dict[str, Any] = json.load(response)
    except (OSError, ValueError, HTTPException):
        return None
    return answer


def unhealthy(answer: Mapping[str, Any] | None, since: datetime) -> list[str]:
    """Return the components that are not healthy.

    A heartbeat from before ``since`` does not count: it comes from an earlier run.
    """
    if answer is None:
        return ["api_server"]
    missing = [] if answer.get("metadatabase", {}).get("status") == "healthy" else ["metadatabase"]
    for name in ("scheduler", "dag_processor", "triggerer"):
        component = answer.get(name, {})
        beat = component.get(f"latest_{name}_heartbeat")
        if (
            component.get("status") != "healthy"
            or beat is None
            or datetime.fromisoformat(beat) < since
        ):
            missing.append(name)
    return missing


def wait_until_ready(
    port: int, since: datetime, check: Callable[[], None], seconds: float = 300
) -> None:
    """Wait until every component is healthy.

    ``check`` is called meanwhile and may raise. Raises BelowTheLineError after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        check()
        missing = unhealthy(health(port), since)
        if not missing:
            return
        if time.monotonic() > deadline:
            raise BelowTheLineError(
                f"Airflow is not healthy after {seconds:.0f} s: {', '.join(missing)}.",
                "See `btl logs airflow`.",
            )
        time.sleep(0.25)
