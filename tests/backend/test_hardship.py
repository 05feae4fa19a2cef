"""What the backend promises when things go wrong: pictures stay whole, nobody is let in, load is borne.

A short form in the gate. The long one by command, each figure printed:

    SCUMBLE_FAULT_ROUNDS=10000 SCUMBLE_KILLS=50 SCUMBLE_LOAD_CLIENTS=50 SCUMBLE_SOAK_MINUTES=60 \\
        python3 installer/install.py test tests/backend/test_hardship.py -s

SCUMBLE_FAULT_SEED takes other faults. docs/reliability.md and docs/security.md tell the figures of the last long run.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backend_stage import Running, write_affine_pack, write_network_pack
from hardship import faults
from hardship.artist import INFO, JOBS, PIXELS, Artist, Tally
from hardship.proxy import Plan, Proxy

from scumble_backend.packs.store import Folders, PackStore
from scumble_backend.serving.dispatcher import Dispatcher
from scumble_wire import endpoint
from scumble_wire.client import Client
from scumble_wire.errors import AuthenticationFailed, ConnectionFailed, ScumbleError
from scumble_wire.messages import FINAL, Copy, Failed, GetStatus, ImageInfo, ImageResult, Status

ROUNDS = int(os.environ.get("SCUMBLE_FAULT_ROUNDS", "120"))
KILLS = int(os.environ.get("SCUMBLE_KILLS", "1"))
CLIENTS = int(os.environ.get("SCUMBLE_LOAD_CLIENTS", "10"))
CONNECTS = 200 * CLIENTS
SOAK_S = 60 * float(os.environ.get("SCUMBLE_SOAK_MINUTES", "0.1"))
SEED = int(os.environ.get("SCUMBLE_FAULT_SEED", "1"))

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals and Unix sockets"),
    pytest.mark.timeout(900 + ROUNDS + 300 * KILLS + int(2 * SOAK_S)),
]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of faults are logged with their tracebacks; the test's output need not show them."""
    logger = logging.getLogger("scumble")
    before, logger.propagate = logger.propagate, False
    yield
    logger.propagate = before


def by_tcp_alone(backend: Running, port: int) -> Path:
    """An endpoint file that leads to a port."""
    file = backend.endpoint_file.with_name(f"tcp-{port}.json")
    found = json.loads(backend.endpoint_file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**found, "addresses": [f"tcp://127.0.0.1:{port}"]}), encoding="utf-8")
    file.chmod(0o600)
    return file


def tcp_port(addresses: tuple[str, ...]) -> int:
    return int(next(address for address in addresses if address.startswith("tcp:")).rpartition(":")[2])


def print_line(what: str, tally: object) -> None:
    print(f"\n{what}: {tally}")


# --- the picture is never half-changed -------------------------------------------------------------------

#: What a fault inside may be told as. A lost device is loaded again by the next job, which may fail, too.
TOLD = ("done", "out_of_memory", "internal", "disk_full", "file_trouble", "device_unavailable")


def test_whatever_fails_inside_the_picture_is_whole(backend: Running) -> None:
    """Out of memory, a lost device, a full disk, cancel: at every seam, at any call."""
    artist, chance = Artist(backend.connect), random.Random(SEED)
    artist.learn()
    struck = 0
    for number in range(ROUNDS):
        if number % 6 == 5:
            cancelled: list[float] = []

            def cancel(client: Client, job: str, cancelled: list[float] = cancelled) -> None:
                time.sleep(chance.random() * 0.02)
                cancelled.append(time.monotonic())
                client.cancel(job)

            artist.work(number // 6, cancel, cancelled.pop)
            continue
        strike = faults.Strike(chance)
        with faults.armed(strike):
            told = artist.work(chance.randrange(len(JOBS)), struck=strike.time)
        struck += strike.at is not None
        assert told in TOLD, f"{strike}: {told}"
    assert struck > ROUNDS / 8, "the faults strike"
    for number in range(len(JOBS)):
        assert artist.work(number) == "done", "and nothing of them stays"
    artist.close()
    print_line(f"faults inside ({struck} struck)", artist.tally)


def test_on_slow_sockets_and_on_sockets_that_are_cut_the_picture_is_whole(backend: Running) -> None:
    proxy, chance = Proxy(tcp_port(backend.found.addresses)), random.Random(SEED)
    file = by_tcp_alone(backend, proxy.port)
    right = Artist(backend.connect).learn()
    artist = Artist(lambda: Client.connect(name="far", version="1", endpoint_file=file, timeout_s=20), right)
    try:
        for number in range(max(10, ROUNDS // 5)):
            if number % 4 == 3:
                proxy.plan = Plan(chunk=997, pause_s=0.0005)
            else:  # anywhere from the handshake to the last byte of the result
                proxy.plan = Plan(cut_after=chance.randrange(100, 3 * len(PIXELS)))
            artist.work(number, struck=lambda: proxy.plan.cut_at)
            artist.close()  # the next round has a connection and a plan of its own
        proxy.plan = Plan()
        assert artist.work(0) == "done"
        artist.close()
    finally:
        proxy.close()
    assert artist.tally.done >= 2 and artist.tally.total > artist.tally.done
    print_line("sockets that are slow or cut", artist.tally)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start a backend as a process of its own, with the packs of `JOBS`."""
    home = tmp_path / "home"
    packs = tmp_path / "made"
    packs.mkdir()
    write_affine_pack(packs / "wave.scumble", "wave", seed=1, title="Great Wave")
    write_affine_pack(packs / "night.scumble", "night", seed=2)
    write_network_pack(packs / "whole.scumble", "whole")
    store = PackStore(Folders(home / "data" / "packs"))
    for pack in sorted(packs.glob("*.scumble")):
        store.install(pack)
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "SCUMBLE_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(str(root / room) for room in ("backend", "training", "cli")),
        "OMP_NUM_THREADS": "1",
    }
    children: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", "scumble_backend", "serve", "--device", "cpu"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, FILE_LIMIT)),
        )
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.wait(10)


FILE_LIMIT = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def reach(home: Path, timeout_s: float = 30.0, name: str = "test") -> Client:
    """A connection, as soon as there is a backend."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return Client.connect(name=name, version="1", endpoint_file=home / "runtime" / "endpoint.json")
        except ConnectionFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def test_a_backend_that_is_suspended_or_killed_leaves_the_picture_whole(
    process: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    home, chance = tmp_path / "home", random.Random(SEED)
    child = process()
    artist = Artist(lambda: reach(home))
    artist.learn()

    def suspend(client: Client, job: str) -> None:
        child.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        child.send_signal(signal.SIGCONT)

    for number in range(len(JOBS)):
        assert artist.work(number, suspend) == "done", "it goes on where it was"
    back: list[float] = []
    for number in range(KILLS):
        victim = child

        killed: list[float] = []

        def kill(
            client: Client, job: str, victim: subprocess.Popen[bytes] = victim, killed: list[float] = killed
        ) -> None:
            time.sleep(chance.random() * 0.03)
            killed.append(time.monotonic())
            victim.kill()

        told = artist.work(number, kill, killed.pop)
        assert told in ("connection_lost", "done")
        artist.close()
        victim.wait(10)
        began = time.monotonic()
        child = process()
        assert artist.work(number) == "done", "the job offered again"
        back.append(time.monotonic() - began)
    assert all(seconds < 2.0 for seconds in artist.tally.told_s)
    print_line("kill -9", f"{artist.tally}; the job done by a new backend after {max(back):.1f} s (worst)")
    artist.close()


# --- load ------------------------------------------------------------------------------------------------


def test_many_clients_floods_and_slow_readers_are_borne(backend: Running) -> None:
    """Each of many clients gets whole results; a flood is answered with `queue_full`; who doesn't read harms none."""
    right = Artist(backend.connect).learn()
    artists = [Artist(backend.connect, right) for _ in range(CLIENTS)]
    times: list[float] = []
    troubles: list[BaseException] = []
    deadline = time.monotonic() + max(4.0, SOAK_S / 4)

    def work(artist: Artist, number: int) -> None:
        try:
            while time.monotonic() < deadline:
                began = time.monotonic()
                artist.work(number)
                times.append(time.monotonic() - began)
                number += 1
            artist.close()
        except BaseException as error:  # noqa: BLE001  told by the test's own thread
            troubles.append(error)

    silent = [backend.connect("silent") for _ in range(3)]  # never read their results
    large = ImageInfo(512, 512)
    for client in silent:
        for _ in range(8):
            client.submit(Copy(large), [bytes(512 * 512 * 4)])
            client.poll(0)
    threads = [threading.Thread(target=work, args=(artist, n)) for n, artist in enumerate(artists)]
    for thread in threads:
        thread.start()
    flood = backend.connect("flood")
    sent = [flood.submit(Copy(INFO, "batch"), [PIXELS]) for _ in range(300)]
    ends: dict[int, Any] = {}
    while len(ends) < len(sent) and time.monotonic() < deadline + 60:
        ends |= {e.request: e.message for e in flood.poll(0.05) if isinstance(e.message, FINAL)}
    for thread in threads:
        thread.join(120)
    assert not troubles, troubles
    assert len(ends) == len(sent), "each job of the flood is answered"
    refused = [end for end in ends.values() if isinstance(end, Failed)]
    assert refused and {end.code for end in refused} == {"queue_full"}
    assert all(isinstance(end, (ImageResult, Failed)) for end in ends.values())
    total = sum((artist.tally.done for artist in artists), 0)
    assert all(artist.tally.done == artist.tally.total > 0 for artist in artists), [a.tally for a in artists]
    times.sort()
    line = f"{total} jobs of {CLIENTS} clients whole, median {times[len(times) // 2]:.2f} s, worst {times[-1]:.2f} s"
    print_line("load", line + f"; of a flood of {len(sent)} jobs {len(refused)} were refused as queue_full")


def test_thousands_of_connections_without_a_secret_end_nothing(
    process: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Idle, half-open and talking nonsense; more than the backend may have open files, in the long form."""
    home, child = tmp_path / "home", process()
    artist = Artist(lambda: reach(home), jobs=[Copy(INFO)])  # it needs no PyTorch, which takes its time to load
    artist.learn()
    port = tcp_port(endpoint.read(home / "runtime" / "endpoint.json").addresses)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, CONNECTS + 500)), hard))
    held, worst = [], 0.0
    try:
        for number in range(CONNECTS):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            if number % 3 == 1:
                with contextlib.suppress(OSError):
                    one.send(b"\xff\0\0\0\0\0\0\0\x01\x7f\x03")  # the beginning of a greeting
            held.append(one)
            if number % 500 == 499:
                began = time.monotonic()
                assert artist.work(number // 500) == "done"
                worst = max(worst, time.monotonic() - began)
        assert child.poll() is None, "the backend lives"
        began = time.monotonic()
        with reach(home) as late:
            assert isinstance(late.request(GetStatus()).message, Status)
        hello = time.monotonic() - began
    finally:
        for one in held:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        artist.close()
    assert child.poll() is None
    line = f"{CONNECTS} connections at a limit of {FILE_LIMIT} open files: jobs done within {worst:.2f} s, "
    print_line("connects", line + f"a new client greeted within {hello:.2f} s")


# --- nobody gets in --------------------------------------------------------------------------------------

STRANGERS = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "DNS rebinding": b"POST /jobs HTTP/1.1\r\nHost: evil.example:80\r\nOrigin: http://evil.example\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 4096\r\n\r\n" + b"A" * 4096,
    "WebSocket": b"GET / HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(192),
    "NULL mechanism": b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00NULL" + bytes(48) + b"\x04\x05\x05READY",
    "PLAIN without HELLO": b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00PLAIN" + bytes(47) + b"\x00\x05hello",
}


def test_nobody_gets_in_before_a_message_is_read(backend: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a browser or another user can send: no message reaches the dispatcher, no answer goes out."""
    read: list[bytes] = []
    receive = Dispatcher.receive

    def spy(self: Dispatcher, client: bytes, header: bytes, frames: Any) -> None:
        read.append(header)
        receive(self, client, header, frames)

    monkeypatch.setattr(Dispatcher, "receive", spy)
    port = tcp_port(backend.found.addresses)
    for name, said in STRANGERS.items():
        with socket.create_connection(("127.0.0.1", port), timeout=8) as stranger:
            got = b""
            with contextlib.suppress(ConnectionError):
                stranger.sendall(said)
                while chunk := stranger.recv(4096):  # a timeout would mean that it stays connected
                    got += chunk
            assert len(got) <= 64 + 64 and b"Welcome" not in got and b"HTTP" not in got, f"{name}: {got!r}"
    secrets = ("", "guess", backend.found.secret[:-1], backend.found.secret + "x", backend.found.secret.swapcase())
    for number, secret in enumerate(secrets):
        forged = backend.endpoint_file.with_name(f"forged-{number}.json")
        found = json.loads(backend.endpoint_file.read_text(encoding="utf-8"))
        forged.write_text(json.dumps({**found, "secret": secret}), encoding="utf-8")
        forged.chmod(0o600)
        with pytest.raises((AuthenticationFailed, ConnectionFailed)):
            Client.connect(name="thief", version="1", endpoint_file=forged)
    assert read == []
    assert isinstance(backend.connect().request(GetStatus()).message, Status)
    assert len(read) == 2
    print_line("strangers", f"{len(STRANGERS)} protocols and {len(secrets)} wrong secrets: no message read")


def test_the_secret_is_in_no_log_list_or_text(process: Callable[[], subprocess.Popen[bytes]], tmp_path: Path) -> None:
    home, child = tmp_path / "home", process()
    with reach(home) as client:
        secret = endpoint.read(home / "runtime" / "endpoint.json").secret
        status = client.request(GetStatus()).message
        client.submit(Copy(INFO), [b"short"])  # refused, and logged
        assert secret not in repr(status)
        assert secret not in repr(endpoint.read(home / "runtime" / "endpoint.json"))
        for shown in ("cmdline", "environ"):
            assert secret.encode() not in Path(f"/proc/{child.pid}/{shown}").read_bytes()
        forged = home / "forged.json"
        found = json.loads((home / "runtime" / "endpoint.json").read_text(encoding="utf-8"))
        forged.write_text(json.dumps({**found, "secret": "wrong " + secret}), encoding="utf-8")
        forged.chmod(0o600)
        with pytest.raises(ScumbleError) as refused:
            Client.connect(name="thief", version="1", endpoint_file=forged)
        assert secret not in str(refused.value)
    held = [path for path in home.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert sorted(held) == sorted([forged, home / "runtime" / "endpoint.json"])
    assert (home / "runtime" / "endpoint.json").stat().st_mode & 0o077 == 0


# --- for long --------------------------------------------------------------------------------------------


def test_a_soak_leaves_no_memory_files_or_threads(backend: Running) -> None:
    """Jobs, faults, cancels and clients that come and go, for as long as is wished."""
    right, chance, tally = Artist(backend.connect).learn(), random.Random(SEED), Tally()

    def connect() -> Client:
        return Client.connect(name="soak", version="1", endpoint_file=backend.endpoint_file)

    def stretch(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            artist = Artist(connect, right)
            artist.tally = tally
            for _ in range(5):
                strike = faults.Strike(chance)
                with faults.armed(strike) if chance.random() < 0.3 else contextlib.nullcontext():
                    artist.work(chance.randrange(len(JOBS)))
            artist.close()

    stretch(max(2.0, SOAK_S / 10))  # caches fill
    before = usage()
    stretch(SOAK_S)
    time.sleep(0.5)  # the last goodbyes
    after = usage()
    print_line(
        "soak", f"{SOAK_S / 60:.1f} min, {tally}; memory {before[0]:.0f} to {after[0]:.0f} MB, {after[1]} files"
    )
    assert after[1] <= before[1] + 4 and after[2] <= before[2] + 2, (before, after)
    assert after[0] - before[0] < 60 + 0.02 * SOAK_S / 60, "megabytes"


def usage() -> tuple[float, int, int]:
    """Megabytes of memory, open files and threads of this process, which holds the backend."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return (
        pages * resource.getpagesize() / 2**20,
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
    )
