"""
Fit the token estimator to tiktoken's vocabularies, and measure it.

    python tools/fit_estimator.py CORPUS [--measure]

CORPUS holds one folder of text files a kind of text (`python/`, `german/`, ...)
and may hold a `weights.json` that says how much each kind matters (1 if it is
not there). One file in five is kept for measuring. It needs numpy, scipy and
the extra `vocabularies`, and takes a minute. The results go to
`llmtrack/tokens/fitted/`; the confidences it prints go into `estimator.py`.
"""

from __future__ import annotations

import argparse
import json
import random
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import lsmr

from llmtrack.tokens import estimator, vocabulary
from llmtrack.tokens.estimator import ENCODINGS, SCALE, SLOTS, describe
from llmtrack.tokens.pieces import pieces
from llmtrack.tokens.scripts import script_of

FITTED: Final = Path(estimator.__file__).parent / "fitted"
COMMON_WORDS: Final = 4_000
#: The most frequent pieces are enough, and the long ones are weighed in parts.
PIECES: Final = 300_000
LONGEST: Final = 60
DAMPING: Final = 0.5
SIZES: Final = {50: 20, 500: 30, 5_000: 8}

Texts = dict[str, list[str]]


def main() -> None:
    """Fit, unless only the measuring is asked for, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--measure", action="store_true", help="do not fit")
    options = parser.parse_args()
    for name in ENCODINGS:
        vocabulary.load(name)
    seen, unseen = read(options.corpus)
    if not options.measure:
        weights = options.corpus / "weights.json"
        fit(seen, json.loads(weights.read_text()) if weights.exists() else {})
    measure(unseen)


def read(corpus: Path) -> tuple[Texts, Texts]:
    """Return the texts to fit to and those to measure with, by kind."""
    seen: Texts = defaultdict(list)
    unseen: Texts = defaultdict(list)
    for path in sorted(corpus.glob("*/*")):
        kept = zlib.crc32(path.name.encode()) % 5 == 0
        (unseen if kept else seen)[path.parent.name].append(path.read_text("utf-8"))
    return seen, unseen


def fit(texts: Texts, weights: dict[str, float]) -> None:
    """Write the common words and the weights of both encodings."""
    frequent = frequencies(texts, weights)
    chosen = [p for p, _ in frequent.most_common() if is_weighed(p)][:PIECES]
    weight = np.array([frequent[piece] for piece in chosen])
    # Nothing may be so frequent that all else bends to it.
    weight = np.minimum(weight / weight.mean(), 3_000)
    found = [features(piece) for piece in chosen]
    truth = {name: true_tokens(name, chosen) for name in ENCODINGS}

    first = truth[ENCODINGS[0]]
    _, _, predicted = solve(found, first, weight)
    words = common_words(chosen, predicted, first, weight)
    (FITTED / "words.txt").write_text("\n".join(sorted(words)), "utf-8")
    estimator._words.cache_clear()

    shapes = [common_shape(piece) for piece in chosen]
    rest = [at for at, shape in enumerate(shapes) if shape is None]
    for name in ENCODINGS:
        common = mean_by(shapes, truth[name], weight)
        named, slots, _ = solve(
            [found[at] for at in rest], truth[name][rest], weight[rest]
        )
        data = {"common": common, "shapes": named}
        text = json.dumps(data, indent=0, sort_keys=True)
        (FITTED / f"{name}.json").write_text(text, "utf-8")
        whole = np.round(slots * SCALE).clip(-127, 127).astype(np.int8)
        (FITTED / f"{name}.bin").write_bytes(whole.tobytes())


def frequencies(texts: Texts, weights: dict[str, float]) -> Counter[str]:
    """Return how often a piece comes, all kinds of text weighted."""
    total: Counter[str] = Counter()
    for kind, members in texts.items():
        counts = Counter(piece for text in members for piece in pieces(text))
        chars = sum(len(piece) * count for piece, count in counts.items())
        for piece, count in counts.items():
            total[piece] += weights.get(kind, 1) * count / chars
    return total


def is_weighed(piece: str) -> bool:
    """Tell whether the estimator looks at the features of a piece."""
    return len(piece) < LONGEST and describe(piece)[0] not in "1*"


def features(piece: str) -> tuple[list[str], list[int]]:
    """Return the names of a piece's features, and the slots of its sequences."""
    kind, prefix, body = describe(piece)
    if kind == "S":
        names = estimator.mark_names(prefix, body)
    else:
        names = estimator.outline_names(kind, prefix, len(body))
    return names, estimator.sequences(kind, body)


def common_shape(piece: str) -> str | None:
    """Return how a common word is written, or None for any other piece."""
    kind, prefix, body = describe(piece)
    return kind + prefix if estimator.is_common(kind, body) else None


def true_tokens(encoding: str, chosen: Sequence[str]) -> Any:
    """Return what tiktoken counts."""
    return np.array([vocabulary.count(encoding, piece) for piece in chosen], float)


def solve(
    found: Sequence[tuple[list[str], list[int]]], truth: Any, weight: Any
) -> tuple[dict[str, float], Any, Any]:
    """Return the weights of names and of slots, and what they predict."""
    names: dict[str, int] = {}
    rows, columns = [], []
    for row, (named, slots) in enumerate(found):
        columns += slots
        columns += [SLOTS + names.setdefault(name, len(names)) for name in named]
        rows += [row] * (len(slots) + len(named))
    shape = (len(found), SLOTS + len(names))
    matrix = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    root = np.sqrt(weight)
    best = lsmr(diags(root) @ matrix, root * truth, damp=DAMPING, maxiter=120)[0]
    named_weights = {n: round(float(best[SLOTS + i]), 3) for n, i in names.items()}
    return named_weights, best[:SLOTS], np.maximum(matrix @ best, 1)


def common_words(
    chosen: Sequence[str], predicted: Any, truth: Any, weight: Any
) -> set[str]:
    """Return what is one token and would be the most wrong without a list."""
    gain: Counter[str] = Counter()
    for piece, wrong, true, much in zip(chosen, predicted, truth, weight, strict=True):
        kind, prefix, body = describe(piece)
        if kind == "N" or not 2 <= len(body) <= 18 or not body.isprintable():
            continue
        word = body.lower() if kind == "C" else body
        if true == 1:
            gain[word] += much * abs(wrong - 1)
        elif true == 2 and kind != "S" and prefix.strip():
            gain[word] += much * abs(wrong - 2) / 2
    return {word for word, _ in gain.most_common(COMMON_WORDS)}


def mean_by(shapes: Sequence[str | None], truth: Any, weight: Any) -> dict[str, float]:
    """Return the tokens of a common word by how it is written."""
    tokens: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    for shape, true, much in zip(shapes, truth, weight, strict=True):
        if shape is not None:
            tokens[shape] += much * true
            weights[shape] += much
    return {s: round((tokens[s] + 1.1) / (weights[s] + 1), 2) for s in tokens}


def measure(texts: Texts) -> None:
    """Print the error on the texts that were kept, and the confidences."""
    pick = random.Random(5)
    for encoding in ENCODINGS:
        by_size: dict[Any, list[float]] = defaultdict(list)
        for kind in sorted(texts):
            long = [text for text in texts[kind] if len(text) >= 500]
            for size, off in errors(encoding, long, pick):
                by_size[size, "all"].append(abs(off))
                by_size[size, script_of("".join(long)[:4096])].append(abs(off))
                by_size[size, kind].append(off)
        for key in sorted(by_size, key=str):
            off = np.array(by_size[key])
            median, p90, p95 = np.percentile(np.abs(off), (50, 90, 95))
            print(
                f"{encoding} {key[0]:5} {key[1]:16} median {median:5.1%}"
                f" p90 {p90:5.1%} p95 {p95:5.1%} mean {off.mean():+5.1%}"
            )


def errors(
    encoding: str, texts: Sequence[str], pick: random.Random
) -> Iterator[tuple[int, float]]:
    """Yield the size and the relative error of samples of some texts."""
    for size, samples in SIZES.items():
        fitting = [text for text in texts if len(text) >= size]
        for _ in range(samples if fitting else 0):
            text = pick.choice(fitting)
            start = pick.randint(0, len(text) - size)
            sample = text[start : start + size]
            true = vocabulary.count(encoding, sample) or 1
            yield size, estimator.estimate(sample, encoding).tokens / true - 1


if __name__ == "__main__":
    main()
