"""
Writes the tables of docs/clients.md: what the recordings are read as, and what
`tests/clients/test_tracked_cells.py` holds the real clients to.

    python tests/dialects/client_table.py

A test fails where the table is not what this writes.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from clients.tracked_clients import CLIENTS
from clients.tracked_reads import READS
from dialects.answers import answer_of
from payloads import replay

from llmtrack.testing.provider import truth

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
BEGIN = "<!-- The table is written by tests/dialects/client_table.py. -->\n"
END = "<!-- End of the table. -->\n"
BEGIN_CALLS = (
    "<!-- This table, too, is written by tests/dialects/client_table.py. -->\n"
)
CALL_HEAD = (
    *("client", "halves", "provider", "address", "not passed on", "error in a stream"),
    *("retry after", "cells left out"),
)

HEAD = (
    *("client", "API", "dialect", "text", "reasoning", "tool calls", "n > 1"),
    *("input", "cached", "output", "reasoned", "finish reason", "id", "model"),
)
COUNTS = (truth.INPUT_TOKENS, truth.CACHED_TOKENS, truth.OUTPUT_TOKENS)


def table():
    """Return the table: one row for each API of each client."""
    apis = dict.fromkeys(
        (each.client, each.api)
        for each in replay.recordings()
        if each.api != "embeddings"
    )
    rows = [HEAD, ["---"] * len(HEAD), *(row(*each) for each in apis)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def row(client, api):
    """Return the cells of one API of one client."""
    answers = {
        each.scenario if each.stream else "plain": answer_of(each.chunks)
        for each in replay.recordings(client, api)
        if each.api == api
    }
    dialect, full = answers.get("ok") or answers["text"]
    said = answers.get("text", (dialect, full))[1]
    several = answers.get("multi", (None, None))[1]
    counts = [known == true for known, true in zip(full.counts, COUNTS, strict=False)]
    return (
        f"{client} {version_of(client)}",
        api.replace("-", ", ", 1),
        f"`{dialect}`",
        mark(said.text.endswith(truth.TEXT)),
        reasoning_of(said),
        mark(full.tool_calls == (truth.TOOL_NAME,)),
        choices_of(several),
        *map(mark, counts),
        mark(full.counts[3] == truth.REASONING_TOKENS),
        f"`{said.finish_reason}`" if said.finish_reason else "–",
        id_of(full),
        model_of(full),
    )


def calls_table():
    """Return the table of what is held of whole calls of the real clients."""
    rows = [CALL_HEAD, ["---"] * len(CALL_HEAD), *map(call_row, READS)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def call_row(name):
    """Return the cells of one client, as its calls must be recorded."""
    reads = READS[name]
    refused = reads.of("429", "plain")
    in_band = reads.of("inband_error", "stream")["kind"]
    skipped = [f"{scenario}: {why}" for scenario, why in reads.skipped.items()]
    return (
        name,
        " and ".join(halves_of(name)),
        f"`{reads.provider}`",
        "yes" if refused["address"] else "of streams",
        ", ".join(reads.without) or "–",
        f"`{in_band}`",
        "–" if refused["retry_after"] is None else "yes",
        "; ".join(skipped) or "–",
    )


def halves_of(name):
    """Return which halves of a client are called."""
    clients = [CLIENTS[each] for each in (name, f"{name} async") if each in CLIENTS]
    if any(client.make for client in clients):
        yield "sync"
    if any(client.make_async for client in clients):
        yield "async"


def version_of(client):
    return replay.recordings(client)[0].version


def mark(is_right):
    return "yes" if is_right else "–"


def reasoning_of(answer):
    if answer.reasoning == truth.REASONING:
        return "yes"
    return "in the text" if truth.REASONING in answer.text else "–"


def choices_of(answer):
    if answer is not None and answer.other_text == truth.TEXT2:
        return "yes"
    merged = answer is not None and len(answer.text) > len(truth.TEXT)
    return "merged" if merged else "–"


def id_of(answer):
    if answer.response_id is None:
        return "–"
    return "yes" if answer.response_id in truth.IDS.values() else "the client's"


def model_of(answer):
    if answer.model is None:
        return "–"
    return "yes" if answer.model == truth.MODEL else "as asked"


def page():
    """Return the page with these tables in it."""
    text = with_table(PAGE.read_text("utf-8"), BEGIN, table())
    return with_table(text, BEGIN_CALLS, calls_table())


def with_table(text, begin, new):
    """Return the text with a table at its place."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(END)
    return f"{before}{begin}\n{new}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
