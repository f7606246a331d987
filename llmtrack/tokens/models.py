"""Which encoding counts for which model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

#: What the source of every estimate begins with.
ESTIMATE: Final = "estimate"
#: How far the own encoding of a model's family is trusted to be its own.
_CERTAIN: Final = 1.0

#: Name prefix -> encoding, for the models that OpenAI has documented. Longer
#: prefixes come first.
_KNOWN: Final = (
    ("gpt-oss", "o200k_base"),
    ("gpt-4.1", "o200k_base"),
    ("gpt-4.5", "o200k_base"),
    ("gpt-4o", "o200k_base"),
    ("chatgpt-4o", "o200k_base"),
    ("gpt-5", "o200k_base"),
    ("o1", "o200k_base"),
    ("o3", "o200k_base"),
    ("o4-mini", "o200k_base"),
    ("gpt-4-", "cl100k_base"),
    ("gpt-3.5", "cl100k_base"),
    ("gpt-35", "cl100k_base"),
    ("text-embedding-", "cl100k_base"),
)
_EXACT: Final = {"gpt-4": "cl100k_base"}
_NEW_OPENAI: Final = re.compile(r"gpt-|o\d|codex|chatgpt|computer-use")
_FAR: Final = re.compile(r"claude|gemini|gemma|palm|nova|titan|command|jamba")


@dataclass(frozen=True, slots=True)
class ModelEncoding:
    """
    The encoding that counts for a model.

    Attributes:
        name: tiktoken's name of it.
        assumed: Whether it stands in for one that is not public.
        latin: How far it is trusted with Latin scripts and code.
        cjk: The same for Chinese, Japanese and Korean.
        other: The same for all other scripts.
        label: The name, marked where it is assumed.
        by_tokenizer: What a count by its vocabulary has as source.
        by_estimator: The same for an estimate.
    """

    name: str
    assumed: bool = False
    latin: float = _CERTAIN
    cjk: float = _CERTAIN
    other: float = _CERTAIN
    # Written once an encoding: a count would take as long again to write them.
    label: str = field(init=False)
    by_tokenizer: str = field(init=False)
    by_estimator: str = field(init=False)

    def __post_init__(self) -> None:
        label = f"{self.name} (assumed)" if self.assumed else self.name
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "by_tokenizer", f"tiktoken:{label}")
        object.__setattr__(self, "by_estimator", f"{ESTIMATE}:{label}")

    def trust(self, text: str) -> float:
        """Return the highest confidence that a count of a text may have."""
        if not self.assumed or text.isascii():
            return self.latin
        from llmtrack.tokens.scripts import script_of

        script = script_of(text)
        if script == "latin":
            return self.latin
        return self.cjk if script == "cjk" else self.other


# Judged from how far published tokenizers of these families are from o200k.
_FUTURE: Final = ModelEncoding("o200k_base", True, 0.9, 0.9, 0.85)
_NEAR_PROXY: Final = ModelEncoding("o200k_base", True, 0.85, 0.85, 0.4)
_FAR_PROXY: Final = ModelEncoding("o200k_base", True, 0.6, 0.4, 0.4)


@lru_cache(maxsize=1024)
def encoding_of(model: str | None) -> ModelEncoding:
    """
    Return the encoding that counts for a model.

    The name may have any case, a `provider/` before it, or be a fine-tune's
    (`ft:gpt-4.1-mini:org::id`). None and names of other families get
    o200k_base as a stand-in.
    """
    if not model:
        return _NEAR_PROXY
    name = model.lower().rpartition("/")[2].removeprefix("ft:").partition(":")[0]
    if name in _EXACT:
        return ModelEncoding(_EXACT[name])
    for prefix, encoding in _KNOWN:
        if name.startswith(prefix):
            return ModelEncoding(encoding)
    if _NEW_OPENAI.match(name):
        return _FUTURE
    return _FAR_PROXY if _FAR.search(name) else _NEAR_PROXY
