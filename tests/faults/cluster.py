"""Three Kafka nodes on this machine, for what one cannot show: a broker lost, and topics of a
test's own to change.
"""

import os
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from btl.stack import kafka, ports
from btl.stack.kafka import Node
from btl.stack.layout import Layout
from btl.stack.parts import PART_MARK, STACK_MARK, Part, write_parts
from btl.stack.ports import HOST
from tests.pipeline import wait_until

_MEGABYTES = 256
_START_SECONDS = 120


def _eager(part: Part) -> Part:
    """The same node, but it compacts as soon as there is something to compact."""
    settings = {
        path: text + ("log.cleaner.backoff.ms=200\n" if path.endswith(".properties") else "")
        for path, text in part.settings.items()
    }
    return replace(part, settings=settings)


class Cluster:
    """The nodes, each broker and controller; every topic is on all of them, and two must have what
    is confirmed.
    """

    def __init__(self, layout: Layout, folder: Path) -> None:
        first = 20_000 + zlib.crc32(str(folder).encode()) % 10_000
        free = islice((port for port in range(first, 32_000) if ports.is_free(port)), 6)
        nodes = [
            Node(number, port, next(free)) for number, port in zip((1, 2, 3), free, strict=False)
        ]
        # What is left of it when the tests are killed is stopped with the stack.
        environment = {"PATH": os.environ["PATH"], STACK_MARK: str(layout.home)}
        self._parts: Mapping[int, Part] = {
            node.number: _eager(
                kafka.node_part(
                    f"kafka-{node.number}",
                    folder / str(node.number),
                    node,
                    nodes,
                    kafka.cluster_id(layout),
                    kafka.jars_folder(layout),
                    environment | {PART_MARK: f"kafka-{node.number}"},
                    _MEGABYTES,
                )
            )
            for node in nodes
        }
        self._ports = {node.number: node.port for node in nodes}
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        write_parts(folder / "parts.json", self._parts.values())

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes."""
        return ",".join(f"{HOST}:{port}" for port in self._ports.values())

    def start(self, *numbers: int) -> None:
        """Start these nodes, by default all that do not run, and wait until each answers."""
        numbers = numbers or tuple(self._parts.keys() - self._processes.keys())
        if not numbers:
            return
        with ThreadPoolExecutor(len(numbers)) as pool:
            list(pool.map(self._start, numbers))
        for number in numbers:
            kafka.wait_until_ready(self._ports[number], self._require_alive, _START_SECONDS)

    def _start(self, number: int) -> None:
        part = self._parts[number]
        with (Path(part.folder) / "node.log").open("ab") as log:
            for preparation in part.prepare:
                if not Path(preparation.creates).exists():
                    subprocess.run(
                        preparation.argv,
                        cwd=part.folder,
                        env=part.environment,
                        stdout=log,
                        stderr=log,
                        check=True,
                    )
            self._processes[number] = subprocess.Popen(
                part.argv,
                cwd=part.folder,
                env=part.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _require_alive(self) -> None:
        for number, process in self._processes.items():
            assert process.poll() is None, (
                Path(self._parts[number].folder) / "node.log"
            ).read_text()[-4000:]

    def kill(self, number: int) -> None:
        """Kill a node; it stays away until it is started again."""
        process = self._processes.pop(number)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End all nodes; nothing of them is needed again."""
        for number in list(self._processes):
            self.kill(number)

    def wait_until_well(self) -> None:
        """Wait until every node has all that it should have."""
        from kafka import KafkaAdminClient

        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap.split(","))
        try:
            wait_until(
                lambda: all(
                    sorted(partition["isr_nodes"]) == sorted(partition["replica_nodes"])
                    for topic in admin.describe_topics(admin.list_topics())
                    for partition in topic["partitions"]
                ),
                60,
            )
        finally:
            admin.close()


@contextmanager
def running_cluster(layout: Layout) -> Iterator[Cluster]:
    """A cluster in the stack's folder, on its jars."""
    cluster = Cluster(layout, layout.kafka / "cluster")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
