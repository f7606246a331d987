"""The command as a whole: help, versions, terminals."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llmtrack import __version__

COMMANDS = ("demo", "report", "top", "doctor")


def test_without_a_command_the_help_is_shown(llmtrack, tmp_path):
    """
    `llmtrack` alone names all its commands.
    """
    done = llmtrack(cwd=tmp_path)

    help_text = done.stdout + done.stderr
    assert all(f"\n  {command} " in help_text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_and_exit_codes(llmtrack, command, tmp_path):
    """
    The help of each command shows how it is used and what its exit code means.
    """
    done = llmtrack(command, "--help", cwd=tmp_path)

    assert 0 == done.returncode
    assert f"  llmtrack {command}" in done.stdout
    assert "Exit codes: 0 " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_version_is_told(llmtrack, tmp_path):
    """
    `llmtrack --version` is the version of the package.
    """
    done = llmtrack("--version", cwd=tmp_path)

    assert f"llmtrack {__version__}\n" == done.stdout


def test_an_unknown_command_cannot_run(llmtrack, tmp_path):
    """
    A misspelt command is an error of use: exit code 2, no traceback, and the
    command that was meant.
    """
    done = llmtrack("repotr", cwd=tmp_path)

    assert 2 == done.returncode
    assert "Traceback" not in done.stderr
    assert "Did you mean 'report'?" in done.stderr


def test_the_package_itself_is_the_command(llmtrack, tmp_path):
    """
    `python -m llmtrack` works where the scripts are not on the path.
    """
    pytest.importorskip("click")

    done = subprocess.run(
        [sys.executable, "-m", "llmtrack", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert f"llmtrack {__version__}\n" == done.stdout


def test_an_encoding_without_the_characters_gets_escapes(llmtrack, tmp_path):
    """
    What the output's encoding lacks is written as an escape.
    """
    pytest.importorskip("openai")

    done = llmtrack(
        "demo",
        *("--model", "mödel", "--path", "wörld.jsonl"),
        cwd=tmp_path,
        PYTHONIOENCODING="ascii",
    )

    assert 0 == done.returncode, done.stderr
    assert r"appended to w\xf6rld.jsonl" in done.stdout
