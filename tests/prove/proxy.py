"""A network that can be cut: a TCP proxy on this machine which, while cut, lets nothing through and
says nothing.
"""

import selectors
import socket
import threading
from types import TracebackType
from typing import Self

_CHUNK = 65_536


class Proxy:
    """Forwards connections to a local port. Connections made while it is cut wait, as behind a dead
    switch.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._mended = threading.Event()
        self._mended.set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"proxy to {target}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._mended.set()
        self._thread.join(10)

    def cut(self) -> None:
        """Let nothing through, in neither direction, and close nothing: both ends believe that the
        other is slow.
        """
        self._mended.clear()

    def mend(self) -> None:
        """Go on where it was cut."""
        self._mended.set()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector, self._listener:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._closed.is_set():
                self._mended.wait()
                for key, _ in selector.select(0.1):
                    if not self._mended.is_set():
                        break
                    if key.fileobj is self._listener:
                        self._connect(selector)
                    else:
                        self._forward(selector, key)
            for key in list(selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()

    def _connect(self, selector: selectors.BaseSelector) -> None:
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self._target), 2)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        selector.register(near, selectors.EVENT_READ, far)
        selector.register(far, selectors.EVENT_READ, near)

    def _forward(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        source, target = key.fileobj, key.data
        assert isinstance(source, socket.socket)
        try:
            if chunk := source.recv(_CHUNK):
                target.sendall(chunk)
                return
        except OSError:
            pass
        for end in (source, target):
            if end.fileno() >= 0:
                selector.unregister(end)
                end.close()
