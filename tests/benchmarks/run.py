"""Measure how fast comments get from the topic to committed rows, and what a consumer needs of memory meanwhile.

Runs a stack of its own (.btl-bench), loads copies of a site's export into the topics, then lets consumers take them. Prints a
table and writes build/bench.json. The rate is that of the ledger: the records committed after the first batch, over the time
from that first commit to the last one; starting a process and joining the group are not in it.
"""

import argparse
import json
import os
import platform
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from below_the_line.database.migrations import migrate
from below_the_line.local.stack import Stack
from tests.conftest import with_database
from tests.consuming import Pipeline, assert_accounted, wait_until
from tests.exports import MAPPING, Export, real_export

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Measured:
    """One run."""

    consumers: int
    records: int
    seconds: float
    records_per_second: float
    peak_memory_megabytes: float
    """Of the largest consumer: resident."""


class PeakMemory:
    """Samples the resident memory of processes twenty times a second."""

    def __init__(self, process_ids: list[int]) -> None:
        self._processes = [psutil.Process(process_id) for process_id in process_ids]
        self._stop = threading.Event()
        self.megabytes = 0.0
        self._thread = threading.Thread(target=self._sample)

    def _sample(self) -> None:
        while not self._stop.wait(0.05):
            for process in self._processes:
                self.megabytes = max(self.megabytes, process.memory_info().rss / 1e6)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def fill_topics(pipeline: Pipeline, export: Export, copies: int, folder: Path) -> None:
    """Import the export so many times, each time under other ids."""
    mapping = MAPPING.read_text(encoding="utf-8")
    for copy in range(copies):
        changed = folder / f"copy-{copy}.toml"
        text = mapping
        for column in ("article_id", "comment_id", "parent_id"):
            text = text.replace(f'= "{{{column}}}"', f'= "{{{column}}}-{copy}"')
        changed.write_text(text, encoding="utf-8")
        done = pipeline.btl(
            "archive",
            "import",
            *("--articles", str(export.articles), "--comments", str(export.comments)),
            *("--mapping", str(changed), "--rejects", str(folder / "rejected.csv")),
        )
        if done.returncode:
            sys.exit(done.stderr)


def measure(pipeline: Pipeline, consumers: int, records: int) -> Measured:
    """Let so many consumers take what lies in the topics."""
    with psycopg.connect(pipeline.database_url, autocommit=True) as connection:
        processes = [pipeline.start_consumer(BTL_SESSION_SECONDS="10") for _ in range(consumers)]
        try:
            with PeakMemory([process.pid for process in processes]) as memory:
                pipeline.wait_for_records(connection, 1, seconds=60)
                pipeline.wait_for_records(connection, records, seconds=600)
        finally:
            for process in processes:
                process.terminate()
            wait_until(lambda: all(process.poll() is not None for process in processes), 15)
        assert_accounted(connection)
        row = connection.execute(
            "with committed as (select distinct committed_at from ingest.batches),"
            " moments as (select min(committed_at) as first, max(committed_at) as last from committed)"
            " select sum(records) filter (where committed_at > first + interval '50 ms')::bigint,"
            " extract(epoch from max(last) - min(first))::float"
            " from ingest.batches cross join moments"
        ).fetchone()
    assert row is not None
    counted, seconds = row
    return Measured(consumers, records, seconds, counted / seconds, memory.megabytes)


def main() -> int:
    """Run the benchmark. Exit status 1 if there is no export to load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=4, help="how many copies of the export (86,401 records each)")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    if (export := real_export()) is None:
        console.print("The export is not here: set BTL_TEST_EXPORT to its folder.")
        return 1
    records = 86_401 * arguments.copies
    stack = Stack(
        ROOT / ".btl-bench", {name: value for name, value in os.environ.items() if not name.startswith("BTL_")}
    )
    results = []
    try:
        stack.reset()
        stack.up(without=["airflow", "consumer"], automatic_ports=True)
        server, bootstrap = stack.database_url("btl_owner"), stack.environment()["BTL_KAFKA_BOOTSTRAP"]
        with TemporaryDirectory() as folder:
            pipelines = []
            for number in (1, 2):
                name = f"bench_{number}"
                with psycopg.connect(server, autocommit=True) as connection:
                    connection.execute(f"create database {name}".encode())
                migrate(with_database(server, name))
                pipelines.append((number, Pipeline(with_database(server, name), bootstrap, Path(folder))))
            console.print(f"Filling the topics with {records:,} records …")
            fill_topics(pipelines[0][1], export, arguments.copies, Path(folder))
            for number, pipeline in pipelines:
                console.print(f"Measuring {number} consumer{'s' if number > 1 else ''} …")
                results.append(measure(pipeline, number, records))
    finally:
        stack.down()
        stack.reset()
    table = Table(title="Topic to committed row: real comments, all checks on", title_justify="left", box=None)
    for heading in ("consumers", "records", "seconds", "records/s", "peak memory MB"):
        table.add_column(heading, justify="right")
    for result in results:
        table.add_row(
            str(result.consumers),
            f"{result.records:,}",
            f"{result.seconds:.1f}",
            f"{result.records_per_second:,.0f}",
            f"{result.peak_memory_megabytes:.0f}",
        )
    machine = {
        "cores": os.cpu_count(),
        "memory_gigabytes": round(psutil.virtual_memory().total / 2**30),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(
        json.dumps({"at": time.time(), "machine": machine, "ingest": [asdict(result) for result in results]}, indent=2)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
