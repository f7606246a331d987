"""The loopback provider: a server in a thread, as a context manager."""

import logging
import os
import socket
import sys
import threading
import time
import weakref
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any, Final, Self

from .connection import Connection
from .log import RequestLog
from .scenarios import Scenario

_logger = logging.getLogger(__name__)

#: Seconds between two looks at whether to stop; also how long a stop may take.
_POLL: Final = 0.02
#: Seconds that the end waits for the threads of the connections.
_PATIENCE: Final = 1.0


class LoopbackProvider:
    """
    A server on this machine that speaks every provider's wire format.

    A client needs only another base URL, and the URL also says what is to
    happen, so one server serves any number of tests and clients at once:

        with LoopbackProvider() as provider:
            base_url = provider.url("cut", "openai/v1")

    It runs in a thread of this process. A process that is forked from this
    one can use its URLs, but the server and its log stay with the parent.
    Where the environment sets proxies, the caller must except the host:
    `NO_PROXY=127.0.0.1`.

    Args:
        port: Where to listen; 0 takes a free port, told by `port` once started.
        host: The address to listen on.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port: int = port
        self._log = RequestLog()
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen from now on; raises OSError where the port is taken."""
        if self._server is None:
            self._server = _Server((self.host, self.port), self._log)
            self.port = self._server.server_address[1]
            self._server.start()

    def stop(self) -> None:
        """Cut all connections and free the port; a second stop does nothing."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def base(self) -> str:
        """The URL of the server, without a scenario."""
        return f"http://{self.host}:{self.port}"

    def url(self, scenario: str = "ok", path: str = "", **options: Any) -> str:
        """
        Return a base URL for a client.

        Args:
            scenario: What is to happen, one of `SCENARIOS`.
            path: The dialect and what the client wants behind it, such as
                `openai/v1`.
            options: See `Options`.

        Raises:
            UnknownTargetError: The scenario or an option is misspelt.
        """
        Scenario.parse(scenario, options)
        suffix = "".join(f";{key}={value}" for key, value in options.items())
        end = f"/{path.strip('/')}" if path else ""
        return f"{self.base}/@{scenario}{suffix}{end}"

    def log(self, run: str | None = None) -> list[dict[str, Any]]:
        """
        Return the requests so far, or those of one run, oldest first.

        Each is a dict with the attributes of `llmtrack.testing.provider.log.Request`.
        """
        return self._log.rows(run)

    def wait(self, timeout: float = 5.0) -> bool:
        """Wait seconds until no request is open; return whether that is so."""
        return self._log.wait(timeout)

    def reset(self) -> None:
        """Forget the requests so far."""
        self._log.clear()


class _Server(ThreadingHTTPServer):
    """The listening socket, and a thread for each connection."""

    # Hundreds of clients may connect in the same moment.
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], log: RequestLog) -> None:
        super().__init__(address, Connection)
        self.log = log
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._listener = threading.Thread(
            target=self.serve_forever,
            kwargs={"poll_interval": _POLL},
            name=f"loopback-{self.server_port}",
            daemon=True,
        )

    def server_bind(self) -> None:
        # HTTPServer looks up the host's name here, which may ask a DNS server.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def start(self) -> None:
        _running.add(self)
        self._listener.start()

    def stop(self) -> None:
        _running.discard(self)
        if self._listener.is_alive():
            self.shutdown()
        self.server_close()
        open_connections = tuple(self._connections.items())
        for connection, _ in open_connections:
            # Its thread wakes up, sees the end and closes the socket.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + _PATIENCE
        for _, thread in open_connections:
            thread.join(max(0.0, deadline - time.monotonic()))

    def forget(self) -> None:
        """Let go, in a forked child, of what belongs to the parent."""
        self.server_close()
        for connection in tuple(self._connections):
            connection.close()
        self._connections.clear()
        self.log.renew_lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name=f"loopback-{self.server_port}-connection",
            daemon=True,
        )
        self._connections[request] = thread
        try:
            thread.start()
        except RuntimeError:
            # There are too many threads: the caller closes the connection.
            del self._connections[request]
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that vanish: they are part of the tests."""
        if not isinstance(sys.exception(), OSError):
            _logger.exception("could not answer %s", client_address)


_running: weakref.WeakSet[_Server] = weakref.WeakSet()


def _forget_in_child() -> None:
    for server in tuple(_running):
        server.forget()
    _running.clear()


# A child that kept the parent's sockets open would hide their end from the
# clients. Windows knows no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
