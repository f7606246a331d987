"""The body of a response that can be read once, and is the program's to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wrapt

from llmtrack.call import Call
from llmtrack.drops import Guard

if TYPE_CHECKING:
    _Proxy = wrapt.ObjectProxy[Any]
else:
    # It cannot be subscripted at run time before wrapt 2.1.
    _Proxy = wrapt.ObjectProxy


class BodyProxy(_Proxy):
    """
    Stands in for the body in the dict that Bedrock's `invoke_model` returns.

    The call ends when the program has read the body, with what it read. A body
    that is read by its lines or chunks, and not by `read`, is seen to be dropped
    only.

    Args:
        wrapped: The body.
        call: What is told.
        response: The dict that the body came in.
    """

    def __init__(self, wrapped: Any, call: Call, response: dict[Any, Any]) -> None:
        super().__init__(wrapped)
        self._self_call = call
        self._self_guard = Guard(call)
        self._self_rest = {k: v for k, v in response.items() if v is not wrapped}
        self._self_read: list[bytes] = []

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """Read from the body, as it would."""
        call = self._self_call
        try:
            data = self.__wrapped__.read(*args, **kwargs)
        except BaseException as exc:
            call.failed(exc)
            raise
        if isinstance(data, bytes) and not call.is_over:
            self._self_read.append(data)
            asked_for_all = not args and not kwargs
            if asked_for_all or not data:
                whole = b"".join(self._self_read)
                call.responded({**self._self_rest, "body": whole})
        return data


def is_body(value: Any) -> bool:
    """Return whether a value is a body that can be read once."""
    return type(value).__name__ == "StreamingBody" and hasattr(value, "read")
