"""`llmtrack doctor`."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Breaks the promise that a call ends once, and runs the command.
BROKEN = """
import sys
from llmtrack.testing import RecordingTracker
from llmtrack.testing.conformance.world import Witness

whole = Witness.track
Witness.track = lambda self, event: (whole(self, event), whole(self, event))
sys.argv = ["llmtrack", "doctor"]
from llmtrack.cli.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def doctor(llmtrack, tmp_path_factory):
    """Ask for two models."""
    models = ("--model", "gpt-4o-mini", "--model", "模型-[red]x")
    return llmtrack("doctor", *models, cwd=tmp_path_factory.mktemp("doctor"))


def test_all_is_well(doctor):
    """
    The self-test passes, and the exit code says so.
    """
    assert (0, "") == (doctor.returncode, doctor.stderr)
    assert "48 of 48 calls were recorded once, and right" in doctor.stdout


def test_it_says_what_is_installed(doctor):
    """
    Core packages, extras, clients, vocabularies and prices have a line each.
    """
    starts = {line.split("  ")[0] for line in doctor.stdout.splitlines()}

    assert {
        "version", "python", "wrapt", "cli", "prices", "otel", "o200k_base", "others"
    } <= starts  # fmt: skip


def test_it_says_what_would_be_used_for_a_model(doctor):
    """
    Provider, counter and price of a model are named, known or not.
    """
    text = doctor.stdout

    assert "openai, going by the name" in text
    assert "o200k_base" in text
    assert "模型-[red]x\nprovider  not known" in text


def test_it_fits_into_80_columns(doctor):
    """
    Piped, there are no escape sequences and no long lines.
    """
    assert "\x1b" not in doctor.stdout
    assert max(map(len, doctor.stdout.splitlines())) <= 80


def test_a_broken_guarantee_is_seen():
    """
    Where calls end twice the self-test says which, and the exit code is 1.
    """
    pytest.importorskip("click")
    pytest.importorskip("rich")

    done = subprocess.run(
        [sys.executable, "-c", BROKEN], capture_output=True, text=True, timeout=60
    )

    assert 1 == done.returncode, done.stderr
    assert "generator, break: " in done.stdout


def test_disabled_nothing_can_be_promised(llmtrack, tmp_path):
    """
    With LLMTRACK_DISABLED there is no guarantee, and that is said.
    """
    done = llmtrack("doctor", cwd=tmp_path, LLMTRACK_DISABLED="1")

    assert 1 == done.returncode
    assert "LLMTRACK_DISABLED is set" in done.stdout
