"""What holds for all tests."""

import signal
import sys
from importlib.util import find_spec


def pytest_configure() -> None:
    _let_interrupts_interrupt()
    _import_prices_untraced()


def _let_interrupts_interrupt() -> None:
    """
    Undo for the processes that tests start what a shell's `&` does.

    Whatever it puts into the background ignores SIGINT, and so do its children.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _import_prices_untraced() -> None:
    """
    Spare Python 3.12 the tracing of one expression of thirty thousand lines.

    Under coverage it needs 13 seconds there to import the list of prices, for which
    the first test that flushes would have to wait.
    """
    trace = sys.gettrace()
    if sys.version_info[:2] == (3, 12) and trace and find_spec("genai_prices"):
        sys.settrace(None)
        try:
            import genai_prices.data  # noqa: F401 - what matters is that it is loaded
        finally:
            sys.settrace(trace)
