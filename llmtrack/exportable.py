"""What can leave the process as JSON."""

from __future__ import annotations

import json
from typing import Any


class Exportable:
    """A value that can leave the process as JSON."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the value as plain JSON types; keys carry the unit."""
        raise NotImplementedError

    def to_json(self) -> str:
        """Return `to_dict()` as one line of JSON."""
        return json.dumps(self.to_dict(), default=str, ensure_ascii=False)

    def to_sse(self) -> str:
        """
        Return `to_dict()` as one server-sent event.

        The framing is that of the HTML standard, section 9.2 (server-sent
        events): an `event` line, a `data` line, a blank line.
        """
        return f"event: {self._sse_name()}\ndata: {self.to_json()}\n\n"

    def _sse_name(self) -> str:
        return type(self).__name__
