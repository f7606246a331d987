"""HTTP errors, in the words of each provider."""

from typing import Any, Final, NamedTuple

from . import truth


class HTTPFailure(NamedTuple):
    """One status and how the providers name it."""

    type: str
    message: str
    openai_code: str | None
    google_status: str
    aws_type: str
    retry_after: bool = False


HTTP_FAILURES: Final = {
    "400": HTTPFailure(
        "invalid_request_error",
        "This model's maximum context length is 8192 tokens",
        "context_length_exceeded",
        "INVALID_ARGUMENT",
        "ValidationException",
    ),
    "401": HTTPFailure(
        "authentication_error",
        "Incorrect API key provided",
        "invalid_api_key",
        "UNAUTHENTICATED",
        "AccessDeniedException",
    ),
    "404": HTTPFailure(
        "not_found_error",
        "The model `x` does not exist",
        None,
        "NOT_FOUND",
        "ResourceNotFoundException",
    ),
    "429": HTTPFailure(
        "rate_limit_error",
        "Rate limit reached",
        "rate_limit_exceeded",
        "RESOURCE_EXHAUSTED",
        "ThrottlingException",
        retry_after=True,
    ),
    "500": HTTPFailure(
        "api_error",
        "Internal server error",
        None,
        "INTERNAL",
        "InternalServerException",
    ),
    "503": HTTPFailure(
        "service_unavailable",
        "Service temporarily unavailable",
        None,
        "UNAVAILABLE",
        "ServiceUnavailableException",
        retry_after=True,
    ),
    "529": HTTPFailure(
        "overloaded_error",
        "Overloaded",
        None,
        "UNAVAILABLE",
        "ServiceUnavailableException",
        retry_after=True,
    ),
}

Headers = dict[str, str]


def failure_answer(family: str, status: str, retry_after: str) -> tuple[Any, Headers]:
    """Return the JSON value and the headers of an error answer."""
    failure = HTTP_FAILURES[status]
    value, headers = _in_words_of(family, int(status), failure)
    if failure.retry_after:
        headers["retry-after"] = retry_after
        if family in ("openai", "responses"):
            headers["x-ratelimit-remaining-requests"] = "0"
    return value, headers


def _in_words_of(family: str, status: int, failure: HTTPFailure) -> tuple[Any, Headers]:
    message = failure.message
    match family:
        case "anthropic":
            return {
                "type": "error",
                "error": {"type": failure.type, "message": message},
                "request_id": truth.REQUEST_ID,
            }, {"request-id": truth.REQUEST_ID}
        case "gemini":
            error: dict[str, Any] = {
                "code": status,
                "message": message,
                "status": failure.google_status,
            }
            if status == 429:
                error["details"] = [
                    {
                        "@type": "type.googleapis.com/google.rpc.RetryInfo",
                        "retryDelay": f"{truth.RETRY_AFTER}s",
                    }
                ]
            return {"error": error}, {}
        case "bedrock":
            return {"message": message}, {
                "x-amzn-ErrorType": failure.aws_type,
                "x-amzn-RequestId": truth.AWS_REQUEST_ID,
            }
        case "cohere":
            return {"id": "err-1", "message": message}, {}
        case "ollama":
            return {"error": message}, {}
        case _:
            error = {
                "message": message,
                "type": failure.type,
                "param": None,
                "code": failure.openai_code,
            }
            return {"error": error}, {"x-request-id": truth.REQUEST_ID}
