"""What a proxy of wrapt has, and the stream that it stands for has not."""

from __future__ import annotations

from typing import Any, Final

#: Attributes that cannot be found where the stream has none.
_BLOCKS: Final = ("__enter__", "__exit__", "__aenter__", "__aexit__")
#: Operators. Without its own, a stream leaves them to the other operand, as in
#: `chunks += stream`.
_OPERATORS: Final = tuple(
    f"__{side}{name}__"
    for name in (
        *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"),
        *("lshift", "rshift", "and", "or", "xor"),
    )
    for side in ("", "r", "i")
)


def hidden_from(cls: type) -> dict[str, Any]:
    """Return what a proxy class for a stream's class has to override."""
    hidden: dict[str, Any] = {
        **{name: _absent(name) for name in _BLOCKS if not hasattr(cls, name)},
        **{name: _declining for name in _OPERATORS if not hasattr(cls, name)},
    }
    if not hasattr(cls, "__len__"):
        # As for collections.abc: None says that there is no length.
        hidden["__len__"] = None
    if not hasattr(cls, "__contains__"):
        hidden["__contains__"] = _contains
    return hidden


def _absent(name: str) -> property:
    def absent(self: Any) -> Any:
        raise AttributeError(name)

    return property(absent)


def _declining(self: Any, *_: Any) -> Any:
    return NotImplemented


def _contains(self: Any, item: Any) -> bool:
    # What `in` does with a class that only iterates.
    return any(each is item or each == item for each in self)
