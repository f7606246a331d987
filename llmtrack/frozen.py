"""Objects of frozen dataclasses, made as fast as those of other classes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final, TypeVar, cast

C = TypeVar("C", bound=type)

_OPEN: Final = {
    "__slots__": (),
    # Both of them, or a store is looked up instead of made.
    "__setattr__": object.__setattr__,
    "__delattr__": object.__delattr__,
}


def maker_of(cls: C) -> C:
    """
    Return a function that makes what a frozen, slotted dataclass would, and faster.

    It takes what the class takes, but every field has to be given.

    The constructor that `dataclass` writes calls `object.__setattr__` for each
    field, 34 times for a record. This function makes an object of a twin class
    that is not frozen, stores as usual, and changes its class: 0.8 us instead of
    4.9 for a record, 0.24 instead of 1.5 for a `CallInfo`.
    """
    known = fields(cls)
    by_place = [each.name for each in known if not each.kw_only]
    by_name = [each.name for each in known if each.kw_only]
    parameters = [*by_place, *(["*"] if by_name else []), *by_name]
    lines = (
        f"def make({', '.join(parameters)}):",
        "made = new(opened)",
        *(f"made.{each.name} = {each.name}" for each in known),
        "made.__class__ = frozen",
        "return made",
    )
    opened = type(cls.__name__, (cls,), _OPEN)
    names: dict[str, Any] = {"new": opened.__new__, "opened": opened, "frozen": cls}
    exec("\n ".join(lines), names)
    make = names["make"]
    make.__qualname__ = make.__name__ = cls.__name__
    return cast(C, make)
