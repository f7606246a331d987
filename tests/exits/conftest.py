import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field

import pytest

HEADER = """
import asyncio, os, signal, sys, threading, time
from llmtrack import track_llm_call, tracked_stream
from llmtrack.testing import Script, chat_chunks
from llmtrack.trackers import JSONLinesTracker

tracker = JSONLinesTracker(os.environ["CALLS"])
chunks = chat_chunks("Hel", "lo", "!")


def follow(name, source):
    return track_llm_call(tracker=tracker, name=name)(source)


# In short naps: a signal that arrives just before one long sleep, after the
# interpreter looked for signals, is not seen until that is over.
def sleep():
    for _ in range(1_200):
        time.sleep(0.05)


async def sleep_async():
    for _ in range(1_200):
        await asyncio.sleep(0.05)


def wait_for_a_signal(step):
    if step == 1:
        print("ready", flush=True)
        sleep()


answer = follow("answer", Script(chunks).stream)
async_answer = follow("answer", Script(chunks).async_stream)
waiting = follow("answer", Script(chunks, on_step=wait_for_a_signal).stream)
"""


@dataclass
class Ended:
    """
    A process that has ended.

    Attributes:
        records: What it wrote, line by line.
        code: Its exit code; negative is the number of a signal.
        output: What it printed.
        errors: What it printed to stderr.
    """

    records: list[dict]
    code: int
    output: str
    errors: str
    names: list[str] = field(init=False)

    def __post_init__(self):
        self.names = [record["name"] for record in self.records]

    @property
    def outcomes(self):
        """The outcomes by name; a name that is there twice is a mistake."""
        assert len(self.names) == len(set(self.names)), self.names
        return {record["name"]: record["outcome"] for record in self.records}


@pytest.fixture
def run(tmp_path):
    """Return what runs a program to its end, or until it is ready and gets a signal."""

    def run(program, *, send=None, code=0):
        path = tmp_path / "calls.jsonl"
        script = tmp_path / "program.py"
        script.write_text(HEADER + textwrap.dedent(program))
        process = subprocess.Popen(
            [
                sys.executable,
                "-X",
                "faulthandler",
                "-W",
                "default",
                "-W",
                "ignore::DeprecationWarning",
                script,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "CALLS": str(path)},
        )
        with process:
            if send is not None:
                assert "ready\n" == process.stdout.readline(), process.stderr.read()
                process.send_signal(send)
            try:
                output, errors = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                # faulthandler shows where it hangs.
                process.send_signal(signal.SIGABRT)
                pytest.fail(process.communicate(timeout=30)[1])
            finally:
                process.kill()
        assert code == process.returncode, errors
        records = [json.loads(line) for line in path.read_text().splitlines()]
        return Ended(records, process.returncode, output, errors)

    return run


@pytest.fixture
def interrupted():
    """Return the exit code of a program that Ctrl-C ended."""
    return -signal.SIGINT
