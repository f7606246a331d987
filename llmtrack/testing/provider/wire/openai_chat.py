"""OpenAI chat completions as a stream, in the words of every vendor."""

from typing import Any

from .. import truth
from .framing import JSON, Query, Reply, sse
from .openai_chat_plain import CITATION, finish_reason, plain_reply, thinking_part
from .openai_vendors import Vendor, chat_usage, vendor_of


def chat_reply(query: Query) -> Reply:
    """Answer `POST .../chat/completions`."""
    return _ChatStream(query).reply() if query.stream else plain_reply(query)


class _ChatStream:
    """The frames of one stream."""

    def __init__(self, query: Query) -> None:
        vendor = vendor_of(query)
        self.payload = query.payload
        self.vendor = vendor
        self.usage = self.payload.usage and (query.stream_usage or vendor.always_usage)
        self.head: JSON = {
            "id": truth.IDS["chat"],
            "object": "chat.completion.chunk",
            "created": truth.CREATED,
            "model": truth.MODEL,
            **vendor.chunk_extra,
        }
        self.frames: list[bytes] = []
        self.text_so_far = ""

    def reply(self) -> Reply:
        self._opening()
        self._reasoning()
        break_at = len(self.frames) + self.payload.parts_before_break
        self._text()
        self._tool_call()
        self._ending()
        return Reply(
            self.frames,
            break_at=break_at,
            error_frame=sse(_error(self.vendor, self.head)),
            malformed_frame=f'data: {{"id":"{truth.IDS["chat"]}","choi\n\n'.encode(),
        )

    def _emit(
        self, delta: JSON, finish: str | None = None, index: int = 0, **extra: Any
    ) -> None:
        choice: JSON = {"index": index, "delta": delta, "finish_reason": finish}
        chunk = {**self.head, "choices": [choice], **extra}
        match self.vendor.name:
            case "openai":
                choice["logprobs"] = None
            case "openrouter":
                choice["native_finish_reason"] = finish
            case "azure":
                choice["content_filter_results"] = {}
            case "perplexity":
                self._accumulate(chunk, choice)
        if self.vendor.name in ("openai", "azure") and self.usage:
            chunk.setdefault("usage", None)
        self.frames.append(sse(chunk))

    def _accumulate(self, chunk: JSON, choice: JSON) -> None:
        """Repeat message and usage so far in each chunk, as Perplexity does."""
        done = choice["finish_reason"] is not None
        self.text_so_far += choice["delta"].get("content") or ""
        # Even the last piece of text is not yet the whole answer.
        running = 3 * len(self.text_so_far) / (8 * len(self.payload.whole_text))
        part = 1.0 if done else running
        choice["message"] = {"role": "assistant", "content": self.text_so_far}
        chunk["object"] = f"chat.completion.{'done' if done else 'chunk'}"
        if self.usage:
            chunk["usage"] = chat_usage(self.vendor, self.payload, part)
        chunk["citations"] = [CITATION]
        chunk["search_results"] = [{"title": "t", "url": CITATION, "date": None}]

    def _opening(self) -> None:
        extra: JSON = {}
        match self.vendor.name:
            case "openrouter":
                self.frames.append(b": OPENROUTER PROCESSING\n\n")
            case "azure":
                self.frames.append(sse(_azure_prompt_filter()))
            case "groq":
                extra["x_groq"] = {"id": truth.REQUEST_ID}
        self._emit({"role": "assistant", "content": ""}, **extra)

    def _reasoning(self) -> None:
        if not (self.payload.reasoning and self.vendor.reasoning_key):
            return
        pieces: tuple[str, ...] = truth.REASONING_PARTS
        if self.vendor.name == "thinktags":
            # The tags are split over chunks, as tokenizers do.
            pieces = ("<thi", "nk>", *pieces, "</think>", "\n\n")
        for piece in pieces:
            self._emit(_reasoning_delta(self.vendor, piece))

    def _text(self) -> None:
        if self.payload.name == "refusal":
            for piece in truth.REFUSAL_PARTS:
                self._emit({"refusal": piece})
            return
        if not self.payload.text:
            return
        for position, piece in enumerate(self.payload.text_parts):
            self._emit({"content": piece})
            if self.payload.name == "multi" and position < len(truth.TEXT2_PARTS):
                self._emit({"content": truth.TEXT2_PARTS[position]}, index=1)

    def _tool_call(self) -> None:
        if not self.payload.tool:
            return
        whole = self.vendor.whole_tool_call
        arguments = truth.TOOL_ARGUMENTS if whole else ""
        call = {
            "index": 0,
            "id": truth.TOOL_ID,
            "type": "function",
            "function": {"name": truth.TOOL_NAME, "arguments": arguments},
        }
        blank = {"content": ""} if self.vendor.name == "mistral" else {}
        self._emit({**blank, "tool_calls": [call]})
        for piece in () if whole else truth.TOOL_ARGUMENTS_PARTS:
            more = {"index": 0, "function": {"arguments": piece}}
            self._emit({"tool_calls": [more]})

    def _ending(self) -> None:
        finish = finish_reason(self.payload)
        extra: JSON = {}
        if self.usage and not self.vendor.usage_apart:
            extra["usage"] = chat_usage(self.vendor, self.payload)
            match self.vendor.name:
                case "groq":
                    extra["x_groq"] = {"id": truth.REQUEST_ID, "usage": extra["usage"]}
                case "cerebras":
                    extra["time_info"] = {
                        "queue_time": 0.001,
                        "prompt_time": 0.002,
                        "completion_time": 0.01,
                        "total_time": 0.013,
                        "created": truth.CREATED,
                    }
        self._emit({}, finish, **extra)
        if self.payload.name == "multi":
            self._emit({}, finish, index=1)
        if self.usage and self.vendor.usage_apart:
            self.frames.append(sse(self._usage_chunk()))
        self.frames.append(sse("[DONE]"))

    def _usage_chunk(self) -> JSON:
        choices: list[JSON] = []
        if self.vendor.name == "openrouter":
            blank = {
                "index": 0,
                "delta": {"role": "assistant", "content": ""},
                "finish_reason": None,
                "native_finish_reason": None,
            }
            choices.append(blank)
        usage = chat_usage(self.vendor, self.payload)
        return {**self.head, "choices": choices, "usage": usage}


def _azure_prompt_filter() -> JSON:
    """Return a chunk with no choice and an empty id and model: not to be kept."""
    return {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
    }


def _reasoning_delta(vendor: Vendor, piece: str) -> JSON:
    match vendor.name:
        case "mistral":
            return {"content": [thinking_part(piece)]}
        case "groq":
            return {"reasoning": piece, "channel": "analysis"}
        case "deepseek":
            return {"reasoning_content": piece, "content": None}
        case "openrouter":
            detail = {
                "type": "reasoning.text",
                "text": piece,
                "index": 0,
                "format": "unknown",
            }
            return {
                "role": "assistant",
                "content": "",
                "reasoning": piece,
                "reasoning_details": [detail],
            }
        case _:
            return {str(vendor.reasoning_key): piece}


def _error(vendor: Vendor, head: JSON) -> JSON:
    """Return how a vendor reports an error once a stream is running."""
    match vendor.name:
        case "openrouter":
            error: JSON = {
                "code": 502,
                "message": "Upstream overloaded",
                "metadata": {"provider_name": "Fake"},
            }
            delta = {"content": ""}
            choice = {"index": 0, "delta": delta, "finish_reason": "error"}
            return {**head, "error": error, "choices": [choice]}
        case "mistral":
            return {
                "object": "error",
                "message": "Service unavailable.",
                "type": "internal_server_error",
                "code": "3700",
            }
        case "cerebras":
            error = {
                "message": "Encountered a server error",
                "type": "server_error",
                "code": "server_error",
            }
            return {"error": error, "status_code": 500}
        case _:
            error = {
                "message": "The server had an error while processing your request",
                "type": "server_error",
                "param": None,
                "code": "server_error",
            }
            return {"error": error}
