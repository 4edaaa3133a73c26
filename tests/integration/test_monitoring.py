"""A running consumer as Prometheus and an orchestrator see it."""

import re
import socket
import urllib.error
import urllib.request

import psycopg
import pytest

from below_the_line.errors import BelowTheLineError
from below_the_line.kafka.envelopes import Outgoing
from below_the_line.kafka.producer import Publisher
from consumers.core.batch import Partition
from consumers.core.observer import Cause
from consumers.monitoring.consumer_metrics import ConsumerMetrics
from consumers.monitoring.health_server import HealthServer
from consumers.monitoring.lag_poller import LagPoller
from tests.builders import envelope
from tests.pipeline import Pipeline, wait_until

pytestmark = pytest.mark.stack


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and body; 0 if nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def figure(port: int, name: str) -> float | None:
    """The sum of a figure's samples whose name and labels begin like this."""
    found = re.findall(rf"^{re.escape(name)}.* (\S+)$", ask(port, "/metrics")[1], re.MULTILINE)
    return sum(map(float, found)) if found else None


def send(pipeline: Pipeline, first: int, count: int, broken: int = 0) -> None:
    with Publisher(pipeline.settings()) as publisher:
        for number in range(first, first + count):
            article = f"article-{number % 40}"
            data = {
                "article_id": article,
                "comment_id": str(number),
                "author": {"user_id": "reader", "display_name": "Reader"},
                "body": "text",
                "posted_at": "2026-05-01T10:00:00Z",
            }
            body = envelope(
                "comment.posted.v1", data, at="2026-05-01T10:00:00Z", event_id=str(number)
            )
            publisher.send(Outgoing("comment-events", article.encode(), body))
        for _ in range(broken):
            publisher.send(Outgoing("comment-events", b"article-1", b"{"))


def test_a_consumer_tells_what_it_does_and_what_it_waits_for(
    pipeline: Pipeline, connection: psycopg.Connection
) -> None:
    port = free_port()
    send(pipeline, 0, 300, broken=3)
    with pipeline.consumer(BTL_HTTP_PORT=str(port)):
        wait_until(lambda: ask(port, "/healthz")[0] == 200, 30, pipeline.consumer_logs)
        pipeline.wait_for_records(connection, 303)
        wait_until(
            lambda: ask(port, "/readyz") == (200, "ok\n"), 30, lambda: str(ask(port, "/readyz"))
        )
        assert figure(port, 'btl_records_total{outcome="applied"}') == 300
        assert figure(port, 'btl_records_total{outcome="dead_lettered"}') == 3
        assert figure(port, 'btl_dead_letters_total{code="not_json",stage="decode"}') == 3
        assert figure(port, 'btl_step_seconds_count{step="committed"}') == figure(
            port, "btl_batch_records_count"
        )
        wait_until(
            lambda: figure(port, "btl_lag_records") == 0, 30, lambda: ask(port, "/metrics")[1]
        )
        wait_until(
            lambda: figure(port, "btl_event_id_conflicts") == 0,
            30,
            lambda: ask(port, "/metrics")[1],
        )
        assert (figure(port, "process_resident_memory_bytes") or 0) > 0

        # Nobody can write comments: the consumer waits for the lock, and says so.
        with psycopg.connect(pipeline.database_url) as blocker:
            blocker.execute("lock table discussion.comments in access exclusive mode")
            send(pipeline, 300, 100)
            wait_until(
                lambda: ask(port, "/readyz")[0] == 503, 30, lambda: str(ask(port, "/readyz"))
            )
            assert ask(port, "/readyz")[1].startswith("Waiting for the database for ")
            assert ask(port, "/healthz") == (200, "ok\n")
            assert figure(port, 'btl_paused{cause="database"}') == 1
            wait_until(
                lambda: figure(port, "btl_lag_records") == 100, 30, lambda: ask(port, "/metrics")[1]
            )
        pipeline.wait_for_records(connection, 403)
        wait_until(lambda: ask(port, "/readyz")[0] == 200, 30, lambda: str(ask(port, "/readyz")))
        assert (figure(port, 'btl_paused_seconds_total{cause="database"}') or 0) > 0


def test_the_lag_is_told_while_the_consumer_hangs(pipeline: Pipeline) -> None:
    clock = [0.0]
    metrics = ConsumerMetrics(lambda: clock[0])
    partition = Partition("comment-events", 0)
    start = {Partition(*each): offset for each, offset in pipeline.starts.items()}[partition]
    metrics.reading({partition: start}, {})
    options = {"bootstrap_servers": [pipeline.bootstrap]}
    poller = LagPoller(metrics, options, pipeline.database_url, ends_seconds=0.1)
    server = HealthServer(metrics, "127.0.0.1", 0)
    poller.start()
    try:
        send(pipeline, 0, 200)
        wait_until(lambda: (figure(server.port, "btl_lag_records") or 0) > 0, 30)
        clock[0] = 31.0
        assert ask(server.port, "/healthz") == (
            503,
            "The consumer's loop has not turned for 31 s.\n",
        )
        metrics.turn()
        assert ask(server.port, "/healthz") == (200, "ok\n")
        metrics.waiting(Cause.BROKER, "no broker answers")
        assert ask(server.port, "/readyz") == (
            503,
            "Waiting for the broker for 0 s: no broker answers\n",
        )
        assert ask(server.port, "/")[0] == 404
    finally:
        poller.close()
        server.close()


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BelowTheLineError, match=f"127.0.0.1:{port} is taken") as raised:
            HealthServer(ConsumerMetrics(), "127.0.0.1", port)
    assert "BTL_HTTP_PORT" in raised.value.hint
