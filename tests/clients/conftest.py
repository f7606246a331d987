"""Make `from payloads import ...` work, and bear with what clients leave behind."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Clients warn of their own, and leave sockets and loops to the collector."""
    for category in (
        "ResourceWarning",
        "DeprecationWarning",
        "UserWarning",
        "pytest.PytestUnraisableExceptionWarning",
    ):
        item.add_marker(pytest.mark.filterwarnings(f"ignore::{category}"))


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Collect what a test leaves behind while its warnings are ignored."""
    yield
    gc.collect()
    # The clients are huge: what has survived once is not looked at again.
    gc.freeze()
