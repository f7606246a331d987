"""Which encoding counts for which model."""

import pytest

from llmtrack.tokens.models import encoding_of


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-4.1", "o200k_base"),
        ("gpt-5-nano-2026-01-01", "o200k_base"),
        ("chatgpt-4o-latest", "o200k_base"),
        ("gpt-oss-120b", "o200k_base"),
        ("o1", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("o4-mini", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("gpt-35-turbo", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("openai/gpt-4o", "o200k_base"),
        ("openrouter/openai/gpt-4", "cl100k_base"),
        ("GPT-4O", "o200k_base"),
        ("ft:gpt-4.1-mini:acme::id", "o200k_base"),
        ("ft:gpt-3.5-turbo:acme::id", "cl100k_base"),
    ],
)
def test_known_models_have_their_own_encoding(model, encoding):
    """
    Prefixes, fine-tunes and upper case do not hide which model it is.
    """
    found = encoding_of(model)

    assert (encoding, False) == (found.name, found.assumed)


@pytest.mark.parametrize(
    "model",
    ["gpt-6", "o5-pro", "codex-mini-latest", "claude-opus-4", "llama3:8b", "", None],
)
def test_unknown_models_get_a_stand_in(model):
    """
    A model of the future or of another family is counted with o200k_base.
    """
    found = encoding_of(model)

    assert ("o200k_base", True) == (found.name, found.assumed)
    assert "o200k_base (assumed)" == found.label


def test_a_stand_in_is_trusted_by_script():
    """
    Other families' tokenizers agree on English, and less on other scripts.
    """
    claude = encoding_of("anthropic/claude-sonnet-4-5")
    deepseek = encoding_of("deepseek-chat")

    assert 0.6 == claude.trust("Honest numbers")
    assert 0.4 == claude.trust("正直な数字")
    assert 0.85 == deepseek.trust("正直な数字")
    assert 0.4 == deepseek.trust("ईमानदार अनुमान")
