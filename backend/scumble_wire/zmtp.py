"""A ZMTP 3.1 DEALER from the standard library: what the editors' Pythons need to talk to libzmq.

Sources: RFC 23 (ZMTP 3.0: greeting, frames, NULL), RFC 24 (PLAIN), RFC 37 (ZMTP 3.1: PING and PONG).

`Dealer` never blocks except in `wait`: `send` queues, `pump` moves what the socket takes and gives, `receive` hands
out whole messages. Large frames are received into one buffer of their size and sent from the caller's memory,
without copies in between.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import AuthenticationFailed, ConnectionFailed, ConnectionLost

Buffer = bytes | bytearray | memoryview

MORE, LONG, COMMAND = 1, 2, 4

MAX_FRAME_BYTES = 1 << 34  # what the largest picture of PROTOCOL.md takes
MAX_FRAMES = 1024  # in one message
MAX_COMMAND_BYTES = 1 << 16

_GREETING_BYTES = 64
_SCRATCH_BYTES = 1 << 16
_LARGE = 1 << 13  # frames from this size on are received straight into their own buffer
_PUMP_BYTES = 16 << 20  # moved by one pump in each direction, so that an editor's event loop gets its turn
_VIEWS_AT_ONCE = 64  # well under every system's IOV_MAX
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)  # an editor need not ignore SIGPIPE
_SO_NOSIGPIPE = 0x1022  # the same for macOS; Python has no name for it

_RESTART = "Try again; if it happens again, restart the backend with `scumble stop` and look into its log."


@dataclass(frozen=True, slots=True)
class Plain:
    """User name and password of the PLAIN mechanism, each at most 255 bytes in UTF-8."""

    username: str
    password: str

    def __post_init__(self) -> None:
        if max(len(self.username.encode()), len(self.password.encode())) > 255:
            raise ValueError("User name and password have at most 255 bytes each.")

    def __repr__(self) -> str:
        return f"Plain({self.username!r}, ...)"  # a log must not hold the secret


def greeting(mechanism: bytes) -> bytes:
    """The 64 bytes that open a connection: signature, version 3.1, mechanism, client role, filler."""
    return b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + mechanism.ljust(20, b"\0") + b"\0" + bytes(31)


def frame_header(size: int, flags: int) -> bytes:
    """Flags and length, in the short form where the length fits a byte."""
    return bytes((flags, size)) if size < 256 else struct.pack(">BQ", flags | LONG, size)


def command(name: bytes, body: bytes = b"") -> bytes:
    """A whole command frame."""
    data = bytes((len(name),)) + name + body
    return frame_header(len(data), COMMAND) + data


def _property(name: bytes, value: bytes) -> bytes:
    return bytes((len(name),)) + name + struct.pack(">I", len(value)) + value


_METADATA = _property(b"Socket-Type", b"DEALER") + _property(b"Identity", b"")


def parse_properties(body: bytes) -> dict[str, bytes]:
    """The metadata of a READY command, names in lower case. Raises ValueError if it is cut short."""
    found, at = {}, 0
    while at < len(body):
        name_end = at + 1 + body[at]
        if name_end + 4 > len(body):
            raise ValueError("a property is cut short")
        (size,) = struct.unpack_from(">I", body, name_end)
        value_end = name_end + 4 + size
        if value_end > len(body):
            raise ValueError("a property's value is cut short")
        found[body[at + 1 : name_end].decode("ascii").lower()] = body[name_end + 4 : value_end]
        at = value_end
    return found


def flat_view(frame: Buffer) -> memoryview:
    """The bytes of a buffer without a copy. Raises ValueError if they don't lie in one piece."""
    view = memoryview(frame)
    if not view.c_contiguous:
        raise ValueError("A frame's memory must lie in one piece, row by row.")
    return view.cast("B") if view.nbytes else memoryview(b"")


def open_socket(address: str, timeout_s: float) -> socket.socket:
    """A connected, non-blocking socket. address: "ipc:///path" or "tcp://host:port". Raises ConnectionFailed."""
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
    except (OSError, ValueError) as error:
        if sock is not None:
            sock.close()
        raise ConnectionFailed(
            f"No backend answers at {address} ({error}).", remedy="Start it: `scumble serve`."
        ) from error
    return sock


class Dealer:
    """One connection to a ROUTER.

    Raises in `pump`, once: AuthenticationFailed (wrong secret), ConnectionFailed (the handshake went wrong),
    ConnectionLost (later). Afterwards it is closed.
    """

    def __init__(self, sock: socket.socket, security: Plain | None = None) -> None:
        self._sock = sock
        self._security = security
        self._mechanism = b"PLAIN" if security else b"NULL"
        self.ready = False  # the handshake is over
        self.closed = False
        self.last_moved = time.monotonic()  # when the last byte came or went
        self._step = "greeting"  # what the handshake waits for: greeting, welcome, ready; then "traffic"
        self._out: deque[memoryview] = deque([memoryview(greeting(self._mechanism))])
        self._held: deque[memoryview] = deque()  # queued before the handshake was over
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))
        self._rest = b""  # the start of a frame whose end hasn't come
        self._large: bytearray | None = None  # the frame that is being received into its own buffer
        self._large_filled = 0
        self._large_flags = 0
        self._parts: list[bytearray] = []
        self._messages: deque[list[bytearray]] = deque()

    @classmethod
    def connect(cls, address: str, security: Plain | None = None, timeout_s: float = 5.0) -> Dealer:
        """A connection whose handshake is over. Raises ConnectionFailed, AuthenticationFailed."""
        deadline = time.monotonic() + timeout_s
        dealer = cls(open_socket(address, timeout_s), security)
        try:
            dealer.pump()
            while not dealer.ready:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise ConnectionFailed(
                        f"What listens at {address} is no backend: it didn't answer.", remedy=_RESTART
                    )
                dealer.wait(left)
                dealer.pump()
        except BaseException:
            dealer.close()
            raise
        return dealer

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

    def receive(self) -> list[bytearray] | None:
        """The frames of the next whole message, or None. Doesn't read the socket: that is `pump`'s part."""
        return self._messages.popleft() if self._messages else None

    def wait(self, timeout_s: float) -> None:
        """Sleep until the socket can be read, or written if something waits, or the time is over."""
        if hasattr(select, "poll"):  # select() can't watch the high descriptors of an editor with many files
            poller = select.poll()
            poller.register(self._sock, select.POLLIN | (select.POLLOUT if self._out else 0))
            poller.poll(max(0.0, timeout_s) * 1000)
        else:
            select.select([self._sock], [self._sock] if self._out else [], [], max(0.0, timeout_s))

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
        if not hasattr(self._sock, "sendmsg"):  # Windows
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
        if self._step == "greeting":
            self._check_greeting(data)
            if len(data) < _GREETING_BYTES:
                self._rest = data
                return
            at = _GREETING_BYTES
        while True:
            header = self._frame_at(data, at)
            if header is None:
                break
            flags, start, size = header
            if start + size > len(data):
                if size >= _LARGE and not flags & COMMAND:
                    self._large = bytearray(size)
                    self._large_flags, self._large_filled = flags, len(data) - start
                    self._large[: self._large_filled] = data[start:]
                    at = len(data)
                break
            at = start + size
            self._take(flags, bytearray(data[start:at]))
        self._rest = data[at:]

    def _frame_at(self, data: bytes, at: int) -> tuple[int, int, int] | None:
        """Flags, start of the body and its size; None if the header isn't whole yet."""
        if len(data) - at < 2:
            return None
        flags, start, size = data[at], at + 2, data[at + 1]
        if flags & LONG:
            if len(data) - at < 9:
                return None
            start = at + 9
            (size,) = struct.unpack_from(">Q", data, at + 1)
        if flags & ~(MORE | LONG | COMMAND) or (flags & COMMAND and flags & MORE):
            raise self._garbled(f"a frame has the flags {flags:#x}")
        if size > (MAX_COMMAND_BYTES if flags & COMMAND else MAX_FRAME_BYTES):
            raise self._garbled(f"a frame claims {size} bytes")
        if len(self._parts) >= MAX_FRAMES:
            raise self._garbled("a message has too many frames")
        return flags, start, size

    def _finish_large(self) -> None:
        if self._large is not None and self._large_filled == len(self._large):
            frame, self._large = self._large, None
            self._take(self._large_flags, frame)

    def _take(self, flags: int, body: bytearray) -> None:
        if flags & COMMAND:
            self._obey(bytes(body))
        elif not self.ready:
            raise self._garbled("a message came before the handshake was over")
        else:
            self._parts.append(body)
            if not flags & MORE:
                self._messages.append(self._parts)
                self._parts = []

    # --- handshake and commands ----------------------------------------------------------------------------

    def _check_greeting(self, data: bytes) -> None:
        """Judge what is there of the peer's greeting; take the next step when it is whole."""
        if data[0] != 0xFF or (len(data) >= 10 and data[9] != 0x7F):
            raise self._garbled("it doesn't speak ZMTP")
        if len(data) >= 11 and data[10] < 3:
            raise self._garbled(f"it speaks ZMTP {data[10]}, not 3")
        if len(data) < _GREETING_BYTES:
            return
        mechanism = data[12:32].rstrip(b"\0")
        if mechanism != self._mechanism:
            theirs, ours = mechanism.decode("ascii", "replace"), self._mechanism.decode()
            raise AuthenticationFailed(f"The backend asks for {theirs} security, not {ours}.", remedy=_RESTART)
        if self._security is None:
            self._out.append(memoryview(command(b"READY", _METADATA)))
            self._step = "ready"
        else:
            user, password = self._security.username.encode(), self._security.password.encode()
            body = bytes((len(user),)) + user + bytes((len(password),)) + password
            self._out.append(memoryview(command(b"HELLO", body)))
            self._step = "welcome"

    def _obey(self, body: bytes) -> None:
        if not body or 1 + body[0] > len(body):
            raise self._garbled("a command has no name")
        name, data = body[1 : 1 + body[0]], body[1 + body[0] :]
        if name == b"ERROR" and not self.ready:
            raise self._refused(data[1:].decode("utf-8", "replace"))
        if name == b"WELCOME" and self._step == "welcome":
            self._out.append(memoryview(command(b"INITIATE", _METADATA)))
            self._step = "ready"
        elif name == b"READY" and self._step == "ready":
            self._check_peer(data)
            self._step, self.ready = "traffic", True
            self._out.extend(self._held)
            self._held.clear()
        elif not self.ready:
            raise self._garbled(f"the command {name[:20]!r} came in the handshake")
        elif name == b"PING":
            self._answer_ping(data)
        # RFC 37: commands that aren't known are passed over.

    def _check_peer(self, metadata: bytes) -> None:
        try:
            kind = parse_properties(metadata).get("socket-type", b"")
        except (ValueError, IndexError) as error:
            raise self._garbled(f"its READY is damaged: {error}") from error
        if kind not in (b"ROUTER", b"DEALER", b"REP"):
            raise self._garbled(f"it is a {kind[:20].decode('ascii', 'replace')} socket, not a ROUTER")

    def _answer_ping(self, data: bytes) -> None:
        if len(data) < 2:
            raise self._garbled("a PING is cut short")
        # After the time to live: at most 16 bytes of context. The queue's end is a place between two messages.
        self._out.append(memoryview(command(b"PONG", data[2:18])))

    # --- errors --------------------------------------------------------------------------------------------

    def _garbled(self, what: str) -> ConnectionFailed | ConnectionLost:
        if self.ready:
            return ConnectionLost(f"The backend's answer makes no sense: {what}.", remedy=_RESTART)
        return ConnectionFailed(f"What listens there is no Scumble backend: {what}.", remedy=_RESTART)

    def _lost(self, why: str) -> ConnectionFailed | ConnectionLost:
        if self.ready:
            return ConnectionLost(
                f"The connection to the backend is lost: {why}. Your picture is unchanged.", remedy="Try again."
            )
        if self._step == "welcome" and not self._out:
            return self._refused("it closed the connection")  # libzmq's way for some refusals
        return ConnectionFailed(f"The backend broke off while connecting: {why}.", remedy=_RESTART)

    def _refused(self, why: str) -> AuthenticationFailed:
        return AuthenticationFailed(
            f"The backend refused the secret ({why}).",
            remedy="Restart the backend with `scumble stop` and try again. Is the endpoint file a copy?",
        )
