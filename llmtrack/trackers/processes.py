"""Which process this is, and whether another one still runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """
    A process, told apart from a later one with the same number.

    Attributes:
        host: Name of the machine or container.
        boot: Differs after each boot; empty where the system does not tell.
        pid: Its number.
        start: When it started, in ticks since the boot; empty likewise.
    """

    host: str
    boot: str
    pid: int
    start: str


def this_process() -> Process:
    """Return the process that asks."""
    pid = os.getpid()
    return Process(socket.gethostname(), _boot(), pid, _start(pid) or "")


def is_running(process: Process, /) -> bool | None:
    """Return whether a process runs; None where it is on another machine."""
    if process.host != socket.gethostname():
        return None
    if process.boot != _boot():
        return False
    if process.start:
        return process.start == _start(process.pid)
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # Somebody else's.
    return True


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start(pid: int) -> str | None:
    """Return when a process started; None where it has ended or cannot be seen."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The name stands in parentheses, and may hold spaces and parentheses.
    state, *fields = stat[stat.rindex(")") + 2 :].split()
    return None if state in "ZX" else fields[18]
