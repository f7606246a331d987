"""Vocabularies are used where they are whole, and never fetched."""

import gzip
import hashlib
import logging
import os
import threading

import pytest
from tokens.known import O200K, O200K_FILE

from llmtrack.tokens import count_tokens, vocabulary


def test_a_whole_file_in_the_cache_is_used(byte_vocabulary):
    """
    The cache of tiktoken is read where the checksum of a file is right.
    """
    vocabulary.load(O200K)

    assert vocabulary.is_loaded(O200K)
    assert 5 == vocabulary.count(O200K, "bytes")


def test_a_damaged_file_is_neither_used_nor_deleted(cache_dir, byte_file, caplog):
    """
    Left to itself, tiktoken would delete it and fetch another.
    """
    damaged = cache_dir / O200K_FILE
    damaged.write_bytes(byte_file)

    with caplog.at_level(logging.WARNING, "llmtrack"):
        counted = count_tokens("some text", "gpt-4o")

    assert "estimate" == counted.kind
    assert byte_file == damaged.read_bytes()
    assert str(damaged) in caplog.text


def test_a_cache_that_is_turned_off_is_not_looked_into(byte_vocabulary, monkeypatch):
    """
    An empty TIKTOKEN_CACHE_DIR means no cache, to tiktoken and here.
    """
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")

    vocabulary.load(O200K)

    assert not vocabulary.is_loaded(O200K)


def test_the_older_variable_and_the_default_place_work(
    byte_vocabulary, monkeypatch, tmp_path
):
    """
    Files are looked for where tiktoken would look for them.
    """
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
    monkeypatch.setenv("DATA_GYM_CACHE_DIR", str(tmp_path))

    vocabulary.load(O200K)

    assert vocabulary.is_loaded(O200K)


def test_that_there_is_none_is_decided_once(cache_dir, byte_vocabulary, monkeypatch):
    """
    A missing vocabulary is looked for once a process, not once a call.
    """
    byte_vocabulary.rename(cache_dir / "elsewhere")
    vocabulary.load(O200K)
    (cache_dir / "elsewhere").rename(byte_vocabulary)

    vocabulary.load(O200K)

    assert vocabulary.is_decided(O200K)
    assert not vocabulary.is_loaded(O200K)


def test_a_carrier_is_found_without_being_imported(
    cache_dir, byte_file, monkeypatch, tmp_path
):
    """
    The file of an installed package is read; the package's code does not run.
    """
    package = tmp_path / "carrier_of_bytes"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "data" / "o200k_base.tiktoken.gz").write_bytes(gzip.compress(byte_file))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        vocabulary, "CARRIERS", {"carrier_of_bytes": "data/{name}.tiktoken.gz"}
    )
    checksum = hashlib.sha256(byte_file).hexdigest()
    monkeypatch.setitem(vocabulary.CHECKSUMS, O200K, checksum)

    vocabulary.load(O200K)

    assert 5 == vocabulary.count(O200K, "bytes")


def test_a_broken_carrier_is_no_vocabulary(cache_dir, monkeypatch, tmp_path):
    """
    A file that is no gzip is passed over, with a word in the log.
    """
    package = tmp_path / "broken_carrier"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "o200k_base.gz").write_bytes(b"no gzip")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(vocabulary, "CARRIERS", {"broken_carrier": "{name}.gz"})

    vocabulary.load(O200K)

    assert not vocabulary.is_loaded(O200K)


def test_an_encoding_that_the_program_has_is_shared(cache_dir, monkeypatch):
    """
    A second copy of an encoding would take 70 MiB.
    """
    import tiktoken

    own = tiktoken.Encoding(
        "o200k_base",
        pat_str=".",
        mergeable_ranks={bytes([n]): n for n in range(256)},
        special_tokens={},
    )
    monkeypatch.setitem(tiktoken.registry.ENCODINGS, O200K, own)

    vocabulary.load(O200K)

    assert own is vocabulary._decided[O200K]


def test_special_tokens_are_plain_text(byte_vocabulary):
    """
    A text may say <|endoftext|>; counting it raises nothing.
    """
    vocabulary.load(O200K)

    assert 13 == vocabulary.count(O200K, "<|endoftext|>")


def test_lone_surrogates_are_counted(byte_vocabulary):
    """
    Half a character, as a broken stream may leave it, is no error.
    """
    assert count_tokens("half \ud83d", "gpt-4o").tokens >= 5


def test_a_panic_is_contained(monkeypatch):
    """
    A panic in Rust is a BaseException; the text is estimated instead.
    """

    class PanicException(BaseException):
        pass

    class Panics:
        def encode_ordinary(self, text):
            raise PanicException

    monkeypatch.setattr(vocabulary, "_decided", {O200K: Panics()})

    assert "estimate" == count_tokens("text", "gpt-4o").kind


def test_an_interrupt_while_counting_passes(monkeypatch):
    """
    KeyboardInterrupt is no panic.
    """

    class Interrupted:
        def encode_ordinary(self, text):
            raise KeyboardInterrupt

    monkeypatch.setattr(vocabulary, "_decided", {O200K: Interrupted()})

    with pytest.raises(KeyboardInterrupt):
        count_tokens("text", "gpt-4o")


@pytest.mark.parametrize("char", [" ", "\t", "a", "\n"])
def test_a_million_equal_characters_do_no_harm(char, real_vocabularies):
    """
    A panic is what tiktoken makes of a million blanks in one piece.
    """
    counted = count_tokens(char * 1_000_000, "gpt-4o")

    assert "tiktoken:o200k_base" == counted.source
    assert 7_000 < counted.tokens < 130_000


def test_the_extra_carries_the_real_vocabularies(real_vocabularies):
    """
    With `vocabularies` installed, counts are OpenAI's own, without a download.
    """
    o200k = count_tokens("tiktoken is great!", "gpt-4o")
    cl100k = count_tokens("tiktoken is great!", "gpt-4")

    assert (6, "tiktoken:o200k_base") == (o200k.tokens, o200k.source)
    assert (6, "tiktoken:cl100k_base") == (cl100k.tokens, cl100k.source)


def test_threads_load_a_vocabulary_once(byte_vocabulary, monkeypatch):
    """
    Whoever comes second waits for the first, and gets the same.
    """
    built, go_on = [], threading.Event()
    build = vocabulary._build

    def build_slowly(*args):
        built.append(1)
        go_on.wait(10)
        return build(*args)

    monkeypatch.setattr(vocabulary, "_build", build_slowly)
    counts = []
    threads = [
        threading.Thread(target=lambda: counts.append(count_tokens("abc", "gpt-4o")))
        for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join()

    assert [3] * 8 == [count.tokens for count in counts]
    assert [1] == built


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_its_parents_thread(byte_vocabulary):
    """
    A process that is forked while a vocabulary is loading can load it itself.
    """
    with vocabulary._loading:
        child = os.fork()
        if child == 0:
            vocabulary.load(O200K)
            os._exit(0 if vocabulary.is_loaded(O200K) else 1)

    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
