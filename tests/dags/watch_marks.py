"""Runs the trigger of article_metrics in a process of its own and prints a line for each event, and
for each error that it logs.
"""

import asyncio
import json
import sys
from typing import Any

from btl_airflow.triggers import MarkedArticlesTrigger


class Printed:
    """A logger that prints errors."""

    def error(self, text: str, *values: Any) -> None:
        print(json.dumps(text % values), flush=True)

    def warning(self, *_: Any) -> None:
        """Not of interest."""


async def main() -> None:
    """Watch until killed. Argument: the trigger's arguments, as JSON."""
    path, arguments = MarkedArticlesTrigger(**json.loads(sys.argv[1])).serialize()
    assert path == "btl_airflow.triggers.MarkedArticlesTrigger"
    trigger = MarkedArticlesTrigger(**arguments)
    trigger._log = Printed()  # type: ignore[assignment]
    print(json.dumps("watching"), flush=True)
    async for event in trigger.run():
        print(json.dumps(event.payload), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
