"""What of the wire takes bytes from others: the ZMTP handshake, frames after it, headers, the endpoint file."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgpack
from msgpack import fallback

from scumble_wire import codec, dealer, endpoint, messages, values, zmtp
from scumble_wire.dealer import Dealer
from scumble_wire.endpoint import Endpoint
from scumble_wire.errors import ConnectionFailed, ConnectionLost, MalformedMessage
from scumble_wire.messages import ImageInfo, Message, PackInfo, StyleChoice
from scumble_wire.zmtp import COMMAND, MORE, Plain, command, frame_header, greeting

SECRET = Plain("scumble", "a-secret")
MOST_MEMORY = 1 << 20  # bytes; a frame that claims more gets none here


class Case(NamedTuple):
    target: Callable[[bytes], None]
    corpus: list[bytes]
    files: list[str]
    words: list[bytes]


# --- the connection ------------------------------------------------------------------------------------------


class Line:
    """A socket whose peer has said something and left. The first two bytes say how it is cut into pieces."""

    def __init__(self, data: bytes) -> None:
        self._pieces = (1 + data[0] * 8, 1 + data[1] * 8) if len(data) > 1 else (1 << 16, 1 << 16)
        self._data, self._turn = data[2:], 0
        self.claimed = 0  # bytes of memory that frames have asked for

    def recv_into(self, target: memoryview) -> int:
        size = min(len(target), self._pieces[self._turn % 2], len(self._data))
        self._turn += 1
        target[:size] = self._data[:size]
        self._data = self._data[size:]
        return size

    def sendmsg(self, views: list[memoryview], *_: Any) -> int:
        return sum(view.nbytes for view in views)

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


def _talk(data: bytes, security: Plain | None) -> None:
    """Whatever the peer says ends in one of our errors, with a closed connection, and in bounded memory."""
    line, claims = Line(data), []
    real = dealer.frame_memory

    def frame_memory(size: int) -> bytearray | memoryview:
        assert talk.ready, "memory for somebody who isn't known yet"
        assert size <= zmtp.MAX_FRAME_BYTES
        claims.append(size)
        if size > MOST_MEMORY:
            raise MemoryError
        return bytearray(size)

    dealer.frame_memory = frame_memory
    try:
        talk = Dealer(line, security)  # type: ignore[arg-type]
        received = 0
        while True:
            try:
                talk.pump()
            except (ConnectionFailed, ConnectionLost) as error:
                assert error.message and error.remedy, "an error without words"
                assert talk.closed
                assert isinstance(error, ConnectionLost) == talk.ready
                return
            while (parts := talk.receive()) is not None:
                assert talk.ready and 1 <= len(parts) <= zmtp.MAX_FRAMES
                received += sum(len(part) for part in parts)
            assert received <= len(data), "more came out than went in"
    finally:
        dealer.frame_memory = real


READY = command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", 6) + b"ROUTER" + b"\x08Identity" + bytes(4))
PLAIN = greeting(b"PLAIN") + command(b"WELCOME") + READY
NULL = greeting(b"NULL") + READY
_CUTS = b"\xff\xff"


def _frames(*parts: bytes) -> bytes:
    last = len(parts) - 1
    return b"".join(frame_header(len(part), MORE if i < last else 0) + part for i, part in enumerate(parts))


def handshake() -> Case:
    """Strangers, and a backend that opens with PLAIN."""
    error = b"\x05ERROR\x03400"
    corpus = [
        PLAIN,
        PLAIN + _frames(b"hello"),
        greeting(b"PLAIN") + frame_header(len(error), COMMAND) + error,
        greeting(b"CURVE"),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff" + bytes(8) + b"\x7f\x01\x00",
        greeting(b"PLAIN") + frame_header(1 << 33, MORE),
    ]
    words = [b"PLAIN", b"NULL", b"\x07WELCOME", b"\x05READY", b"\x05ERROR", b"^RROR", b"\x0bSocket-Type", b"ROUTER",
             b"\xff\0\0\0\0\0\0\0\1\x7f", READY, greeting(b"PLAIN"), frame_header(1 << 20, 0)]  # fmt: skip
    return Case(
        lambda data: _talk(data, SECRET), [_CUTS + one for one in corpus], [dealer.__file__, zmtp.__file__], words
    )


def frames() -> Case:
    """What a backend says after its handshake: messages of several frames, large ones, PINGs."""
    ping = command(b"PING", b"\0\x0acontext")
    corpus = [
        _frames(b"hello"),
        _frames(b"header", b"x" * 300, b""),
        ping + _frames(b"a") + ping,
        _frames(b"header", bytes(9000)),
        frame_header(1 << 34, 0),
        frame_header(zmtp.MAX_FRAME_BYTES + 1, 0),
        command(b"UNKNOWN", b"x"),
    ]
    words = [ping, READY, frame_header(300, MORE), frame_header(1 << 16, 0), frame_header(0, MORE) * 200, b"\x04\x00"]
    return Case(
        lambda data: _talk(data[:2] + NULL + data[2:], None),
        [_CUTS + one for one in corpus],
        [dealer.__file__, zmtp.__file__],
        words,
    )


# --- headers -------------------------------------------------------------------------------------------------

#: msgpack as the plugins have it: no compiled part.
PURE = SimpleNamespace(
    unpackb=lambda data, **options: fallback_unpackb(data, **options),
    packb=lambda value, **options: fallback.Packer(**options).pack(value),
    exceptions=msgpack.exceptions,
)


def fallback_unpackb(data: bytes, **options: Any) -> Any:
    """`msgpack.unpackb` without its compiled part."""
    unpacker = fallback.Unpacker(None, max_buffer_size=len(data), **options)
    unpacker.feed(data)
    try:
        found = unpacker._unpack()
    except msgpack.exceptions.OutOfData:
        raise ValueError("Unpack failed: incomplete input") from None
    except RecursionError:
        raise msgpack.exceptions.StackError from None
    if unpacker._got_extradata():
        raise msgpack.ExtraData(found, unpacker._get_extradata())
    return found


def _decode(data: bytes) -> None:
    """A header becomes a message that can be encoded again and means the same, or MalformedMessage."""
    try:
        message, request = codec.decode(data)
    except MalformedMessage as error:
        assert error.message and 0 <= error.request <= codec.MAX_REQUEST
        return
    assert type(message) in codec.CLIENT_MESSAGES.values() or type(message) in codec.BACKEND_MESSAGES.values()
    try:
        again = codec.encode(message, request)
    except MalformedMessage:  # text with lone surrogates can be told from bytes, and not be sent
        return
    decoded = codec.decode(again)
    assert repr(decoded) == repr((message, request)), "it means something else when it is sent on"


def _decode_pure(data: bytes) -> None:
    compiled, codec.msgpack = codec.msgpack, PURE
    try:
        _decode(data)
    finally:
        codec.msgpack = compiled


def _examples() -> list[Message]:
    info, pack = ImageInfo(4, 3), PackInfo("wave", "Great Wave", "affine", authors=["Ada"], factors=[2])
    return [
        messages.Hello("krita", "5.2"),
        messages.Stylize(
            info, [StyleChoice("a", 0.5, 1), StyleChoice("b")], 0.5, seed=7, priority="preview", title="t"
        ),
        messages.Upscale(info, 2.0),
        messages.Train(info, "Ink"),
        messages.Cancel("j1"),
        messages.InstallPack("/p", trust_changed_key=True),
        messages.Configure(memory_budget_mb=5, idle_release_s=1.5),
        messages.Welcome("0.1.0", 1, 30.0, 5),
        messages.Progress("j1", 0.5, "painting", 3.0),
        messages.ImageResult("j1", info, "cpu", 1.0, 0.5),
        messages.Failed("x", "No.", "Ask."),
        messages.Packs([pack], 5),
        messages.Jobs([messages.JobInfo("j", "train", "t", "running", 0.1, None, True)]),
        messages.Thumbnail("wave", info),
    ]


def headers(*, pure: bool = False) -> Case:
    """What either side takes for a header. pure: with msgpack's Python code, as in the plugins."""
    corpus = [codec.encode(message, 7) for message in _examples()]
    corpus += [b"", b"\xc1", b"\x80", b"\x90" * 3, b"\x91" * 2000, b"\x81" * 2000, b"\xdf\xff\xff\xff\xff"]
    names = {item for cls in map(type, _examples()) for item in cls.__dataclass_fields__}
    words = [msgpack.packb(name) for name in sorted(names | {"type", "request", *codec.CLIENT_MESSAGES})]
    words += [msgpack.packb(value) for value in (None, True, -1, 1 << 63, 1.5, float("nan"), "", [], {}, b"x")]
    words += [b"\xd4\xff\0", b"\xd6\xff\0\0\0\0", b"\xa3\xed\xa0\x80", b"\xdd\xff\xff\xff\xff", b"\xc7\x0c\xff"]
    files = [codec.__file__, messages.__file__, values.__file__] + ([fallback.__file__] if pure else [])
    return Case(_decode_pure if pure else _decode, corpus, [str(name) for name in files], words)


# --- the endpoint file ---------------------------------------------------------------------------------------


@dataclass
class _EndpointTarget:
    """Whatever stands in the file becomes an endpoint that can be dialed, or EndpointUnusable."""

    path: Path

    def __call__(self, data: bytes) -> None:
        self.path.write_bytes(data)
        try:
            found = endpoint.read(self.path)
        except ConnectionFailed as error:
            assert error.message and error.remedy
            return
        assert isinstance(found.stale, bool)
        Plain(endpoint.USERNAME, found.secret)
        assert found.secret not in repr(found) or len(found.secret) < 8
        for address in found.addresses:
            if not address.startswith("tcp://"):  # nothing is dialed out there
                try:
                    dealer.open_socket(address, 0.01).close()
                except ConnectionFailed:
                    continue


def endpoint_files(folder: Path) -> Case:
    path = folder / endpoint.FILE_NAME
    endpoint.write(Endpoint(("ipc:///nowhere/b.sock", "udp://x"), "s" * 43, 7, 1, "0.1.0", "here"), path)
    sound = path.read_bytes()
    words = [
        b'"pid"',
        b'"secret"',
        b"[",
        b"]",
        b"{",
        b"}",
        b"null",
        b"-1",
        b"1e999",
        b'"\\ud800"',
        b"ipc://",
        b"\\u0000",
    ]
    corpus = [sound, b"", b"[" * 9000, json.dumps([1]).encode()]
    return Case(_EndpointTarget(path), corpus, [endpoint.__file__], words)
