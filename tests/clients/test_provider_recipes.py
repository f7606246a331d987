"""The README's recipes, with the clients that are installed."""

import re
from importlib import resources

import pytest

README = resources.files("llmtrack.testing.provider") / "README.md"
RECIPE = re.compile(r"^##+ ([^\n]+)\n(?:(?!^##).)*?^```python\n(.*?)^```", re.M | re.S)
RECIPES = dict(RECIPE.findall(README.read_text("utf-8")))
CLIENT = re.compile(r"^(?:import|from) ((?!llmtrack|asyncio)[\w.]+)", re.M)


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_works(title, monkeypatch):
    """
    The code runs as it stands.
    """
    code = RECIPES[title]
    for name in CLIENT.findall(code):
        # With openai 2 a cut stream ends in an error of httpx.
        minimum = "3" if name == "openai" else None
        pytest.importorskip(name, minimum, exc_type=ImportError)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    exec(compile(code, title, "exec"), {})


def test_there_are_recipes():
    """
    The README's code is found.
    """
    assert len(RECIPES) >= 11
