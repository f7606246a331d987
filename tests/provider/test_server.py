"""The server itself: addresses, the log, many clients, forks, the end."""

import ast
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import pytest

from llmtrack.testing.provider import LoopbackProvider, UnknownTargetError

CHAT = "openai/v1/chat/completions"


def begin(provider, scenario, **options):
    """Start a stream and read its first bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=10)
    path = provider.url(scenario, CHAT, **options).removeprefix(provider.base)
    connection.request("POST", path, json.dumps({"stream": True}))
    response = connection.getresponse()
    response.read(10)
    return connection, response


def threads_of(provider):
    """Return the threads of one provider that still run."""
    name = f"loopback-{provider.port}"
    return [each for each in threading.enumerate() if each.name.startswith(name)]


@pytest.mark.parametrize(
    ("scenario", "options"),
    [
        ("nope", {}),
        ("ok", {"nope": 1}),
        ("ok", {"frames": "many"}),
        ("ok", {"frames": -1}),
        ("slow", {"delay_ms": "nan"}),
        ("flaky429", {}),
    ],
)
def test_a_misspelt_target_raises(provider, scenario, options):
    """
    `url` refuses what the server would not understand.
    """
    with pytest.raises(UnknownTargetError):
        provider.url(scenario, "openai/v1", **options)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (f"/@nope/{CHAT}", "scenario 'nope'"),
        (f"/@ok;nope=1/{CHAT}", "option 'nope'"),
        (f"/@ok;frames=x/{CHAT}", "frames cannot be 'x'"),
        ("/@ok/nope/v1/chat/completions", "dialect 'nope'"),
        ("/@ok/openai/v1/nope", "route for '/openai/v1/nope'"),
    ],
)
def test_an_unknown_target_is_a_404_that_says_why(ask, path, named):
    """
    What `url` would refuse is told to an HTTP client, too.
    """
    answer = ask(path)

    assert answer.status == 404
    assert named in answer.json["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"no json", b"[]"])
def test_any_body_gets_an_answer(provider, body):
    """
    A body that is no JSON object asks for the plain answer.
    """
    request = urllib.request.Request(provider.url("ok", CHAT), data=body)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    with opener.open(request) as response:
        answer = json.load(response)

    assert answer["object"] == "chat.completion"


def test_a_body_may_come_in_chunks(provider):
    """
    A request with `Transfer-Encoding: chunked` is understood.
    """
    connection = http.client.HTTPConnection("127.0.0.1", provider.port)
    body = iter([b'{"str', b'eam": true}'])
    connection.request("POST", f"/{CHAT}", body, encode_chunked=True)
    answer = connection.getresponse().read()
    connection.close()

    assert answer.endswith(b"data: [DONE]\n\n")


def test_the_log_tells_what_was_asked(ask, provider):
    """
    A request leaves a row, which HTTP clients can read, too.
    """
    answer = ask(f"/@text;run=a/{CHAT}", stream=True)
    assert provider.wait()

    (row,) = provider.log("a")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{provider.base}/__log?run=a") as response:
        assert json.load(response) == [row]
    assert row == {
        "path": f"/{CHAT}",
        "scenario": "text",
        "run": "a",
        "stream": True,
        "retry_count": None,
        "route": "chat",
        "dialect": "openai",
        "status": 200,
        "frames_sent": len(answer.events),
        "frames_total": len(answer.events),
        "client_gone": False,
        "done": True,
    }


@pytest.mark.parametrize("scenario", ["stall", "slow"])
def test_a_client_that_leaves_is_noticed(provider, scenario):
    """
    The log tells that a client closed before the end.
    """
    connection, response = begin(provider, scenario, frames=1000, run="a")
    response.close()
    connection.close()

    assert provider.wait()
    (row,) = provider.log("a")
    assert row["client_gone"]


def test_reset_forgets_the_requests(ask, provider):
    """
    After a reset, also over HTTP, the log is empty.
    """
    ask(f"/{CHAT}")
    ask("/__reset")

    assert provider.log() == []


def test_the_end_does_not_wait_for_streams():
    """
    A provider stops at once, cutting what still runs, and leaves no thread.
    """
    with LoopbackProvider() as provider:
        streams = [begin(provider, "stall") for _ in range(5)]
        assert len(threads_of(provider)) == 6

    assert threads_of(provider) == []
    for connection, response in streams:
        with pytest.raises((ConnectionError, http.client.IncompleteRead)):
            response.read()
        connection.close()


def test_the_port_is_free_afterwards():
    """
    Nobody answers once the provider has stopped, and it can start again.
    """
    provider = LoopbackProvider()
    with provider:
        port = provider.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))

    with provider:
        assert provider.port == port


def test_hundreds_of_clients_at_once(provider):
    """
    All of them are served the same bytes.
    """
    count = 300
    all_there = threading.Barrier(count)

    def read(_):
        all_there.wait(timeout=30)
        connection, response = begin(provider, "slow", delay_ms=1)
        rest = response.read()
        connection.close()
        return rest

    with ThreadPoolExecutor(count) as pool:
        bodies = set(pool.map(read, range(count)))

    assert len(bodies) == 1
    assert len(provider.log()) == count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_is_served_and_leaves_the_server_alone():
    """
    A child may use the provider, and even stop it: the parent's goes on.
    """
    with LoopbackProvider() as provider:
        running, response = begin(provider, "stall")
        child = os.fork()
        if child == 0:
            try:
                connection, _ = begin(provider, "ok")
                connection.close()
                provider.log()
                provider.stop()
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        connection, _ = begin(provider, "ok")
        connection.close()

        assert status == 0
        assert len(provider.log()) == 3
        response.close()
        running.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_does_not_keep_the_port():
    """
    A child that outlives the provider holds nothing of it.
    """
    end, signal = os.pipe()
    # An address that no other test of this machine gets a port of.
    with LoopbackProvider(host="127.0.0.77") as provider:
        child = os.fork()
        if child == 0:
            os.close(signal)
            os.read(end, 1)
            os._exit(0)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((provider.host, provider.port))
    os.write(signal, b"!")
    os.waitpid(child, 0)
    os.close(end)
    os.close(signal)


def test_it_runs_from_a_shell():
    """
    The command prints where it listens, and ends quietly when interrupted.
    """
    command = [sys.executable, "-m", "llmtrack.testing.provider", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        first = process.stdout.readline()
        process.stdout.readline()
        process.send_signal(2)
        try:
            _, errors = process.communicate(timeout=10)
        finally:
            process.kill()

    assert first.startswith("loopback provider on http://127.0.0.1:")
    assert (process.returncode, errors) == (0, "")


def test_it_needs_nothing_else_of_llmtrack():
    """
    Its modules import one another and the standard library.
    """
    folder = resources.files("llmtrack.testing.provider")
    files = [*folder.iterdir(), *folder.joinpath("wire").iterdir()]
    trees = [ast.parse(each.read_bytes()) for each in files if each.name[-3:] == ".py"]

    nodes = [node for tree in trees for node in ast.walk(tree)]
    imports = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    froms = {n.module for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
    assert {name.split(".")[0] for name in imports | froms} <= sys.stdlib_module_names
