"""Let tox find the interpreters that pyenv keeps off `PATH`."""

import os
from pathlib import Path

_ROOT = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))

# Appended, so that whatever is on PATH already is preferred.
os.environ["PATH"] = os.pathsep.join(
    [os.environ.get("PATH", ""), *map(str, sorted(_ROOT.glob("versions/3.*/bin")))]
)
