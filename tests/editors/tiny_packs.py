"""Packs of tiny random networks for the tests in real editors: quick to run, different from one another."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import torch
from PIL import Image

from scumble_backend.nets.compact import Compact
from scumble_backend.nets.style import StyleNetwork, StyleNetworkConfig, StyleTable
from scumble_backend.packs.archive import write_pack
from scumble_backend.packs.making import (
    affine_weights,
    base_file,
    network_weights,
    style_architecture,
    upscale_weights,
)
from scumble_backend.packs.manifest import Manifest, Painting

COLORS = {"tiny-sea": (30, 80, 140), "tiny-field": (200, 170, 60), "tiny-ink": (60, 60, 60)}


def write_tiny_packs(folder: Path) -> dict[str, Path]:
    """Write two affine styles on one base, one style with its own network and one x2 upscaler; path by pack id."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    network = StyleNetwork(StyleNetworkConfig(width=4, residual_blocks=1)).eval()
    base = base_file(network)
    paths: dict[str, Path] = {}
    for number, (name, color) in enumerate(COLORS.items()):
        affine = name != "tiny-ink"
        manifest = Manifest(
            id=name,
            title=name.replace("-", " ").title(),
            kind="affine" if affine else "network",
            architecture=style_architecture(network),
            authors=("Test Author",),
            license="CC0-1.0",
            description="A random network for tests.",
            painting=Painting("A Painting", "Some Painter", "1888", "public domain"),
            base=hashlib.sha256(base).hexdigest() if affine else "",
            stroke_scales=(0.5, 2.0),
        )
        table = _table(network, number, color)
        weights = affine_weights(manifest, table) if affine else network_weights(manifest, network, table)
        files = {"weights.safetensors": weights, "thumbnail.png": _thumbnail(color)}
        if affine:
            files["base.safetensors"] = base
        paths[name] = folder / f"{name}.scumble"
        write_pack(paths[name], manifest, files)
    torch.manual_seed(2)
    enlarger = Compact(features=4, layers=1, factor=2)
    manifest = Manifest(
        id="tiny-twice",
        title="Tiny Twice",
        kind="upscale",
        architecture={"name": "compact", "features": 4, "layers": 1, "factor": 2},
        license="CC0-1.0",
        description="Doubles.",
        factors=(2,),
    )
    paths["tiny-twice"] = folder / "tiny-twice.scumble"
    write_pack(
        paths["tiny-twice"], manifest, {"weights.safetensors": upscale_weights(manifest, enlarger.state_dict())}
    )
    return paths


def _table(network: StyleNetwork, number: int, color: tuple[int, int, int]) -> StyleTable:
    torch.manual_seed(10 + number)
    plain = network.plain_table()
    shifted = plain.color.clone()
    shifted[0, :, 3] = torch.tensor([channel / 255 * 2 - 1 for channel in color])
    slopes = [0.2 * torch.randn_like(each) for each in (plain.scale, plain.shift, shifted)]
    return StyleTable(plain.scale + 0.3 * torch.randn_like(plain.scale), plain.shift, shifted, *slopes)


def _thumbnail(color: tuple[int, int, int]) -> bytes:
    picture = Image.new("RGB", (96, 96))
    picture.putdata([tuple(min(255, c + (x * 3 + y) % 97) for c in color) for y in range(96) for x in range(96)])
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()
