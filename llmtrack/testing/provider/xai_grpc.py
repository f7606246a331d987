"""
xAI's gRPC chat service.

gRPC has no URL to carry a scenario, so each server plays just one.
"""

import importlib
from collections.abc import Iterator
from concurrent import futures
from typing import Any, Final, Self

from . import truth
from .failures import HTTP_FAILURES

_STATUS: Final = {
    "400": "INVALID_ARGUMENT",
    "401": "UNAUTHENTICATED",
    "429": "RESOURCE_EXHAUSTED",
    "500": "INTERNAL",
    "503": "UNAVAILABLE",
}
_BREAKS: Final = {"cut": "UNAVAILABLE", "inband_error": "INTERNAL"}
#: Scenarios without a tool call.
_TEXT_ONLY: Final = ("text", "truncated", *_BREAKS)
GRPC_SCENARIOS: Final = ("ok", "empty", *_TEXT_ONLY, *_STATUS)
#: Where a stream breaks: after the reasoning and two pieces of text.
_BREAK_AT: Final = len(truth.REASONING_PARTS) + 2


class LoopbackGrpcProvider:
    """
    An insecure gRPC server on a free port, as a context manager.

    Args:
        scenario: What each call meets, one of `GRPC_SCENARIOS`.

    Raises:
        ValueError: There is no such scenario.
        ModuleNotFoundError: `xai-sdk`, which brings `grpcio`, is missing.
    """

    def __init__(self, scenario: str = "ok") -> None:
        if scenario not in GRPC_SCENARIOS:
            known = ", ".join(GRPC_SCENARIOS)
            raise ValueError(f"no gRPC scenario {scenario!r}; there are {known}")
        try:
            grpc = importlib.import_module("grpc")
            chat = _Chat(scenario)
        except ModuleNotFoundError as error:
            message = f"{error}: the gRPC provider needs  pip install xai-sdk"
            raise ModuleNotFoundError(message) from error
        self._chat = chat
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
        self._server.add_generic_rpc_handlers((chat.service(),))
        self.host: str = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.stop(0).wait()

    @property
    def calls(self) -> int:
        """How many calls came in, retries included."""
        return self._chat.calls


class _Chat:
    """The two methods of xAI's chat service that generate."""

    def __init__(self, scenario: str) -> None:
        self.scenario = scenario
        self.calls = 0
        self.tool = scenario not in _TEXT_ONLY
        self.grpc = importlib.import_module("grpc")
        proto = importlib.import_module("xai_sdk.proto")
        self.chat, self.usage = proto.chat_pb2, proto.usage_pb2
        sample = proto.sample_pb2
        self.finish = sample.REASON_TOOL_CALLS if self.tool else sample.REASON_STOP

    def service(self) -> Any:
        """Return what a gRPC server serves."""
        messages = {
            "request_deserializer": self.chat.GetCompletionsRequest.FromString,
            "response_serializer": lambda message: message.SerializeToString(),
        }
        unary = self.grpc.unary_unary_rpc_method_handler
        streamed = self.grpc.unary_stream_rpc_method_handler
        return self.grpc.method_handlers_generic_handler(
            "xai_api.Chat",
            {
                "GetCompletion": unary(self.complete, **messages),
                "GetCompletionChunk": streamed(self.stream, **messages),
            },
        )

    def complete(self, request: Any, context: Any) -> Any:
        self._fail(context)
        message = self.chat.CompletionMessage(
            content=truth.TEXT,
            reasoning_content=truth.REASONING,
            role=self.chat.ROLE_ASSISTANT,
            tool_calls=[self._tool_call()] if self.tool else [],
        )
        output = self.chat.CompletionOutput(
            index=0, finish_reason=self.finish, message=message
        )
        return self.chat.GetChatCompletionResponse(
            id=truth.IDS["chat"],
            model=truth.MODEL,
            usage=self._usage(),
            outputs=[output],
        )

    def stream(self, request: Any, context: Any) -> Iterator[Any]:
        self._fail(context)
        for position, delta in enumerate(self._deltas()):
            if position == _BREAK_AT and self.scenario == "truncated":
                return
            if position == _BREAK_AT and self.scenario in _BREAKS:
                self._abort(context, _BREAKS[self.scenario], "stream broken")
            yield self._chunk(delta)

    def _fail(self, context: Any) -> None:
        self.calls += 1
        if self.scenario in _STATUS:
            message = HTTP_FAILURES[self.scenario].message
            self._abort(context, _STATUS[self.scenario], message)

    def _abort(self, context: Any, status: str, message: str) -> None:
        context.abort(getattr(self.grpc.StatusCode, status), message)

    def _deltas(self) -> list[dict[str, Any]]:
        """Return the fields of each delta; the last one has none."""
        if self.scenario == "empty":
            return []
        tool: list[dict[str, Any]] = [{"tool_calls": [self._tool_call()]}]
        return [
            *({"reasoning_content": piece} for piece in truth.REASONING_PARTS),
            *({"content": piece} for piece in truth.TEXT_PARTS),
            *(tool if self.tool else []),
            {},
        ]

    def _chunk(self, fields: dict[str, Any]) -> Any:
        delta = self.chat.Delta(role=self.chat.ROLE_ASSISTANT, **fields)
        output = self.chat.CompletionOutputChunk(index=0, delta=delta)
        chunk = self.chat.GetChatCompletionChunk(
            id=truth.IDS["chat"], model=truth.MODEL, outputs=[output]
        )
        if not fields:
            chunk.outputs[0].finish_reason = self.finish
            chunk.usage.CopyFrom(self._usage())
        return chunk

    def _tool_call(self) -> Any:
        function = self.chat.FunctionCall(
            name=truth.TOOL_NAME, arguments=truth.TOOL_ARGUMENTS
        )
        return self.chat.ToolCall(id=truth.TOOL_ID, function=function)

    def _usage(self) -> Any:
        """Return the usage; `completion_tokens` excludes reasoning here."""
        return self.usage.SamplingUsage(
            prompt_tokens=truth.INPUT_TOKENS,
            completion_tokens=truth.OUTPUT_TOKENS - truth.REASONING_TOKENS,
            reasoning_tokens=truth.REASONING_TOKENS,
            total_tokens=truth.USAGE["total"],
            prompt_text_tokens=truth.INPUT_TOKENS,
            cached_prompt_text_tokens=truth.CACHED_TOKENS,
        )
