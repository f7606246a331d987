"""Every example of docs/ and of the README runs, and prints what is shown."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUNNER = Path(__file__).with_name("run_page.py")
#: Warnings are errors, but for the connections that clients leave to the collector:
#: when it comes, and into which example's output it writes, is nobody's promise.
WARNINGS = (
    "error",
    "ignore:unclosed <socket:ResourceWarning",
    "ignore:unclosed transport:ResourceWarning",
)
#: The runner's exit code for a package that is not installed.
MISSING = 77


def run(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page in a folder of its own, without a key in the environment."""
    options = [part for warning in WARNINGS for part in ("-W", warning)]
    return subprocess.run(
        [sys.executable, *options, str(RUNNER), str(page)],
        cwd=folder,
        env={"PATH": "", "HOME": str(folder), "PYTHONUTF8": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def page(tmp_path):
    """Return what runs a page that is given as text."""

    def write_and_run(text: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "page.md"
        path.write_text(text, "utf-8")
        return run(path, tmp_path)

    return write_and_run


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_of_a_page_do_what_it_says(path, tmp_path):
    """
    What a page shows runs offline, without a key, warns of nothing, and prints
    what the page says.
    """
    done = run(path, tmp_path)

    # The dependencies of the documentation hold all that its pages need.
    if done.returncode == MISSING and find_spec("sphinx") is None:
        pytest.skip(done.stdout.strip())
    assert 0 == done.returncode, done.stdout + done.stderr


def test_each_thing_that_is_compared_has_an_example():
    """
    Each row of the comparison links to a page, or a section, that runs an example.
    """
    docs = ROOT / "docs"
    table = (docs / "comparable.md").read_text("utf-8").split("\n\n")[2]
    rows = [row for row in table.splitlines()[2:] if not row.startswith("| **")]

    links = [re.findall(r"\]\((.*?)\)", row) for row in rows]

    assert all(links)
    for path, _, section in (link.partition("#") for found in links for link in found):
        text = (docs / (path or "comparable.md")).read_text("utf-8")
        parts = {slug(part): part for part in re.split(r"^#+ ", text, flags=re.M)}
        assert "```python" in (parts[section] if section else text)


def slug(part: str) -> str:
    """Return what a link to a section ends in."""
    heading = re.sub(r"[^\w\- ]", "", part.partition("\n")[0])
    return heading.lower().replace(" ", "-")


def test_blocks_share_their_names(page):
    """
    A block may use what one before it has defined.
    """
    done = page("```python\nx = 0.1\n```\n```python\nprint(x)\n```\n```text\n9.9\n```")

    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```python\nprint('a b')\n```\n```text\na c\n```", "printed was\na b"),
        ("```python\nprint(41)\n```\n```text\n42\n```", "printed was\n41"),
        ("\n```python\n\n1 / 0\n```", 'page.md", line 4'),
        ("```python\nimport warnings; warnings.warn('old')\n```", "UserWarning: old"),
        (
            "```python\nimport socket\n"
            "socket.create_connection(('192.0.2.1', 80))\n```",
            "192.0.2.1 cannot be reached",
        ),
        ("```sh\nllmtrack nonsense\n```", "exit code 2"),
        ("```sh\nllmtrack --version\n```\n```text\nother\n```", "printed was"),
        ("<!-- run\nprint(undefined)\n-->", "undefined"),
    ],
)
def test_a_page_that_lies_fails(page, text, complaint):
    """
    The test above would see an example that fails, prints something else, warns,
    or reaches for the network.
    """
    if "llmtrack --" in text:
        pytest.importorskip("click")

    done = page(text)

    assert 1 == done.returncode
    assert complaint in done.stderr


def test_a_missing_package_is_named(page):
    """
    A page that needs what is not installed is not run, and says what it is.
    """
    done = page("<!-- needs: no_such_package -->\n```python\n1 / 0\n```")

    assert MISSING == done.returncode
    assert "page.md needs no_such_package" in done.stdout
