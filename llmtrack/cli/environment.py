"""What the environment of a command says."""

from __future__ import annotations

import os
from typing import Final

#: Why a command shows nothing.
DISABLED: Final = "LLMTRACK_DISABLED is set, so that nothing is tracked: unset it"


def is_disabled() -> bool:
    """Return whether `LLMTRACK_DISABLED` turns llmtrack off."""
    return os.environ.get("LLMTRACK_DISABLED", "").lower() in ("1", "true", "yes", "on")
