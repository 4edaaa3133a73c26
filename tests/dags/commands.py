"""Airflow's own command, again and again in one process: the first run takes twenty seconds of
imports, each other two.

Reads a JSON object per line (``arguments``; ``environment``, in place of the one before;
``output``: a file for what the command prints) and answers each with the command's exit status,
once it has ended.
"""

import json
import os
import sys
import traceback
from typing import Any


def run(arguments: list[str], environment: dict[str, str], output: str) -> int:
    """Exit status of ``airflow`` with these arguments in this environment; what it prints is
    appended to the file.
    """
    streams = (1, 2)
    kept = [os.dup(stream) for stream in streams]
    opened = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in streams:
        os.dup2(opened, stream)
    os.close(opened)
    try:
        return _main(arguments, environment)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, before in zip(streams, kept, strict=True):
            os.dup2(before, stream)
            os.close(before)


def _main(arguments: list[str], environment: dict[str, str]) -> int:
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["airflow", *arguments]
    status: Any = 0
    try:
        # Only now: Airflow reads its configuration as it is imported.
        from airflow.__main__ import main

        main()
    except SystemExit as ended:
        status = ended.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
            return 1
    except Exception:
        traceback.print_exc()
        return 1
    return int(status or 0)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line))), flush=True)
