"""`llmtrack demo`: the program's main job, with no key and no network."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from llmtrack import CallRecord, ConfigurationError, flush
from llmtrack.cli import terminal
from llmtrack.cli.environment import DISABLED, is_disabled
from llmtrack.cli.scenes import SCENES, WAYS, Scene, Take
from llmtrack.testing.provider import LoopbackProvider
from llmtrack.trackers import FanOut, JSONLinesTracker, StdoutTracker

#: Pieces of an answer, and milliseconds between them.
_FRAMES: Final = 12
_DELAY_MS: Final = 10
_PROMPT: Final = "Count from one to thirty, in words."


@click.command()
@click.option(
    "--path",
    default="calls.jsonl",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that each call is appended to, as a line of JSON.",
)
@click.option(
    "--live", is_flag=True, help="Call the real API with OPENAI_API_KEY: this costs."
)
@click.option(
    "--model",
    default="gpt-4o-mini",
    show_default=True,
    help="Model to ask for; the loopback provider answers as fake-model-1.",
)
def demo(path: Path, live: bool, model: str) -> None:
    """
    Track real calls to a provider on this machine, and show them.

    The real openai client talks to a loopback provider: streams, sync and async,
    a break, a cut connection, a cancelled task, a 429, and a stream that does not
    say how many tokens it took. Each is tracked twice: by the decorator (@) and by
    the block (with).

    \b
    Examples:
      llmtrack demo
      llmtrack demo --path demo.jsonl && llmtrack report demo.jsonl
      OPENAI_API_KEY=... llmtrack demo --live --model gpt-4o-mini

    \b
    Exit codes: 0 every call was recorded, and ended as it should;
    1 one was not, or did not; 2 the demo cannot run.
    """
    _check(live)
    records: list[CallRecord] = []
    tracker = FanOut(StdoutTracker(), JSONLinesTracker(path), records.append)
    takes = [
        Take(scene, way, tracker, _request(scene, model))
        for scene in SCENES
        if scene.is_live or not live
        for way in WAYS
    ]
    out = terminal.console()
    with _live() if live else _on_this_machine() as stage:
        out.print(stage.greeting, end="\n\n")
        for take in takes:
            stage.play(take)
            # A stream that was dropped is recorded a moment later.
            flush()
    out.print()
    if len(records) != len(takes):
        raise click.ClickException(
            f"{len(takes)} calls were made, and {len(records)} recorded"
        )
    _show(out, takes, records)
    out.print(f"\n{len(records)} calls, appended to {path}. To sum them up:")
    out.print(f"  llmtrack report {shlex.quote(str(path))}", soft_wrap=True)
    strange = {
        take.scene.name
        for take, record in zip(takes, records, strict=True)
        if record.outcome is not take.scene.outcome
    }
    if strange:
        raise click.ClickException(f"ended otherwise: {', '.join(sorted(strange))}")


@dataclass(frozen=True, slots=True)
class _Stage:
    """
    Where the scenes are played.

    Attributes:
        greeting: What is said of it.
        base_url: The address for a scene; None is the client's own.
        api_key: None is the environment's.
        uses_proxies: Whether the environment's proxies hold.
        max_retries: How often the client itself tries again.
    """

    greeting: str
    base_url: Callable[[Scene], str | None]
    api_key: str | None
    uses_proxies: bool
    max_retries: int

    def play(self, take: Take) -> None:
        """Play a take with a client of its own."""
        openai: Any = import_module("openai")
        options = {
            "api_key": self.api_key,
            "base_url": self.base_url(take.scene),
            "max_retries": self.max_retries,
        }
        if not take.scene.is_async:
            http_client = openai.DefaultHttpxClient(trust_env=self.uses_proxies)
            with openai.OpenAI(**options, http_client=http_client) as client:
                take.run(client)
            return

        async def run() -> None:
            http_client = openai.DefaultAsyncHttpxClient(trust_env=self.uses_proxies)
            async with openai.AsyncOpenAI(**options, http_client=http_client) as client:
                await take.run_async(client)

        asyncio.run(run())


@contextmanager
def _on_this_machine() -> Iterator[_Stage]:
    """Start the loopback provider."""
    with LoopbackProvider() as provider:

        def base_url(scene: Scene) -> str:
            # What stalls does so for long, and is cancelled meanwhile.
            delay = {} if scene.scenario == "stall" else {"delay_ms": _DELAY_MS}
            return provider.url(scene.scenario, "openai/v1", frames=_FRAMES, **delay)

        yield _Stage(
            greeting=f"The openai client calls {provider.base}: no key, no network.",
            base_url=base_url,
            api_key="none-needed",
            uses_proxies=False,
            max_retries=0,
        )


@contextmanager
def _live() -> Iterator[_Stage]:
    """Use the real API, or what OPENAI_BASE_URL says."""
    address = os.environ.get("OPENAI_BASE_URL") or "api.openai.com"
    yield _Stage(
        greeting=f"The openai client calls {address}; a cut and a 429 are left out.",
        base_url=lambda scene: None,
        api_key=None,
        uses_proxies=True,
        max_retries=2,
    )


def _check(live: bool) -> None:
    """Find out whether the demo can run, or raise `ConfigurationError`."""
    try:
        import_module("openai")
    except ImportError as missing:
        raise ConfigurationError(
            "the demo drives the real openai client: pip install openai"
        ) from missing
    if is_disabled():
        raise ConfigurationError(DISABLED)
    if live and not os.environ.get("OPENAI_API_KEY"):
        raise ConfigurationError(
            "--live needs a key: set OPENAI_API_KEY, or leave --live out"
        )


def _request(scene: Scene, model: str) -> dict[str, Any]:
    asked = {"stream_options": {"include_usage": True}} if scene.wants_usage else {}
    messages = [{"role": "user", "content": _PROMPT}]
    return {"model": model, "messages": messages, "stream": True, **asked}


def _show(out: Console, takes: list[Take], records: list[CallRecord]) -> None:
    """Print the table of all calls."""
    shown = terminal.table()
    shown.add_column("call")
    shown.add_column("by")
    shown.add_column("outcome")
    for title in ("took", "ttft", "in", "out", "cost"):
        shown.add_column(title, justify="right")
    shown.add_column("why")
    for take, record in zip(takes, records, strict=True):
        usage, error = record.usage, record.error
        outcome = Text(record.outcome.value, terminal.coloured(record.outcome.value))
        shown.add_row(
            Text(record.name) if take.way == WAYS[0] else "",
            take.way,
            outcome,
            terminal.seconds(record.duration),
            terminal.seconds(record.time_to_first_token),
            terminal.tokens(usage.input_tokens, usage.input_source),
            terminal.tokens(usage.output_tokens, usage.output_source),
            terminal.dollars(record.cost.usd if record.cost else None),
            Text(error.kind if error else ""),
        )
    out.print(shown)
    if any(record.usage.is_estimated for record in records):
        out.print("~ was counted on this machine: the provider did not say.")
