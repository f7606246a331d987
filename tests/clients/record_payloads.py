"""
Record what real clients make of the loopback provider's answers.

    python tests/clients/record_payloads.py [CLIENT ...]

Writes `tests/payloads/CLIENT/API-SCENARIO.json` for every client that is installed,
and leaves the others' files alone. The same versions give the same bytes. Run it
in an environment with `requirements.txt`, then in one with
`requirements-compat.txt`.
"""

import functools
import importlib.metadata
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from clients import drivers  # noqa: E402
from payloads.dump import Dump, class_path  # noqa: E402

from llmtrack.testing.provider import LoopbackProvider  # noqa: E402


@dataclass(frozen=True)
class Take:
    """One file to record."""

    driver: drivers.Driver
    scenario: str
    stream: bool

    @property
    def path(self) -> str:
        """Where it is written, within `tests/payloads`."""
        scenario = self.scenario if self.stream else "plain"
        return f"{self.driver.client}/{self.driver.api}-{scenario}.json"

    def record(self, provider: LoopbackProvider) -> str:
        """Call the client; return the text of the file."""
        dump = Dump()
        answer: Any = self.driver.call(provider, self.scenario, self.stream)
        chunks = answer if self.stream else [answer]
        # Some clients hand out one object that changes with each step.
        dumped = [dump.value(chunk) for chunk in chunks]
        dump.finish()
        kind = type(answer) if self.stream else None
        head = {
            "client": self.driver.client,
            "version": importlib.metadata.version(self.driver.client),
            "api": self.driver.api,
            "scenario": self.scenario,
            "stream": self.stream,
            "stream_class": kind and class_path(kind),
            "stream_bases": [class_path(each) for each in kind.__mro__[1:-1]]
            if kind
            else [],
        }
        return _as_text({**head, "classes": dump.classes, "chunks": dumped})


def takes(installed: Callable[[str], bool]) -> Iterator[Take]:
    """Yield what can be recorded with the clients that are installed."""
    for driver in drivers.DRIVERS:
        if not installed(driver.client):
            continue
        for scenario in driver.scenarios:
            yield Take(driver, scenario, stream=True)
        if driver.plain:
            yield Take(driver, "ok", stream=False)


def is_installed(distribution: str) -> bool:
    """Return whether a client is here in the version that is asked for."""
    try:
        return importlib.metadata.version(distribution) == _wanted()[distribution]
    except importlib.metadata.PackageNotFoundError:
        return False


@functools.cache
def _wanted() -> dict[str, str]:
    """Return each client's version; where two are asked for, the newer one."""
    names = ("requirements-compat.txt", "requirements.txt")
    text = "".join((TESTS / "clients" / name).read_text("utf-8") for name in names)
    return dict(re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)", text, re.M))


def _as_text(recording: dict[str, Any]) -> str:
    """Return JSON with a line for each class and chunk, which compares well."""

    def compact(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    classes, chunks = recording.pop("classes"), recording.pop("chunks")
    head = "".join(f"{compact(k)}:{compact(v)},\n" for k, v in recording.items())
    kinds = ",\n".join(f"{compact(k)}:{compact(v)}" for k, v in classes.items())
    rows = ",\n".join(map(compact, chunks))
    return f'{{{head}"classes":{{\n{kinds}\n}},\n"chunks":[\n{rows}\n]}}\n'


def main(clients: list[str]) -> None:
    """Record the named clients, or all that are installed."""
    os.environ |= drivers.ENVIRONMENT
    with LoopbackProvider() as provider:
        for take in takes(is_installed):
            if clients and take.driver.client not in clients:
                continue
            path = TESTS / "payloads" / take.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(take.record(provider), "utf-8")
            print(take.path)


if __name__ == "__main__":
    main(sys.argv[1:])
