"""What stands in for a decorated function, also where it is copied or pickled."""

from __future__ import annotations

import sys
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    _Function = wrapt.FunctionWrapper[Any, Any]
    _Bound = wrapt.BoundFunctionWrapper[Any, Any]
else:
    # They cannot be subscripted at run time.
    _Function = wrapt.FunctionWrapper
    _Bound = wrapt.BoundFunctionWrapper


class BoundTracked(_Bound):
    """A decorated function as an attribute of an object or class."""

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        from copy import deepcopy

        owner = getattr(self.__wrapped__, "__self__", None)
        if owner is None:
            return self
        return getattr(deepcopy(owner, memo), self.__wrapped__.__name__)

    def __reduce_ex__(self, protocol: Any) -> Any:
        function = self.__wrapped__
        owner = getattr(function, "__self__", None)
        if owner is None:
            owner = _named(function, function.__qualname__.rpartition(".")[0])
        return getattr, (owner, function.__name__)


class Tracked(_Function):
    """
    A decorated function.

    Like any function it is copied by being shared, and pickled by its name. One
    that has no name of its own, as in `tracked = track_llm_call(ask)`, is pickled
    as what it decorates: a tracker does not travel.
    """

    __bound_function_wrapper__: Any = BoundTracked

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        from copy import deepcopy

        function = self.__wrapped__
        if isinstance(function, FunctionType):
            return self
        return type(self)(deepcopy(function, memo), self._self_wrapper)

    def __reduce_ex__(self, protocol: Any) -> Any:
        function = self.__wrapped__
        name = getattr(function, "__qualname__", "")
        return name if _named(function, name) is self else (_as_it_is, (function,))


def _named(function: Any, name: str) -> Any:
    """Return what has a name in the function's module, or None."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    try:
        return attrgetter(name)(module)
    except AttributeError:
        # A local function has a name that leads nowhere.
        return None


def _as_it_is(function: Any) -> Any:
    return function
