"""What can happen to a request: the scenarios and their options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from . import truth
from .failures import HTTP_FAILURES
from .payload import PAYLOADS, Payload

#: How the answer is cut into frames, writes and pauses.
FRAMINGS: Final = ("quirks", "comments", "slow", "stall")
#: What goes wrong after the status line (200).
BREAKS: Final = ("empty", "malformed", "truncated", "cut", "inband_error")
#: Fails the first requests of a run, then answers.
FLAKY: Final = tuple(f"flaky{status}" for status in HTTP_FAILURES)
#: What the answer says (`ok` is `full`), how it comes, and what goes wrong.
SCENARIOS: Final = ("ok", *PAYLOADS, *FRAMINGS, *BREAKS, *HTTP_FAILURES, *FLAKY)

#: Scenarios that interrupt a stream say nothing after the text.
_TEXT_ONLY: Final = frozenset(("slow", "stall", *BREAKS)) - {"empty"}


class UnknownTargetError(ValueError):
    """The URL names no known scenario, option or API path."""


@dataclass(frozen=True, slots=True)
class Options:
    """
    What a URL can set besides the scenario.

    Attributes:
        run: Name of a group of requests, for the log and `flaky*`.
        fails: `flaky*`: how many requests of the run fail.
        retry_after: Seconds in the `retry-after` header of 429, 503 and 529.
        delay_ms: Milliseconds before each write of a stream and before a plain
            answer; with `stall` how long to hang. None: 20 (and 50 before a
            plain answer) with `slow`, 30000 (50) with `stall`, else none.
        frames: How many more pieces of text, and output tokens, there are.
    """

    run: str | None = None
    fails: int = 2
    retry_after: str = truth.RETRY_AFTER
    delay_ms: float | None = None
    frames: int = 0

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Read options as they stand in a URL, or raise `UnknownTargetError`."""
        parsed: dict[str, Any] = {}
        for key, value in values.items():
            if key not in _PARSERS:
                known = ", ".join(_PARSERS)
                raise UnknownTargetError(f"no option {key!r}; there are {known}")
            try:
                parsed[key] = _PARSERS[key](value)
            except ValueError:
                raise UnknownTargetError(f"{key} cannot be {value!r}") from None
        return cls(**parsed)


def _not_negative(value: Any) -> float:
    number = float(value)
    if not 0 <= number < 1e9:
        raise ValueError(value)
    return number


def _count(value: Any) -> int:
    return int(_not_negative(value))


_PARSERS: Final[dict[str, Callable[[Any], Any]]] = {
    "run": str,
    "fails": _count,
    "retry_after": str,
    "delay_ms": _not_negative,
    "frames": _count,
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario and the options it was asked for with."""

    name: str = "ok"
    options: Options = Options()

    @classmethod
    def parse(cls, name: str, options: Mapping[str, Any]) -> Self:
        """Check a scenario and its options, or raise `UnknownTargetError`."""
        if name not in SCENARIOS:
            known = ", ".join(SCENARIOS)
            raise UnknownTargetError(f"no scenario {name!r}; there are {known}")
        if name in FLAKY and not options.get("run"):
            raise UnknownTargetError(f"{name} needs the option 'run'")
        return cls(name, Options.parse(options))

    @property
    def payload(self) -> Payload:
        """What the answer says."""
        default = "text" if self.name in _TEXT_ONLY else "full"
        payload = PAYLOADS.get(self.name, PAYLOADS[default])
        return replace(payload, frames=self.options.frames)

    def failure(self, earlier: int) -> str | None:
        """Return the HTTP status to fail with after so many earlier requests."""
        if self.name in HTTP_FAILURES:
            return self.name
        if self.name in FLAKY and earlier < self.options.fails:
            return self.name.removeprefix("flaky")
        return None

    @property
    def plain_delay(self) -> float:
        """Seconds before an answer that is no stream."""
        return self._delay({"slow": 50, "stall": 50})

    @property
    def write_delay(self) -> float:
        """Seconds before each write of a stream."""
        return 0.0 if self.name == "stall" else self._delay({"slow": 20})

    @property
    def hang(self) -> float:
        """Seconds to hang before the end of a stream."""
        return self._delay({"stall": 30_000}) if self.name == "stall" else 0.0

    def _delay(self, default_ms: Mapping[str, float]) -> float:
        asked = self.options.delay_ms
        return (default_ms.get(self.name, 0) if asked is None else asked) / 1000
