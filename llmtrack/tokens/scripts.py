"""Which kind of script a text is mostly written in."""

from __future__ import annotations

import re
from typing import Final, Literal

Script = Literal["latin", "cjk", "other"]

#: How many characters tell the script of a text.
_SAMPLE: Final = 4_096
#: From which share on the characters that are not Latin decide.
_SHARE: Final = 0.15

_NOT_LATIN: Final = re.compile("[^\0-\u024f\u0300-\u036f\u1e00-\u1eff\u2000-\u20cf]")
_CJK: Final = re.compile(
    "[\u1100-\u11ff\u3000-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]"
)


def script_of(text: str) -> Script:
    """Return the script of a text by its beginning; code is Latin."""
    if text.isascii():
        return "latin"
    sample = text[:_SAMPLE]
    foreign = len(_NOT_LATIN.findall(sample))
    if foreign <= _SHARE * len(sample):
        return "latin"
    return "cjk" if 2 * len(_CJK.findall(sample)) > foreign else "other"
