"""The public names, which are imported one by one when they are first used."""

from __future__ import annotations

import ast
import pickle
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

import llmtrack

SOURCE = ast.parse(Path(llmtrack.__file__).read_text())
CLASSES = [
    name for name in llmtrack.__all__ if isinstance(getattr(llmtrack, name), type)
]


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own, to which no name of llmtrack is known yet."""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


def test_types_and_names_come_from_the_same_modules():
    """
    What a type checker reads is what a program gets, name by name.
    """
    read = {
        alias.name: node.module
        for node in ast.walk(SOURCE)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("llmtrack")
        for alias in node.names
    }

    found = {name: f"llmtrack.{module}" for name, module in llmtrack._MODULES.items()}

    assert read == found
    assert {*read, "__version__"} == set(llmtrack.__all__)


def test_all_names_are_listed_before_they_are_used():
    """
    `dir`, and with it completion and `help`, knows what was not imported yet.
    """
    done = run("import llmtrack; assert set(llmtrack.__all__) <= set(dir(llmtrack))")

    assert (0, "") == (done.returncode, done.stderr)


def test_help_shows_what_the_names_are():
    """
    `help(llmtrack)` has the classes and functions with their documentation.
    """
    shown = pydoc.plain(pydoc.render_doc(llmtrack))

    assert "class CallRecord(CallInfo)" in shown
    assert "Track every call of a function that talks to a language model." in shown


@pytest.mark.parametrize("name", CLASSES)
def test_classes_are_pickled_by_name(name):
    """
    A class that is pickled is the same one in the process that reads it.
    """
    cls = getattr(llmtrack, name)

    assert pickle.loads(pickle.dumps(cls)) is cls


@pytest.mark.parametrize(
    "part", ["dialects", "formats", "prices", "record", "testing", "tokens", "trackers"]
)
def test_parts_need_no_import_of_their_own(part):
    """
    `llmtrack.trackers.StdoutTracker` is found after `import llmtrack` alone.
    """
    done = run(f"import llmtrack; print(llmtrack.{part}.__name__)")

    assert (f"llmtrack.{part}\n", "") == (done.stdout, done.stderr)


def test_a_name_that_is_not_there_is_said_so():
    """
    A misspelt name is an `AttributeError`, in a `from` import an `ImportError`.
    """
    with pytest.raises(AttributeError, match="'llmtrack' has no attribute 'track'"):
        llmtrack.track
    with pytest.raises(ImportError, match="cannot import name 'track'"):
        exec("from llmtrack import track")


def test_a_name_is_the_same_object_for_all_threads():
    """
    Threads that use a name for the first time at once get one and the same.
    """
    done = run(
        "import llmtrack, threading\n"
        "start, got = threading.Barrier(8), []\n"
        "def use(name):\n"
        "    start.wait()\n"
        "    got.append((name, id(getattr(llmtrack, name))))\n"
        "names = ['track_llm_call', 'tracked_stream', 'call_llm', 'CallRecord'] * 2\n"
        "threads = [threading.Thread(target=use, args=(name,)) for name in names]\n"
        "for each in threads: each.start()\n"
        "for each in threads: each.join()\n"
        "print(len(got), len(set(got)))"
    )

    assert ("8 4\n", "") == (done.stdout, done.stderr)


@pytest.mark.parametrize("name", ["flush", "statistics", "current_call"])
def test_a_name_may_first_be_used_when_the_program_exits(name):
    """
    A function that runs at exit may be the first to use a name.
    """
    done = run(
        "import atexit, llmtrack\n"
        f"atexit.register(lambda: print(llmtrack.{name}() in (True, None, {{}})))"
    )

    assert ("True\n", "") == (done.stdout, done.stderr)
