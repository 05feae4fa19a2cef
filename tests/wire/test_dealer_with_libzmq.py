"""Our DEALER against the real libzmq: both mechanisms, both kinds of sockets, every length of a frame's header."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from wire.small_backend import SmallBackend

from scumble_wire import codec, endpoint
from scumble_wire.dealer import Dealer
from scumble_wire.errors import AuthenticationFailed, ConnectionFailed, ConnectionLost
from scumble_wire.messages import Copy, Hello, ImageInfo, ImageResult, Welcome
from scumble_wire.zmtp import Plain

MIB = 1 << 20


@pytest.fixture(params=["plain", "null"])
def echo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallBackend]:
    with SmallBackend(tmp_path, plain=request.param == "plain", echo=True) as backend:
        backend.security = Plain(endpoint.USERNAME, backend.endpoint.secret) if request.param == "plain" else None
        yield backend


@pytest.fixture(params=["ipc", "tcp"])
def dealer(request: pytest.FixtureRequest, echo: SmallBackend) -> Iterator[Dealer]:
    dealer = Dealer.connect(getattr(echo, request.param), echo.security)
    yield dealer
    dealer.close()


def exchange(dealer: Dealer, parts: list[bytes], timeout_s: float = 30.0) -> list[bytearray | memoryview]:
    dealer.send(parts)
    return next_message(dealer, timeout_s)


def next_message(dealer: Dealer, timeout_s: float = 10.0) -> list[bytearray | memoryview]:
    deadline = time.monotonic() + timeout_s
    while True:
        dealer.pump()
        if (message := dealer.receive()) is not None:
            return message
        assert time.monotonic() < deadline, "no answer"
        dealer.wait(0.5)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 8191, 8192, 65535, 65536])
def test_a_frame_of_any_length_comes_back_the_same(dealer: Dealer, size: int) -> None:
    payload = os.urandom(size)
    assert exchange(dealer, [payload]) == [payload]


def test_frames_of_a_message_stay_apart_and_in_order(dealer: Dealer) -> None:
    parts = [b"", b"a", b"", os.urandom(300), os.urandom(100_000), b"", b"z" * 255]
    assert exchange(dealer, parts) == parts


def test_many_small_messages_arrive_in_order(dealer: Dealer) -> None:
    for number in range(2000):
        dealer.send([number.to_bytes(2, "big"), b"x" * (number % 300)])
    for number in range(2000):
        assert next_message(dealer) == [number.to_bytes(2, "big"), b"x" * (number % 300)]
    assert not dealer.wants_write


def test_64_mib_come_back_the_same(dealer: Dealer) -> None:
    payload = os.urandom(MIB) * 64
    assert exchange(dealer, [b"head", payload]) == [b"head", payload]


@pytest.mark.parametrize("road", ["ipc", "tcp"])
def test_256_mib_come_back_the_same(tmp_path: Path, road: str) -> None:
    with SmallBackend(tmp_path, echo=True) as backend:
        dealer = Dealer.connect(getattr(backend, road), Plain(endpoint.USERNAME, backend.endpoint.secret))
        payload = os.urandom(MIB) * 256
        head, answer = exchange(dealer, [b"head", payload], timeout_s=60)
        dealer.close()
    assert head == b"head"
    assert len(answer) == len(payload)
    assert answer == payload


def test_messages_queued_before_the_handshake_follow_it(echo: SmallBackend) -> None:
    from scumble_wire.dealer import open_socket

    dealer = Dealer(open_socket(echo.ipc, 5.0), echo.security)
    dealer.send([b"early"])
    assert not dealer.ready
    assert next_message(dealer) == [b"early"]
    dealer.close()


@pytest.mark.parametrize("road", ["ipc", "tcp"])
@pytest.mark.parametrize("username", ["scumble", "someone"])
def test_a_wrong_secret_is_refused_by_name(tmp_path: Path, road: str, username: str) -> None:
    with SmallBackend(tmp_path) as backend:
        wrong = Plain(username, "not the secret" if username == "scumble" else backend.endpoint.secret)
        with pytest.raises(AuthenticationFailed, match="refused the secret"):
            Dealer.connect(getattr(backend, road), wrong)
        # ... and others are served as before.
        Dealer.connect(getattr(backend, road), Plain(endpoint.USERNAME, backend.endpoint.secret)).close()


def test_no_secret_at_all_is_refused(tmp_path: Path) -> None:
    with SmallBackend(tmp_path) as backend, pytest.raises(ConnectionFailed):
        Dealer.connect(backend.tcp, None)


def test_other_socket_types_are_told_apart() -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as publisher:
        port = publisher.bind_to_random_port("tcp://127.0.0.1")
        with pytest.raises(ConnectionFailed):
            Dealer.connect(f"tcp://127.0.0.1:{port}", None, timeout_s=1.0)


def test_libzmq_heartbeats_are_answered(tmp_path: Path) -> None:
    """Its PINGs stay unanswered for longer than its time-out if we don't say PONG: then it would hang up."""
    with SmallBackend(tmp_path, echo=True, heartbeat_ms=60) as backend:
        dealer = Dealer.connect(backend.ipc, Plain(endpoint.USERNAME, backend.endpoint.secret))
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            dealer.wait(0.05)
            dealer.pump()
        assert exchange(dealer, [b"still here"]) == [b"still here"]
        dealer.close()


def test_a_backend_that_leaves_is_noticed_once(tmp_path: Path) -> None:
    with SmallBackend(tmp_path, echo=True) as backend:
        dealer = Dealer.connect(backend.ipc, Plain(endpoint.USERNAME, backend.endpoint.secret))
    with pytest.raises(ConnectionLost, match="lost"):
        next_message(dealer)
    assert dealer.closed
    with pytest.raises(ConnectionLost, match="closed"):
        dealer.send([b"x"])


def test_a_pump_returns_soon_whatever_waits(tmp_path: Path) -> None:
    """An editor's event loop calls it: one pump moves some megabytes, not a whole picture."""
    with SmallBackend(tmp_path, echo=True) as backend:
        dealer = Dealer.connect(backend.ipc, Plain(endpoint.USERNAME, backend.endpoint.secret))
        dealer.send([bytes(64 * MIB)])
        pumps = 0
        while dealer.receive() is None:
            dealer.wait(5.0)
            dealer.pump()
            pumps += 1
        dealer.close()
    assert pumps >= 4


def test_a_frame_is_sent_from_the_callers_memory_and_received_into_one_buffer(tmp_path: Path) -> None:
    import tracemalloc

    with SmallBackend(tmp_path, echo=True) as backend:
        dealer = Dealer.connect(backend.ipc, Plain(endpoint.USERNAME, backend.endpoint.secret))
        payload = bytearray(16 * MIB)
        tracemalloc.start()
        answer = exchange(dealer, [memoryview(payload)])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        dealer.close()
    assert answer == [payload]
    seen = isinstance(answer[0], bytearray)  # memory in large pages isn't counted
    assert peak < (17 if seen else 1) * MIB  # the answer itself at most, and next to nothing else


@pytest.mark.parametrize("size", [(4 << 20) - 1, 4 << 20])
def test_received_memory_is_writable_bytes_and_outlives_the_connection(tmp_path: Path, size: int) -> None:
    with SmallBackend(tmp_path, echo=True) as backend:
        dealer = Dealer.connect(backend.ipc, Plain(endpoint.USERNAME, backend.endpoint.secret))
        (frame,) = exchange(dealer, [b"x" * size])
        dealer.close()
    frame[0] = 5
    assert bytes(frame[:2]) == b"\x05x"
    assert memoryview(frame).format == "B"


def test_users_of_libzmq_speak_the_same_protocol(tmp_path: Path) -> None:
    """The road that PROTOCOL.md shows to others: a pyzmq DEALER with the endpoint file and msgpack."""
    with SmallBackend(tmp_path) as backend, zmq.Context() as context:
        found = endpoint.read(backend.file)
        for address in found.addresses:
            with context.socket(zmq.DEALER) as socket:
                socket.linger = 0
                socket.rcvtimeo = 10_000
                socket.plain_username = endpoint.USERNAME.encode()
                socket.plain_password = found.secret.encode()
                socket.connect(address)
                socket.send(codec.encode(Hello("script", "1"), 1))
                message, request = codec.decode(socket.recv())
                assert isinstance(message, Welcome) and request == 1
                pixels = os.urandom(12)
                socket.send_multipart([codec.encode(Copy(ImageInfo(3, 1)), 2), pixels])
                answers = [socket.recv_multipart() for _ in range(3)]
                assert isinstance(codec.decode(answers[-1][0])[0], ImageResult)
                assert answers[-1][1] == pixels


def test_two_threads_each_with_their_own_dealer_do_not_meet(tmp_path: Path) -> None:
    with SmallBackend(tmp_path, echo=True) as backend:
        wrong: list[int] = []

        def talk(number: int) -> None:
            dealer = Dealer.connect(backend.tcp, Plain(endpoint.USERNAME, backend.endpoint.secret))
            for turn in range(20):
                text = f"{number} {turn}".encode() * 1000
                if exchange(dealer, [text]) != [text]:
                    wrong.append(number)
            dealer.close()

        threads = [threading.Thread(target=talk, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
