import json
import subprocess
import sys

import pytest

_LISTING = "import sys, json, llmtrack; print(json.dumps(sorted(sys.modules)))"


@pytest.fixture(scope="module")
def imported() -> list[str]:
    """Return the modules that `import llmtrack` brings into a new interpreter."""
    command = [sys.executable, "-c", _LISTING]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def test_an_import_brings_nobody_elses_package_but_wrapt(imported):
    """
    What a tracker, a price list or a tokenizer needs is imported when it is used.
    """
    packages = {name.partition(".")[0] for name in imported}
    known = sys.stdlib_module_names | {"llmtrack", "wrapt", "__main__"}

    # What a virtual environment or an editable installation adds begins so.
    strangers = {name for name in packages - known if not name.startswith("_")}

    assert not strangers


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
