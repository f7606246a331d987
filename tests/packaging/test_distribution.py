"""What is handed to users: the files of the wheel, and what the metadata says."""

from __future__ import annotations

import json
import os
import re
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

import llmtrack

CHECKOUT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
NAME = "llmtrack-instrument"


@pytest.fixture(name="installed")
def _installed() -> Distribution:
    """Return the distribution, or skip where the tests run on the bare checkout."""
    try:
        found = distribution(NAME)
    except PackageNotFoundError:
        pytest.skip(f"{NAME} is not installed")
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        pytest.skip(f"{NAME} is installed as editable")
    return found


def floors(requirements: list[str]) -> set[str]:
    """Return requirements with `>=` turned into `==`, and nothing behind it."""
    return {re.sub(r">=([\d.]+).*", r"==\1", line) for line in requirements}


@pytest.mark.skipif("TOX_ENV_NAME" not in os.environ, reason="not run by tox")
def test_tox_tests_the_wheel_and_not_the_checkout():
    """
    Under tox, llmtrack is what pip installed, so that a file which is missing in
    the wheel is missing in the tests.
    """
    imported = Path(llmtrack.__file__)

    assert CHECKOUT / "llmtrack" not in imported.parents
    assert "site-packages" in imported.parts


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(installed):
    """
    Data files and `py.typed` are in the wheel, tests and examples are not.
    """
    ours = {
        str(path.relative_to(CHECKOUT))
        for path in (CHECKOUT / "llmtrack").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    shipped = {
        str(file)
        for file in installed.files or []
        if "__pycache__" not in file.parts and file.parts[0] != ".."
        and ".dist-info" not in file.parts[0]
    }  # fmt: skip

    assert ours == shipped
    assert "llmtrack/py.typed" in shipped


def test_the_version_is_written_once(installed):
    """
    The version of the distribution is `llmtrack.__version__`.
    """
    assert "version" in PYPROJECT["project"]["dynamic"]
    assert llmtrack.__version__ == installed.version


def test_the_licence_is_shipped(installed):
    """
    The wheel carries the text that its licence expression names.
    """
    assert "Apache-2.0" == installed.metadata["License-Expression"]
    assert "Apache License" in (installed.read_text("licenses/LICENSE") or "")


def test_every_extra_can_be_asked_for_by_name(installed):
    """
    An extra that a message tells people to install is one that exists.
    """
    assert set(EXTRAS) == set(installed.metadata.get_all("Provides-Extra") or [])
    assert {
        "prices", "otel", "launchdarkly", "prometheus", "cli", "vocabularies", "all",
    } == set(EXTRAS)  # fmt: skip


def test_all_is_all_extras():
    """
    The extra `all` names every other one.
    """
    listed = re.fullmatch(rf"{NAME}\[(.*)\]", *EXTRAS["all"])

    assert listed
    assert set(EXTRAS) - {"all"} == set(listed[1].split(","))


@pytest.mark.parametrize(
    "path", sorted((CHECKOUT / "llmtrack").rglob("*.py")), ids=lambda path: path.stem
)
def test_every_extra_that_a_message_names_exists(path):
    """
    A module that tells people to install an extra tells the right name.
    """
    named = re.findall(rf"{NAME}\[([a-z,]+)\]", path.read_text())

    assert {extra for group in named for extra in group.split(",")} <= set(EXTRAS)


def test_the_lowest_versions_are_those_of_the_metadata():
    """
    `tox -e lowest` installs exactly the floors that pyproject.toml admits.
    """
    lines = (Path(__file__).parent / "lowest.txt").read_text().splitlines()
    admitted = PYPROJECT["project"]["dependencies"] + [
        requirement
        for extra, group in EXTRAS.items()
        if extra != "all"
        for requirement in group
    ]

    pinned = {line for line in lines if not line.startswith("#")}

    assert floors(admitted) == pinned
