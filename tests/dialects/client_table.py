"""
Writes the table of docs/clients.md, from what the recordings are read as.

    python tests/dialects/client_table.py

A test fails where the table is not what this writes.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dialects.answers import answer_of
from payloads import replay

from llmtrack.testing.provider import truth

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
BEGIN = "<!-- The table is written by tests/dialects/client_table.py. -->\n"
END = "<!-- End of the table. -->\n"

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


def page_with(new):
    """Return the page with this table in it."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{new}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with(table()), "utf-8")
