"""What `llmtrack` says where the packages that it needs are missing."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

if not find_spec("llmtrack.cli") or not find_spec("llmtrack.cli.__main__"):
    pytest.skip("there is no command yet", allow_module_level=True)

# Runs the command as its script would, with a package that cannot be imported.
WITHOUT = """
import sys

sys.modules[sys.argv.pop(1)] = None
from llmtrack.cli.__main__ import main

sys.exit(main())
"""


@pytest.mark.parametrize(
    ("package", "cure"),
    [
        ("click", 'pip install "llmtrack-instrument[cli]"'),
        ("rich", 'pip install "llmtrack-instrument[cli]"'),
        ("openai", "pip install openai"),
    ],
)
def test_the_demo_says_in_one_line_what_to_install(package, cure, tmp_path):
    """
    `llmtrack demo` without a package that it needs names the cure, and no
    traceback.
    """
    if package == "openai":
        pytest.importorskip("click")
        pytest.importorskip("rich")

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, package, "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert 0 != done.returncode
    assert 1 == len(done.stderr.splitlines()), done.stderr
    assert cure in done.stderr
