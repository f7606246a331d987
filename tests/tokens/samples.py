"""Texts of many kinds, in samples of a fixed length; see `samples.json`."""

import json
from pathlib import Path

LENGTH = 500
STEP = 20
TEXTS = Path(__file__).parent / "texts"

#: Sample name -> encoding -> what tiktoken counts for each sample.
RECORDED = Path(__file__).parent / "samples.json"


def sample_sets() -> dict[str, list[str]]:
    """Return the kinds of text, each cut into overlapping samples."""
    texts = {path.stem: path.read_text("utf-8") for path in TEXTS.glob("*.txt")}
    texts |= {name: make() for name, make in _GENERATED.items()}
    return {name: _cut(text) for name, text in sorted(texts.items())}


def _cut(text: str) -> list[str]:
    starts = range(0, max(1, len(text) - LENGTH), STEP)
    return [text[start : start + LENGTH] for start in starts][:12]


def _noise(n: int) -> int:
    """Return a number that looks random and is the same everywhere."""
    return (n * 2_654_435_761 + 12_345) % 4_294_967_296


def _json() -> str:
    rows = [
        {
            "id": _noise(n) % 100_000,
            "name": ["Ada", "Grace", "Edsger", "Barbara"][_noise(n + 1) % 4],
            "price": _noise(n + 2) % 10_000 / 100,
            "active": bool(_noise(n + 3) & 64),
            "tags": ["new", "sale", "blue"][: _noise(n) % 4],
        }
        for n in range(40)
    ]
    return json.dumps(rows, indent=2)


def _numbers() -> str:
    return ", ".join(str(_noise(n) / 1_000) for n in range(200))


def _hex() -> str:
    return "".join(f"{_noise(n):08x}" for n in range(250))


def _table() -> str:
    rows = (f"| {_noise(n) % 500} | item {n} | {_noise(n) % 97} % |" for n in range(99))
    return "| id | name | share |\n|---|---|---:|\n" + "\n".join(rows)


def _log() -> str:
    levels = ("INFO", "WARN", "ERROR")
    return "\n".join(
        f"2026-11-{1 + n % 28:02} 12:{_noise(n) % 60:02}:07,{_noise(n) % 1000:03} "
        f"{levels[_noise(n) % 3]} worker-{n % 7}: request took {_noise(n) % 900} ms"
        for n in range(40)
    )


def _yaml() -> str:
    return "\n".join(
        f"  - name: service-{n}\n    image: registry/app:{n}.{_noise(n) % 9}\n"
        f"    ports:\n      - {8000 + n}\n    enabled: {'true' if n % 2 else 'false'}"
        for n in range(30)
    )


def _code() -> str:
    return "\n\n".join(
        f"def area_{n}(width: float, height: float = {n}.5) -> float:\n"
        f'    """Return the area of shape {n}, in square metres."""\n'
        f"    if width < 0 or height < 0:\n"
        f'        raise ValueError(f"negative size: {{width!r}}")\n'
        f"    return self._factor[{n}] * width * height"
        for n in range(12)
    )


def _markdown() -> str:
    return "\n\n".join(
        f"## Step {n}\n\nOpen **Settings > Advanced**, then choose `option_{n}`:\n\n"
        f"1. Click *Save*.\n2. Wait for {_noise(n) % 60} seconds.\n"
        f"3. See [the guide](https://example.org/guide/{n}) if it fails."
        for n in range(12)
    )


_GENERATED = {
    "code": _code,
    "hex": _hex,
    "json": _json,
    "log": _log,
    "markdown": _markdown,
    "numbers": _numbers,
    "table": _table,
    "yaml": _yaml,
}
