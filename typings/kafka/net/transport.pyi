import socket
from collections.abc import Callable
from typing import ClassVar

from kafka.errors import KafkaConnectionError

class KafkaTCPTransport:
    _sock: socket.socket
    # Replaced by consumers/adapters/record_batches.py.
    _sock_recv: ClassVar[Callable[[KafkaTCPTransport], tuple[bytes, KafkaConnectionError | None]]]
