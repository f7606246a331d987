"""
Measure what tracking costs; print one table.

    tox -e bench [-- --only chunks,calls] [--rounds 61] [--peers all]

Let nothing else run meanwhile. docs/explanation/speed.md has the figures, and
says what they mean.
"""

import argparse
import gc
import logging
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import call_cost
import chunk_cost
import client_cost
import concurrency
import environments
import growth
import importing
import memory
import tracker_cost
from contestants import Contestant, tracked
from openai_client import Originals
from peers import PEERS
from table import table, to_json
from timing import LLMTRACK, UNTIMED, Case, Row, rows_of

#: Before a peer patches them.
_ORIGINALS: Final = Originals()

#: What a peer can be measured by.
_SHARED: Final = ("chunks", "calls", "client", "memory", "import", "1k-lean")

Group = Callable[[list[Contestant], argparse.Namespace], Iterable[Case | Row]]

_GROUPS: Final[dict[str, Group]] = {
    "chunks": lambda all_, _: chunk_cost.cases(all_),
    "calls": lambda all_, _: call_cost.cases(_timed(all_)),
    "client": lambda all_, _: client_cost.cases(_timed(all_), _ORIGINALS),
    "memory": lambda all_, options: memory.rows(_timed(all_), quick=options.quick),
    "import": lambda _, options: _imports(options.peer),
    "growth": lambda all_, options: growth.cases(_timed(all_), quick=options.quick),
    "trackers": lambda _, __: tracker_cost.cases(),
    "1k": lambda all_, _: concurrency.rows(_timed(all_), 1_000, 3),
    "1k-lean": lambda all_, _: concurrency.rows(
        _timed(all_), 1_000, 7, concurrency.at_once
    ),
    "10k": lambda all_, _: concurrency.rows(_timed(all_), 10_000, 3),
}


def main() -> None:
    """Measure what is asked for."""
    options = _options()
    warnings.simplefilter("ignore")
    if options.peer:
        _be_a_peer(options)
        return
    rows = list(_measured([tracked(), tracked(UNTIMED)], options))
    for name in options.peers:
        try:
            rows += _of_peer(name, options)
        except environments.UnavailableError as reason:
            print(f"{name} is left out: {reason}", file=sys.stderr)
    if options.json:
        options.json.write_text(to_json(rows))
    print(
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}, ", end=""
    )
    print(f"{os.cpu_count()} cores, {options.rounds} rounds\n")
    print(table(rows))


def _measured(
    contestants: list[Contestant], options: argparse.Namespace
) -> Iterator[Row]:
    gc.collect()
    gc.freeze()
    for name in options.only:
        print(f"{name} ...", file=sys.stderr)
        for found in _GROUPS[name](contestants, options):
            if isinstance(found, Row):
                yield found
            else:
                yield from rows_of(found, options.rounds)


def _of_peer(name: str, options: argparse.Namespace) -> Iterator[Row]:
    shared = [group for group in options.only if group in _SHARED]
    python = environments.built(name, options.environments)
    print(f"{name}: measuring", file=sys.stderr)
    with environments.sink() as url:
        # Some calls of theirs take a hundred times as long.
        rounds = max(5, options.rounds // 3)
        rows = environments.measured(name, python, rounds, shared, url)
    return (row for row in rows if row.who == name)


def _be_a_peer(options: argparse.Namespace) -> None:
    contestants = [tracked(), PEERS[options.peer].set_up()]
    # Printing would be measured.
    logging.disable(logging.CRITICAL)
    rows = list(_measured(contestants, options))
    print(environments.ROWS + to_json(rows), flush=True)
    # Some libraries wait at exit for a backend that is not there.
    os._exit(0)


def _imports(peer: str | None) -> Iterator[Case | Row]:
    modules = {LLMTRACK: "llmtrack"}
    if peer:
        modules[peer] = PEERS[peer].module
    yield from importing.cases(modules)
    yield from importing.rows(modules)


def _timed(contestants: list[Contestant]) -> list[Contestant]:
    """Leave out the variant that differs in the chunks alone."""
    return [each for each in contestants if each.name != UNTIMED]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what tracking costs.")
    parser.add_argument("--only", default=",".join(_GROUPS), help="groups, by commas")
    parser.add_argument("--rounds", type=int, default=61)
    parser.add_argument("--quick", action="store_true", help="no million of chunks")
    parser.add_argument("--peers", default="", help="all, or names, by commas")
    parser.add_argument("--environments", type=Path, default=Path(sys.prefix, "peers"))
    parser.add_argument("--json", type=Path, help="write the rows to this file, too")
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = options.only.split(",")
    asked = [name for name in options.peers.split(",") if name]
    options.peers = list(PEERS) if asked == ["all"] else asked
    unknown = {*options.only, *options.peers} - {*_GROUPS, *PEERS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
