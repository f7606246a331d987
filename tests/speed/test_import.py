import json
import os
import subprocess
import sys

import pytest

_EVERYTHING = "from llmtrack import *"
_DECORATOR = "from llmtrack import track_llm_call"
_DECORATED = f"""{_DECORATOR}
@track_llm_call(tracker=lambda record: None)
def ask(): return 'yes'
"""
_STREAMED = f"""{_DECORATOR}
@track_llm_call(tracker=lambda record: None)
def ask(): yield 'yes'
"""
_BLOCK = "from llmtrack import tracked_stream"
_DISABLED = {"LLMTRACK_DISABLED": "1"}

#: What wrapt brings with it, beside what llmtrack needs itself.
_WITH_WRAPT = {"wrapt", "asyncio", "ssl", "socket", "importlib.metadata", "email"}


def loaded_by(code: str, *, after: str = "pass", **env: str) -> set[str]:
    """
    Return the modules that some code brings into a new interpreter.

    Args:
        code: What is run.
        after: What is run before, and does not count.
        env: Environment variables.
    """
    script = (
        f"import sys, json\n{after}\nbefore = set(sys.modules)\n{code}\n"
        "print('\\n' + json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, **env},
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module", name="imported")
def _imported() -> set[str]:
    """Return the modules that all public names together bring."""
    return loaded_by(_EVERYTHING)


def test_an_import_loads_nothing_of_llmtrack():
    """
    `import llmtrack` costs nothing until one of its names is used.
    """
    imported = loaded_by("import llmtrack")

    assert {"llmtrack"} == {name for name in imported if name.startswith("llmtrack")}
    assert not imported & {"typing", "inspect", "logging", "dataclasses", *_WITH_WRAPT}


def test_an_import_brings_nobody_elses_package_but_wrapt(imported):
    """
    What a tracker, a price list or a tokenizer needs is imported when it is used.
    """
    packages = {name.partition(".")[0] for name in imported}
    known = sys.stdlib_module_names | {"llmtrack", "wrapt", "__main__"}

    # What a virtual environment or an editable installation adds begins so.
    strangers = {name for name in packages - known if not name.startswith("_")}

    assert not strangers


@pytest.mark.parametrize(
    ("code", "env"),
    [
        (_DECORATOR, {}),
        ("from llmtrack import CallRecord, configure, current_call, flush", {}),
        (_DECORATED, _DISABLED),
    ],
    ids=["decorator", "others", "decorated, disabled"],
)
def test_wrapt_waits_until_something_is_decorated(code, env):
    """
    wrapt, which brings asyncio, sockets and e-mail, loads when the first function is
    decorated, unless llmtrack is disabled; and with `tracked_stream`, `call_llm`,
    `acall_llm` and `llmtrack.formats` as soon as they are imported, for these are
    used where nobody should wait.
    """
    assert not loaded_by(code, **env) & _WITH_WRAPT


@pytest.mark.parametrize("code", [_DECORATED, _BLOCK], ids=["decorated", "block"])
def test_wrapt_is_there_before_the_first_call(code):
    """
    It takes tens of milliseconds: not in an event loop, and not on a thread while
    another one forks.
    """
    assert {"wrapt", "llmtrack.proxies"} <= loaded_by(code)


@pytest.mark.parametrize(
    ("before", "call"),
    [(_DECORATED, "ask()"), (_STREAMED, "for _ in ask(): pass")],
    ids=["call", "stream"],
)
def test_a_call_loads_only_what_it_meets(before, call):
    """
    Once a function is decorated, its calls import no more of llmtrack than the wire
    shapes they meet and what counts their tokens.
    """
    loaded = {name for name in loaded_by(call, after=before) if "llmtrack" in name}

    met = ("llmtrack.dialects.", "llmtrack.tokens.")
    assert {name for name in loaded if name.startswith(met)} == loaded


@pytest.mark.parametrize("name", ["sqlite3", "tiktoken", "opentelemetry", "rich"])
def test_an_import_does_not_load_what_only_some_use(imported, name):
    """
    Databases, vocabularies, spans and tables wait until they are asked for.
    """
    assert name not in imported


def test_no_tracker_is_loaded_before_it_is_asked_for(imported):
    """
    Of the trackers only the protocol is needed at first.
    """
    trackers = {name for name in imported if name.startswith("llmtrack.trackers.")}

    assert trackers <= {"llmtrack.trackers.protocol", "llmtrack.trackers.signatures"}


def test_no_dialect_of_a_client_is_loaded_before_its_chunks_come(imported):
    """
    A program pays for the wire shapes that it meets.
    """
    dialects = {name for name in imported if name.startswith("llmtrack.dialects.")}

    assert not {"llmtrack.dialects.openai_chat", "llmtrack.dialects.generic"} & dialects


def test_no_estimator_is_loaded_before_something_is_counted(imported):
    """
    The fitted weights take longer to load than all of the rest.
    """
    assert "llmtrack.tokens.estimator" not in imported
