"""Tiny packs, made in milliseconds: random weights, two channels, one residual block."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from scumble_backend import nets
from scumble_backend.nets.style import StyleNetwork, StyleNetworkConfig, StyleTable, initialize
from scumble_backend.nets.style_skip import SkipStyleConfig, SkipStyleNetwork, SkipStyleTable, StyleDelta
from scumble_backend.nets.style_skip import initialize as initialize_skip
from scumble_backend.packs import making
from scumble_backend.packs.archive import write_pack
from scumble_backend.packs.manifest import Manifest, Painting, Training


def tiny_network(seed: int = 1, **config: Any) -> StyleNetwork:
    network = StyleNetwork(StyleNetworkConfig(**{"width": 2, "residual_blocks": 1, **config}))
    generator = torch.Generator().manual_seed(seed)
    initialize(network, generator)
    for layer in network.norm_layers:
        layer.average_mean.normal_(generator=generator)
        layer.average_variance.uniform_(0.5, 2.0, generator=generator)
    return network.eval()


def random_table(network: StyleNetwork, seed: int = 2) -> StyleTable:
    generator = torch.Generator().manual_seed(seed)
    plain = network.plain_table()
    return StyleTable(*(t + 0.3 * torch.randn(t.shape, generator=generator) for t in plain.tensors().values()))


def tiny_skip_network(seed: int = 1) -> SkipStyleNetwork:
    network = SkipStyleNetwork(SkipStyleConfig(widths=(2, 3, 4, 5), residual_blocks=1))
    generator = torch.Generator().manual_seed(seed)
    initialize_skip(network, generator)
    for stage in network.named_stages().values():
        if stage.norm:
            stage.average_mean.normal_(generator=generator)
            stage.average_variance.uniform_(0.5, 2.0, generator=generator)
    return network.eval().requires_grad_(False)


def random_skip_style(network: SkipStyleNetwork, seed: int = 2) -> tuple[SkipStyleTable, StyleDelta]:
    """A table with the axis from faithful to bold, and a change of two stages whose numbers half precision holds."""
    generator = torch.Generator().manual_seed(seed)
    named = {name: t + 0.3 * torch.randn(t.shape, generator=generator) for name, t in _plain(network).items()}
    named |= {f"{name}_bold": 0.3 * torch.randn(t.shape, generator=generator) for name, t in _plain(network).items()}
    factors = {}
    for name in ("block0a", "up1"):
        outputs, inputs = network.named_stages()[name].conv.weight.shape[:2]
        left, right = (0.3 * torch.randn(shape, generator=generator) for shape in ((outputs, 2), (2, inputs, 3, 3)))
        factors[name] = (left.half().float(), right.half().float())
    return SkipStyleTable(**named), StyleDelta(factors)


def _plain(network: SkipStyleNetwork) -> dict[str, torch.Tensor]:
    return network.plain_table().tensors()


def png(side: int = 16, color: str = "teal") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), color).save(stream, "PNG")
    return stream.getvalue()


class Factory:
    """Makes packs in a folder. `network` is the base of its affine packs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = tiny_network()
        self.base = making.base_file(self.network)
        self.base_sha = sha256(self.base).hexdigest()

    def manifest(self, pack_id: str = "great-wave", **changes: Any) -> Manifest:
        plain = Manifest(
            id=pack_id,
            title="Great Wave",
            kind="affine",
            architecture=making.style_architecture(self.network),
            base=self.base_sha,
            authors=("Ada",),
            license="CC-BY-4.0",
            painting=Painting("The Great Wave off Kanagawa", "Hokusai", "1831", "public domain"),
            training=Training(recipe={"steps": 3}, data="two photos", seed=4, seconds=1.5, hardware="2 CPU cores"),
            quality={"style loss": 0.25},
        )
        return replace(plain, **changes)

    def affine(
        self, pack_id: str = "great-wave", *, with_base: bool = True, files: dict[str, bytes] | None = None,
        seed: int = 2, name: str = "", **changes: Any,
    ) -> Path:  # fmt: skip
        manifest = self.manifest(pack_id, **changes)
        contents = {"weights.safetensors": making.affine_weights(manifest, random_table(self.network, seed))}
        contents["thumbnail.png"] = png()
        if with_base:
            contents["base.safetensors"] = self.base
        path = self.folder / f"{name or pack_id}.scumble"
        write_pack(path, manifest, {**contents, **(files or {})})
        return path

    def skip(
        self, pack_id: str = "spray", *, network: SkipStyleNetwork | None = None, seed: int = 2, **changes: Any
    ) -> Path:
        """An affine pack on a light network, with delta and boldness, carrying its base."""
        network = network or tiny_skip_network()
        base = making.base_file(network)
        described = {"architecture": making.style_architecture(network), "base": sha256(base).hexdigest()}
        manifest = self.manifest(pack_id, **{**described, "boldness": True, **changes})
        weights = making.affine_weights(manifest, *random_skip_style(network, seed))
        path = self.folder / f"{pack_id}.scumble"
        write_pack(path, manifest, {"weights.safetensors": weights, "base.safetensors": base})
        return path

    def whole(self, pack_id: str = "scream", **changes: Any) -> Path:
        network = tiny_network(5)
        manifest = self.manifest(
            pack_id,
            **{"kind": "network", "base": "", "title": "Scream", "architecture": making.style_architecture(network)}
            | changes,
        )
        path = self.folder / f"{pack_id}.scumble"
        write_pack(
            path, manifest, {"weights.safetensors": making.network_weights(manifest, network, random_table(network))}
        )
        return path

    def upscale(self, pack_id: str = "crisp", **changes: Any) -> Path:

        architecture = {"name": "compact", "features": 4, "layers": 1, "factor": 2}
        manifest = self.manifest(
            pack_id,
            **{"kind": "upscale", "base": "", "painting": None, "architecture": architecture, "factors": (2,)}
            | changes,
        )
        path = self.folder / f"{pack_id}.scumble"
        state = nets.build(architecture).state_dict()
        write_pack(path, manifest, {"weights.safetensors": making.upscale_weights(manifest, state)})
        return path


def repacked(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The same zip with other contents, the manifest not brought into line."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
    return path
