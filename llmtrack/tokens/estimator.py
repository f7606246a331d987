"""
Estimate the tokens of a text without a vocabulary.

A text is cut into the pieces that the tokenizer would cut it into, and each
piece is given a number of tokens: about 1 if it is in a list of common words,
else a sum of weights for its shape and for its three-byte sequences. The
weights were fitted to the real vocabularies by `tools/fit_estimator.py`, which
also says how far off the estimates are.

It is deterministic and needs the standard library alone.
"""

from __future__ import annotations

import json
import pkgutil
from array import array
from functools import cache
from typing import Final, NamedTuple

from llmtrack.tokens.pieces import is_caseless, is_letter, pieces
from llmtrack.tokens.scripts import script_of

DEFAULT_ENCODING: Final = "o200k_base"
ENCODINGS: Final = ("o200k_base", "cl100k_base")

#: Texts are taken in blocks, so that memory does not grow with them.
_BLOCK: Final = 16_384
#: Of a longer text, evenly spaced blocks stand for the whole.
_SAMPLE_OVER: Final = 1_048_576

#: Longer pieces are not kept: they hardly come again.
_KEPT_LENGTH: Final = 24
_KEPT_PIECES: Final = 32_768
#: Longer pieces are weighed in parts.
_LONG: Final = 64
#: No piece has fewer tokens, whatever the weights say.
_LEAST: Final = 0.5

#: Slots for the weights of three-byte sequences, a power of two.
SLOTS: Final = 16_384
#: What the integers in the file stand for.
SCALE: Final = 64

#: Repeated characters: tokens for each.
_RUN: Final = 8
_RUN_RATES: Final = {
    " ": 0.0126,
    "\n": 0.047,
    "\t": 0.0625,
    **dict.fromkeys(".-=_*#~", 0.0157),
}

#: Script -> confidence for texts under 100, under 1,000 and of more characters:
#: what was measured, less some for kinds of text that were not.
_CONFIDENCE: Final = {
    "latin": (0.82, 0.89, 0.91),
    "cjk": (0.82, 0.90, 0.92),
    "other": (0.80, 0.84, 0.86),
}


class Estimate(NamedTuple):
    """
    An estimated count.

    Attributes:
        tokens: The number.
        confidence: In nine texts of ten the number is off by no more than
            `1 - confidence` of the truth.
    """

    tokens: int
    confidence: float


def estimate(text: str, encoding: str = DEFAULT_ENCODING) -> Estimate:
    """Return the estimate for one of the `ENCODINGS`."""
    if not text:
        return Estimate(0, 1.0)
    size = 0 if len(text) < 100 else 1 if len(text) < 1000 else 2
    confidence = _CONFIDENCE[script_of(text)][size]
    return Estimate(max(1, round(rough(text, encoding))), confidence)


def rough(text: str, encoding: str = DEFAULT_ENCODING) -> float:
    """Return the unrounded number of tokens that a text may have."""
    cost = _costs(encoding).__getitem__
    if len(text) <= _BLOCK:
        return sum(map(cost, pieces(text)))
    starts = range(0, len(text), _BLOCK)
    if len(text) > _SAMPLE_OVER:
        starts = starts[:: 1 + len(text) // _SAMPLE_OVER]
    parts = [text[start : start + _BLOCK] for start in starts]
    tokens = sum(sum(map(cost, pieces(part))) for part in parts)
    return tokens * len(text) / sum(map(len, parts))


class _Costs(dict[str, float]):
    """Piece -> tokens, worked out when first asked for."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        fitted = json.loads(_data(f"{encoding}.json"))
        self._shapes: dict[str, float] = fitted["shapes"]
        self._common: dict[str, float] = fitted["common"]
        self._outlines: dict[tuple[str, str, int], float] = {}
        slots = array("b", _data(f"{encoding}.bin"))
        self._slots = [weight / SCALE for weight in slots]
        self._add_common()

    def __missing__(self, piece: str) -> float:
        tokens = self._tokens(piece)
        if len(piece) <= _KEPT_LENGTH:
            if len(self) >= _KEPT_PIECES:
                self.clear()
                self._add_common()
            self[piece] = tokens
        return tokens

    def _add_common(self) -> None:
        for word in _words():
            for piece in (word, f" {word}"):
                self[piece] = self._tokens(piece)

    def _tokens(self, piece: str) -> float:
        kind, prefix, body = describe(piece)
        if kind == "1":
            return 1.0
        if kind == "*":
            return _run(piece)
        if len(piece) > _LONG:
            parts = range(0, len(piece), _LONG)
            return sum(self._tokens(piece[at : at + _LONG]) for at in parts)
        if is_common(kind, body):
            return self._common.get(kind + prefix, 1.0)
        if kind == "S":
            tokens = self._sum(mark_names(prefix, body))
        else:
            outline = kind, prefix, len(body)
            known = self._outlines.get(outline)
            if known is None:
                known = self._outlines[outline] = self._sum(outline_names(*outline))
            tokens = known
        slots = self._slots
        for slot in sequences(kind, body):
            tokens += slots[slot]
        return tokens if tokens > _LEAST else _LEAST

    def _sum(self, names: list[str]) -> float:
        return sum(self._shapes.get(name, 0.0) for name in names)


def describe(piece: str) -> tuple[str, str, str]:
    """
    Return the kind of a piece, the character before its body, and its body.

    A kind is L (lower case), C (capital first), U (upper case), M (mixed case),
    N (no case), S (marks and symbols), 1 (always one token) or * (one character
    many times over).
    """
    first = piece[0]
    if first.isalpha():
        prefix, body = "", piece
    elif len(piece) > 1 and piece[1].isalpha():
        prefix, body = first if first.isascii() else "x", piece[1:]
    else:
        return _describe_rare(piece)
    if not body.isascii() and is_caseless(body[0]):
        kind = "N"
    elif body.islower():
        kind = "L"
    elif body.isupper() and len(body) > 1:
        kind = "U"
    else:
        kind = "C" if not body[1:] or body[1:].islower() else "M"
    if len(body) > _RUN and body.count(body[0]) == len(body):
        kind = "*"
    return kind, prefix, body


def _describe_rare(piece: str) -> tuple[str, str, str]:
    """Describe what does not begin with a letter, as most of Unicode knows it."""
    first, last = piece[0], piece[-1]
    if len(piece) > _RUN and piece.count(last) >= len(piece) - 1:
        return "*", "", piece
    if piece.isspace() or (first.isascii() and first.isdecimal()):
        return "1", "", piece
    for at, char in enumerate(piece[:2]):
        if is_letter(char):
            prefix = piece[:at]
            kind = "N" if is_caseless(char) else "L"
            return kind, prefix if prefix.isascii() else "x", piece[at:]
    if first == " ":
        return "S", first, piece[1:]
    return "S", "", piece


def is_common(kind: str, body: str) -> bool:
    """Tell whether a piece is in the list of common words and marks."""
    words = _words()
    return body in words or (kind == "C" and body.lower() in words)


def outline_names(kind: str, prefix: str, length: int) -> list[str]:
    """Return the names of a word's features, without those of its letters."""
    by_length = {"U": "u", "N": "c"}.get(kind, "l")
    longest = 10 if kind == "U" else 16
    return [
        kind + prefix,
        f"{by_length}{min(length, longest)}",
        *[f"{by_length}+"] * (length - longest),
    ]


def mark_names(prefix: str, body: str) -> list[str]:
    """Return the names of the features of marks and symbols."""
    changes = sum(map(str.__ne__, body, body[1:]))
    symbols = sum(not char.isascii() for char in body)
    return [
        f"S{prefix}",
        f"s{min(len(body), 6)}",
        *["s+"] * (len(body) - 6),
        *["changes"] * changes,
        *["symbol"] * symbols,
        *["newline"] * ("\n" in body),
    ]


def sequences(kind: str, body: str) -> list[int]:
    """Return the slots of a body's sequences of three bytes, both ends marked."""
    if kind == "U" or (kind == "S" and body.isascii()):
        return []
    codes = b"\1%b\2" % body.lower().encode("utf-8", "replace")
    return [
        (first * 1021 ^ second * 131 ^ third) & (SLOTS - 1)
        for first, second, third in zip(codes, codes[1:], codes[2:], strict=False)
    ]


def _run(piece: str) -> float:
    """Return the tokens of one character many times over."""
    char = piece[-1]
    rate = _RUN_RATES.get(char, 0.125 if char.isascii() else 0.6)
    return max(1.0, len(piece) * rate)


@cache
def _costs(encoding: str) -> _Costs:
    return _Costs(encoding)


@cache
def _words() -> frozenset[str]:
    return frozenset(_data("words.txt").decode().split("\n"))


def _data(name: str) -> bytes:
    data = pkgutil.get_data("llmtrack.tokens", f"fitted/{name}")
    if data is None:
        raise FileNotFoundError(f"llmtrack/tokens/fitted/{name}")
    return data
