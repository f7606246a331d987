"""
Features of a text from which its number of tokens is predicted.

Standard library only, deterministic, one pass per regular expression.  None
of the expressions backtracks, and it should stay so: optional blanks before
a newline, for one, take quadratic time on a long run of blanks.

    python estimator.py 'some text'     # print its features
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import filterfalse
from pathlib import Path
from typing import Final, NamedTuple

from llmtrack.tokens.lexicon import ENGLISH_AND_CODE, OTHER_LATIN

#: Feature name -> value; a missing name is 0.
Features = dict[str, float]
FindAll = Callable[[str], list[str]]

#: Words of this many letters or more share one feature.
LONGEST_WORD: Final = 16
#: Indents up to this many blanks are one token.
LONGEST_INDENT: Final = 16

_PUNCT: Final = r"!-/:-@\[-`{-~"
_ACCENTED: Final = "\u00c0-\u024f\u1e00-\u1eff\u0300-\u036f"


def _finder(pattern: str) -> FindAll:
    return re.compile(pattern).findall


_ASCII_WORDS: Final = _finder(r"[A-Z]?[a-z]+")
_LATIN_WORDS: Final = _finder(
    "[A-Z\u00c0-\u00d6\u00d8-\u00de]?"
    "[a-z\u00df-\u00f6\u00f8-\u024f\u1e00-\u1eff\u0300-\u036f]+"
)
_UPPER: Final = _finder(r"[A-Z]{2,}(?![a-z])|[A-Z](?![A-Za-z])")
_PUNCT_RUNS: Final = _finder(rf" ?[{_PUNCT}]+")
_SAME: Final = re.compile(rf"([{_PUNCT} ])\1{{3,}}")
_NEWLINES: Final = _finder(r"\n+")
_SPACES: Final = _finder(r"(?<=\S)[ \t]{2,}")
_INDENTS: Final = _finder(r"(?<=\n)[ \t]{2,}")
_ACCENTS: Final = _finder(rf"[{_ACCENTED}]")
#: Features that are a number of matches.
_COUNTS: Final = {
    "digit_groups": _finder(r"[0-9]{1,3}"),
    "joints": _finder(r"(?<=[a-z0-9])[A-Z]|(?<=[0-9])[a-z]"),
    "space_digit": _finder(r" (?=[0-9])"),
    "punct_word": _finder(rf"(?<![{_PUNCT} ])[{_PUNCT}](?=[A-Za-z])"),
    "bare_words": _finder(r"(?<![A-Za-z ])[a-z]+"),
    "space_punct": _finder(rf" [{_PUNCT}]"),
}
#: Features in pairs: the characters of a script, and the runs of them.
_SCRIPTS: Final = {
    name: _finder(pattern)
    for name, pattern in {
        "cyrillic": "[\u0400-\u052f]+",
        # Letters that Ukrainian and Belarusian have, and Russian has not.
        "ukrainian": "[\u0404\u0406\u0407\u040e\u0454\u0456\u0457\u045e\u0490\u0491]+",
        "arabic": "[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]+",
        # Letters that Persian has, and Arabic has not.
        "persian": "[\u067e\u0686\u0698\u06a9\u06af\u06cc\u200c]+",
        "devanagari": "[\u0900-\u097f]+",
        "bengali": "[\u0980-\u09ff]+",
        "tamil": "[\u0b80-\u0bff]+",
        "other_indic": "[\u0a00-\u0b7f\u0c00-\u0dff]+",
        "thai": "[\u0e00-\u0e7f]+",
        "hangul": "[\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f]+",
        "kana": "[\u3040-\u30ff]+",
        "han": "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+",
        "cjk_punct": "[\u3000-\u303f\uff00-\uffef]+",
        "greek": "[\u0370-\u03ff]+",
        "hebrew": "[\u0590-\u05ff]+",
        "emoji": "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff]+",
        # Joiners, variation selectors, skin tones, flags: one by one.
        "joiner": "[\u200d\ufe0e\ufe0f\U000e0020-\U000e007f"
        "\U0001f3fb-\U0001f3ff\U0001f1e6-\U0001f1ff]",
        "typographic": "[\u0080-\u00bf\u00d7\u00f7\u2000-\u200b"
        "\u200e-\u206f\u20a0-\u20cf]+",
        "symbol": "[\u2100-\u25ff\u2900-\u2aff]+",
    }.items()
}
#: Everything that some feature above accounts for.
_KNOWN: Final = _finder(
    "[\x00-\u024f\u0300-\u052f\u0590-\u06ff\u0750-\u077f\u0900-\u0dff"
    "\u0e00-\u0e7f\u1100-\u11ff\u1e00-\u1eff\u2000-\u206f\u20a0-\u20cf"
    "\u2100-\u25ff\u2600-\u27bf\u2900-\u2bff\u3000-\u30ff\u3130-\u318f"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufb50-\ufdff"
    "\ufe70-\ufeff\ufe0e\ufe0f\uff00-\uffef\U0001f000-\U0001faff]"
)

#: 32 or more of one character are counted apart, at a rate of their own.
_LONG_RUN: Final = re.compile(r"(.)\1{31,}", re.S)
_TOKENS_PER_CHAR: Final = {
    " ": 0.0126,
    "\n": 0.047,
    "\t": 0.0625,
    **dict.fromkeys(".-=_*#", 0.0157),
}
_ASCII_RATE: Final = 0.125
_OTHER_RATE: Final = 0.6


def split_runs(text: str) -> tuple[str, float]:
    """Return the text without long runs, and the tokens they are worth."""
    tokens = 0.0

    def count(match: re.Match[str]) -> str:
        nonlocal tokens
        char, run = match[1], match[0]
        default = _ASCII_RATE if char.isascii() else _OTHER_RATE
        rate = _TOKENS_PER_CHAR.get(char, default)
        tokens += max(1.0, len(run) * rate)
        return ""

    return _LONG_RUN.sub(count, text), tokens


def features(text: str) -> Features:
    """Return the features of a text, without those that are zero."""
    found: Features = defaultdict(float)
    foreign = _add_words(found, text)
    _add_ascii(found, text)
    if not text.isascii():
        _add_scripts(found, text, foreign)
    return {name: value for name, value in found.items() if value}


def _add_words(found: Features, text: str) -> float:
    """Add the words; return the share that is not everyday English."""
    words = (_ASCII_WORDS if text.isascii() else _LATIN_WORDS)(text)
    rare = list(filterfalse(ENGLISH_AND_CODE.__contains__, words))
    unknown = list(filterfalse(OTHER_LATIN.__contains__, rare))
    foreign = len(rare) / len(words) if words else 0.0
    found["english_words"] = len(words) - len(rare)
    found["other_words"] = len(rare) - len(unknown)
    for length, count in Counter(map(len, unknown)).items():
        size = "short" if length <= 3 else "mid" if length <= 7 else "long"
        found[f"word_{min(length, LONGEST_WORD)}"] += count
        found["word_excess"] += max(0, length - LONGEST_WORD) * count
        found[f"foreign_{size}"] += foreign * count
        found["foreign_length"] += foreign * foreign * count * length
    return foreign


def _add_ascii(found: Features, text: str) -> None:
    for name, find in _COUNTS.items():
        found[name] = len(find(text))
    upper = _UPPER(text)
    found["upper_runs"] = len(upper)
    found["upper_chars"] = _total(upper)
    punct = _PUNCT_RUNS(text)
    found["punct_runs"] = len(punct)
    found["punct_chars"] = len("".join(punct).replace(" ", ""))
    found["punct_excess"] = sum(len(run) - 3 for run in punct if len(run) > 3)
    same = [match.end() - match.start() for match in _SAME.finditer(text)]
    found["same_runs"] = len(same)
    found["same_chars"] = sum(same)
    newlines = _NEWLINES(text)
    found["newline_runs"] = len(newlines)
    found["newline_excess"] = _total(newlines) - len(newlines)
    spaces = _SPACES(text)
    found["space_runs"] = len(spaces)
    found["space_chars"] = _total(spaces)
    indents = _INDENTS(text)
    found["indents"] = len(indents)
    found["indent_excess"] = sum(
        len(indent) - LONGEST_INDENT
        for indent in indents
        if len(indent) > LONGEST_INDENT
    )


def _add_scripts(found: Features, text: str, foreign: float) -> None:
    accents = len(_ACCENTS(text))
    found["accented_chars"] = accents
    found["accented_foreign"] = foreign * accents
    for name, find in _SCRIPTS.items():
        if runs := find(text):
            found[f"{name}_chars"] = _total(runs)
            found[f"{name}_runs"] = len(runs)
    found["other"] = len(text) - len(_KNOWN(text))


def _total(runs: list[str]) -> int:
    return len("".join(runs))


_HERE: Final = Path(__file__).parent
#: Encoding -> feature -> tokens per unit.
COEFFICIENTS: Final[dict[str, Features]] = json.loads(
    (_HERE / "coefficients.json").read_text("utf-8")
)
#: Encoding -> kind of text -> length -> share of the estimate to trust.
CONFIDENCE: Final[dict[str, dict[str, dict[str, float]]]] = json.loads(
    (_HERE / "confidence.json").read_text("utf-8")
)
DEFAULT_ENCODING: Final = "o200k_base"

#: Texts of more characters than this are sampled.
SAMPLE_OVER: Final = 65_536
WINDOW: Final = 4_096
WINDOWS: Final = 16

_SCRIPTS_OF: Final = {
    "cjk": ("han", "kana", "hangul", "cjk_punct"),
    "cyrillic": ("cyrillic",),
    "arabic_hebrew": ("arabic", "hebrew"),
    "greek": ("greek",),
    "indic_thai": ("devanagari", "bengali", "tamil", "other_indic", "thai"),
    "emoji": ("emoji", "joiner"),
}
_WORD_NAMES: Final = (
    "english_words",
    *(f"word_{length}" for length in range(1, LONGEST_WORD + 1)),
)


class Estimate(NamedTuple):
    """An estimated count: `confidence` is 1 - the p90 of the error."""

    tokens: int
    confidence: float
    kind: str


def estimate(text: str, encoding: str = "o200k_base") -> Estimate:
    """Return the estimate for one of the encodings of `COEFFICIENTS`."""
    if not text:
        return Estimate(0, 1.0, "empty")
    tokens, kind = raw_estimate(text, encoding)
    table = CONFIDENCE[encoding]
    size = _size(len(text))
    confidence = table.get(kind, {}).get(size) or table["*"][size]
    return Estimate(max(1, round(tokens)), confidence, kind)


def raw_estimate(text: str, encoding: str) -> tuple[float, str]:
    """Return the unrounded number of tokens and the kind of text."""
    text, run_tokens = split_runs(text)
    sample = _sample(text)
    found: Features = defaultdict(float)
    for part in sample:
        for name, value in features(part).items():
            found[name] += value
    size = sum(map(len, sample))
    coefficients = COEFFICIENTS[encoding]
    tokens = sum(coefficients[name] * value for name, value in found.items())
    scale = len(text) / size if size else 0.0
    return tokens * scale + run_tokens, kind_of(found, size)


def kind_of(found: Features, size: int) -> str:
    """Return the kind of text that some features of `size` chars show."""

    def chars(*scripts: str) -> float:
        return sum(found.get(f"{name}_chars", 0.0) for name in scripts)

    by_kind = {kind: chars(*names) for kind, names in _SCRIPTS_OF.items()}
    most = max(by_kind, key=by_kind.__getitem__)
    if by_kind[most] > 0.15 * size:
        return most
    if found.get("other", 0.0) > 0.15 * size:
        return "other_script"
    words = sum(found.get(name, 0.0) for name in _WORD_NAMES)
    if not words or words * 12 < size * 0.6:
        return "numeric_or_opaque"
    foreign = 1 - found.get("english_words", 0.0) / words
    if foreign < 0.5:
        return "english_or_code"
    return "latin_other" if foreign < 0.85 else "latin_foreign_or_random"


def _sample(text: str) -> list[str]:
    if len(text) <= SAMPLE_OVER:
        return [text]
    step = (len(text) - WINDOW) / (WINDOWS - 1)
    starts = (int(i * step) for i in range(WINDOWS))
    return [text[start : start + WINDOW] for start in starts]


def _size(chars: int) -> str:
    if chars < 100:
        return "<100"
    return "100-999" if chars < 1000 else ">=1000"


def rough(text: str, encoding: str = "o200k_base") -> float:
    """Return the unrounded estimate of a short text."""
    return raw_estimate(text, encoding)[0]
