"""From a URL to a scenario and a wire format."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from .scenarios import Scenario, UnknownTargetError
from .wire import (
    anthropic,
    bedrock,
    cohere,
    gemini,
    ollama,
    openai_chat,
    openai_other,
    openai_responses,
)
from .wire.framing import JSON, Query, Reply
from .wire.openai_vendors import VENDORS


class Route(NamedTuple):
    """One API operation: how its paths end, whose words it uses, who answers."""

    name: str
    family: str
    ending: re.Pattern[str]
    respond: Callable[[Query], Reply]


#: The first match wins.
ROUTES: Final = tuple(
    Route(name, family, re.compile(ending + "$"), respond)
    for name, family, ending, respond in (
        ("chat", "openai", "/chat/completions", openai_chat.chat_reply),
        ("responses", "responses", "/responses", openai_responses.responses_reply),
        ("anthropic", "anthropic", "/v1/messages", anthropic.anthropic_reply),
        (
            "gemini_stream",
            "gemini",
            ":streamGenerateContent",
            gemini.gemini_stream_reply,
        ),
        ("gemini", "gemini", ":generateContent", gemini.gemini_reply),
        ("cohere", "cohere", "/v2/chat", cohere.cohere_reply),
        ("ollama", "ollama", "/api/chat", ollama.chat_reply),
        ("ollama_generate", "ollama", "/api/generate", ollama.generate_reply),
        (
            "converse_stream",
            "bedrock",
            "/model/[^/]+/converse-stream",
            bedrock.converse_stream_reply,
        ),
        ("converse", "bedrock", "/model/[^/]+/converse", bedrock.converse_reply),
        (
            "invoke_stream",
            "bedrock",
            "/model/[^/]+/invoke-with-response-stream",
            bedrock.invoke_stream_reply,
        ),
        ("invoke", "bedrock", "/model/[^/]+/invoke", bedrock.invoke_reply),
        ("embeddings", "openai", "/embeddings", openai_other.embeddings_reply),
        ("completions", "openai", "/completions", openai_other.completions_reply),
    )
)

#: The first segment of the path.
DIALECTS: Final = (
    *VENDORS,
    openai_responses.ERROR_EVENT,
    "anthropic",
    "gemini",
    "cohere",
    "ollama",
    "bedrock",
)
_PREFIX: Final = re.compile(r"/@(?P<scenario>\w+)(?P<options>(;[^/;]*)*)(?=/)")


@dataclass(frozen=True, slots=True)
class Address:
    """A path taken apart: `/@scenario;key=value/dialect/api/path`."""

    scenario: str
    options: dict[str, str]
    path: str

    @classmethod
    def parse(cls, path: str) -> "Address":
        """Split a path; without `/@...` the scenario is `ok`."""
        prefix = _PREFIX.match(path)
        if prefix is None:
            return cls("ok", {}, path)
        pairs = [each.partition("=") for each in prefix["options"].split(";") if each]
        options = {key: value for key, _, value in pairs}
        return cls(prefix["scenario"], options, path[prefix.end() :])


@dataclass(frozen=True, slots=True)
class Target:
    """What one request asks for."""

    scenario: Scenario
    route: Route
    dialect: str

    def reply(self, request: JSON) -> Reply:
        """Return the undisturbed answer to a parsed request."""
        query = Query(request, self.scenario.payload, self.dialect)
        return self.route.respond(query)


def find_target(address: Address) -> Target:
    """Look up an address, or raise `UnknownTargetError`."""
    path = address.path
    scenario = Scenario.parse(address.scenario, address.options)
    route = next((each for each in ROUTES if each.ending.search(path)), None)
    if route is None:
        raise UnknownTargetError(f"no route for {path!r}")
    dialect = path.strip("/").split("/")[0]
    if dialect not in DIALECTS:
        known = ", ".join(DIALECTS)
        raise UnknownTargetError(f"no dialect {dialect!r}; there are {known}")
    return Target(scenario, route, dialect)
