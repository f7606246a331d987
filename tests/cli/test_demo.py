"""`llmtrack demo`."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("openai")

OUTCOMES = [
    "success", "success", "abandoned", "error", "cancelled", "error", "success"
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(llmtrack, folder):
    """Run the demo where everything that could lead to a network is broken."""
    proxy = "http://192.0.2.1:9"
    return llmtrack(
        "demo",
        cwd=folder,
        HTTP_PROXY=proxy,
        HTTPS_PROXY=proxy,
        ALL_PROXY="socks5://192.0.2.1:9",
    )


@pytest.fixture(scope="module")
def calls(demo, folder):
    lines = (folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_the_demo_ends_well(demo):
    """
    With no key, no network and proxies set, the demo exits with 0 and complains
    of nothing.
    """
    assert (0, "") == (demo.returncode, demo.stderr)


def test_every_scene_is_recorded_by_both_ways(calls):
    """
    Each stream ends as it should, for the decorator and for the block.
    """
    by_decorator, by_block = calls[::2], calls[1::2]

    assert OUTCOMES == [call["outcome"] for call in by_decorator]
    assert OUTCOMES == [call["outcome"] for call in by_block]


def test_both_ways_count_the_same_input(calls):
    """
    What the provider did not say is counted, and both ways come to one number.
    """
    by_decorator, by_block = calls[::2], calls[1::2]

    assert [call["input_tokens"] for call in by_decorator] == [
        call["input_tokens"] for call in by_block
    ]


def test_every_call_has_a_line_and_a_row(demo):
    """
    The demo prints each call as it ends, and all of them in a table.
    """
    lines, table = demo.stdout.split("took", 1)

    assert 14 == sum(line[:1] in "✓✗◐⊘" for line in lines.splitlines() if line)
    assert 7 == sum(" @ " in line for line in table.splitlines())
    assert 7 == sum(" with " in line for line in table.splitlines())


def test_piped_output_is_plain(demo):
    """
    Where the output is piped there are no escape sequences.
    """
    assert "\x1b" not in demo.stdout


def test_the_table_fits_into_80_columns(demo):
    """
    No row of the table is wider than the usual terminal.
    """
    table = demo.stdout[demo.stdout.index("call  ") :]

    assert max(map(len, table.splitlines())) <= 80


def test_the_path_of_the_calls_can_be_chosen(llmtrack, tmp_path):
    """
    `--path` in a folder that does not exist is one line that names the cure.
    """
    done = llmtrack("demo", "--path", tmp_path / "no" / "calls.jsonl", cwd=tmp_path)

    assert 2 == done.returncode
    assert 1 == len(done.stderr.splitlines())
    assert "directory that exists" in done.stderr


def test_live_needs_a_key(llmtrack, tmp_path):
    """
    `--live` without a key calls nobody, and says what to set.
    """
    done = llmtrack("demo", "--live", cwd=tmp_path)

    assert 2 == done.returncode
    assert "set OPENAI_API_KEY" in done.stderr


def test_live_calls_where_the_environment_says(llmtrack, tmp_path, provider):
    """
    `--live` makes the scenes that can be made anywhere, at OPENAI_BASE_URL.
    """
    address = provider.url("text", "openai/v1", frames=12, delay_ms=30)

    done = llmtrack(
        "demo", "--live", cwd=tmp_path, OPENAI_API_KEY="x", OPENAI_BASE_URL=address
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert 10 == len((tmp_path / "calls.jsonl").read_text().splitlines())


def test_a_scene_that_ends_otherwise_is_told(llmtrack, tmp_path, provider):
    """
    The exit code is 1 where a call did not end as its scene should.
    """
    done = llmtrack(
        "demo",
        "--live",
        cwd=tmp_path,
        OPENAI_API_KEY="x",
        OPENAI_BASE_URL=provider.url("401", "openai/v1"),
    )

    assert 1 == done.returncode
    assert "ended otherwise: async stream" in done.stderr


def test_disabled_there_is_nothing_to_show(llmtrack, tmp_path):
    """
    The demo says so where the environment turns llmtrack off.
    """
    done = llmtrack("demo", cwd=tmp_path, LLMTRACK_DISABLED="1")

    assert 2 == done.returncode
    assert "LLMTRACK_DISABLED" in done.stderr


@pytest.fixture
def provider():
    from llmtrack.testing.provider import LoopbackProvider

    with LoopbackProvider() as provider:
        yield provider
