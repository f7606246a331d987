"""What a proxy of wrapt has, and the stream that it stands for has not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import wrapt

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


# Its base depends on the wrapt that is installed, and is known at run time only.
class StandIn(type(wrapt.BaseObjectProxy)):  # type: ignore[misc]
    """
    The class of a proxy's class, which shows what the stream's class would.

    A stream's own method may ask `type(self)`, and `isinstance` of an abstract
    class such as `Sized` asks the `__mro__` for what wrapt's proxies have.
    """

    @property
    def __mro__(cls) -> tuple[type, ...]:
        return cast(tuple[type, ...], cls._self_stands_for.__mro__)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._self_stands_for(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._self_stands_for, name)


if TYPE_CHECKING:
    _Proxy = wrapt.BaseObjectProxy[Any]
else:
    # It cannot be subscripted at run time before wrapt 2.1.
    _Proxy = wrapt.BaseObjectProxy


class ReadingProxy(_Proxy, metaclass=StandIn):
    """A proxy that finds what follows its stream without wrapt."""

    __slots__ = ("_self_reading",)

    _self_stands_for: Any = object

    # The latch of a call, empty once that is over, and what follows the stream.
    _self_reading: tuple[Sequence[None], Any]


#: Returns a proxy's `_self_reading`. By `next` that is asked once a chunk, and an
#: attribute of a proxy takes twice as long to find.
reading: Final[Callable[[ReadingProxy], tuple[Sequence[None], Any]]] = vars(
    ReadingProxy
)["_self_reading"].__get__

# The program would find them on its stream.
type.__delattr__(ReadingProxy, "__slots__")


def hidden_from(cls: type) -> dict[str, Any]:
    """Return what a proxy class for a stream's class has to override."""
    hidden: dict[str, Any] = {
        **{name: _absent(name) for name in _BLOCKS if not hasattr(cls, name)},
        **{name: _declining for name in _OPERATORS if not hasattr(cls, name)},
    }
    if not hasattr(cls, "__len__"):
        hidden["__len__"] = property(_no_length)
    if not hasattr(cls, "__contains__"):
        hidden["__contains__"] = _contains
    return hidden


class _NoLengthError(AttributeError, TypeError):
    """What `hasattr` takes for no attribute, and `list()` for no length."""


def _no_length(self: Any) -> Any:
    raise _NoLengthError(f"object of type {self.__class__.__name__!r} has no len()")


def _absent(name: str) -> property:
    def absent(self: Any) -> Any:
        raise AttributeError(name)

    return property(absent)


def _declining(self: Any, *_: Any) -> Any:
    return NotImplemented


def _contains(self: Any, item: Any) -> bool:
    # What `in` does with a class that only iterates.
    return any(each is item or each == item for each in self)
