"""What the parts of a stack answer: that they work, that they do not, or nothing."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from btl.stack.layout import Layout
from btl.stack.probes import Answers, ask
from btl.stack.state import Choice
from consumers.core.observer import Cause
from consumers.monitoring.consumer_metrics import ConsumerMetrics
from consumers.monitoring.health_server import HealthServer


@contextmanager
def consumer(metrics: ConsumerMetrics) -> Iterator[int]:
    server = HealthServer(metrics, "127.0.0.1", 0)
    try:
        yield server.port
    finally:
        server.close()


def answers(port: int) -> Answers:
    only = Choice(ports={"consumer": port}, without=("postgres", "kafka", "airflow"))
    return ask(Layout(Path("/nowhere")), only)


def test_a_consumer_works_or_says_why_it_does_not_or_hangs() -> None:
    now = 0.0
    metrics = ConsumerMetrics(lambda: now)
    with consumer(metrics) as port:
        metrics.reading({}, {})
        assert answers(port) == Answers()
        metrics.waiting(Cause.BROKER, "no broker answers")
        waits = "Waiting for the broker for 0 s: no broker answers"
        assert answers(port) == Answers(unready={"consumer-1": [waits]})
        now = 31.0
        assert answers(port).silent == {"consumer-1"}


def test_a_port_at_which_nobody_answers_is_a_silent_consumer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    assert answers(port) == Answers(silent=frozenset({"consumer-1"}))
