"""Wrong, hostile and broken input: each gets a clear error, or a closed connection before the handshake; others
are served on."""

from __future__ import annotations

import contextlib
import dataclasses
import resource
import signal
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import zmq
from backend_stage import Running, photo, run

from scumble_backend.config import Settings
from scumble_backend.errors import BackendRunning
from scumble_backend.packs.store import Folders, PackStore
from scumble_backend.serving.server import Server
from scumble_wire import codec, endpoint
from scumble_wire.client import Client
from scumble_wire.errors import AuthenticationFailed, BackendFailed
from scumble_wire.messages import (
    Configure,
    Copy,
    Failed,
    GetStatus,
    Hello,
    ImageInfo,
    ImageResult,
    InstallPack,
    Status,
    StyleChoice,
    Stylize,
    Train,
)

IMAGE = {"width": 8, "height": 8}


def tcp_address(backend: Running) -> tuple[str, int]:
    address = next(a for a in backend.found.addresses if a.startswith("tcp://"))
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host, int(port)


@pytest.fixture
def raw(backend: Running) -> Iterator[Any]:
    """libzmq's own DEALER with the right secret: sends what our client would refuse to send."""
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.plain_username = endpoint.USERNAME.encode()
    dealer.plain_password = backend.found.secret.encode()
    dealer.linger = 0
    dealer.rcvtimeo = 5000
    dealer.connect(backend.found.addresses[0])
    yield dealer
    context.destroy(linger=0)


def answer_to(dealer: Any, *frames: bytes) -> Failed:
    dealer.send_multipart(list(frames))
    message, _ = codec.decode(dealer.recv_multipart()[0])
    assert isinstance(message, Failed), message
    assert message.message and message.remedy, "an error says what to do"
    return message


def greeted(dealer: Any) -> Any:
    dealer.send_multipart([codec.encode(Hello("raw", "1"), 1)])
    dealer.recv_multipart()
    return dealer


def header(kind: str, **fields: Any) -> bytes:
    packed = msgpack.packb({"type": kind, "request": 5, **fields})
    assert isinstance(packed, bytes)
    return packed


def still_serves(backend: Running) -> bool:
    return isinstance(backend.connect("other").request(GetStatus()).message, Status)


def test_a_wrong_secret_is_refused_in_the_handshake(backend: Running, tmp_path: Path) -> None:
    forged = tmp_path / "forged" / "endpoint.json"
    endpoint.write(dataclasses.replace(backend.found, secret="guess"), forged)
    with pytest.raises(AuthenticationFailed) as refused:
        Client.connect(name="thief", version="1", endpoint_file=forged)
    assert refused.value.remedy
    assert still_serves(backend)


@pytest.mark.parametrize("secret", [None, b"guess"])
def test_a_connection_without_secret_never_gets_an_answer(backend: Running, secret: bytes | None) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        if secret is not None:
            dealer.plain_username, dealer.plain_password = b"scumble", secret
        dealer.connect(backend.found.addresses[0])
        dealer.send(codec.encode(Hello("thief", "1"), 1))
        assert dealer.poll(500) == 0
    assert still_serves(backend)


@pytest.mark.parametrize(
    "bytes_sent",
    [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x00" * 64, bytes(range(256)) * 8, b"\xff" * 10 + b"\x7f"],
    ids=["http", "zeros", "counting", "broken greeting"],
)
def test_strange_bytes_close_the_connection(backend: Running, bytes_sent: bytes) -> None:
    with socket.create_connection(tcp_address(backend), timeout=5) as stranger:
        stranger.sendall(bytes_sent)
        if len(bytes_sent) > 64 or bytes_sent.startswith(b"GET"):  # enough to be judged by
            received = b""
            try:
                while chunk := stranger.recv(4096):
                    received += chunk
            except ConnectionResetError:
                pass
            assert len(received) <= 64, "at most ZMTP's greeting"
    assert still_serves(backend)


def test_hello_comes_first(raw: Any) -> None:
    assert answer_to(raw, codec.encode(GetStatus(), 1)).code == "hello_missing"


def test_another_protocol_version_is_told_who_must_update(raw: Any) -> None:
    failed = answer_to(raw, codec.encode(Hello("old", "1", protocol=0), 1))
    assert failed.code == "wrong_protocol" and "plugin" in failed.remedy


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", "malformed"),
        (b"\xc1\xc1\xc1", "malformed"),
        (b"<html>", "malformed"),
        (msgpack.packb([1, 2]), "malformed"),
        (msgpack.packb({"type": 5, "request": 1}), "malformed"),
        (header("Explode"), "unknown_message"),
        (header("Copy"), "malformed"),
        (header("Copy", image={"width": 8}), "malformed"),
        (header("Copy", image={"width": "8", "height": 8}), "malformed"),
        (header("Copy", image=IMAGE, extra=1), "malformed"),
        (header("Copy", image={"width": 0, "height": 8}), "malformed"),
        (header("Copy", image={"width": 10**9, "height": 10**9}), "malformed"),
        (header("Copy", image={"width": 8, "height": 8, "depth": "u7"}), "malformed"),
        (header("Stylize", image=IMAGE, styles=[]), "malformed"),
        (header("Stylize", image=IMAGE, styles=[{"pack": "wave"}], strength=float("nan")), "malformed"),
        (header("Upscale", image=IMAGE, factor=1e9), "malformed"),
        (header("Welcome", backend_version="1", protocol=1, lease_s=1.0, pid=1), "malformed"),
        (msgpack.packb(b"x" * (9 << 20)), "malformed"),
    ],
)
def test_a_malformed_message_is_answered(raw: Any, backend: Running, frame: bytes, code: str) -> None:
    assert answer_to(greeted(raw), frame).code == code
    assert still_serves(backend)


@pytest.mark.parametrize(
    ("message", "frames"),
    [
        (Copy(ImageInfo(8, 8)), []),
        (Copy(ImageInfo(8, 8)), [b"short"]),
        (Copy(ImageInfo(8, 8)), [bytes(257)]),
        (Copy(ImageInfo(8, 8, frame=3)), [bytes(256)]),
        (Stylize(ImageInfo(8, 8), [StyleChoice("wave", mask_frame=1)]), [bytes(256)]),
        (Stylize(ImageInfo(8, 8), [StyleChoice("wave", mask_frame=1)]), [bytes(256), bytes(63)]),
        (Stylize(ImageInfo(8, 8), [StyleChoice("wave")], anchor_frames=[1], anchor_weights=[1.0]), [bytes(256)]),
        (Train(ImageInfo(8, 8), "New"), [bytes(9)]),
    ],
)
def test_pixels_that_do_not_fit_their_header_are_refused_at_once(backend: Running, message: Any, frames: Any) -> None:
    with pytest.raises(BackendFailed) as failed:
        backend.connect().request(message, frames)
    assert failed.value.code == "pixels_damaged" and failed.value.remedy


def test_nan_and_infinite_pixels_are_painted_and_told(backend: Running) -> None:
    pixels = np.full((16, 16, 4), 0.5, np.float32)
    pixels[..., 3] = 1
    pixels[3, 4, 0], pixels[5, 6, 1], pixels[7, 8, 2] = np.nan, np.inf, -np.inf
    message = Stylize(ImageInfo(16, 16, "f32"), [StyleChoice("wave")])
    event = run(backend.connect(), message, [pixels.tobytes()])
    assert isinstance(event.message, ImageResult) and event.message.note.startswith("3 pixels")
    assert np.isfinite(np.frombuffer(event.frames[0], np.float32)).all()


@pytest.mark.parametrize("pack", ["nope", "../../etc/passwd", "WAVE", "a" * 5000, "\x00"])
def test_an_unknown_pack_fails_its_job(backend: Running, pack: str) -> None:
    failed = run(backend.connect(), Stylize(ImageInfo(8, 8), [StyleChoice(pack)]), [photo(8, 8)]).message
    assert failed.code == "pack_unknown" and failed.remedy


def test_a_picture_too_small_for_the_network_is_told(backend: Running) -> None:
    failed = run(backend.connect(), Stylize(ImageInfo(3, 3), [StyleChoice("wave")]), [photo(3, 3)]).message
    assert failed.code == "image_too_small"


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_pack_fails_its_job_and_its_installation(
    backend: Running, pack_files: Path, tmp_path: Path, damage: str
) -> None:
    whole = (pack_files / "wave.scumble").read_bytes()
    with zipfile.ZipFile(pack_files / "wave.scumble") as archive:
        weights = archive.getinfo("weights.safetensors")
    middle = weights.header_offset + 30 + len(weights.filename) + weights.file_size - 4
    broken = {
        "cut": whole[:middle],
        "flip": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        "empty": b"",
        "text": b"this is not a pack",
    }[damage]
    client = backend.connect()
    with pytest.raises(BackendFailed) as failed:
        client.request(InstallPack(file_name="wave.scumble"), [broken])
    assert failed.value.remedy
    (backend.places.packs / "wave.scumble").write_bytes(broken)
    end = run(client, Stylize(ImageInfo(8, 8), [StyleChoice("wave")]), [photo(8, 8)]).message
    assert isinstance(end, Failed) and end.code in ("pack_damaged", "weights_wrong", "manifest_wrong"), end
    assert isinstance(
        run(client, Stylize(ImageInfo(8, 8), [StyleChoice("whole")]), [photo(8, 8)]).message, ImageResult
    )


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 512 bytes: EFBIG, as a quota gives it. Within a test only: pytest's log is a file."""

    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_keeps_what_was_there_and_painting_goes_on(backend: Running, pack_files: Path) -> None:
    client = backend.connect()
    before = {path.name: path.stat().st_size for path in backend.places.packs.glob("*.scumble")}
    for message, frames in (
        (InstallPack(path=str(pack_files / "wave.scumble")), []),
        (InstallPack(file_name="wave.scumble"), [(pack_files / "wave.scumble").read_bytes()]),
        (Train(ImageInfo(64, 64), "New"), [photo(64, 64)]),
    ):
        with full_disk(), pytest.raises(BackendFailed) as failed:
            client.request(message, frames)
        assert failed.value.code == "disk_full", failed.value
        assert "space" in failed.value.remedy
    assert {path.name: path.stat().st_size for path in backend.places.packs.glob("*.scumble")} == before
    assert not backend.places.trainings.exists() or not list(backend.places.trainings.iterdir())
    with full_disk():
        painted = run(client, Stylize(ImageInfo(8, 8), [StyleChoice("wave")]), [photo(8, 8)]).message
    assert isinstance(painted, ImageResult)


def test_settings_that_can_not_be_written_are_not_taken_over(backend: Running, tmp_path: Path) -> None:
    folder = tmp_path / ("long " * 40)
    folder.mkdir()
    deep = folder / ("photos " * 30)
    deep.mkdir()
    with full_disk(), pytest.raises(BackendFailed) as failed:
        backend.connect().request(Configure(photos=str(deep), loss_network=str(deep)))
    assert failed.value.code == "disk_full"
    status = backend.connect().request(GetStatus()).message
    assert isinstance(status, Status) and status.photos == ""


def test_a_second_backend_is_refused_and_the_first_one_goes_on(backend: Running) -> None:
    second = Server(
        places=backend.places,
        settings=Settings(device="cpu"),
        endpoint_files=[backend.endpoint_file],
        store=PackStore(Folders(backend.places.packs)),
    )
    with pytest.raises(BackendRunning) as refused:
        second.run()
    assert "scumble stop" in refused.value.remedy
    assert endpoint.read(backend.endpoint_file) == backend.found
    assert still_serves(backend)


def test_a_flood_of_requests_leaves_others_their_turn(raw: Any, backend: Running) -> None:
    greeted(raw)
    for _ in range(2000):
        raw.send_multipart([header("Explode")])
    began = time.monotonic()
    assert still_serves(backend)
    assert time.monotonic() - began < 5.0


def test_the_secret_and_the_socket_are_for_the_user_alone(backend: Running) -> None:
    assert backend.endpoint_file.stat().st_mode & 0o077 == 0
    assert backend.endpoint_file.parent.stat().st_mode & 0o077 == 0
    path = Path(backend.found.addresses[0].removeprefix("ipc://"))
    assert path.parent.stat().st_mode & 0o077 == 0
    assert all(a.startswith(("ipc://", "tcp://127.0.0.1:")) for a in backend.found.addresses)
