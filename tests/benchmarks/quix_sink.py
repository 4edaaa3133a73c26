"""The program of the benchmark's Python peer: Quix Streams with its PostgreSQL sink.

Runs in an environment of its own (quix.lock), without the product: reads its settings as JSON from
the environment variable BENCH_QUIX, and ends on SIGTERM.
"""

import json
import os
from typing import Any

from quixstreams import Application
from quixstreams.sinks.community.postgresql import PostgreSQLSink


def main() -> None:
    """Write every value of the topic to the table until a signal comes."""
    settings = json.loads(os.environ["BENCH_QUIX"])
    absent: dict[str, Any] = settings["absent"]
    application = Application(auto_offset_reset="earliest", **settings["application"])
    rows = application.dataframe(application.topic(settings["topic"], value_deserializer="json"))
    # The sink takes the columns of all rows of a batch from the first one that it writes.
    rows = rows.apply(lambda value: {**absent, **value})
    rows.sink(PostgreSQLSink(**settings["sink"]))
    application.run()


if __name__ == "__main__":
    main()
