"""Whether a component of Airflow is well, by what the API server says: exit status 0 or 1. For the
containers' health checks.

    python airflow_health.py COMPONENT [URL]

COMPONENT is api_server, scheduler, dag_processor or triggerer. ``airflow jobs check`` would say the
same at the price of several seconds of CPU on every check.
"""

import json
import sys
import urllib.request
from typing import Any


def well(answer: dict[str, Any], component: str) -> bool:
    """Return whether the API server's answer calls the component healthy; itself it is, if it
    answers and sees its database.
    """
    name = "metadatabase" if component == "api_server" else component
    return bool(answer.get(name, {}).get("status") == "healthy")


def main(component: str, url: str = "http://airflow-api-server:8080") -> int:
    """Return the exit status."""
    try:
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=8) as response:  # noqa: S310 - our own URL
            return 0 if well(json.load(response), component) else 1
    except (OSError, ValueError) as error:
        print(f"{url} does not answer: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
