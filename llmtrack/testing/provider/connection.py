"""One client's connection: reads requests, plays their scenarios."""

import json
import socket
import struct
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from . import truth
from .delivery import arrange, writes
from .failures import failure_answer
from .log import Request, RequestLog
from .routing import Address, Target, find_target
from .scenarios import UnknownTargetError
from .wire.framing import JSON, SSE, Reply, dumps

#: Seconds that a client gets to read before its connection is reset.
_SETTLE: Final = 0.05


class Connection(BaseHTTPRequestHandler):
    """Answers what one client sends; each URL brings its scenario."""

    protocol_version = "HTTP/1.1"
    close_connection: bool
    # Headers and body are two writes, which Nagle's algorithm would hold
    # apart for 40 ms.
    disable_nagle_algorithm = True

    @property
    def log(self) -> RequestLog:
        server: Any = self.server
        log: RequestLog = server.log
        return log

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: `/__log` has the requests."""

    def do_GET(self) -> None:
        """Serve the request log at `/__log`."""
        url = urlsplit(self.path)
        if url.path != "/__log":
            self._plain(404, _not_found("only /__log answers GET"))
            return
        run = parse_qs(url.query).get("run", [None])[0]
        self._plain(200, dumps(self.log.rows(run)).encode())

    def do_POST(self) -> None:
        """Answer an API call, or clear the log at `/__reset`."""
        body = self._read_body()
        path = unquote(urlsplit(self.path).path)
        if path == "/__reset":
            self.log.clear()
            self._plain(200, b"{}")
            return
        query = _parse(body)
        address = Address.parse(path)
        request = Request(
            address.path,
            scenario=address.scenario,
            run=address.options.get("run"),
            stream=bool(query.get("stream")),
            retry_count=self.headers.get("x-stainless-retry-count"),
        )
        earlier = self.log.add(request)
        try:
            self._answer(request, query, address, earlier)
        except OSError:
            request.client_gone = True
            self.close_connection = True
        finally:
            self.log.end(request)

    def _read_body(self) -> bytes:
        encoding = self.headers.get("Transfer-Encoding") or ""
        if encoding.lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(
        self, request: Request, query: JSON, address: Address, earlier: int
    ) -> None:
        try:
            target = find_target(address)
        except UnknownTargetError as error:
            request.status = 404
            self._plain(404, _not_found(str(error)))
            return
        request.route, request.dialect = target.route.name, target.dialect
        if status := target.scenario.failure(earlier):
            request.status = int(status)
            retry_after = target.scenario.options.retry_after
            value, headers = failure_answer(target.route.family, status, retry_after)
            self._plain(request.status, dumps(value).encode(), headers)
            return
        request.status = 200
        reply = target.reply(query)
        if reply.frames is None:
            self._whole(reply, target)
        else:
            self._stream(reply, reply.frames, target, request)

    def _whole(self, reply: Reply, target: Target) -> None:
        """Answer a request that did not ask for a stream."""
        self._pause(target.scenario.plain_delay)
        body = reply.body
        match target.scenario.name:
            case "malformed":
                self._plain(200, body[: len(body) // 2], reply.headers)
            case "empty":
                self._plain(200, b"", reply.headers)
            case "cut":
                # Promise the whole body, send half of it, reset.
                self._head(200, len(body))
                self.wfile.write(body[: len(body) // 2])
                self._reset()
            case _:
                self._plain(200, body, reply.headers)

    def _stream(
        self, reply: Reply, frames: list[bytes], target: Target, request: Request
    ) -> None:
        scenario = target.scenario
        frames = arrange(reply, frames, scenario)
        request.frames_total = len(frames)
        charset = "; charset=utf-8" if reply.content_type == SSE else ""
        headers = {
            "Content-Type": reply.content_type + charset,
            "Transfer-Encoding": "chunked",
            "Cache-Control": "no-cache",
            "x-request-id": truth.REQUEST_ID,
            **reply.headers,
        }
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for data, completed in writes(frames, reply, scenario):
            self._pause(scenario.write_delay)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            request.frames_sent += completed
        self._pause(scenario.hang)
        if scenario.name == "cut":
            self._reset()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _head(
        self, status: int, length: int, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def _plain(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        self._head(status, len(body), headers)
        self.wfile.write(body)

    def _reset(self) -> None:
        """Reset the connection, so that it is no ordinary end of body."""
        time.sleep(_SETTLE)
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def _pause(self, seconds: float) -> None:
        """
        Wait, but not for a client that has left, nor for the server's end.

        A client sends nothing while it reads, so what it sends is its end.
        """
        if not seconds:
            return
        self.connection.settimeout(seconds)
        try:
            if not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError
        except TimeoutError:
            return
        finally:
            self.connection.settimeout(None)


def _not_found(message: str) -> bytes:
    return dumps({"error": {"message": f"loopback provider: {message}"}}).encode()


def _parse(body: bytes) -> JSON:
    try:
        query = json.loads(body or b"{}")
    except ValueError:
        return {}
    return query if isinstance(query, dict) else {}
