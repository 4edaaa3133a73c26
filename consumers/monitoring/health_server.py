"""``/metrics``, ``/healthz`` and ``/readyz`` over HTTP."""

import errno
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from socket import SHUT_RDWR, socket
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from below_the_line.errors import BelowTheLineError
from consumers.core.health import Answer, Condition, alive, ready
from consumers.monitoring.consumer_metrics import ConsumerMetrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_QUESTIONS: dict[str, Callable[[Condition, float], Answer]] = {"/healthz": alive, "/readyz": ready}


_MAX_CONNECTIONS = 16
"""Probes and scrapers need two or three at a time."""
_SECONDS = 5.0
"""A client that sends nothing for longer, or takes nothing, is cut off."""


class _Server(ThreadingMixIn, WSGIServer):
    """Serves a limited number of connections, each on a thread of its own.

    One more cuts off the oldest, so that a probe is answered whatever others leave open.
    """

    daemon_threads = True
    request_queue_size = 32

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._lock = threading.Lock()
        self._open: dict[socket, None] = {}
        self._free = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        super().__init__(*arguments, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            with self._lock, suppress(OSError, StopIteration):
                next(iter(self._open)).shutdown(SHUT_RDWR)
            if not self._free.acquire(timeout=_SECONDS):
                self.shutdown_request(request)
                return
        with self._lock:
            self._open[request] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a client that is gone or was cut off."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _SilentHandler(WSGIRequestHandler):
    timeout = _SECONDS

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Log nothing: probes come every few seconds."""


class HealthServer:
    """Serves a consumer's metrics and health on its own threads, also while the consumer hangs."""

    def __init__(self, metrics: ConsumerMetrics, host: str, port: int) -> None:
        """Listen on an address; port 0 chooses a free port, see ``port``.

        Raises BelowTheLineError when the address is not free.
        """
        self._metrics = metrics
        self._exposition = make_wsgi_app(metrics.registry)
        try:
            self._server = make_server(
                host, port, self._answer, server_class=_Server, handler_class=_SilentHandler
            )
        except OSError as error:
            reason = (
                "is taken"
                if error.errno == errno.EADDRINUSE
                else f"can't be listened on: {error.strerror}"
            )
            raise BelowTheLineError(
                f"Address {host}:{port} {reason}.",
                "Set BTL_HTTP_PORT (and BTL_HTTP_HOST) to a free one, each process its own, or"
                " unset it: no HTTP then.",
            ) from None
        self.port: int = self._server.server_port
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            exposition: Iterable[bytes] = self._exposition(environ, start_response)
            return exposition
        if path in _QUESTIONS:
            result = _QUESTIONS[path](self._metrics.condition(), self._metrics.now())
            status, lines = (
                ("200 OK", ["ok"])
                if result.holds
                else ("503 Service Unavailable", list(result.because))
            )
        else:
            status, lines = "404 Not Found", ["There are /metrics, /healthz and /readyz."]
        start_response(
            status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
        )
        return ["".join(f"{line}\n" for line in lines).encode()]
