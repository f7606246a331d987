"""
Write the objects of a client down as JSON that needs no client to be read.

Plain JSON values are written as they are. Everything else is an object with a
key that begins with `$`:

    {"$class": NAME, FIELD: ..., ...}        an object
    {"$enum": NAME, "name": ..., "value": ...}
    {"$tuple": [...]}  {"$bytes": TEXT}  {"$datetime": ISO}

The recording's `classes` tell by NAME the `path` of the class, that of each of its
`bases` in order of method resolution, how its fields are reached (`access`: `attr`,
`item` or `both`), which of them are None in all objects (`none`, and left out
there), and whether the objects are false (`false`). A protobuf message tells under
`$has` which fields are set; a body that can be read holds its text under `$read`.
"""

import dataclasses
import datetime
import enum
import inspect
import re
from typing import Any

#: Stands for every moment, UUID and port, which differ from run to run.
MOMENT = 1790000000
UUID = "00000000-0000-4000-8000-000000000000"
PORT = "8808"

_MOMENTS = frozenset(("created", "created_at", "completed_at", "timestamp"))
_UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_ADDRESS = re.compile(r"(?<=127\.0\.0\.1:)\d+")
#: What leads from an event to the whole program.
_LEFT_OUT = frozenset(("agent", "run_context", "tool_origin"))

JSON = dict[str, Any]


class Dump:
    """The objects of one recording, and what there is to know of their classes."""

    def __init__(self) -> None:
        self.classes: dict[str, JSON] = {}
        self._objects: list[JSON] = []

    def value(self, value: Any) -> Any:
        """Return a value as JSON."""
        match value:
            case enum.Enum():
                name = self._class(type(value), {})
                return {"$enum": name, "name": value.name, "value": value.value}
            case None | bool() | int() | float():
                return value
            case str():
                return _ADDRESS.sub(PORT, _UUID.sub(UUID, value))
            case bytes():
                return {"$bytes": value.decode()}
            case datetime.datetime():
                moment = datetime.datetime.fromtimestamp(MOMENT, datetime.UTC)
                return {"$datetime": moment.isoformat()}
            case list():
                return [self.value(each) for each in value]
            case tuple():
                return {"$tuple": [self.value(each) for each in value]}
            case dict() if type(value) is dict:
                return self._fields(value)
            case _ if type(value).__name__.startswith("Repeated"):
                return [self.value(each) for each in value]
            case _ if hasattr(value, "DESCRIPTOR"):
                return self._message(value)
            case _ if hasattr(value, "read"):
                return {**self._object(value, {}), "$read": value.read().decode()}
            case _:
                return self._object(value, _public(value))

    def finish(self) -> None:
        """Move what is None in all objects of a class to the class."""
        for name, known in self.classes.items():
            mine = [each for each in self._objects if each["$class"] == name]
            shared = set.intersection(*map(set, mine)) if mine else ()
            empty = [f for f in shared if all(each[f] is None for each in mine)]
            if empty:
                known["none"] = sorted(empty)
            for each in mine:
                for field in empty:
                    del each[field]

    def _object(self, value: Any, fields: JSON) -> JSON:
        name = self._class(type(value), fields, value)
        dumped = {"$class": name, **self._fields(fields)}
        self._objects.append(dumped)
        return dumped

    def _fields(self, fields: JSON) -> JSON:
        return {
            str(name): MOMENT
            if name in _MOMENTS and isinstance(each, int | float)
            else self.value(each)
            for name, each in fields.items()
            # Headers of the server, which tell the time and its Python.
            if not (name in ("date", "server") and isinstance(each, str))
        }

    def _class(self, kind: type, fields: JSON, example: Any = None) -> str:
        """Return a class's name in this recording; learn it if it is new."""
        path = class_path(kind)
        for name, known in self.classes.items():
            if known["path"] == path:
                return name
        known = {"path": path, "bases": [class_path(c) for c in kind.__mro__[1:-1]]}
        if example is not None:
            known["access"] = _access(example, fields)
            if not isinstance(example, dict) and not example:
                known["false"] = True
        name = kind.__qualname__
        while name in self.classes:
            name += "'"
        self.classes[name] = known
        return name

    def _message(self, message: Any, depth: int = 0) -> JSON:
        """Return a protobuf message, in which unset messages read as blank ones."""
        fields: JSON = {}
        present = [field.name for field, _ in message.ListFields()]
        for field in message.DESCRIPTOR.fields:
            value = getattr(message, field.name)
            if not hasattr(value, "DESCRIPTOR"):
                fields[field.name] = self.value(value)
            elif field.name in present:
                fields[field.name] = self._message(value)
            elif depth < 1:
                fields[field.name] = self._message(value, depth + 1)
        name = self._class(type(message), {}, message)
        dumped = {"$class": name, "$has": present, **fields}
        self._objects.append(dumped)
        return dumped


def class_path(kind: type) -> str:
    """Return a class's path, its module and qualified name apart by a colon."""
    return f"{kind.__module__}:{kind.__qualname__}"


def _public(value: Any) -> JSON:
    """Return the fields of an object that are its public data."""
    if isinstance(value, dict):
        fields = dict(value)
    elif type(value).__module__.startswith("xai_sdk"):
        # Its objects compute everything from a message that they keep.
        kinds = inspect.getmembers(type(value), inspect.isdatadescriptor)
        names = [name for name, each in kinds if isinstance(each, property)]
        fields = {name: getattr(value, name) for name in names}
    elif dataclasses.is_dataclass(value):
        names = [each.name for each in dataclasses.fields(value)]
        fields = {name: getattr(value, name) for name in names}
    else:
        extra = getattr(value, "__pydantic_extra__", None) or {}
        fields = {**getattr(value, "__dict__", {}), **extra}
    return {
        name: each
        for name, each in fields.items()
        if not str(name).startswith("_") and name not in _LEFT_OUT
    }


def _access(value: Any, fields: JSON) -> str:
    name = next(iter(fields), None)
    if name is None or not hasattr(type(value), "__getitem__"):
        return "attr"
    try:
        value[name]
    except (KeyError, TypeError):
        return "attr"
    return "both" if hasattr(value, name) else "item"
