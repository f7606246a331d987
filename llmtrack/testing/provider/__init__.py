"""
A provider on this machine that speaks every wire format, for tests and demos.

    from llmtrack.testing.provider import LoopbackProvider

    with LoopbackProvider() as provider:
        client = openai.OpenAI(api_key="x", base_url=provider.url("ok", "openai/v1"))

From a shell: `python -m llmtrack.testing.provider --port 8808`. It needs only the
standard library and nothing else of llmtrack; xAI's gRPC, which has no URL to
choose a scenario by, is apart in `llmtrack.testing.provider.xai_grpc`.
"""

from . import truth
from .routing import DIALECTS
from .scenarios import SCENARIOS, Options, UnknownTargetError
from .server import LoopbackProvider

__all__ = [
    "DIALECTS",
    "SCENARIOS",
    "LoopbackProvider",
    "Options",
    "UnknownTargetError",
    "truth",
]
