"""A ZMTP DEALER over a non-blocking socket: what the editors' Pythons need to talk to libzmq.

`Dealer` never blocks except in `wait`: `send` queues, `pump` moves what the socket takes and gives, `receive` hands
out whole messages, each frame a bytearray or, if it is large, a memoryview of bytes. Large frames are received into
one buffer of their size and sent from the caller's memory, without copies in between.
"""

from __future__ import annotations

import contextlib
import mmap
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence

from .errors import BackendSilent, ConnectionFailed, ConnectionLost
from .zmtp import (
    COMMAND,
    GREETING_BYTES,
    MAX_FRAMES,
    MORE,
    RESTART,
    Buffer,
    Handshake,
    Plain,
    command,
    flat_view,
    frame_header,
    frame_start,
    garbled,
    garbled_later,
    split_command,
)

_SCRATCH_BYTES = 1 << 16
_HUGE = 1 << 22  # frames from this size on get memory in large pages
_LARGE = 1 << 13  # frames from this size on are received straight into their own buffer
_PUMP_BYTES = 16 << 20  # moved by one pump in each direction, so that an editor's event loop gets its turn
_MOST_QUEUED = 1 << 12  # pieces that wait for the socket; with more, PINGs go unanswered
_VIEWS_AT_ONCE = 64  # well under every system's IOV_MAX
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)  # an editor need not ignore SIGPIPE
_SO_NOSIGPIPE = 0x1022  # the same for macOS; Python has no name for it


def frame_memory(nbytes: int) -> bytearray | memoryview:
    """Writable memory for a frame of `nbytes` > 0. Raises MemoryError.

    For large frames on Linux it comes in large pages and isn't zeroed beforehand: 48 MB cost 4 ms instead of 32, a
    good part of what their whole way through a Unix socket takes.
    """
    if sys.platform != "linux" or nbytes < _HUGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return bytearray(nbytes)
    try:
        memory = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"{nbytes} bytes") from error
    with contextlib.suppress(OSError):  # a kernel without large pages
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)


def open_socket(address: str, timeout_s: float) -> socket.socket:
    """A connected, non-blocking socket. address: "ipc:///path" or "tcp://host:port".

    Raises ConnectionFailed, BackendSilent if nobody takes the connection within timeout_s.
    """
    scheme, _, place = address.partition("://")
    sock: socket.socket | None = None
    try:
        if scheme == "ipc" and hasattr(socket, "AF_UNIX"):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(timeout_s)
            sock.connect(place)
        elif scheme == "tcp":
            host, _, port = place.rpartition(":")
            sock = socket.create_connection((host.strip("[]"), int(port)), timeout_s)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            raise ValueError("this system has no such sockets")
        if sys.platform == "darwin":
            sock.setsockopt(socket.SOL_SOCKET, _SO_NOSIGPIPE, 1)
        sock.setblocking(False)
    except (OSError, ValueError, OverflowError) as error:  # the last for port numbers that don't exist
        if sock is not None:
            sock.close()
        if isinstance(error, TimeoutError):
            raise silent(address) from error
        raise ConnectionFailed(
            f"No backend answers at {address} ({error}).", remedy="Start it: `scumble serve`."
        ) from error
    return sock


def silent(address: str) -> BackendSilent:
    """The error for a peer that takes the connection, or seems to, and then says nothing."""
    return BackendSilent(f"What listens at {address} does not answer.", remedy=RESTART)


class Dealer:
    """One connection to a ROUTER.

    Raises in `pump`, once: AuthenticationFailed (wrong secret), ConnectionFailed (the handshake went wrong),
    ConnectionLost (later). Afterwards it is closed.
    """

    def __init__(self, sock: socket.socket, security: Plain | None = None) -> None:
        self._sock = sock
        self._handshake = Handshake(security)
        self.closed = False
        self.last_moved = time.monotonic()  # when the last byte came or went
        self._out: deque[memoryview] = deque([memoryview(self._handshake.opening())])
        self._held: deque[memoryview] = deque()  # queued before the handshake was over
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))
        self._rest = b""  # the start of a frame whose end hasn't come
        self._large: bytearray | memoryview | None = None  # the frame that is being received into its own buffer
        self._large_filled = 0
        self._large_flags = 0
        self._parts: list[bytearray | memoryview] = []
        self._messages: deque[list[bytearray | memoryview]] = deque()

    @classmethod
    def connect(cls, address: str, security: Plain | None = None, timeout_s: float = 5.0) -> Dealer:
        """A connection whose handshake is over. Raises ConnectionFailed, AuthenticationFailed, BackendSilent."""
        deadline = time.monotonic() + timeout_s
        dealer = cls(open_socket(address, timeout_s), security)
        try:
            dealer.pump()
            while not dealer.ready:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise silent(address)
                dealer.wait(left)
                dealer.pump()
        except BaseException:
            dealer.close()
            raise
        return dealer

    @property
    def ready(self) -> bool:
        """True once the handshake is over."""
        return self._handshake.ready

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def wants_write(self) -> bool:
        """True while bytes wait for the socket to take them."""
        return bool(self._out)

    def close(self) -> None:
        """Close the socket; what isn't sent is dropped."""
        self.closed = True
        self._out.clear()
        self._held.clear()
        self._sock.close()

    def send(self, parts: Sequence[Buffer]) -> None:
        """Queue one message; `pump` sends it. The parts' memory must stay unchanged until `wants_write` is False."""
        if self.closed:
            raise ConnectionLost("The connection is closed.", remedy="Connect again.")
        if not 1 <= len(parts) <= MAX_FRAMES:
            raise ValueError(f"A message has 1 to {MAX_FRAMES} frames, not {len(parts)}.")
        views = [flat_view(part) for part in parts]
        queue = self._out if self.ready else self._held
        for index, view in enumerate(views):
            queue.append(memoryview(frame_header(view.nbytes, MORE if index < len(views) - 1 else 0)))
            if view.nbytes:
                queue.append(view)

    def receive(self) -> list[bytearray | memoryview] | None:
        """The frames of the next whole message, or None. Doesn't read the socket: that is `pump`'s part."""
        return self._messages.popleft() if self._messages else None

    def wait(self, timeout_s: float) -> None:
        """Sleep until the socket can be read, or written if something waits, or the time is over."""
        if sys.platform == "win32":
            select.select([self._sock], [self._sock] if self._out else [], [], max(0.0, timeout_s))
        else:  # select() can't watch the high descriptors of an editor with many files
            poller = select.poll()
            poller.register(self._sock, select.POLLIN | (select.POLLOUT if self._out else 0))
            poller.poll(max(0.0, timeout_s) * 1000)

    def pump(self) -> None:
        """Send and receive what goes without waiting, at most some megabytes each."""
        if self.closed:
            raise ConnectionLost("The connection is closed.", remedy="Connect again.")
        try:
            try:
                self._send_some()
            except (BrokenPipeError, ConnectionResetError):
                self._receive_some()  # the peer may have said why before it left
                raise
            self._receive_some()
            self._send_some()  # what the handshake or a PING has queued
        except OSError as error:
            lost = self._lost(error.strerror or str(error))
            self.close()
            raise lost from error
        except MemoryError as error:
            self.close()
            raise ConnectionLost(
                "There isn't enough memory for the backend's answer.", remedy="Close some pictures."
            ) from error
        except (ConnectionFailed, ConnectionLost):
            self.close()
            raise

    # --- sending -------------------------------------------------------------------------------------------

    def _send_some(self) -> None:
        budget = _PUMP_BYTES
        while self._out and budget > 0:
            try:
                sent = self._send_once()
            except (BlockingIOError, InterruptedError):
                return
            budget -= sent
            self.last_moved = time.monotonic()
            while sent:
                head = self._out[0]
                if sent < head.nbytes:
                    self._out[0] = head[sent:]
                    break
                sent -= head.nbytes
                self._out.popleft()

    def _send_once(self) -> int:
        if sys.platform == "win32":  # has no sendmsg
            return self._sock.send(self._out[0])
        views = [self._out[index] for index in range(min(len(self._out), _VIEWS_AT_ONCE))]
        return self._sock.sendmsg(views, (), _NO_SIGNAL)

    # --- receiving -----------------------------------------------------------------------------------------

    def _receive_some(self) -> None:
        budget = _PUMP_BYTES
        while budget > 0:
            target = self._scratch if self._large is None else memoryview(self._large)[self._large_filled :]
            try:
                count = self._sock.recv_into(target)
            except (BlockingIOError, InterruptedError):
                return
            if count == 0:
                raise self._lost("it closed the connection")
            budget -= count
            self.last_moved = time.monotonic()
            if self._large is None:
                self._parse(self._rest + bytes(target[:count]))
            else:
                self._large_filled += count
                self._finish_large()

    def _parse(self, data: bytes) -> None:
        """Take all whole frames out of `data`, start a large one, keep the rest for later."""
        at = 0
        if not self._handshake.greeted:
            reply = self._handshake.take_greeting(data)
            if not self._handshake.greeted:
                self._rest = data
                return
            self._out.append(memoryview(reply))
            at = GREETING_BYTES
        while True:
            header = self._frame_at(data, at)
            if header is None:
                break
            flags, start, size = header
            if start + size > len(data):
                if size >= _LARGE and not flags & COMMAND:
                    self._large = frame_memory(size)
                    self._large_flags, self._large_filled = flags, len(data) - start
                    self._large[: self._large_filled] = data[start:]
                    at = len(data)
                break
            at = start + size
            self._take(flags, bytearray(data[start:at]))
        self._rest = data[at:]

    def _frame_at(self, data: bytes, at: int) -> tuple[int, int, int] | None:
        try:
            start = frame_start(data, at)
        except ValueError as error:
            raise self._garbled(str(error)) from error
        if len(self._parts) >= MAX_FRAMES:
            raise self._garbled("a message has too many frames")
        if start is not None and not self.ready and not start[0] & COMMAND:
            # Before its memory is taken: whoever isn't known yet may claim gigabytes.
            raise self._garbled("a message came before the handshake was over")
        return start

    def _finish_large(self) -> None:
        if self._large is not None and self._large_filled == len(self._large):
            frame, self._large = self._large, None
            self._take(self._large_flags, frame)

    def _take(self, flags: int, body: bytearray | memoryview) -> None:
        if flags & COMMAND:
            self._obey(bytes(body))
        else:
            self._parts.append(body)
            if not flags & MORE:
                self._messages.append(self._parts)
                self._parts = []

    def _obey(self, body: bytes) -> None:
        name, data = split_command(body)
        if self.ready:
            if name == b"PING" and len(data) >= 2 and len(self._out) < _MOST_QUEUED:
                # After the time to live: at most 16 bytes of context. The queue's end lies between two messages.
                self._out.append(memoryview(command(b"PONG", data[2:18])))
            return  # RFC 37: commands that aren't known are passed over
        reply = self._handshake.take_command(name, data)
        if reply:
            self._out.append(memoryview(reply))
        if self.ready:
            self._out.extend(self._held)
            self._held.clear()

    def _garbled(self, what: str) -> ConnectionFailed | ConnectionLost:
        return garbled_later(what) if self.ready else garbled(what)

    def _lost(self, why: str) -> ConnectionFailed | ConnectionLost:
        if not self.ready:
            return self._handshake.cut_off(why)
        return ConnectionLost(
            f"The connection to the backend is lost: {why}. Your picture is unchanged.", remedy="Try again."
        )
