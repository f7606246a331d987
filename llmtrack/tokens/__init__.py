"""
Counting tokens where the provider does not say how many there were.

The order: a counter of the user's own; tiktoken, where the vocabulary of the
model is on this machine and whole; a fitted estimator. Nothing is fetched.
"""

from llmtrack.tokens.counting import (
    Counter,
    TokenCount,
    count_batch,
    count_tokens,
    is_slow,
    ready,
    warm,
)

__all__ = [
    "Counter",
    "TokenCount",
    "count_batch",
    "count_tokens",
    "is_slow",
    "ready",
    "warm",
]
