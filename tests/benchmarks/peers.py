"""
Other libraries, each set up as its documentation says, exporting to nowhere.

A peer is measured in a process and an environment of its own, with llmtrack
beside it. To add one, write its function here and its pins in `requirements/`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from contestants import Clients, Contestant
from exporting import Exporting

#: The server that stands in for every backend.
SINK: Final = os.environ.get("SINK", "http://127.0.0.1:9")


@dataclass(frozen=True, slots=True)
class Peer:
    """A library: the module that is imported, and how it is set up."""

    module: str
    set_up: Callable[[], Contestant]


PEERS: Final[dict[str, Peer]] = {}


def peer(
    name: str, module: str
) -> Callable[[Callable[[], Contestant]], Callable[[], Contestant]]:
    """Register a peer; its pins are in the file of this name."""

    def register(set_up: Callable[[], Contestant]) -> Callable[[], Contestant]:
        PEERS[name] = Peer(module, set_up)
        return set_up

    return register


@peer("langfuse", "langfuse")
def langfuse() -> Contestant:
    from langfuse import Langfuse, observe

    client = Langfuse(public_key="pk-lf-x", secret_key="sk-lf-x", base_url=SINK)

    def clients() -> Clients:
        import langfuse.openai  # noqa: F401 - patches openai

        return Clients()

    return _followed("langfuse", observe(), clients, client.flush)


@peer("langsmith", "langsmith")
def langsmith() -> Contestant:
    os.environ.update(
        LANGSMITH_TRACING="true", LANGSMITH_API_KEY="x", LANGSMITH_ENDPOINT=SINK
    )
    from langsmith import traceable
    from langsmith.run_trees import get_cached_client

    def clients() -> Clients:
        from langsmith.wrappers import wrap_openai

        return Clients(wrap_openai, wrap_openai)

    return _followed("langsmith", traceable, clients, get_cached_client().flush)


@peer("logfire", "logfire")
def logfire() -> Contestant:
    import logfire

    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[Exporting().processor()],
        metrics=False,
        inspect_arguments=False,
    )

    def wrap(client: Any) -> Any:
        logfire.instrument_openai(client)
        return client

    generator = logfire.instrument(allow_generator=True)
    return Contestant(
        "logfire",
        function=logfire.instrument(),
        generator=generator,
        async_generator=generator,
        clients=lambda: Clients(wrap, wrap),
        flush=logfire.force_flush,
    )


@peer("opik", "opik")
def opik() -> Contestant:
    os.environ.update(
        OPIK_URL_OVERRIDE=SINK + "/api",
        OPIK_API_KEY="x",
        OPIK_WORKSPACE="default",
        OPIK_SENTRY_ENABLE="false",
    )
    import opik

    def clients() -> Clients:
        from opik.integrations.openai import track_openai

        return Clients(track_openai, track_openai)

    return _followed("opik", opik.track, clients, opik.flush_tracker)


@peer("weave", "weave")
def weave() -> Contestant:
    os.environ.update(
        WANDB_BASE_URL=SINK,
        WF_TRACE_SERVER_URL=SINK,
        WANDB_API_KEY="x" * 40,
        WEAVE_PRINT_CALL_LINK="false",
        WANDB_ERROR_REPORTING="false",
        WEAVE_SENTRY_ENV="off",
    )
    import weave

    client = weave.init("e/p")
    return _followed("weave", weave.op, Clients, client.flush)


@peer("openinference", "openinference.instrumentation.openai")
def openinference() -> Contestant:
    from openinference.instrumentation import OITracer, TraceConfig

    provider = Exporting().provider()
    tracer = OITracer(provider.get_tracer("benchmark"), config=TraceConfig())

    def clients() -> Clients:
        from openinference.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument(tracer_provider=provider)
        return Clients()

    # Its `chain` knows nothing of generators.
    return _followed("openinference", tracer.llm, clients, provider.force_flush)


@peer("traceloop", "opentelemetry.instrumentation.openai")
def traceloop() -> Contestant:
    provider = Exporting().provider()

    def clients() -> Clients:
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument(tracer_provider=provider)
        return Clients()

    return Contestant("traceloop", clients=clients, flush=provider.force_flush)


@peer("opentelemetry", "opentelemetry.instrumentation.openai_v2")
def opentelemetry() -> Contestant:
    provider = Exporting().provider()

    def clients() -> Clients:
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

        OpenAIInstrumentor().instrument(tracer_provider=provider)
        return Clients()

    return Contestant("opentelemetry", clients=clients, flush=provider.force_flush)


def _followed(
    name: str,
    decorator: Callable[[Any], Any],
    clients: Callable[[], Clients],
    flush: Callable[[], object],
) -> Contestant:
    """Return a peer with one decorator for functions and generators."""
    return Contestant(
        name,
        function=decorator,
        generator=decorator,
        async_generator=decorator,
        clients=clients,
        flush=flush,
    )
