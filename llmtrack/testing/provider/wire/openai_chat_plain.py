"""OpenAI chat completions that are no stream."""

from typing import Final

from .. import truth
from ..payload import Payload
from .framing import JSON, Query, Reply, json_reply
from .openai_vendors import Vendor, chat_usage, vendor_of

CITATION: Final = "https://example.com/1"


def plain_reply(query: Query) -> Reply:
    """Answer with one `chat.completion`."""
    payload, vendor = query.payload, vendor_of(query)
    messages = [_message(payload, vendor)]
    if payload.name == "multi":
        messages.append({"role": "assistant", "content": truth.TEXT2})
    answer: JSON = {
        "id": truth.IDS["chat"],
        "object": "chat.completion",
        "created": truth.CREATED,
        "model": truth.MODEL,
        "choices": [
            {
                "index": index,
                "message": message,
                "finish_reason": finish_reason(payload),
                "logprobs": None,
            }
            for index, message in enumerate(messages)
        ],
        "system_fingerprint": "fp_fake",
    }
    if payload.usage:
        answer["usage"] = chat_usage(vendor, payload)
    match vendor.name:
        case "groq":
            answer["x_groq"] = {"id": truth.REQUEST_ID}
        case "perplexity":
            answer["citations"] = [CITATION]
        case "cerebras":
            answer["time_info"] = {"total_time": 0.013, "created": truth.CREATED}
    return json_reply(answer)


def finish_reason(payload: Payload) -> str:
    """Return why the answer ends, in OpenAI's words."""
    default = "tool_calls" if payload.tool else "stop"
    return payload.pick(default, length="length")


def thinking_part(text: str) -> JSON:
    """Return reasoning as Mistral puts it into `content`."""
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _message(payload: Payload, vendor: Vendor) -> JSON:
    refused = payload.name == "refusal"
    spoken = payload.text and not refused
    message: JSON = {
        "role": "assistant",
        "content": payload.whole_text if spoken else None,
    }
    if vendor.name == "openai":
        message.update(refusal=None, annotations=[])
    if refused:
        message["refusal"] = truth.REFUSAL
    if payload.reasoning:
        message.update(_with_reasoning(payload.whole_text, vendor))
    if payload.tool:
        function = {"name": truth.TOOL_NAME, "arguments": truth.TOOL_ARGUMENTS}
        call = {
            "id": truth.TOOL_ID,
            "type": "function",
            "index": 0,
            "function": function,
        }
        message["tool_calls"] = [call]
    return message


def _with_reasoning(text: str, vendor: Vendor) -> JSON:
    """Return the keys of a message whose text comes with reasoning."""
    match vendor.name:
        case "mistral":
            spoken = {"type": "text", "text": text}
            return {"content": [thinking_part(truth.REASONING), spoken]}
        case "thinktags":
            return {"content": f"<think>{truth.REASONING}</think>\n\n{text}"}
        case _ if vendor.reasoning_key:
            return {vendor.reasoning_key: truth.REASONING}
        case _:
            return {}
