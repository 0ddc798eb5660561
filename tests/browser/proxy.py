"""A network between browser and server that can be cut or go silent."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Proxy:
    """Passes bytes between its own `url` and the server at `target`."""

    def __init__(self, target: str) -> None:
        self.target = (urlsplit(target).hostname, urlsplit(target).port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.open: list[socket.socket] = []
        self.is_cut = False
        self.flowing = threading.Event()
        self.flowing.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection and refuse new ones until `restore`."""
        self.is_cut = True
        for end in self.open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        self.is_cut = False

    def silence(self) -> None:
        """Keep every connection open, but let nothing pass: a laptop that is shut, a lost radio."""
        self.flowing.clear()

    def close(self) -> None:
        self.listener.close()
        self.cut()
        self.flowing.set()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener has been closed
            while True:
                self._connect(self.listener.accept()[0])

    def _connect(self, client: socket.socket) -> None:
        if self.is_cut:
            client.close()
            return
        server = socket.create_connection(self.target)
        self.open += [client, server]
        for ends in [(client, server), (server, client)]:
            threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with source, suppress(OSError):
            while data := source.recv(1 << 16):
                self.flowing.wait()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)  # which ends the other direction too
