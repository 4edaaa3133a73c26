"""Probes are answered whatever other clients leave open, and by a limited number of threads."""

import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from consumers.monitoring import health_server
from consumers.monitoring.consumer_metrics import ConsumerMetrics
from consumers.monitoring.health_server import HealthServer


@pytest.fixture
def server() -> Iterator[HealthServer]:
    with closing(HealthServer(ConsumerMetrics(), "127.0.0.1", 0)) as opened:
        yield opened


def healthy(server: HealthServer) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=5) as answer:
        return bool(answer.status == 200)


def serving() -> int:
    """The number of threads that serve a connection."""
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def test_silent_clients_neither_take_all_threads_nor_keep_probes_from_an_answer(
    server: HealthServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as opened:
        # More than are served and wait in the queue.
        for _ in range(60):
            opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
        assert healthy(server)
        assert serving() <= health_server._MAX_CONNECTIONS
    assert healthy(server)
    assert capsys.readouterr().err == ""


def test_a_client_that_sends_nothing_is_cut_off(
    server: HealthServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(health_server._SilentHandler, "timeout", 0.05)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as silent:
        silent.sendall(b"GET /healthz")
        assert silent.recv(100) == b""
    assert capsys.readouterr().err == ""
