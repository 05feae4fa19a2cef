"""Faults that must cost no more than what they hit: a loop, a lane, a start, another client's turn."""

from __future__ import annotations

import json
import logging
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backend_stage import Running, photo, run, write_affine_pack

from scumble_backend.errors import NoSocket, PackDamaged
from scumble_backend.packs import adding
from scumble_backend.packs.store import PackStore
from scumble_backend.rendering.renderer import Renderer
from scumble_backend.rendering.worker import Worker
from scumble_backend.serving import queue, training_processes
from scumble_backend.serving.connections import TcpConnections
from scumble_backend.serving.leases import Leases
from scumble_backend.serving.server import Server
from scumble_wire.client import Client
from scumble_wire.errors import BackendFailed
from scumble_wire.messages import (
    Copy,
    Failed,
    GetStatus,
    GetThumbnail,
    ImageInfo,
    ImageResult,
    InstallPack,
    Jobs,
    ListJobs,
    ListPacks,
    Packs,
    Status,
    StyleChoice,
    Stylize,
    Thumbnail,
    Train,
    Trained,
)

SMALL = ImageInfo(16, 16)
PAINT = Stylize(SMALL, [StyleChoice("wave")])


def serves(client: Client) -> bool:
    return isinstance(client.request(GetStatus()).message, Status)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The faults are logged with their tracebacks; the test's output need not show them."""
    logger = logging.getLogger("scumble")
    before, logger.propagate = logger.propagate, False
    yield
    logger.propagate = before


# --- the loop --------------------------------------------------------------------------------------------


def test_an_exception_in_a_posted_call_ends_no_loop(backend: Running) -> None:
    client = backend.connect()
    backend.server.post(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    assert serves(client) and serves(backend.connect())


def test_an_exception_in_a_tick_ends_no_loop(backend: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    client = backend.connect()
    monkeypatch.setattr(Leases, "tick", lambda self, now: 1 / 0)
    time.sleep(0.6)
    assert serves(client)


def test_a_job_that_can_not_be_given_to_its_lane_has_failed(
    backend: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = backend.connect()
    with monkeypatch.context() as broken:
        broken.setattr(Worker, "run", lambda self, start: 1 / 0)
        failed = run(client, Copy(SMALL), [photo(16, 16)]).message
    assert isinstance(failed, Failed) and failed.code == "internal" and "unchanged" in failed.remedy
    assert isinstance(run(client, Copy(SMALL), [photo(16, 16)]).message, ImageResult), "the lane is free"


def test_an_answer_that_can_not_be_sent_becomes_a_failure(backend: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    client = backend.connect()
    with monkeypatch.context() as broken:
        broken.setattr(queue.JobQueue, "listing", lambda self, client: Jobs("no list"))  # type: ignore[arg-type]
        with pytest.raises(BackendFailed):
            client.request(ListJobs())
    assert isinstance(client.request(ListJobs()).message, Jobs)


# --- the worker ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [RuntimeError("CUDA error: device-side assert triggered"), KeyError("x")])
def test_a_lost_device_costs_its_job_and_is_loaded_again(
    backend: Running, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    client = backend.connect()
    assert isinstance(run(client, PAINT, [photo(16, 16)]).message, ImageResult)

    def lose(*_: Any) -> Any:
        raise fault

    with monkeypatch.context() as broken:
        broken.setattr(Renderer, "stylize", lose)
        broken.setattr(Renderer, "memory_mb", property(lose))
        broken.setattr(Renderer, "release", lose)
        failed = run(client, PAINT, [photo(16, 16)]).message
    assert isinstance(failed, Failed) and failed.code == "internal"
    assert isinstance(run(client, PAINT, [photo(16, 16)]).message, ImageResult)


def test_a_job_without_memory_is_told_with_its_size(backend: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(Renderer, "_stylize", full)
    failed = run(backend.connect(), PAINT, [photo(16, 16)]).message
    assert isinstance(failed, Failed) and failed.code == "out_of_memory"
    assert "painting 16 x 16 pixels" in failed.message


# --- sockets ---------------------------------------------------------------------------------------------


def test_without_a_unix_socket_tcp_serves(start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> str:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Server, "_bind_unix", refuse)
    backend = start()
    assert [address.partition(":")[0] for address in backend.found.addresses] == ["tcp"]
    assert serves(backend.connect())


def test_without_tcp_the_unix_socket_serves(start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> str:
        raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(Server, "_bind_tcp", refuse)
    backend = start()
    assert [address.partition(":")[0] for address in backend.found.addresses] == ["ipc"]
    assert serves(backend.connect())


def test_without_any_socket_the_start_says_why(
    backend: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: Any) -> str:
        raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(Server, "_bind_tcp", refuse)
    monkeypatch.setattr(Server, "_bind_unix", refuse)
    file = tmp_path / "e" / "e.json"
    alone = Server(places=backend.places, settings=backend.server._settings, endpoint_files=[file])
    with pytest.raises(NoSocket, match="Cannot assign") as told:
        alone.run()
    assert told.value.remedy and not file.exists()


def test_connections_are_counted_by_their_descriptors() -> None:
    count = TcpConnections(3)
    for descriptor in (5, 6, 6):
        count.came(descriptor)
    assert len(count) == 2 and not count.too_many
    count.came(7)
    assert count.too_many
    count.went(7)
    count.went(99)
    assert not count.too_many
    count.clear()
    assert len(count) == 0


def test_too_many_connections_are_ended_and_others_come_in(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scumble_backend.serving.server.most_connections", lambda: 40)
    backend = start()
    by_unix = backend.connect()
    port = int(backend.found.addresses[1].rpartition(":")[2])
    idle = []
    try:
        for _ in range(100):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            idle.append(one)
        assert serves(by_unix), "who came by the Unix socket notices nothing"
        deadline = time.monotonic() + 10
        while len(backend.server._tcp_count) > 40 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(backend.server._tcp_count) <= 60
    finally:
        for one in idle:
            one.close()
    tcp_only = backend.endpoint_file.with_name("tcp.json")
    found = json.loads(backend.endpoint_file.read_text())
    tcp_only.write_text(json.dumps({**found, "addresses": found["addresses"][1:]}))
    tcp_only.chmod(0o600)
    with Client.connect(name="late", version="1", endpoint_file=tcp_only) as late:
        assert serves(late)


# --- trainings -------------------------------------------------------------------------------------------

CHILD = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
print((folder.parents[1] / "says").read_text(), flush=True)
"""


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: Running) -> Callable[[object], None]:
    """Let every training say one thing and end."""
    script = tmp_path / "child.py"
    script.write_text(CHILD, encoding="utf-8")
    monkeypatch.setattr(training_processes, "COMMAND", (sys.executable, str(script)))

    def says(word: object) -> None:
        backend.places.data.mkdir(parents=True, exist_ok=True)
        (backend.places.data / "says").write_text(json.dumps(word), encoding="utf-8")

    return says


TRAIN = Train(SMALL, "My Wave")


@pytest.mark.parametrize("fault", [RuntimeError("spandrel stumbled"), OSError(5, "Input/output error")])
def test_an_unforeseen_fault_while_a_style_is_installed_frees_the_lane(
    backend: Running,
    child: Callable[[object], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
) -> None:
    pack = write_affine_pack(tmp_path / "made.scumble", "my-wave", seed=5)
    child({"event": "done", "pack": str(pack), "report": "", "seconds": 1.0})
    client = backend.connect()

    def stumble(*_: Any, **__: Any) -> Any:
        raise fault

    with monkeypatch.context() as broken:
        broken.setattr(PackStore, "install", stumble)
        failed = run(client, TRAIN, [photo(16, 16)]).message
    assert isinstance(failed, Failed) and failed.code == "internal" and "Resume" in failed.remedy, failed
    assert isinstance(run(client, TRAIN, [photo(16, 16)]).message, Trained)


def test_a_training_that_is_not_taken_leaves_no_folder(backend: Running, child: Callable[[object], None]) -> None:
    client = backend.connect()
    dispatcher = backend.server._dispatcher
    full = dispatcher._queue.refusal

    def fill() -> None:
        """Between the preparation and the queue, as jobs of other windows do."""
        calls = []

        def refusal(client: bytes, frames: Any) -> Any:
            calls.append(client)
            return None if len(calls) == 1 else queue.QueueFull("64 jobs wait already.", remedy="Wait.")

        dispatcher._queue.refusal = refusal  # type: ignore[method-assign]

    fill()
    with pytest.raises(BackendFailed) as refused:
        client.request(TRAIN, [photo(16, 16)])
    assert refused.value.code == "queue_full"
    assert not list(backend.places.trainings.iterdir())
    dispatcher._queue.refusal = full  # type: ignore[method-assign]


# --- packs -----------------------------------------------------------------------------------------------


def test_packs_that_are_fetched_keep_nobody_waiting(
    backend: Running, child: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six downloads that hang: lists, thumbnails, trainings and the end of a training go on."""
    child({"event": "failed", "code": "loss_not_finite", "message": "It diverged.", "remedy": "Resume it."})
    client, leave = backend.connect(), threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        leave.wait(60)
        raise PackDamaged("It hung.", remedy="Wait.")

    monkeypatch.setattr(adding, "add", hang)
    try:
        installs = [client.submit(InstallPack("https://example.org/a.scumble"), []) for _ in range(6)]
        began = time.monotonic()
        assert isinstance(client.request(ListPacks()).message, Packs)
        assert isinstance(client.request(GetThumbnail("wave", 32)).message, Thumbnail)
        failed = run(client, TRAIN, [photo(16, 16)]).message
        assert isinstance(failed, Failed) and failed.code == "loss_not_finite"
        assert time.monotonic() - began < 20
    finally:
        leave.set()
    ended: dict[int, Any] = {}
    deadline = time.monotonic() + 20
    while len(ended) < len(installs) and time.monotonic() < deadline:
        ended |= {event.request: event.message for event in client.poll(0.2) if event.request in installs}
    assert [ended[number].code for number in installs] == ["pack_damaged"] * 6


def test_a_flood_of_installs_is_answered_with_queue_full(backend: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    client, leave = backend.connect(), threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        leave.wait(60)
        raise PackDamaged("It hung.", remedy="Wait.")

    monkeypatch.setattr(adding, "add", hang)
    try:
        for _ in range(64):
            client.submit(InstallPack("https://example.org/a.scumble"), [])
        with pytest.raises(BackendFailed) as refused:
            client.request(InstallPack("https://example.org/a.scumble"), [])
        assert refused.value.code == "queue_full"
    finally:
        leave.set()


def test_the_backend_asks_the_system_for_more_open_files() -> None:
    from scumble_backend.serving.connections import most_connections, raise_file_limit

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        assert most_connections() == 256
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(1 << 16, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
