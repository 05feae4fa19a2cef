"""A backend on a thread of the test's process, over real sockets, with tiny packs made for the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from backend_stage import Running, write_affine_pack, write_network_pack

from scumble_backend.config import Places, Settings
from scumble_backend.packs.store import Folders, PackStore
from scumble_backend.serving.server import Server
from scumble_wire.client import Client
from scumble_wire.endpoint import Endpoint


@pytest.fixture(scope="session")
def pack_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack_files")
    write_affine_pack(folder / "wave.scumble", "wave", seed=1, title="Great Wave")
    write_affine_pack(folder / "night.scumble", "night", seed=2)
    write_network_pack(folder / "whole.scumble", "whole")
    return folder


@pytest.fixture
def start(tmp_path: Path, pack_files: Path) -> Iterator[Callable[..., Running]]:
    """Start a backend: start(lease_s=..., settings=...)."""
    ends: list[Callable[[], None]] = []

    def begin(*, lease_s: float = 30.0, settings: Settings | None = None) -> Running:
        home = tmp_path / "home"
        places = Places(home / "config", home / "data", home / "cache", home / "logs")
        store = PackStore(Folders(places.packs))
        for pack in sorted(pack_files.glob("*.scumble")):
            store.install(pack)
        file = home / "runtime" / "endpoint.json"
        server = Server(
            places=places,
            settings=settings or Settings(device="cpu"),
            endpoint_files=[file],
            store=PackStore(Folders(places.packs)),
            lease_s=lease_s,
        )
        ready: list[Endpoint] = []
        up = threading.Event()

        def opened(found: Endpoint) -> None:
            ready.append(found)
            up.set()

        thread = threading.Thread(target=lambda: server.run(opened), name="backend")
        thread.start()
        clients: list[Client] = []

        def connect(name: str = "test") -> Client:
            client = Client.connect(name=name, version="1", endpoint_file=file)
            clients.append(client)
            return client

        def end() -> None:
            for client in clients:
                client.close()
            server.leave()
            thread.join(20)
            assert not thread.is_alive()

        assert up.wait(10)
        ends.append(end)
        return Running(places, store, file, ready[0], server, connect)

    yield begin
    for end in ends:
        end()


@pytest.fixture
def backend(start: Callable[..., Running]) -> Running:
    return start()
