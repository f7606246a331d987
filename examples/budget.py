"""
Know when calls cost too much: in a day, by user, or one by itself.

Shows `Budget` with prices of one's own. It only tells; what to do is the
program's: here, users over their budget get a smaller model.
"""

from openai import OpenAI

from llmtrack import attributes, call_llm, configure
from llmtrack.prices import PriceTable
from llmtrack.testing.provider import LoopbackProvider
from llmtrack.trackers import Budget, FanOut
from llmtrack.trackers.budget import Overrun

prices = PriceTable()
prices.add("large-1", input=500, output=2000)  # dollars per million tokens
prices.add("small-1", input=1, output=2)

over: set[str] = set()


def too_much(overrun: Overrun) -> None:
    print(f"  ! {overrun.key} spent ${overrun.spent} of ${overrun.limit} today")
    over.add(overrun.key)


budget = Budget(usd=0.25, per="day", key="user_id", on_exceeded=too_much)
costly = Budget(usd=0.5, per="call", on_exceeded=lambda o: print(f"  ! ${o.spent}"))
configure(tracker=FanOut(budget, costly), prices=prices)


def ask(client: OpenAI, user: str) -> None:
    model = "small-1" if user in over else "large-1"
    with attributes(user_id=user):
        record = call_llm(client, model=model, messages="Hi")
    print(f"{user}: {record.request_model}, ${record.cost.usd} ({record.cost.source})")


with LoopbackProvider() as provider:
    url = provider.url("text", "openai/v1")
    with OpenAI(api_key="none", base_url=url) as client:
        for user in ("ada", "bob", "ada", "ada", "ada", "bob"):
            ask(client, user)

print(f"today: ada ${budget.spent('ada')}, bob ${budget.spent('bob')}")
