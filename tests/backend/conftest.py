"""A backend on a thread of the test's process, over real sockets, with tiny packs made for the test."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from PIL import Image

from scumble_backend.config import Places, Settings
from scumble_backend.nets.style import StyleNetwork, StyleNetworkConfig, initialize
from scumble_backend.packs.archive import write_pack
from scumble_backend.packs.making import affine_weights, base_file, network_weights, style_architecture
from scumble_backend.packs.manifest import Manifest
from scumble_backend.packs.store import Folders, PackStore
from scumble_backend.server import Server
from scumble_wire.client import Client
from scumble_wire.endpoint import Endpoint


def tiny_network(seed: int = 0) -> StyleNetwork:
    network = StyleNetwork(StyleNetworkConfig(width=4, residual_blocks=1))
    initialize(network, torch.Generator().manual_seed(seed))
    return network.eval()


def thumbnail(color: tuple[int, int, int] = (200, 40, 40), size: tuple[int, int] = (64, 48)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def write_affine_pack(path: Path, pack: str, *, seed: int = 1, title: str = "") -> Path:
    """A small affine pack that carries its base network."""
    network = tiny_network()
    base = base_file(network)
    table = network.plain_table()
    generator = torch.Generator().manual_seed(seed)
    table.scale.add_(0.3 * torch.randn(table.scale.shape, generator=generator))
    table.shift.add_(0.3 * torch.randn(table.shift.shape, generator=generator))
    manifest = Manifest(
        id=pack,
        title=title or pack.title(),
        kind="affine",
        architecture=style_architecture(network),
        license="CC0-1.0",
        base=sha256(base).hexdigest(),
    )
    files = {
        "weights.safetensors": affine_weights(manifest, table),
        "base.safetensors": base,
        "thumbnail.png": thumbnail(),
    }
    write_pack(path, manifest, files)
    return path


def write_network_pack(path: Path, pack: str, *, seed: int = 7) -> Path:
    network = tiny_network(seed)
    manifest = Manifest(
        id=pack, title=pack.title(), kind="network", architecture=style_architecture(network), license="CC0-1.0"
    )
    write_pack(path, manifest, {"weights.safetensors": network_weights(manifest, network, network.plain_table())})
    return path


@pytest.fixture(scope="session")
def pack_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack_files")
    write_affine_pack(folder / "wave.scumble", "wave", seed=1, title="Great Wave")
    write_affine_pack(folder / "night.scumble", "night", seed=2)
    write_network_pack(folder / "whole.scumble", "whole")
    return folder


@dataclass
class Running:
    """A backend that runs; `connect` gives clients that are closed at the end."""

    places: Places
    store: PackStore
    endpoint_file: Path
    found: Endpoint
    server: Server
    connect: Callable[..., Client]


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
