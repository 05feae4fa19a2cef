"""What tests of the running backend share: tiny packs, pictures, and waiting for a job's end."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from scumble_backend.config import Places
from scumble_backend.nets.style import StyleNetwork, StyleNetworkConfig, initialize
from scumble_backend.packs.archive import write_pack
from scumble_backend.packs.making import affine_weights, base_file, network_weights, style_architecture
from scumble_backend.packs.manifest import Manifest
from scumble_backend.packs.store import PackStore
from scumble_backend.serving.server import Server
from scumble_wire.client import Client
from scumble_wire.endpoint import Endpoint
from scumble_wire.messages import FINAL


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


@dataclass
class Running:
    """A backend that runs; `connect` gives clients that are closed at the end."""

    places: Places
    store: PackStore
    endpoint_file: Path
    found: Endpoint
    server: Server
    connect: Callable[..., Client]


def stream_of(client: Client, number: int, timeout_s: float = 30.0) -> list[Any]:
    """All events that answer a request, up to the last one of its job."""
    deadline = time.monotonic() + timeout_s
    events: list[Any] = []
    while time.monotonic() < deadline:
        for event in client.poll(0.2):
            if event.request == number:
                events.append(event)
                if isinstance(event.message, FINAL):
                    return events
    raise AssertionError(f"no end after {[type(event.message).__name__ for event in events]}")


def run(client: Client, message: Any, frames: Any) -> Any:
    """Submit a job and return its last event."""
    return stream_of(client, client.submit(message, frames))[-1]


def photo(width: int = 40, height: int = 30, channels: int = 4, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    if channels == 4:
        pixels[..., 3] = 255
    return pixels.tobytes()
