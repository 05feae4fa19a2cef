"""How many connections may be open. Pure bookkeeping, and the system's limit of open files."""

from __future__ import annotations

import logging
import sys

log = logging.getLogger("scumble.server")

FILES = 1 << 16  # open files that the backend asks the system for, if it may have so many
MAX_TCP = 1 << 15  # connections where the system tells no limit


class TcpConnections:
    """Counts the connections that came by TCP.

    Any program on the machine can connect by TCP, and each connection takes an open file, shown secret or not, until
    its handshake has taken too long; libzmq ends the process when the files run out.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._open: set[int] = set()  # by their file descriptors

    def __len__(self) -> int:
        return len(self._open)

    @property
    def too_many(self) -> bool:
        return len(self._open) >= self.most

    def came(self, descriptor: int) -> None:
        """A connection was accepted."""
        self._open.add(descriptor)

    def went(self, descriptor: int) -> None:
        """A connection has ended."""
        self._open.discard(descriptor)

    def clear(self) -> None:
        """All have been ended."""
        self._open.clear()


def most_connections() -> int:
    """How many connections by TCP may be open: half of the files that this process may open."""
    if sys.platform == "win32":
        return MAX_TCP
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MAX_TCP if soft == resource.RLIM_INFINITY else min(MAX_TCP, soft // 2)


def raise_file_limit() -> None:
    """Let this process have as many open files as the system allows, up to `FILES`. Windows needs no such thing."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:  # macOS allows fewer than it says
        log.info("The limit of open files stays at %d: %s", soft, error)
