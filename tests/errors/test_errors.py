"""Errors mean the same for every client, told by names, codes and statuses."""

import asyncio
import json
import pickle
import socket
import tarfile
from concurrent.futures import CancelledError as FutureCancelledError
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace as Response

import pytest

from llmtrack.errors import (
    ConfigurationError,
    error_info,
    in_band_error,
    incomplete,
)


def raised(path, *bases, message="no", **attributes):
    """Return an exception of a class of this path, with these attributes."""
    module, _, name = path.rpartition(".")
    cls = type(name, bases or (Exception,), {"__module__": module})
    exc = cls(message)
    vars(exc).update(attributes)
    return exc


def wrapped(outer, cause):
    """Return the outer exception, raised from its cause."""
    outer.__cause__ = cause
    return outer


def class_of(path, *bases):
    return type(raised(path, *bases))


OPENAI = class_of("openai.APIError", class_of("openai.OpenAIError"))
CONNECTION = class_of("openai.APIConnectionError", OPENAI)
RPC = class_of("grpc.RpcError")


def grpc_error(code):
    """Return an error of gRPC's, whose `code` is a method."""
    status = SimpleCode(code)
    return raised("grpc._channel._MultiThreadedRendezvous", RPC, code=lambda: status)


class SimpleCode:
    def __init__(self, name):
        self.name = name


def aws_error(name, code, status=None):
    metadata = {} if status is None else {"HTTPStatusCode": status}
    response = {"Error": {"Code": code}, "ResponseMetadata": metadata}
    return raised(name, class_of("botocore.exceptions.ClientError"), response=response)


KINDS = [
    ("rate_limit", raised("openai.RateLimitError", OPENAI, status_code=429)),
    ("auth", raised("groq.AuthenticationError", status_code=401)),
    ("permission", raised("anthropic.PermissionDeniedError", status_code=403)),
    ("permission", raised("openai.APIStatusError", OPENAI, status_code=402)),
    ("not_found", raised("together.NotFoundError", status_code=404)),
    ("invalid_request", raised("cohere.BadRequestError", status_code=400)),
    ("invalid_request", raised("openai.UnprocessableEntityError", status_code=422)),
    ("server", raised("openai.InternalServerError", OPENAI, status_code=500)),
    ("overloaded", raised("anthropic.ServiceUnavailableError", status_code=503)),
    ("overloaded", raised("anthropic.OverloadedError", status_code=529)),
    ("timeout", raised("openai.APITimeoutError", CONNECTION)),
    ("network", raised("openai.APIConnectionError", OPENAI)),
    # In-band: Anthropic's status is 200, openai has only the code or nothing,
    # OpenRouter's code is a string, ollama's status is -1.
    (
        "overloaded",
        raised("anthropic.APIStatusError", status_code=200, type="overloaded_error"),
    ),
    ("server", raised("openai.APIError", code="server_error")),
    ("rate_limit", raised("openai.APIError", code="rate_limit_exceeded")),
    ("server", raised("groq.APIError")),
    ("server", raised("openai.APIError", code="502")),
    ("server", raised("ollama._types.ResponseError", status_code=-1)),
    ("not_found", raised("ollama._types.ResponseError", status_code=404)),
    (
        "server",
        raised(
            "cerebras.cloud.sdk.InternalServerError",
            status_code=500,
            response=Response(status_code=200, headers={}),
        ),
    ),
    # groq, together and fireworks have the code in the body.
    (
        "context_length",
        raised(
            "groq.BadRequestError",
            status_code=400,
            body={"error": {"code": "context_length_exceeded"}},
        ),
    ),
    # Google's code is the status, and its status is the code.
    ("rate_limit", raised("google.genai.errors.ClientError", code=429, status="X")),
    ("overloaded", raised("google.genai.errors.ServerError", code=503, status="X")),
    (
        "auth",
        raised(
            "google.genai.errors.ClientError",
            code=400,
            message="API key not valid. Please pass a valid API key.",
        ),
    ),
    ("rate_limit", raised("mistralai.client.models.SDKError", status_code=429)),
    (
        "server",
        raised("mistralai.client.ResponseValidationError", status_code=200),
    ),
    ("server", raised("cohere.core.api_error.ApiError", status_code=200)),
    ("server", raised("huggingface_hub.errors.UnknownError")),
    (
        "rate_limit",
        raised(
            "huggingface_hub.errors.HfHubHTTPError",
            OSError,
            response=Response(status_code=429, headers={}),
        ),
    ),
    # boto3 has the status of HTTP, and in-band only the code.
    ("rate_limit", aws_error("botocore.errorfactory.ThrottlingException", "x", 429)),
    ("rate_limit", aws_error("botocore.X", "throttlingException")),
    ("server", aws_error("botocore.EventStreamError", "modelStreamErrorException")),
    ("auth", aws_error("botocore.AccessDeniedException", "AccessDenied", 401)),
    ("permission", aws_error("botocore.AccessDeniedException", "AccessDenied", 403)),
    ("auth", raised("botocore.exceptions.NoCredentialsError")),
    ("network", grpc_error("UNAVAILABLE")),
    ("rate_limit", grpc_error("RESOURCE_EXHAUSTED")),
    ("auth", grpc_error("UNAUTHENTICATED")),
    ("timeout", grpc_error("DEADLINE_EXCEEDED")),
    ("server", grpc_error("INTERNAL")),
    ("cancelled", grpc_error("CANCELLED")),
    # Connections, by whatever library.
    ("network", raised("httpx.ReadError")),
    ("network", raised("httpx2.RemoteProtocolError")),
    ("network", raised("httpx2.ConnectError")),
    ("network", raised("aiohttp.client_exceptions.ClientPayloadError")),
    ("network", raised("aiohttp.client_exceptions.ClientConnectorError", OSError)),
    ("network", raised("urllib3.exceptions.ProtocolError")),
    ("network", raised("botocore.exceptions.EndpointConnectionError")),
    ("timeout", raised("httpx.ReadTimeout")),
    ("timeout", raised("urllib3.exceptions.ReadTimeoutError")),
    ("network", ConnectionResetError()),
    ("network", socket.gaierror()),
    ("timeout", TimeoutError()),
    # Events that make no sense.
    ("server", json.JSONDecodeError("x", "y", 0)),
    ("server", raised("botocore.eventstream.ChecksumMismatch")),
    ("server", raised("google.genai.errors.UnknownApiResponseError", ValueError)),
    ("server", raised("agents.exceptions.ModelBehaviorError")),
    # Frameworks derive from the clients' classes: the most derived one counts.
    (
        "context_length",
        raised("langchain_openai.OpenAIContextOverflowError", OPENAI, status_code=400),
    ),
    (
        "context_length",
        raised("litellm.ContextWindowExceededError", OPENAI, status_code=400),
    ),
    (
        "content_filter",
        raised("litellm.ContentPolicyViolationError", OPENAI, status_code=400),
    ),
    (
        "overloaded",
        raised(
            "litellm.InternalServerError",
            OPENAI,
            status_code=500,
            message="AnthropicException - Overloaded",
        ),
    ),
    (
        "server",
        raised(
            "litellm.BadRequestError",
            OPENAI,
            status_code=400,
            message="an error was encountered while running the model",
        ),
    ),
    ("rate_limit", raised("pydantic_ai.ModelRateLimitError", status_code=429)),
    # Streams that were empty, or broke off, as frameworks say it.
    ("incomplete", ValueError("No generation chunks were returned")),
    ("incomplete", RuntimeError("Didn't receive a `response.completed` event.")),
    (
        "incomplete",
        raised(
            "agents.exceptions.ModelBehaviorError",
            message="Model did not produce a final response!",
        ),
    ),
    (
        "incomplete",
        raised(
            "pydantic_ai.exceptions.UnexpectedModelBehavior",
            message="Streamed response ended without content or tool calls",
        ),
    ),
    # What has nothing to do with a model.
    ("unknown", ValueError("no")),
    ("unknown", tarfile.ReadError("not a tar file")),
    ("unknown", PermissionError("no")),
    ("unknown", raised("myapp.Oops")),
]


def named(value):
    return "" if isinstance(value, str) else type(value).__qualname__


@pytest.mark.parametrize(("kind", "exc"), KINDS, ids=named)
def test_the_kind_is_told_by_names_codes_and_statuses(kind, exc):
    """
    No single one of them is right for every client.
    """
    info = error_info(exc)

    assert info.kind == kind


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "Input is too long for requested model.",
        "The input token count exceeds the maximum number of tokens allowed",
    ],
)
def test_a_bad_request_that_is_too_long_is_told_by_its_message(message):
    """
    Where the provider has no code for it.
    """
    exc = raised("x.BadRequestError", status_code=400, message=message)

    info = error_info(exc)

    assert (info.kind, info.retryable) == ("context_length", False)


@pytest.mark.parametrize(
    "exc",
    [
        asyncio.CancelledError(),
        FutureCancelledError(),
        raised("trio.Cancelled", BaseException),
        KeyboardInterrupt(),
        SystemExit(1),
        GeneratorExit(),
    ],
    ids=named,
)
def test_what_stops_a_program_is_a_cancellation(exc):
    """
    And not an error that one could try again.
    """
    info = error_info(exc)

    assert (info.kind, info.retryable, info.status_code) == ("cancelled", False, None)


@pytest.mark.parametrize(
    ("exc", "name"),
    [
        (ValueError(), "ValueError"),
        (raised("openai.RateLimitError"), "openai.RateLimitError"),
        (asyncio.CancelledError(), "asyncio.exceptions.CancelledError"),
    ],
)
def test_the_type_is_qualified_unless_built_in(exc, name):
    """
    As OpenTelemetry wants it.
    """
    assert error_info(exc).type == name


@pytest.mark.parametrize(
    "holder",
    [
        {"response": Response(headers={"retry-after": "7"}, status_code=429)},
        {"headers": {"retry-after": "7"}},
        {"headers": {"Retry-After": 7}},
        {"headers": {"retry-after-ms": "7000", "retry-after": "9"}},
        {"litellm_response_headers": {"retry-after": "7"}},
        {"response": {"ResponseMetadata": {"HTTPHeaders": {"retry-after": "7"}}}},
        {"details": {"error": {"details": [{"x": 1}, {"retryDelay": "7s"}]}}},
    ],
)
def test_the_wait_that_was_asked_for_is_found(holder):
    """
    In seconds, from wherever a client puts it.
    """
    info = error_info(raised("x.RateLimitError", **holder))

    assert info.retry_after == 7.0


def test_a_wait_until_a_date_is_turned_into_seconds():
    """
    HTTP allows both; a date that is over means now.
    """
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    past = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)

    infos = [
        error_info(raised("x.RateLimitError", headers={"retry-after": date}))
        for date in (later, past)
    ]

    assert 3500 < infos[0].retry_after <= 3600
    assert infos[1].retry_after == 0.0


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "9" * 400, None, [], b"7"])
def test_a_wait_that_makes_no_sense_is_left_out(value):
    """
    It is the provider's text, after all.
    """
    info = error_info(raised("x.RateLimitError", headers={"retry-after": value}))

    assert (info.kind, info.retry_after) == ("rate_limit", None)


def test_an_empty_account_is_no_reason_to_try_again():
    """
    OpenAI sends 429 for it, as for too many requests.
    """
    exc = raised("openai.RateLimitError", status_code=429, code="insufficient_quota")

    info = error_info(exc)

    assert (info.kind, info.retryable) == ("rate_limit", False)


def test_an_error_raised_from_another_has_its_kind():
    """
    The program's own exception says nothing, its cause does.
    """
    cause = raised("openai.RateLimitError", status_code=429, headers={"retry-after": 3})

    info = error_info(wrapped(raised("myapp.AnswerFailed"), cause))

    assert (info.type, info.kind) == ("myapp.AnswerFailed", "rate_limit")
    assert (info.status_code, info.retry_after) == (429, 3.0)


def test_litellms_fallback_error_stands_for_what_happened():
    """
    It says 500, whatever happened.
    """
    original = raised("litellm.RateLimitError", status_code=429)
    exc = raised(
        "litellm.exceptions.MidStreamFallbackError",
        status_code=500,
        original_exception=original,
    )

    info = error_info(exc)

    assert (info.kind, info.status_code) == ("rate_limit", 429)


@pytest.mark.parametrize(
    ("context", "kind"),
    [
        (json.JSONDecodeError("x", "y", 0), "server"),
        (raised("openai.APIError"), "server"),
        (raised("httpx.ReadError"), "network"),
        (None, "network"),
    ],
)
def test_litellms_connection_error_may_be_anything(context, kind):
    """
    The exception that it was raised in place of is the real one; the status
    500 of a lost connection is nobody's.
    """
    exc = raised("litellm.exceptions.APIConnectionError", OPENAI, status_code=500)
    exc.__context__ = context

    info = error_info(exc)

    assert (info.kind, info.status_code) == (kind, None)


def test_a_group_of_one_kind_is_of_that_kind():
    """
    A task group raises one, even round a single exception.
    """
    alike = ExceptionGroup("x", [TimeoutError(), TimeoutError()])
    mixed = ExceptionGroup("x", [TimeoutError(), ValueError()])

    assert error_info(alike).kind == "timeout"
    assert error_info(mixed).kind == "unknown"


class HostileError(Exception):
    """Raises wherever it is touched."""

    def __str__(self):
        raise RuntimeError("no text")

    def __getattribute__(self, name):
        if not name.startswith("__"):
            raise RuntimeError(name)
        return super().__getattribute__(name)


def test_an_exception_that_raises_when_touched_is_survived():
    """
    It has a type, and that is all.
    """
    info = error_info(HostileError())

    assert info.type.endswith("HostileError")
    assert (info.kind, info.message, info.status_code) == ("unknown", "", None)


def test_a_chain_without_end_is_survived():
    """
    An exception can be its own cause.
    """
    exc = ValueError("no")
    exc.__cause__ = exc
    loop = raised("x.MidStreamFallbackError")
    loop.original_exception = loop

    assert error_info(exc).kind == "unknown"
    assert error_info(loop).type == "x.MidStreamFallbackError"


def test_a_long_message_is_cut():
    """
    Some clients put the whole answer into it.
    """
    info = error_info(ValueError("x" * 10_000))

    assert len(info.message) == 2000


def test_an_info_holds_no_exception():
    """
    It can be sent to another process, and keeps no frame alive.
    """
    info = error_info(raised("openai.RateLimitError", status_code=429))

    assert pickle.loads(pickle.dumps(info)) == info


@pytest.mark.parametrize(
    ("given", "kind", "status", "retryable"),
    [
        (("server_error", "x"), "server", None, True),
        (("rate_limit_exceeded", "x"), "rate_limit", None, True),
        (("overloaded_error", "x"), "overloaded", None, True),
        (("error", "Upstream overloaded", "502"), "overloaded", 502, True),
        (("x", "x", None, 503), "overloaded", 503, True),
        (
            ("invalid_request_error", "x", "context_length_exceeded"),
            *("context_length", None, False),
        ),
        (("never_heard_of", "x"), "server", None, True),
        (("insufficient_quota", "x"), "rate_limit", None, False),
    ],
)
def test_errors_in_the_stream_are_classified_too(given, kind, status, retryable):
    """
    By their type, code, status and message; the provider's fault if unknown.
    """
    info = in_band_error(*given)

    assert (info.type, info.kind) == (given[0], kind)
    assert (info.status_code, info.retryable) == (status, retryable)


def test_an_incomplete_stream_may_be_tried_again():
    """
    The provider, or something between, went away.
    """
    info = incomplete("the stream stopped without a finish reason")

    assert (info.kind, info.retryable) == ("incomplete", True)


def test_a_configuration_error_is_a_value_error():
    """
    So that code which validates settings catches it.
    """
    assert issubclass(ConfigurationError, ValueError)
