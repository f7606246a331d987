"""How frameworks are called that stand on the clients of others."""

import asyncio
from collections.abc import Callable
from typing import Any

MODEL = "gpt-5-mini"
CLAUDE = "claude-sonnet-4-5"
MESSAGES: Any = [{"role": "user", "content": "Hi"}]

#: Takes a base URL and whether to stream; returns what the client does.
Call = Callable[[str, bool], Any]


def langchain_openai(api: str) -> Call:
    def call(url: str, stream: bool) -> Any:
        from langchain_openai import ChatOpenAI

        model = ChatOpenAI(
            model=MODEL,
            api_key="x",  # type: ignore[arg-type]
            base_url=url,
            max_retries=0,
            stream_usage=True,
            use_responses_api=api == "responses",
        )
        return model.stream("Hi") if stream else model.invoke("Hi")

    return call


def langchain_anthropic(url: str, stream: bool) -> Any:
    from langchain_anthropic import ChatAnthropic

    model: Any = ChatAnthropic(
        model=CLAUDE, api_key="x", base_url=url, max_retries=0, max_tokens=100
    )
    return model.stream("Hi") if stream else model.invoke("Hi")


def llama_index(url: str, stream: bool) -> Any:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai import OpenAI

    model = OpenAI(model="gpt-4o-mini", api_key="x", api_base=url, max_retries=0)
    ask = model.stream_chat if stream else model.chat
    return ask([ChatMessage(role="user", content="Hi")])


def agents(url: str, stream: bool) -> list[Any]:
    import agents
    import openai

    async def collect() -> list[Any]:
        async with openai.AsyncOpenAI(api_key="x", base_url=url) as client:
            model = agents.OpenAIResponsesModel(MODEL, openai_client=client)
            agent = agents.Agent(name="a", model=model)
            result = agents.Runner.run_streamed(agent, "Hi")
            return [event async for event in result.stream_events()]

    return asyncio.run(collect())


def pydantic_ai(url: str, stream: bool) -> list[Any]:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=url, api_key="x"))

    async def collect() -> list[Any]:
        async with Agent(model).run_stream("Hi") as result:
            return [
                each async for each in result.stream_text(delta=True, debounce_by=None)
            ]

    return asyncio.run(collect())


def litellm(model: str) -> Call:
    def call(url: str, stream: bool) -> Any:
        import litellm

        usage = {"stream_options": {"include_usage": True}} if stream else {}
        return litellm.completion(
            model=model,
            messages=MESSAGES,
            api_key="x",
            api_base=url,
            num_retries=0,
            stream=stream,
            **usage,
        )

    return call
