"""Check whether a component of Airflow is healthy, for the containers' health checks.

    python airflow_health.py COMPONENT [URL]

COMPONENT is api_server, scheduler, dag_processor or triggerer. The exit status is 0 or 1, by the
API server's report. ``airflow jobs check`` reports the same, but needs several seconds of CPU for
every check.
"""

import json
import sys
import urllib.request
from typing import Any


def well(answer: dict[str, Any], component: str) -> bool:
    """Return whether the API server reports the component as healthy.

    The API server itself is healthy if it answers and reaches its database.
    """
    name = "metadatabase" if component == "api_server" else component
    return bool(answer.get(name, {}).get("status") == "healthy")


def main(component: str, url: str = "http://airflow-api-server:8080") -> int:
    """Return the exit status."""
    try:
        health = f"{url}/api/v2/monitor/health"
        with urllib.request.urlopen(health, timeout=8) as response:  # noqa: S310 - our own URL
            return 0 if well(json.load(response), component) else 1
    except (OSError, ValueError) as error:
        print(f"{url} does not answer: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
