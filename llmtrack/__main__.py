"""`python -m llmtrack`: the command `llmtrack`."""

from __future__ import annotations

import sys

from llmtrack.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
