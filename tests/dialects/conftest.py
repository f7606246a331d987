"""Make `from payloads import replay` and `from dialects import answers` work."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
