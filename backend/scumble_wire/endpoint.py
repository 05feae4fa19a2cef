"""The endpoint file: how a client finds the backend and shows that it may speak to it.

The backend binds its sockets first and then publishes their addresses, a fresh secret and its process number in a
file that only its user can read, in a folder that only its user can enter. Whoever can read the file is the user.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import socket
import stat
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from . import folders
from .errors import ConnectionFailed, EndpointUnusable, WrongProtocol
from .messages import PROTOCOL_VERSION

FILE_NAME = "endpoint.json"
USERNAME = "scumble"  # PLAIN asks for a name; the secret is its password

_MAX_FILE_BYTES = 1 << 16
_MAX_PID = (1 << 32) - 1  # Windows counts so far; others stop earlier
_MAX_SECRET_BYTES = 255  # what the PLAIN handshake has room for

_START = "Start the backend with `scumble serve`, or from the editor."
_RENEW = "Run `scumble stop`, then try again: the next backend writes a new one."


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the file says."""

    addresses: tuple[str, ...]  # "ipc:///run/user/1000/scumble/backend.sock", "tcp://127.0.0.1:40123": in this order
    secret: str  # password of the PLAIN handshake
    pid: int  # of the backend
    protocol: int  # PROTOCOL_VERSION of the backend
    backend_version: str
    host: str  # name of the machine that `pid` counts on

    def __repr__(self) -> str:
        return f"Endpoint({self.addresses!r}, pid={self.pid}, protocol={self.protocol})"  # no secret in a log

    @property
    def stale(self) -> bool:
        """True if its backend certainly runs no more. False where that can't be told (other machine, sandbox)."""
        return self.host == socket.gethostname() and not folders.sandboxed() and not process_exists(self.pid)


def new_endpoint(addresses: tuple[str, ...], backend_version: str) -> Endpoint:
    """An endpoint of this very process with a new secret."""
    return Endpoint(
        addresses, secrets.token_urlsafe(32), os.getpid(), PROTOCOL_VERSION, backend_version, socket.gethostname()
    )


def paths(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Where the endpoint file may lie, the best place first. SCUMBLE_ENDPOINT names the one and only."""
    if own := environ.get("SCUMBLE_ENDPOINT"):
        return [Path(own)]
    return [folder / FILE_NAME for folder in folders.runtime_folders(environ)]


def write(endpoint: Endpoint, path: Path) -> None:
    """Publish an endpoint: a reader sees the old file or the new one, never half of one.

    Raises OSError if the folder can't be made or written, PermissionError if it belongs to someone else.
    """
    make_private_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(endpoint), file, indent=1)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove(path: Path, endpoint: Endpoint) -> None:
    """Take the file away if it is still this endpoint's; another backend may have put its own there."""
    with contextlib.suppress(ConnectionFailed, OSError):
        if read(path).secret == endpoint.secret:
            path.unlink(missing_ok=True)


def read(path: Path) -> Endpoint:
    """The endpoint in a file.

    Raises ConnectionFailed if there is none, EndpointUnusable if it is damaged or if others could read it or have
    written it.
    """
    try:
        # Neither a link is followed, nor is a pipe waited for.
        flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, os.O_RDONLY | flags)
    except FileNotFoundError as error:
        raise ConnectionFailed("No backend is running.", remedy=_START) from error
    except OSError as error:
        raise EndpointUnusable(
            f"The endpoint file {path} can't be read ({error.strerror}).", remedy=_RENEW
        ) from error
    try:
        _check_privacy(path, os.fstat(descriptor))
        content = os.read(descriptor, _MAX_FILE_BYTES)
    except OSError as error:  # a folder, or a disk that fails
        raise EndpointUnusable(
            f"The endpoint file {path} can't be read ({error.strerror}).", remedy=_RENEW
        ) from error
    finally:
        os.close(descriptor)
    try:
        return _parsed(json.loads(content))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise EndpointUnusable(f"The endpoint file {path} is damaged.", remedy=_RENEW) from error


def elsewhere(environ: Mapping[str, str] = os.environ) -> str:
    """The machine that SCUMBLE_ENDPOINT leads to, where that is another one than this; "" otherwise."""
    own = environ.get("SCUMBLE_ENDPOINT")
    if not own:
        return ""
    try:
        host = read(Path(own)).host
    except ConnectionFailed:
        return ""
    return "" if host == socket.gethostname() else host


def check_protocol(theirs: int, backend_version: str) -> None:
    """Raise WrongProtocol, with a remedy that names the older side, if the backend speaks another version."""
    if theirs == PROTOCOL_VERSION:
        return
    older = (
        "the editor's plugin"
        if theirs > PROTOCOL_VERSION
        else "the backend: stop it with `scumble stop`, then install"
    )
    raise WrongProtocol(
        f"The backend (version {backend_version}) speaks protocol {theirs}, this plugin speaks {PROTOCOL_VERSION}.",
        remedy=f"Update {older} the new version.",
    )


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its user can enter.

    One that is there already is left as it is. Raises PermissionError if others own it or can write into it, its
    `filename` the folder.
    """
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        status = folder.stat()
        if status.st_uid != os.getuid():
            raise PermissionError(errno.EPERM, "belongs to another user", str(folder))
        if status.st_mode & 0o022:
            raise PermissionError(errno.EPERM, "can be written by others", str(folder))


def process_exists(pid: int) -> bool:
    """True if a process of that number runs on this machine."""
    if sys.platform == "win32":
        return _process_exists_on_windows(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # such a number can't be given
        return False
    except PermissionError:
        return True
    return True


def _process_exists_on_windows(pid: int) -> bool:
    """Windows has no signal 0: os.kill would end the process."""
    import ctypes

    query_limited_information, access_denied, still_active = 0x1000, 5, 259
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return bool(ctypes.get_last_error() == access_denied)  # type: ignore[attr-defined,unused-ignore]
    try:
        code = ctypes.c_ulong()
        kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
        return code.value == still_active
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))


def _check_privacy(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise EndpointUnusable(f"{path} is in the way of the endpoint file.", remedy="Remove it, then try again.")
    if not hasattr(os, "getuid"):
        return  # Windows: the user's local folder is closed to others
    if status.st_uid != os.getuid():
        raise EndpointUnusable(
            f"The endpoint file {path} belongs to another user.", remedy="Start a backend of your own."
        )
    if status.st_mode & 0o077:
        raise EndpointUnusable(
            f"The endpoint file {path} can be read by others, so its secret is no longer one.", remedy=_RENEW
        )


def _parsed(raw: object) -> Endpoint:
    if not isinstance(raw, dict):
        raise TypeError("not an object")
    addresses = raw["addresses"]
    if not isinstance(addresses, list) or not addresses or not all(isinstance(item, str) for item in addresses):
        raise ValueError("addresses")
    pid, protocol = raw["pid"], raw["protocol"]
    if type(pid) is not int or type(protocol) is not int or not 0 < pid <= _MAX_PID:
        raise ValueError("pid or protocol")
    texts = [raw[name] for name in ("secret", "backend_version", "host")]
    if not all(isinstance(item, str) for item in texts):
        raise ValueError("text")
    secret, version, host = texts
    if len(secret.encode()) > _MAX_SECRET_BYTES or any("\0" in item for item in addresses):
        raise ValueError("secret or addresses")
    return Endpoint(tuple(addresses), secret, pid, protocol, version, host)
