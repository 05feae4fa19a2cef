"""Whether a backend runs on this machine, and as which process: asked of the system, not of the backend.

A backend holds a lock in its runtime folder for as long as it lives, and has written its process number into the
locked file. So the answer holds for one that hangs, too, and doesn't depend on the endpoint file.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import IO

from .locking import try_lock, unlock

LOCK_NAME = "backend.lock"
_MAX_BYTES = 512
_TAKING_S = 0.5


def hold(file: IO[bytes]) -> bool:
    """Take the lock for this process and write its number into the file; False where another backend has it.

    Tried for half a second: whoever asks `backend_process` holds the lock for a moment.
    """
    deadline = time.monotonic() + _TAKING_S
    while not try_lock(file):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    file.truncate(0)
    file.write(f" {os.getpid()} {socket.gethostname()}\n".encode())  # the first byte says nothing: Windows locks it
    file.flush()
    return True


def backend_process(folder: Path) -> int | None:
    """Number of the process that holds the lock in a runtime folder; None if no backend runs there.

    0: one runs, but its number is not known here (it runs on another machine that shares the folder).
    """
    try:
        with (folder / LOCK_NAME).open("r+b", buffering=0) as file:
            if try_lock(file):
                unlock(file)
                return None
            file.seek(1)
            words = file.read(_MAX_BYTES).decode("utf-8", "replace").split()
    except OSError:  # no such file, or not ours: then it isn't our backend's either
        return None
    if len(words) == 2 and words[1] == socket.gethostname() and words[0].isdecimal():
        return int(words[0])
    return 0
