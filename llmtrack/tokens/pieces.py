"""
Cut a text where o200k_base does, before it looks into its vocabulary.

No token reaches over such a cut, so the tokens of a text are those of its
pieces, added up. The expressions mirror tiktoken's, with what the standard
library's `re` has; they differ for rare scripts, where the sum hardly notices.
"""

from __future__ import annotations

import re
from typing import Final

_CASED: Final = [
    chr(code)
    for first, last in ((0x41, 0x5B), (0xC0, 0x2B0), (0x370, 0x530), (0x1E00, 0x2000))
    for code in range(first, last)
]
_UPPER: Final = "".join(char for char in _CASED if char.isupper())
#: Letters in lower case, and the marks that go on them.
_LOWER: Final = "a-z\u0300-\u036f" + "".join(
    char for char in _CASED if char.isalpha() and not char.isupper()
)
#: Blocks of scripts without case, with all that is in them.
_CASELESS: Final = (
    "\u0530-\u1dff\u2c00-\u2dff\u3005-\u3007\u3040-\u31ff\u3400-\u9fff\ua000-\ud7ff"
    "\uf900-\ufaff\ufb1d-\ufdff\ufe70-\ufeff\uff66-\uffdc"
    "\U00010000-\U0001efff\U00020000-\U0003ffff"
)
_MARKS: Final = r"!-/:-@\[-`{-~"
#: `n't` and the like belong to the word before.
_TAIL: Final = r"(?:'(?:[stmd]|re|ve|ll)(?![a-z]))?"
#: One character before a word belongs to it; `.` takes what nothing else does.
_REST: Final = r"\s*[\r\n]+|\s+(?!\S)|\s+|."

_ASCII: Final = re.compile(
    rf"[ \t{_MARKS}]?(?:[a-z]+|[A-Z]+[a-z]*){_TAIL}"
    rf"|[0-9]{{1,3}}| ?[{_MARKS}]+[\r\n/]*|{_REST}",
    re.DOTALL,
)
_UNICODE: Final = re.compile(
    rf"(?:[^\w\r\n{_CASELESS}]|_)?"
    rf"(?:[{_LOWER}]+{_TAIL}|[{_UPPER}]+[{_LOWER}]*{_TAIL}|[{_CASELESS}]+)"
    rf"|[0-9]{{1,3}}| ?(?:[^\w\s{_CASELESS}]|_)+[\r\n/]*|{_REST}",
    re.DOTALL,
)
_IS_CASELESS: Final = re.compile(f"[{_CASELESS}]").match


def pieces(text: str) -> list[str]:
    """Return the pieces of a text; joined they are the text."""
    return (_ASCII if text.isascii() else _UNICODE).findall(text)


def is_caseless(char: str) -> bool:
    """Tell whether a character is of a script without upper and lower case."""
    return _IS_CASELESS(char) is not None


def is_letter(char: str) -> bool:
    """Tell whether words may contain a character."""
    return char.isalpha() or "\u0300" <= char <= "\u036f" or is_caseless(char)
