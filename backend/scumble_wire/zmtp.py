"""ZMTP 3.1 as plain functions and a handshake without sockets; `dealer.py` moves the bytes.

Sources: RFC 23 (ZMTP 3.0: greeting, frames, NULL), RFC 24 (PLAIN), RFC 37 (ZMTP 3.1: PING and PONG); and what libzmq
4.3 does where it differs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .errors import AuthenticationFailed, ConnectionFailed, ConnectionLost

Buffer = bytes | bytearray | memoryview

MORE, LONG, COMMAND = 1, 2, 4

GREETING_BYTES = 64
MAX_FRAME_BYTES = 1 << 34  # what the largest picture of PROTOCOL.md takes
MAX_FRAMES = 1024  # in one message
MAX_COMMAND_BYTES = 1 << 16

RESTART = "Try again; if it happens again, end the backend with `scumble stop` and look into its log."

_MISSPELT_ERROR = b"^RROR"  # libzmq 4.3: its source has "\x5ERROR", which C++ reads as "\x5E" "RROR"


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


def frame_start(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Flags, where the body starts, and its size, of the frame at `at`; None if its header isn't whole yet.

    Raises ValueError for flags or a size that nobody may send.
    """
    if len(data) - at < 2:
        return None
    flags, start, size = data[at], at + 2, data[at + 1]
    if flags & ~(MORE | LONG | COMMAND) or (flags & COMMAND and flags & MORE):
        raise ValueError(f"a frame has the flags {flags:#x}")
    if flags & LONG:
        if len(data) - at < 9:
            return None
        start = at + 9
        (size,) = struct.unpack_from(">Q", data, at + 1)
    if size > (MAX_COMMAND_BYTES if flags & COMMAND else MAX_FRAME_BYTES):
        raise ValueError(f"a frame claims {size} bytes")
    return flags, start, size


def command(name: bytes, body: bytes = b"") -> bytes:
    """A whole command frame."""
    data = bytes((len(name),)) + name + body
    return frame_header(len(data), COMMAND) + data


def split_command(body: bytes) -> tuple[bytes, bytes]:
    """Name and data of a command's body; an empty name if the body is cut short."""
    if body.startswith(_MISSPELT_ERROR):
        return b"ERROR", body[len(_MISSPELT_ERROR) :]
    if not body or 1 + body[0] > len(body):
        return b"", b""
    return body[1 : 1 + body[0]], body[1 + body[0] :]


def _property(name: bytes, value: bytes) -> bytes:
    return bytes((len(name),)) + name + struct.pack(">I", len(value)) + value


_METADATA = _property(b"Socket-Type", b"DEALER") + _property(b"Identity", b"")


def parse_properties(body: bytes) -> dict[str, bytes]:
    """The metadata of a READY command, names in lower case. Raises ValueError if it is cut short."""
    found, at = {}, 0
    while at < len(body):
        name_end = at + 1 + body[at]
        if name_end + 4 > len(body) or not body[at]:
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


class Handshake:
    """The client's side of the opening: what to send next, until `ready`. No sockets, no clock.

    Raises AuthenticationFailed or ConnectionFailed when the peer refuses or is something else.
    """

    def __init__(self, security: Plain | None) -> None:
        self._security = security
        self._mechanism = b"PLAIN" if security else b"NULL"
        self._step = "greeting"  # what is waited for: greeting, welcome, ready; then "over"

    @property
    def greeted(self) -> bool:
        return self._step != "greeting"

    @property
    def ready(self) -> bool:
        return self._step == "over"

    def opening(self) -> bytes:
        """What is sent first, without waiting for the peer."""
        return greeting(self._mechanism)

    def take_greeting(self, data: bytes) -> bytes:
        """Judge what there is of the peer's greeting. Returns what to send once it is whole, else b""."""
        if data[:1] not in (b"", b"\xff") or (len(data) >= 10 and data[9] != 0x7F):
            raise garbled("it doesn't speak ZMTP")
        if len(data) >= 11 and data[10] < 3:
            raise garbled(f"it speaks ZMTP {data[10]}, not 3")
        if len(data) < GREETING_BYTES:
            return b""
        mechanism = data[12:32].rstrip(b"\0")
        if mechanism != self._mechanism:
            theirs, ours = mechanism.decode("ascii", "replace"), self._mechanism.decode()
            raise AuthenticationFailed(f"The backend asks for {theirs} security, not {ours}.", remedy=RESTART)
        if self._security is None:
            self._step = "ready"
            return command(b"READY", _METADATA)
        user, password = self._security.username.encode(), self._security.password.encode()
        self._step = "welcome"
        return command(b"HELLO", bytes((len(user),)) + user + bytes((len(password),)) + password)

    def take_command(self, name: bytes, data: bytes) -> bytes:
        """Take the next command of the peer. Returns what to send."""
        if name == b"ERROR":
            raise self.refused(data[1:].decode("utf-8", "replace"))
        if name == b"WELCOME" and self._step == "welcome":
            self._step = "ready"
            return command(b"INITIATE", _METADATA)
        if name != b"READY" or self._step != "ready":
            raise garbled(f"the command {name[:20]!r} came in the handshake")
        try:
            kind = parse_properties(data).get("socket-type", b"")
        except ValueError as error:
            raise garbled(f"its READY is damaged: {error}") from error
        if kind not in (b"ROUTER", b"DEALER", b"REP"):
            raise garbled(f"it is a {kind[:20].decode('ascii', 'replace')} socket, not a ROUTER")
        self._step = "over"
        return b""

    def cut_off(self, why: str) -> ConnectionFailed:
        """The error for a connection that ended in the handshake. A wrong secret is answered by ERROR before that."""
        return ConnectionFailed(f"The backend broke off while connecting: {why}.", remedy=RESTART)

    def refused(self, why: str) -> AuthenticationFailed:
        return AuthenticationFailed(
            f"The backend refused the secret ({why}).",
            remedy="End the backend with `scumble stop` and try again. If the endpoint file came from "
            "another machine, fetch it again (docs/remote.md).",
        )


def garbled(what: str) -> ConnectionFailed:
    """The error for a peer that isn't a backend."""
    return ConnectionFailed(f"What listens there is not a Scumble backend: {what}.", remedy=RESTART)


def garbled_later(what: str) -> ConnectionLost:
    """The error for a peer that breaks the rules after the handshake."""
    return ConnectionLost(f"The backend's answer makes no sense: {what}. Your picture is unchanged.", remedy=RESTART)
