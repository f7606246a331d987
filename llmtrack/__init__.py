"""One truthful record for every LLM call."""

__version__ = "0.1.0"
