"""
A loopback server that stands in for every vendor's backend.

    python sink.py              # prints the port that it listens on

It accepts everything, and answers what each client needs to go on.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

_ID: Final = {"id": "1", "name": "p"}
_GRAPHQL: Final = {
    "data": {
        "viewer": {
            "id": "1",
            "username": "u",
            "email": "u@x",
            "admin": False,
            "flags": "{}",
            "entity": "e",
            "defaultEntity": {"id": "1", "name": "e"},
            "teams": {"edges": []},
        },
        "serverInfo": {"cliVersionInfo": {"max_cli_version": "9.9.9"}},
        "upsertModel": {"model": _ID, "project": _ID},
        "model": _ID,
        "project": _ID,
    }
}
_DIGEST: Final = {"digest": "d" * 43}
#: The end of a path -> the answer.  The first match wins; else `{}`.
_ANSWERS: Final[tuple[tuple[str, Any], ...]] = (
    ("graphql", _GRAPHQL),
    (
        "auth/token",
        {
            "token": "a.e30.c",
            "project_id": "p",
            "project_prem_status": "free",
            "api_key": "k",
        },
    ),
    (
        "/server_info",
        {
            "min_required_weave_python_version": "0.0.1",
            "trace_server_version": "0.0.1",
        },
    ),
    ("/call/upsert_batch", {"res": []}),
    ("/obj/create", {**_DIGEST, "object_id": "o"}),
    ("/table/create", {**_DIGEST, "row_digests": []}),
    ("/file/create", _DIGEST),
    ("/files/create", _DIGEST),
    (
        "projects_info",
        [{"internal_project_id": "p", "external_project_id": "e/p"}],
    ),
    (
        "/info",
        {
            "version": "0.12.0",
            "batch_ingest_config": {
                "scale_up_qsize_trigger": 1000,
                "scale_up_nthreads_limit": 16,
                "scale_down_nempty_trigger": 4,
                "size_limit": 100,
                "size_limit_bytes": 20971520,
                "use_multipart_endpoint": True,
            },
            "instance_flags": {
                "zstd_compression_enabled": True,
                "gzip_body_enabled": True,
                "dataset_examples_multipart_enabled": True,
            },
            "endpoints": ["/v0.5/traces", "/evp_proxy/v2/"],
        },
    ),
)


class Connection(BaseHTTPRequestHandler):
    """Takes whatever one client sends."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def answer(self) -> None:
        """Read the body, and answer."""
        self._read_body()
        body = json.dumps(_answer_to(self.path.split("?")[0])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # Names that http.server looks up.
    do_GET = do_POST = do_PUT = do_PATCH = do_HEAD = do_DELETE = answer  # noqa: N815

    def _read_body(self) -> None:
        encoding = self.headers.get("Transfer-Encoding", "")
        if encoding.lower() != "chunked":
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()


def _answer_to(path: str) -> Any:
    for end, value in _ANSWERS:
        if path.endswith(end) or (end[0] != "/" and end in path):
            return value
    return {}


class Sink(ThreadingHTTPServer):
    """The listening socket."""

    daemon_threads = True
    request_queue_size = 512


def main() -> None:
    """Serve until killed."""
    sink = Sink(("127.0.0.1", 0), Connection)
    print(sink.server_address[1], flush=True)
    sink.serve_forever()


if __name__ == "__main__":
    main()
