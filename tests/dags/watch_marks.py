"""Runs the trigger of article_metrics in a process of its own and prints a line for each event."""

import asyncio
import json
import sys

from btl_airflow.triggers import MarkedArticlesTrigger


async def main() -> None:
    """Watch until killed. Argument: the trigger's arguments, as JSON."""
    path, arguments = MarkedArticlesTrigger(**json.loads(sys.argv[1])).serialize()
    assert path == "btl_airflow.triggers.MarkedArticlesTrigger"
    print(json.dumps("watching"), flush=True)
    async for event in MarkedArticlesTrigger(**arguments).run():
        print(json.dumps(event.payload), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
