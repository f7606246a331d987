"""What holds for all tests."""

import signal


def pytest_configure() -> None:
    """
    Let an interrupt interrupt the processes that tests start.

    They inherit that it is ignored where a shell has put pytest into the background.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
