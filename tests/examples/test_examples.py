"""Every file of examples/ runs, offline and with nothing but itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openai")

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))

# Runs a file as `python file.py` would, where only this machine can be reached.
OFFLINE = """
import runpy, socket, sys

LOOPBACK = {"localhost", "127.0.0.1", "::1"}

def refuse(event, args):
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    if host not in LOOPBACK | {None, ""}:
        raise OSError(f"{host} cannot be reached: examples run offline")

sys.addaudithook(refuse)
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(example: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an example in a folder of its own, without a key in the environment."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", OFFLINE, str(example)],
        cwd=folder,
        env={"PATH": "", "HOME": str(folder), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_example_runs_offline_and_shows_something(example, tmp_path):
    """
    An example ends well, with no key and no network, warns of nothing, and has
    something to show.
    """
    done = run(example, tmp_path)

    assert 0 == done.returncode, done.stderr
    assert "" == done.stderr
    assert done.stdout.strip()


def test_an_example_that_needs_the_network_fails(tmp_path):
    """
    The test above would see an example that reaches for the network.
    """
    example = tmp_path / "reaches_out.py"
    example.write_text("import socket; socket.create_connection(('192.0.2.1', 80))")

    done = run(example, tmp_path)

    assert "192.0.2.1 cannot be reached" in done.stderr
