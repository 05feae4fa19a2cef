"""Our DEALER against peers that are slow, broken, hostile or something else altogether."""

from __future__ import annotations

import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scumble_wire import dealer as dealer_module
from scumble_wire import zmtp
from scumble_wire.dealer import Dealer
from scumble_wire.errors import AuthenticationFailed, BackendSilent, ConnectionFailed, ConnectionLost, ScumbleError
from scumble_wire.zmtp import COMMAND, LONG, MORE, Plain, command, frame_header, greeting

READY = command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", 6) + b"ROUTER")
HANDSHAKE = greeting(b"NULL") + READY
PLAIN_HANDSHAKE = greeting(b"PLAIN") + command(b"WELCOME") + READY
SECRET = Plain("scumble", "secret")


@contextmanager
def peer(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A listening socket whose first connection `behave` gets, in a thread. Yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(5.0)
                behave(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def saying(data: bytes) -> Callable[[socket.socket], None]:
    """Says it, then listens until the other side has closed."""

    def behave(connection: socket.socket) -> None:
        try:
            connection.sendall(data)
            while connection.recv(4096):
                pass
        except ConnectionError:
            pass  # being hung up on is what the test wants

    return behave


def connected_pair(security: Plain | None = None) -> tuple[Dealer, socket.socket]:
    """A Dealer and the other end of its line, both in this thread."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(5.0)
    return Dealer(ours, security), theirs


def greeted_pair() -> tuple[Dealer, socket.socket]:
    dealer, theirs = connected_pair()
    theirs.sendall(HANDSHAKE)
    dealer.pump()
    dealer.pump()
    assert dealer.ready
    return dealer, theirs


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speak ZMTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "speak ZMTP"),
        (b"\xff" + bytes(8) + b"\x00", "speak ZMTP"),
        (b"\xff" + bytes(8) + b"\x7f\x01", "speaks ZMTP 1"),
        (greeting(b"CURVE"), "CURVE security"),
        (greeting(b"NULL") + command(b"WELCOME"), "came in the handshake"),
        (greeting(b"NULL") + b"\x00\x01x", "before the handshake was over"),
        (greeting(b"NULL") + b"\x80\x00", "flags 0x80"),
        (greeting(b"NULL") + b"\x04\x00", "came in the handshake"),
        (greeting(b"NULL") + command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", 3) + b"SUB"), "SUB socket"),
        (
            greeting(b"NULL") + command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", 99) + b"SUB"),
            "READY is damaged",
        ),
        (greeting(b"NULL") + command(b"READY", b"\xff"), "READY is damaged"),
        (greeting(b"NULL") + b"\x06" + struct.pack(">Q", 1 << 40), "claims"),
    ],
)
def test_what_is_no_backend_is_named_as_such(data: bytes, said: str) -> None:
    with peer(saying(data)) as address, pytest.raises(ConnectionFailed, match=said):
        Dealer.connect(address, None, timeout_s=5.0)


def test_a_peer_that_asks_without_reading_fills_no_memory() -> None:
    dealer, theirs = greeted_pair()
    with theirs:
        theirs.setblocking(False)
        ping = command(b"PING", b"\0\x0a" + b"x" * 16) * 100
        for _ in range(2000):
            with suppress(BlockingIOError):
                theirs.send(ping)
            dealer.pump()
        assert dealer.wants_write and len(dealer._out) <= dealer_module._MOST_QUEUED
        dealer.close()


def test_who_is_not_known_yet_gets_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(dealer_module, "frame_memory", lambda size: taken.append(size) or bytearray(8))
    dealer, theirs = connected_pair(SECRET)
    with theirs:
        theirs.sendall(greeting(b"PLAIN") + frame_header(1 << 33, MORE))
        with pytest.raises(ConnectionFailed, match="before the handshake was over"):
            dealer.pump()
    assert taken == []


@pytest.mark.parametrize("name", [b"\x05ERROR", b"^RROR"], ids=["as in RFC 24", "as libzmq 4.3 spells it"])
def test_an_error_in_the_handshake_is_a_wrong_secret(name: bytes) -> None:
    body = name + b"\x03400"
    data = greeting(b"PLAIN") + frame_header(len(body), COMMAND) + body
    with peer(saying(data)) as address, pytest.raises(AuthenticationFailed, match="400"):
        Dealer.connect(address, SECRET, timeout_s=5.0)


def test_a_peer_that_hangs_up_on_the_secret_has_gone_and_not_refused_it() -> None:
    """It may have been killed just then: another backend may be started, which a wrong secret would forbid."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(greeting(b"PLAIN"))
        while not connection.recv(4096).endswith(b"secret"):
            pass

    with peer(behave) as address, pytest.raises(ConnectionFailed) as told:
        Dealer.connect(address, SECRET, timeout_s=5.0)
    assert not isinstance(told.value, AuthenticationFailed)


def test_a_peer_that_says_nothing_is_given_up_in_time() -> None:
    started = time.monotonic()
    with peer(saying(b"")) as address, pytest.raises(BackendSilent, match="does not answer"):
        Dealer.connect(address, SECRET, timeout_s=0.3)
    assert 0.25 < time.monotonic() - started < 2.0


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "ipc:///nowhere/b.sock", "tcp://127.0.0.1:x", "udp://x:1", ""]
)
def test_an_address_where_nobody_listens_is_said_so(address: str) -> None:
    with pytest.raises(ConnectionFailed, match="No backend answers"):
        Dealer.connect(address, None, timeout_s=1.0)


@pytest.mark.parametrize("cut", range(0, len(PLAIN_HANDSHAKE), 5))
def test_a_peer_that_closes_at_any_point_of_the_handshake_is_a_failed_connection(cut: int) -> None:
    dealer, theirs = connected_pair(SECRET)
    theirs.sendall(PLAIN_HANDSHAKE[:cut])
    theirs.close()
    with pytest.raises(ConnectionFailed):
        for _ in range(5):
            dealer.pump()
    assert dealer.closed


@pytest.mark.parametrize(("security", "data"), [(None, HANDSHAKE), (SECRET, PLAIN_HANDSHAKE)], ids=["null", "plain"])
def test_a_peer_that_dribbles_single_bytes_is_understood(security: Plain | None, data: bytes) -> None:
    dealer, theirs = connected_pair(security)
    big = bytes(range(256)) * 40
    message = frame_header(3, MORE) + b"one" + frame_header(len(big), 0) + big
    for byte in data + command(b"PING", b"\x00\x00") + message:
        theirs.sendall(bytes((byte,)))
        dealer.pump()
    assert dealer.receive() == [b"one", big]
    theirs.close()
    dealer.close()


def test_a_listener_that_takes_single_bytes_gets_everything() -> None:
    dealer, theirs = greeted_pair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    theirs.recv(4096)
    payload = bytes(range(256)) * 4000
    dealer.send([b"head", payload])
    expected = frame_header(4, MORE) + b"head" + frame_header(len(payload), 0) + payload
    got = bytearray(theirs.recv(1) if dealer.pump() is None else b"")
    while len(got) < len(expected):
        dealer.pump()
        got += theirs.recv(1 if len(got) < 500 else 30_000)
    assert got == expected
    assert not dealer.wants_write
    theirs.close()
    dealer.close()


@given(
    cuts=st.lists(st.integers(1, 400), max_size=60), sizes=st.lists(st.integers(0, 20_000), min_size=1, max_size=6)
)
@settings(max_examples=60, deadline=None)
def test_it_does_not_matter_where_the_stream_is_cut(cuts: list[int], sizes: list[int]) -> None:
    dealer, theirs = connected_pair()
    frames = [bytes([index + 1]) * size for index, size in enumerate(sizes)]
    stream = HANDSHAKE
    for index, frame in enumerate(frames):
        stream += frame_header(len(frame), MORE if index < len(frames) - 1 else 0) + frame
    at = 0
    for cut in [*cuts, 1 << 30]:
        theirs.sendall(stream[at : at + cut])
        at += cut
        dealer.pump()
    dealer.pump()
    assert dealer.receive() == frames
    theirs.close()
    dealer.close()


@given(noise=st.binary(max_size=300), start=st.sampled_from([b"", HANDSHAKE, HANDSHAKE[:64], PLAIN_HANDSHAKE[:70]]))
@settings(max_examples=300, deadline=None)
def test_garbage_ends_in_an_error_of_ours_or_is_waited_out(noise: bytes, start: bytes) -> None:
    dealer, theirs = connected_pair()
    theirs.sendall(start + noise)
    theirs.close()
    with pytest.raises(ScumbleError):
        for _ in range(4):
            dealer.pump()
    assert dealer.closed


def test_a_ping_is_answered_with_its_own_context_between_messages() -> None:
    dealer, theirs = greeted_pair()
    theirs.recv(4096)
    dealer.send([b"a", b"b"])
    theirs.sendall(command(b"PING", b"\x00\x0acontext"))
    dealer.pump()
    expected = frame_header(1, MORE) + b"a" + frame_header(1, 0) + b"b" + command(b"PONG", b"context")
    assert theirs.recv(4096) == expected
    theirs.close()
    dealer.close()


def test_commands_that_are_not_known_are_passed_over() -> None:
    dealer, theirs = greeted_pair()
    theirs.sendall(
        command(b"SUBSCRIBE", b"x") + command(b"PING") + command(b"PONG", b"") + frame_header(2, 0) + b"ok"
    )
    dealer.pump()
    assert dealer.receive() == [b"ok"]
    theirs.close()
    dealer.close()


def test_what_arrived_before_the_loss_can_still_be_read() -> None:
    dealer, theirs = greeted_pair()
    theirs.sendall(frame_header(4, 0) + b"last" + frame_header(200, 0) + b"cut off")
    theirs.close()
    with pytest.raises(ConnectionLost):
        for _ in range(3):
            dealer.pump()
    assert dealer.receive() == [b"last"]
    assert dealer.receive() is None


@pytest.mark.parametrize(
    "data",
    [
        b"\x02" + struct.pack(">Q", (1 << 34) + 1),
        b"\x05\x01x",
        b"\x08\x00",
        b"\x01\x00" * (zmtp.MAX_FRAMES + 1),
    ],
    ids=["too long", "command with MORE", "reserved flag", "too many frames"],
)
def test_breaking_the_rules_after_the_handshake_ends_the_connection(data: bytes) -> None:
    dealer, theirs = greeted_pair()
    theirs.sendall(data)
    with pytest.raises(ConnectionLost, match="makes no sense"):
        dealer.pump()
    theirs.close()


def test_memory_in_several_pieces_is_refused_before_anything_is_sent() -> None:
    dealer, theirs = greeted_pair()
    with pytest.raises(ValueError, match="one piece"):
        dealer.send([b"head", memoryview(bytes(10))[::2]])
    with pytest.raises(ValueError, match="frames"):
        dealer.send([])
    dealer.pump()
    assert not dealer.wants_write
    theirs.close()
    dealer.close()


def test_a_long_frame_may_carry_few_bytes() -> None:
    dealer, theirs = greeted_pair()
    theirs.sendall(struct.pack(">BQ", LONG, 2) + b"ok")
    dealer.pump()
    assert dealer.receive() == [b"ok"]
    theirs.close()
    dealer.close()


def test_the_secret_is_not_shown() -> None:
    assert "hunter2" not in repr(Plain("scumble", "hunter2"))
    with pytest.raises(ValueError, match="255"):
        Plain("scumble", "x" * 256)


def test_a_giant_claim_costs_no_memory_before_its_bytes_come() -> None:
    resource = pytest.importorskip("resource")
    mmap = pytest.importorskip("mmap")
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        pytest.skip("memory is given at once here")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    dealer, theirs = greeted_pair()
    theirs.sendall(struct.pack(">BQ", LONG, 1 << 31) + b"only this")
    dealer.pump()
    assert dealer.receive() is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 18  # KiB
    theirs.close()
    dealer.close()


def test_too_little_memory_for_a_frame_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(nbytes: int) -> bytearray:
        raise MemoryError

    monkeypatch.setattr(dealer_module, "frame_memory", none_left)
    dealer, theirs = greeted_pair()
    theirs.sendall(struct.pack(">BQ", LONG, 1 << 30))
    with pytest.raises(ConnectionLost, match="enough memory"):
        dealer.pump()
    theirs.close()


def test_the_windows_road_without_sendmsg_and_poll_works_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets of Windows have no sendmsg, its select module has no poll; the rest is the same code."""
    dealer, theirs = greeted_pair()
    theirs.recv(4096)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(select, "poll", raising=False)
    dealer.send([b"one", b"", b"three"])
    while dealer.wants_write:
        dealer.wait(1.0)
        dealer.pump()
    expected = frame_header(3, MORE) + b"one" + frame_header(0, MORE) + frame_header(5, 0) + b"three"
    assert theirs.recv(4096) == expected
    theirs.sendall(expected)
    dealer.wait(1.0)
    dealer.pump()
    assert dealer.receive() == [b"one", b"", b"three"]
    theirs.close()
    dealer.close()
