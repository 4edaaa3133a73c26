"""An alert for a partition that waits for a decision is sent at once, and once."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

from consumers.core.batch import Partition
from consumers.core.observer import Halt
from consumers.monitoring.consumer_metrics import ConsumerMetrics
from consumers.monitoring.webhook import Webhook

ZERO, ONE = Partition("comment-events", 0), Partition("comment-events", 1)
TRIPPED = Halt("tripped", "501 of the last 1000 records could not be applied", 7)
STOPPED = Halt("stopped", "records expired unread", 9)


@contextmanager
def receiving() -> Iterator[tuple[str, "Queue[dict[str, str]]"]]:
    """A webhook, and what it received."""
    received: Queue[dict[str, str]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", received
        server.shutdown()
        thread.join()


def test_each_partition_that_stops_is_one_alert_with_the_command_that_decides() -> None:
    with receiving() as (url, received):
        metrics = ConsumerMetrics(also=Webhook(url))
        metrics.reading({ONE: 3}, {ZERO: TRIPPED})
        first = received.get(timeout=5)
        assert first["task"] == "btl consume"
        assert first["message"] == (
            "Partition comment-events-0 is tripped and is not read, and no discussion closes: 501"
            " of the last 1000 records could not be applied. Decide: btl breaker accept"
            " comment-events 0"
        )
        # Reported again with each assignment.
        metrics.reading({}, {ZERO: TRIPPED, ONE: STOPPED})
        assert "Decide: btl offsets show" in received.get(timeout=5)["message"]
        # Decided, and tripped again.
        metrics.reading({ZERO: 9, ONE: 9}, {})
        metrics.reading({ONE: 9}, {ZERO: TRIPPED})
        assert "comment-events-0" in received.get(timeout=5)["message"]
        assert received.empty()


def test_a_webhook_that_is_away_holds_nothing_up() -> None:
    Webhook("http://127.0.0.1:1/").reading({}, {ZERO: TRIPPED})
