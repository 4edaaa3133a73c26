"""A pooler in transaction mode, as much of one as tests need: it gives each transaction of a client
one of its sessions with Postgres, the one that was used last.
"""

import itertools
import os
import queue
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.conninfo import make_conninfo

_NO_ENCRYPTION = (80877103, 80877104)
_MADE_UP_PROCESS_IDS = itertools.count(1_000_000_000)
_REPORTED = (
    *("server_version", "server_encoding", "client_encoding", "DateStyle", "TimeZone"),
    *("integer_datetimes", "standard_conforming_strings"),
)


@contextmanager
def transaction_pool(url: str, *, size: int = 2, takes_options: bool = True) -> Iterator[str]:
    """Yield the URL of a pool in front of the server of ``url``.

    It ignores the options that a client sets for its session; without ``takes_options`` it rejects
    a client that does.
    """
    servers = [psycopg.connect(url, autocommit=True) for _ in range(size)]
    pool: queue.LifoQueue[socket.socket] = queue.LifoQueue()
    reported = {name: servers[0].info.parameter_status(name) or "" for name in _REPORTED}
    for server in servers:
        session = socket.socket(fileno=os.dup(server.pgconn.socket))
        session.setblocking(True)
        pool.put(session)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(
                        target=_serve, args=(client, pool, reported, takes_options), daemon=True
                    ).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            host, port = listener.getsockname()
            yield make_conninfo(url, host=host, port=port)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for _ in range(size):
                pool.get(timeout=30).close()
            for server in servers:
                server.close()


def _serve(
    client: socket.socket,
    pool: "queue.LifoQueue[socket.socket]",
    reported: dict[str, str],
    takes_options: bool,
) -> None:
    with client, suppress(OSError, EOFError):
        (length, code) = struct.unpack("!ii", _exactly(client, 8))
        while code in _NO_ENCRYPTION:
            client.sendall(b"N")
            (length, code) = struct.unpack("!ii", _exactly(client, 8))
        given = _exactly(client, length - 8).split(b"\0")
        if b"options" in given[::2] and not takes_options:
            text = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
            client.sendall(_message(b"E", text))
            return
        client.sendall(_message(b"R", struct.pack("!i", 0)))
        for name, value in reported.items():
            client.sendall(_message(b"S", f"{name}\0{value}\0".encode()))
        key = struct.pack("!ii", next(_MADE_UP_PROCESS_IDS), 0)
        client.sendall(_message(b"K", key) + _message(b"Z", b"I"))
        while _transaction(client, pool):
            pass


def _transaction(client: socket.socket, pool: "queue.LifoQueue[socket.socket]") -> bool:
    """Pass on messages until a transaction has ended; return False when the client leaves."""
    message = _next(client)
    if message[:1] == b"X":
        return False
    server = pool.get()
    try:
        waiting_for = 0
        while True:
            waiting_for += message[:1] in (b"Q", b"S")
            server.sendall(message)
            while server in select.select([client, server], [], [])[0]:
                answer = _next(server)
                client.sendall(answer)
                waiting_for -= answer[:1] == b"Z"
                if waiting_for == 0 and answer[:1] == b"Z" and answer[5:] == b"I":
                    return True
            message = _next(client)
    finally:
        pool.put(server)


def _next(source: socket.socket) -> bytes:
    head = _exactly(source, 5)
    return head + _exactly(source, struct.unpack("!i", head[1:])[0] - 4)


def _exactly(source: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = source.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def _message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!i", len(content) + 4) + content
