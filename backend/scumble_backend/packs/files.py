"""Files that change in one step, and the lock that lets two programs share a folder."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from scumble_backend.packs.errors import StoreBusy, from_os_error
from scumble_wire.locking import try_lock, unlock

LOCK_TIMEOUT_S = 60.0


@contextmanager
def replace_file(path: Path, check: Callable[[Path], None] | None = None) -> Iterator[BinaryIO]:
    """Write a file that takes `path`'s place when the block ends well; else `path` stays as it was.

    check: looks at the finished temporary file before it takes the place; what it raises prevents that.
    After the block the data is on the disk (fsync) before the name changes. Raises DiskFull, FileTrouble.
    """
    try:
        handle, temporary_name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise from_os_error(error, path) from error
    temporary = Path(temporary_name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        if check is not None:
            check(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise from_os_error(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, raw: bytes) -> None:
    """`replace_file` for a whole content."""
    with replace_file(path) as stream:
        stream.write(raw)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last through a power cut. Windows does that by itself and can't open folders."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Hold the lock file `path`; the system frees it if this process dies. Raises StoreBusy, FileTrouble."""
    try:
        stream = path.open("a+b")
    except OSError as error:
        raise from_os_error(error, path) from error
    with stream:
        give_up = time.monotonic() + timeout_s
        while not _taken(stream):
            if time.monotonic() >= give_up:
                raise StoreBusy(
                    f"Another program has been working on {path.parent} for {timeout_s:.0f} seconds.",
                    remedy="Wait for the other installation to end, then try again.",
                )
            time.sleep(0.02)
        try:
            yield
        finally:
            unlock(stream)


def _taken(stream: BinaryIO) -> bool:
    try:
        return try_lock(stream)
    except OSError as error:  # a network drive without locks
        raise from_os_error(error, stream.name, "lock") from error
