"""Bear with what clients leave behind."""

import gc
from collections.abc import Iterator

import pytest


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
