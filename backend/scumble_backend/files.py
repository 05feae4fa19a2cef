"""Files that change in one step, so that nobody meets half of one, and the lock that lets programs share a folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from scumble_backend.errors import StoreBusy, from_os_error
from scumble_wire.locking import try_lock, unlock

LOCK_TIMEOUT_S = 60.0
LEFTOVERS = ".*.part*"  # temporary files of a program that was killed


@contextlib.contextmanager
def replacing(path: Path, check: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Give a temporary path beside `path`; what is written there takes its place if the block ends well.

    The data is on the disk before the name changes; if anything goes wrong, `path` stays as it was. The temporary
    keeps the suffix, as picture libraries go by it. A symbolic link stays one: the file it leads to is replaced.
    check: looks at the finished temporary file; what it raises prevents the change.
    Raises DiskFull or FileTrouble for an OSError.
    """
    target = followed(path)
    temporary = temporary_beside(target)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        if check is not None:
            check(temporary)
        temporary.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise from_os_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def followed(path: Path) -> Path:
    """The file that a symbolic link leads to, which need not exist; any other path itself."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def temporary_beside(path: Path) -> Path:
    """A new name in the same folder. Forty characters take at most 160 bytes, so that a long name has room."""
    return path.with_name(f".{path.stem[:40]}.{secrets.token_hex(4)}.part{path.suffix[:20]}")


@contextlib.contextmanager
def replace_file(path: Path, check: Callable[[Path], None] | None = None) -> Iterator[BinaryIO]:
    """`replacing` with the temporary file already open for writing."""
    with replacing(path, check) as temporary, temporary.open("xb") as stream:
        yield stream


def write_bytes(path: Path, raw: bytes) -> None:
    """Replace a file's contents. Raises DiskFull or FileTrouble."""
    with replace_file(path) as stream:
        stream.write(raw)


def write_text(path: Path, text: str) -> None:
    """Replace a file's contents; makes its folder. Raises DiskFull or FileTrouble."""
    make_folder(path.parent)
    write_bytes(path, text.encode())


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing. Raises DiskFull, FileTrouble."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, folder) from error


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last through a power cut. Windows does that by itself and can't open folders."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):  # not every file system can, and the file is in its place already
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
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
