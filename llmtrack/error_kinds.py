"""What the names, codes, statuses and messages of errors mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from llmtrack.record import ErrorKind

#: Longest message that is kept, in characters.
MESSAGE_LIMIT: Final = 2000

RETRYABLE: Final[frozenset[ErrorKind]] = frozenset(
    ("rate_limit", "overloaded", "timeout", "network", "server", "incomplete")
)

#: Kinds that a name or code knows better than the status does: Anthropic sends
#: `overloaded_error` with 200, litellm says 500 of a lost connection.
_ABOVE_STATUS: Final[frozenset[ErrorKind]] = frozenset(
    (
        "rate_limit",
        "overloaded",
        "timeout",
        "network",
        "context_length",
        "content_filter",
    )
)

_STATUS: Final[dict[int, ErrorKind]] = {
    401: "auth",
    402: "permission",
    403: "permission",
    404: "not_found",
    408: "timeout",
    410: "not_found",
    424: "server",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    524: "timeout",
    529: "overloaded",
}

_GRPC: Final[dict[str, ErrorKind]] = {
    "UNAVAILABLE": "network",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "permission",
    "NOT_FOUND": "not_found",
    "INVALID_ARGUMENT": "invalid_request",
    "FAILED_PRECONDITION": "invalid_request",
    "OUT_OF_RANGE": "invalid_request",
    "DEADLINE_EXCEEDED": "timeout",
    "CANCELLED": "cancelled",
}

#: The standard library's names mean what they say only there: `tarfile` has
#: a ReadError too.
_STANDARD: Final[dict[str, ErrorKind]] = {
    "TimeoutError": "timeout",
    "ConnectionError": "network",
    "gaierror": "network",
    "SSLError": "network",
    "IncompleteRead": "network",
    "IncompleteReadError": "network",
    "RemoteDisconnected": "network",
    "URLError": "network",
    # Half of the clients let it out for an event that is no JSON.
    "JSONDecodeError": "server",
}

#: Class names and providers' codes, as `key_of` writes them.
_SPELLINGS: Final[tuple[tuple[ErrorKind, str], ...]] = (
    (
        "rate_limit",
        "ratelimit ratelimitexceeded ratelimited modelratelimit toomanyrequests"
        " throttling throttled requestlimitexceeded quotaexceeded"
        " servicequotaexceeded insufficientquota resourceexhausted",
    ),
    (
        "overloaded",
        "overloaded modeloverloaded engineoverloaded serviceunavailable unavailable"
        " modelnotready slowdown",
    ),
    (
        "timeout",
        "timeout apitimeout readtimeout connecttimeout writetimeout pooltimeout"
        " connectiontimeout servertimeout modeltimeout gatewaytimeout"
        " deadlineexceeded",
    ),
    (
        "network",
        "apiconnection modelconnection connection connect read write close network"
        " transport protocol remoteprotocol localprotocol proxy proxyconnection ssl"
        " incompleteread invalidchunklength chunkedencoding newconnection"
        " nameresolution maxretry endpointconnection connectionclosed httpclient"
        " responsestreaming clientconnection clientconnector clientos clientpayload"
        " serverdisconnected",
    ),
    (
        "auth",
        "authentication unauthorized unauthenticated invalidapikey"
        " invalidauthentication unrecognizedclient invalidsignature expiredtoken"
        " missingauthenticationtoken nocredentials partialcredentials",
    ),
    (
        "permission",
        "permission permissiondenied forbidden accessdenied billing"
        " insufficientbalance gatedrepo",
    ),
    ("not_found", "notfound modelnotfound resourcenotfound repositorynotfound"),
    (
        "invalid_request",
        "badrequest invalidrequest invalidargument invalidprompt unsupportedparams"
        " unprocessableentity conflict requesttoolarge paramvalidation",
    ),
    (
        "context_length",
        "contextlengthexceeded contextwindowexceeded contextoverflow"
        " openaicontextoverflow",
    ),
    (
        "content_filter",
        "contentfilter contentpolicyviolation contentfilterfinishreason"
        " responsibleaipolicyviolation moderation",
    ),
    (
        "server",
        "server internalserver internal api apistatus badgateway response sdk"
        " unknown apiresponsevalidation responsevalidation unknownapiresponse"
        " responseparser checksummismatch eventstream modelstream modelserver"
        " modelapi modelbehavior unexpectedmodelbehavior",
    ),
)
_WORDS: Final[dict[str, ErrorKind]] = {
    key: kind for kind, keys in _SPELLINGS for key in keys.split()
}

#: How clients and frameworks say that a stream was empty, or broke off.
_BROKE_OFF: Final[tuple[tuple[str, ErrorKind], ...]] = (
    ("no generation chunks were returned", "incomplete"),
    ("didn't receive a `response.completed` event", "incomplete"),
    ("did not produce a final response", "incomplete"),
    ("stream ended without", "incomplete"),
    ("response ended without", "incomplete"),
)

#: What a message says where name, code and status say less, by the kind so far.
_SAYINGS: Final[dict[str, tuple[tuple[str, ErrorKind], ...]]] = {
    "invalid_request": (
        ("context length", "context_length"),
        ("context window", "context_length"),
        ("context_length", "context_length"),
        ("prompt is too long", "context_length"),
        ("input is too long", "context_length"),
        ("too many tokens", "context_length"),
        ("maximum number of tokens", "context_length"),
        ("content management policy", "content_filter"),
        ("content_filter", "content_filter"),
        ("api key not valid", "auth"),
        # Ollama's, which litellm turns into a bad request.
        ("error was encountered while running the model", "server"),
    ),
    # litellm turns Anthropic's 529 and lost connections into a 500.
    "server": (
        ("overloaded", "overloaded"),
        ("connection reset", "network"),
        ("connection error", "network"),
        *_BROKE_OFF,
    ),
    "unknown": (
        *_BROKE_OFF,
        # LangChain's ValueError for an error within a stream of Responses.
        ("code='server_error'", "server"),
        # litellm's, of an answer that is no JSON.
        ("unable to get json response", "server"),
    ),
}


def key_of(word: str) -> str:
    """Return `RateLimitError`, `rate_limit_error` and the like as one word."""
    plain = word.lower().replace("_", "").replace("-", "").replace(" ", "")
    return plain.removesuffix("exception").removesuffix("error") or plain


def of_class(name: str, *, standard: bool) -> ErrorKind | None:
    """Return what a class name means, in the standard library or elsewhere."""
    if standard:
        return _STANDARD.get(name)
    return _WORDS.get(key_of(name.lstrip("_")))


def of_grpc(code: str) -> ErrorKind:
    """Return what the name of a gRPC status means."""
    return _GRPC.get(code, "server")


def as_status(value: Any) -> int | None:
    """Return an HTTP status that says failure; 200 and -1 are none."""
    # OpenRouter's code is the string "502".
    if isinstance(value, str) and len(value) == 3 and value.isdecimal():
        value = int(value)
    if isinstance(value, int) and 400 <= value < 600:
        return int(value)
    return None


def settle(
    named: ErrorKind | None, codes: Iterable[str], status: int | None, message: str
) -> ErrorKind:
    """Weigh what the class, the codes, the status and the message say."""
    kinds: list[ErrorKind | None] = [_WORDS.get(key_of(code)) for code in codes]
    said: list[ErrorKind] = [k for k in (*kinds, named) if k is not None]
    for kind in said:
        if kind in _ABOVE_STATUS:
            return kind
    best: ErrorKind = said[0] if said else "unknown"
    if status is not None:
        best = _of_status(status)
    lower = message[:MESSAGE_LIMIT].lower()
    for saying, better in _SAYINGS.get(best, ()):
        if saying in lower:
            return better
    return best


def _of_status(status: int) -> ErrorKind:
    if status in _STATUS:
        return _STATUS[status]
    return "invalid_request" if status < 500 else "server"
