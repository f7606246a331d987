"""A running provider, and a client that knows nothing but HTTP."""

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from llmtrack.testing.provider import LoopbackProvider


@dataclass
class Answer:
    """What came back, and the exception that ended it early."""

    status: int
    headers: dict[str, str]
    body: bytes
    error: Exception | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of the server-sent events, `[DONE]` as it is."""
        lines = self.body.decode().splitlines()
        data = [line.removeprefix("data: ") for line in lines if line[:5] == "data:"]
        return [each if each == "[DONE]" else json.loads(each) for each in data]

    @property
    def rows(self) -> list[Any]:
        """The lines of newline-delimited JSON."""
        return [json.loads(line) for line in self.body.splitlines()]


Ask = Callable[..., Answer]


@pytest.fixture(scope="session")
def shared_provider() -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as provider:
        yield provider


@pytest.fixture
def provider(shared_provider: LoopbackProvider) -> LoopbackProvider:
    shared_provider.reset()
    return shared_provider


@pytest.fixture
def ask(provider: LoopbackProvider) -> Ask:
    """Return a function that posts a body to a path."""

    def post(path: str, /, **body: Any) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=10)
        try:
            connection.request("POST", path, json.dumps(body))
            return _read(connection.getresponse())
        finally:
            connection.close()

    return post


def _read(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    answer = Answer(response.status, headers, b"")
    try:
        while piece := response.read1(65536):
            answer.body += piece
    except (OSError, http.client.HTTPException) as error:
        answer.error = error
    return answer
