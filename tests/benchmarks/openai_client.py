"""A real client of openai over a transport inside the process."""

import json
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any, Final

import openai
from openai import _base_client
from openai.resources.chat.completions import AsyncCompletions, Completions
from sources import chunk_as_json, last_as_json

#: openai 3 uses httpx2, earlier versions httpx.
_http: Final[Any] = getattr(
    _base_client, "httpx2", getattr(_base_client, "httpx", None)
)
_MESSAGES: Final = [{"role": "user", "content": "hello " * 20}]


def arguments(chunks: int = 0) -> dict[str, Any]:
    """Return the arguments of a call; with 0 chunks it does not stream."""
    call: dict[str, Any] = {"model": "gpt-4o-mini", "messages": _MESSAGES}
    if chunks:
        # `user` tells the transport how many.
        call |= {"stream": True, "user": str(chunks)}
        call["stream_options"] = {"include_usage": True}
    return call


def client(cls: Any) -> Any:
    """Return a client of a class."""
    transport = _http.MockTransport(lambda request: _respond(request, _send))
    return cls(**_options(_http.Client(transport=transport)))


def async_client(cls: Any) -> Any:
    """Return an async client of a class."""

    async def respond(request: Any) -> Any:
        return _respond(request, _send_async)

    transport = _http.MockTransport(respond)
    return cls(**_options(_http.AsyncClient(transport=transport)))


class Originals:
    """
    The client's own methods, taken before any library patches them.

    The bare program calls these, on classes that have what may be patched put
    back.
    """

    _PATCHABLE: Final = ("request", "post")

    def __init__(self) -> None:
        self._create = Completions.create
        self._async_create = AsyncCompletions.create
        self._sync = {name: getattr(openai.OpenAI, name) for name in self._PATCHABLE}
        self._async = {
            name: getattr(openai.AsyncOpenAI, name) for name in self._PATCHABLE
        }

    def client(self) -> Any:
        """Return a client that nobody has patched."""
        cls = type("OpenAI", (openai.OpenAI,), dict(self._sync))
        made = client(cls)
        made.chat.completions.create = self._create.__get__(made.chat.completions)
        return made

    def async_client(self) -> Any:
        """Return an async client that nobody has patched."""
        cls = type("AsyncOpenAI", (openai.AsyncOpenAI,), dict(self._async))
        made = async_client(cls)
        create = self._async_create.__get__(made.chat.completions)
        made.chat.completions.create = create
        return made


@cache
def _frames(length: int) -> tuple[bytes, ...]:
    """Return a stream of so many chunks, a usage chunk, and the end."""
    values = [chunk_as_json(number) for number in range(length - 1)]
    usage = {**chunk_as_json(0), "choices": [], "usage": _usage(length)}
    values += [last_as_json() if length > 1 else chunk_as_json(1), usage]
    return (
        *(f"data: {json.dumps(value)}\n\n".encode() for value in values),
        b"data: [DONE]\n\n",
    )


def _usage(output: int) -> dict[str, int]:
    return {
        "prompt_tokens": 5,
        "completion_tokens": output,
        "total_tokens": output + 5,
    }


@cache
def _whole() -> bytes:
    message = {"role": "assistant", "content": "hello world"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    whole = {**chunk_as_json(0), "object": "chat.completion", "usage": _usage(2)}
    return json.dumps({**whole, "choices": [choice]}).encode()


def _respond(request: Any, send: Any) -> Any:
    body = json.loads(request.content)
    if not body.get("stream"):
        headers = {"content-type": "application/json"}
        return _http.Response(200, headers=headers, content=_whole())
    headers = {"content-type": "text/event-stream"}
    frames = _frames(int(body["user"]))
    return _http.Response(200, headers=headers, content=send(frames))


def _send(frames: tuple[bytes, ...]) -> Iterator[bytes]:
    yield from frames


async def _send_async(frames: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for frame in frames:
        yield frame


def _options(http_client: Any) -> dict[str, Any]:
    return {
        "api_key": "x",
        "base_url": "http://model.test/v1",
        "http_client": http_client,
        "max_retries": 0,
    }
