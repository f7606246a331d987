"""Run the provider in the foreground."""

import argparse
import threading
from contextlib import suppress

from .server import LoopbackProvider


def main(argv: list[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m llmtrack.testing.provider",
        description="A provider of language models on this machine.",
    )
    parser.add_argument("--port", type=int, default=8808, help="0 takes a free port")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen")
    arguments = parser.parse_args(argv)
    with suppress(KeyboardInterrupt), LoopbackProvider(**vars(arguments)) as provider:
        print(f"loopback provider on {provider.base}")
        print(f"for example base_url={provider.url('ok', 'openai/v1')}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
