"""What the consumer reads from a socket: all that is there, and its end as kafka-python expects
it.
"""

import socket
from collections.abc import Iterator

import pytest
from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaTCPTransport

from consumers.adapters.record_batches import _receive


@pytest.fixture
def ends() -> Iterator[tuple[KafkaTCPTransport, socket.socket]]:
    """A transport and its broker's end of the connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        transport = KafkaTCPTransport.__new__(KafkaTCPTransport)
        transport._sock = ours
        yield transport, theirs


def test_all_that_is_there_is_taken_at_once(ends: tuple[KafkaTCPTransport, socket.socket]) -> None:
    transport, broker = ends
    sent = bytes(range(256)) * 200
    broker.sendall(sent)
    assert _receive(transport) == (sent, None)
    assert _receive(transport) == (b"", None)


def test_what_came_before_a_broker_left_is_kept(
    ends: tuple[KafkaTCPTransport, socket.socket],
) -> None:
    transport, broker = ends
    broker.sendall(b"last words")
    broker.close()
    received, error = _receive(transport)
    assert received == b"last words"
    assert isinstance(error, KafkaConnectionError)


def test_a_broken_connection_is_an_error_and_no_crash(
    ends: tuple[KafkaTCPTransport, socket.socket],
) -> None:
    transport, _ = ends
    transport._sock.close()
    received, error = _receive(transport)
    assert received == b""
    assert isinstance(error, KafkaConnectionError)
