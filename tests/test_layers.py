"""The shape of the package: who may import whom, and how long a module may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import llmtrack

PACKAGE = Path(llmtrack.__file__).parent

# From the ground up. A part imports from its own floor and from those below,
# never from above and never in a circle. A part is a module or subpackage of
# llmtrack; `llmtrack` stands for the package's own `__init__`.
FLOORS = (
    # The vocabulary: what a call, an event and an error are. Knows nobody.
    {
        "correlation", "error_kinds", "errors", "events", "exportable", "frozen",
        "keywords", "record",
    },
    # What clients, models and price lists are like; each can be had by itself.
    {"dialects", "prices", "provider_names", "providers", "tokens"},
    # How a client is called, and what its parameters are called: for `direct`.
    {"phrasing", "ways"},
    # Where events go.
    {"trackers"},
    # How events get there, and what is decided before the first call.
    {
        "delivery", "delivery_loop", "directory", "guard", "nesting", "outlets", "plan",
        "settings",
    },
    # One call, from its start to its one ending; the only clock.
    {"activation", "answer", "call", "current", "state", "summary"},
    # What stands in for a stream, a response or a coroutine, and tells its call.
    {
        "bodies", "drops", "followers", "functions", "hidden", "kinds", "proxies",
        "wrapping",
    },
    # What users write above a function, around a stream, or in place of both.
    {"block", "direct", "formats", "formatted", "instrument"},
    # The public surface.
    {"llmtrack"},
    # What stands on it, as a user's code does.
    {"cli", "testing"},
    # `python -m llmtrack`.
    {"__main__"},
)  # fmt: skip
VOCABULARY = FLOORS[0]

# Some parts may know less than their floor would let them.
NARROWER = {
    # A backend is one file that anybody could have written outside llmtrack.
    "trackers": VOCABULARY | {"trackers"},
    # What they need of llmtrack, its users need too: the public surface. A test
    # also sets what no program should, such as the clock.
    "testing": {
        "llmtrack", "testing", "trackers", "tokens", "prices", "formats", "settings",
        *VOCABULARY,
    },
    "cli": {
        "llmtrack", "cli", "testing", "trackers", "tokens", "prices", "formats",
        *VOCABULARY,
    },
    # A provider, as far as anybody can see: it could be in another language.
    "testing.provider": {"testing.provider"},
}  # fmt: skip

CORE = ("instrument", "followers", "call", "delivery")
LINES_IN_A_MODULE = 400
LINES_IN_THE_CORE = 1_200

# The clients that llmtrack tracks, and what they speak HTTP with.
CLIENTS = {
    "aiohttp", "anthropic", "boto3", "botocore", "cerebras", "cohere", "fireworks",
    "google", "groq", "httpx", "httpx2", "huggingface_hub", "langchain_core",
    "litellm", "llama_index", "mistralai", "ollama", "openai", "pydantic_ai",
    "requests", "together", "xai_sdk",
}  # fmt: skip
MAY_IMPORT_A_CLIENT = (
    # The demo is about the real client.
    "llmtrack.cli",
    # gRPC needs compiled messages, and xai's exist nowhere but in its client.
    "llmtrack.testing.provider.xai_grpc",
)


def name_of(path: Path) -> str:
    """Return the dotted name of a module of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
each_module = pytest.mark.parametrize("module", MODULES)


def imports_of(source: str, *, module: str, is_package: bool) -> Iterator[str]:
    """
    Yield the dotted names that a module imports.

    An import counts wherever it stands: in a function, under `TYPE_CHECKING`,
    and as a literal given to `import_module`. Each is knowledge of the other.
    """
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=origin, names=names, level=level):
                above = package.split(".")[: len(package.split(".")) - level + 1]
                start = ".".join(filter(None, [*(above if level else []), origin]))
                yield from (f"{start}.{alias.name}" for alias in names)
            case ast.Call(
                func=ast.Name("import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(str(name)), *_],
            ):
                yield (package if name.startswith(".") else "") + name


def imports(module: str) -> Iterator[str]:
    """Yield what a module of the package imports, as modules where it is its own."""
    path = MODULES[module]
    for name in imports_of(
        path.read_text(), module=module, is_package=path.stem == "__init__"
    ):
        # `from llmtrack.events import Event` names a class of a module.
        owner = name if name in MODULES else name.rpartition(".")[0]
        yield owner if owner in MODULES else name


def part_of(module: str) -> str:
    """Return the part of llmtrack that a module belongs to."""
    return module.split(".")[1] if "." in module else module


def inside(name: str) -> bool:
    """Return whether a dotted name is llmtrack or in it."""
    return name.split(".")[0] == "llmtrack"


def floor_of(part: str) -> int:
    """Return how high a part stands."""
    for height, parts in enumerate(FLOORS):
        if part in parts:
            return height
    pytest.fail(f"llmtrack.{part} has no floor in {__file__}: give it one")


@each_module
def test_imports_run_downward_only(module):
    """
    A module imports from its own floor and from those below.
    """
    height = floor_of(part_of(module))

    above = [
        name
        for name in imports(module)
        if inside(name) and floor_of(part_of(name)) > height
    ]

    assert [] == above


def test_no_floor_keeps_a_part_that_is_gone():
    """
    The map names what there is.
    """
    there = {part_of(module) for module in MODULES}

    assert set().union(*FLOORS) == there


@pytest.mark.parametrize("part", NARROWER)
def test_some_parts_know_less(part):
    """
    Trackers know the vocabulary alone; testing and the command line stand on
    the public surface; the loopback provider knows nothing of llmtrack.
    """
    prefix = f"llmtrack.{part}"
    own = [m for m in MODULES if m == prefix or m.startswith(f"{prefix}.")]

    beyond = [
        f"{module} imports {name}"
        for module in own
        for name in imports(module)
        if inside(name)
        and not {part_of(name), name.removeprefix("llmtrack.")} & NARROWER[part]
        and not name.startswith(f"{prefix}.")
    ]

    assert [] == beyond


def test_no_module_imports_itself_on_a_detour():
    """
    Modules import each other in one direction, also on the same floor.
    """
    graph = {
        module: {name for name in imports(module) if name in MODULES} - {module}
        for module in MODULES
    }

    order = list(TopologicalSorter(graph).static_order())

    assert len(MODULES) == len(order)


@each_module
def test_no_client_is_imported(module):
    """
    Clients are recognised by what they look like, so none has to be installed.
    """
    clients = {name.split(".")[0] for name in imports(module)} & CLIENTS

    assert set() == clients or module.startswith(MAY_IMPORT_A_CLIENT)


def test_importing_llmtrack_loads_the_standard_library_and_wrapt():
    """
    Of all public names none needs more; everything heavier loads when it is used.
    """
    script = (
        "import sys; before = set(sys.modules); from llmtrack import *; "
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    known = sys.stdlib_module_names | {"llmtrack", "wrapt"}
    assert set() == set(loaded.stdout.split()) - known


@each_module
def test_a_module_is_short_enough_to_be_read(module):
    """
    No module is over 400 lines.
    """
    lines = MODULES[module].read_text().count("\n")

    assert lines <= LINES_IN_A_MODULE


def test_the_core_is_short_enough_to_be_known():
    """
    The core, which every call runs through, is under 1,200 lines.
    """
    core = [m for m in MODULES if part_of(m) in CORE]

    lines = sum(MODULES[module].read_text().count("\n") for module in core)

    assert lines < LINES_IN_THE_CORE


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import llmtrack.call", "llmtrack.call"),
        ("from llmtrack import call", "llmtrack.call"),
        ("from . import call", "llmtrack.trackers.call"),
        ("from .. import call", "llmtrack.call"),
        ("from ..call import Call", "llmtrack.call.Call"),
        ("def f():\n    import llmtrack.call", "llmtrack.call"),
        ("if TYPE_CHECKING:\n    from llmtrack.call import Call", "llmtrack.call.Call"),
        ("importlib.import_module('llmtrack.call')", "llmtrack.call"),
        ("import_module('.call', __name__)", "llmtrack.trackers.call"),
    ],
)
def test_no_way_to_import_is_overlooked(source, found):
    """
    The tests above see an import wherever and however it is written.
    """
    names = imports_of(source, module="llmtrack.trackers.stdout", is_package=False)

    assert [found] == list(names)
