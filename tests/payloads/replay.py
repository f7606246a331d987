"""
Rebuild what clients give, without the clients.

    for recording in recordings(client="openai"):
        for chunk in recording.chunks:
            ...

The objects have classes of the same module, name and order of bases as the
real ones, and their fields by attribute, by item or both, as the real ones.
They have no methods, save `get` and `keys` where there is item access,
`HasField` of protobuf, and `read` of a body. See `dump.py` for the format.
"""

import builtins
import datetime
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

JSON = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """
    What one client gave for one scenario.

    Attributes:
        client: The distribution that was used.
        version: Its version.
        api: Which of its APIs, and which provider behind it.
        scenario: What the loopback provider was asked for.
        stream: Whether a stream was asked for.
        stream_class: The path of the stream's class, None where it is no stream.
        stream_bases: The paths of the classes that the stream's class derives from.
        chunks: The chunks, or the one response.
    """

    client: str
    version: str
    api: str
    scenario: str
    stream: bool
    stream_class: str | None
    stream_bases: tuple[str, ...]
    chunks: list[Any]

    def __str__(self) -> str:
        return f"{self.client}/{self.api}-{self.scenario if self.stream else 'plain'}"


def recordings(
    client: str = "*", api: str = "*", scenario: str = "*"
) -> list[Recording]:
    """
    Return the recordings that match, in order of their names.

    Args:
        client: The distribution, or a pattern for it.
        api: The API, or a pattern for it.
        scenario: The scenario of a stream, `plain` for responses, or a pattern.
    """
    return [
        load(path) for path in sorted(FOLDER.glob(f"{client}/{api}-{scenario}.json"))
    ]


def load(path: Path) -> Recording:
    """Return the recording in one file."""
    values = json.loads(path.read_text("utf-8"))
    classes = values.pop("classes")
    values["stream_bases"] = tuple(values["stream_bases"])
    values["chunks"] = [rebuild(each, classes) for each in values["chunks"]]
    return Recording(**values)


def rebuild(value: Any, classes: JSON) -> Any:
    """Return what a dumped value stands for."""
    match value:
        case list():
            return [rebuild(each, classes) for each in value]
        case {"$tuple": items}:
            return tuple(rebuild(each, classes) for each in items)
        case {"$bytes": text}:
            return text.encode()
        case {"$datetime": text}:
            return datetime.datetime.fromisoformat(text)
        case {"$enum": name, "name": member, "value": content}:
            return _enum(classes[name], member, content)
        case {"$class": name, **fields}:
            known = classes[name]
            values = dict.fromkeys(known.get("none", ()))
            for key, each in fields.items():
                if not key.startswith("$"):
                    values[key] = rebuild(each, classes)
            return _object(known, values, fields)
        case dict():
            return {key: rebuild(each, classes) for key, each in value.items()}
        case _:
            return value


def _object(known: JSON, values: JSON, dumped: JSON) -> Any:
    kind = _class(
        (known["path"], *known["bases"]), known["access"], known.get("false", False)
    )
    rebuilt = kind.__new__(kind)
    if isinstance(rebuilt, dict):
        rebuilt.update(values)
    if known["access"] != "item":
        rebuilt.__dict__.update(values)
    if "$has" in dumped:
        rebuilt.HasField = dumped["$has"].__contains__
    if "$read" in dumped:
        rebuilt.read = dumped["$read"].encode
    return rebuilt


def _enum(known: JSON, member: str, content: Any) -> Any:
    kind = _class((known["path"], *known["bases"]), "attr", False)
    rebuilt = kind(content) if issubclass(kind, str | int) else kind()
    rebuilt.name, rebuilt.value = member, content
    return rebuilt


@functools.cache
def _class(paths: tuple[str, ...], access: str, false: bool) -> type:
    """Return the first of the classes, which derives from the others in turn."""
    path, *bases = paths
    module, _, qualified_name = path.partition(":")
    if module == "builtins":
        real: type = getattr(builtins, qualified_name)
        return real
    base = _class(tuple(bases), access, False) if bases else object
    content: JSON = {"__module__": module, "__qualname__": qualified_name}
    if false:
        content["__bool__"] = lambda self: False
    if access != "attr" and not issubclass(base, dict):
        content |= {
            "__getitem__": lambda self, key: vars(self)[key],
            "__contains__": lambda self, key: key in vars(self),
            "get": lambda self, key, default=None: vars(self).get(key, default),
            "keys": lambda self: vars(self).keys(),
        }
    return type(qualified_name.rpartition(".")[2], (base,), content)
