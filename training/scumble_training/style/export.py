"""From a trained style to a pack file."""

from __future__ import annotations

import io
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path

import torch
from PIL import Image

from scumble_backend.nets.style_skip import SkipStyleTable, StyleDelta
from scumble_backend.packs.archive import BASE, WEIGHTS, write_pack
from scumble_backend.packs.making import (
    AnyStyleNetwork,
    AnyStyleTable,
    affine_weights,
    base_file,
    network_weights,
    style_architecture,
)
from scumble_backend.packs.manifest import Manifest, Training, id_from_title
from scumble_backend.packs.manifest import Painting as PaintingRights
from scumble_backend.rendering import device as devices
from scumble_training.style.many.recipe import ManyRecipe
from scumble_training.style.recipe import Recipe


@dataclass(frozen=True)
class Story:
    """How a style came to be, for its pack and its report."""

    recipe: Recipe | ManyRecipe
    data: str  # the photos, in words
    seconds: float
    device: torch.device
    quality: Mapping[str, float] = field(default_factory=dict)

    def training(self) -> Training:
        return Training(
            recipe=self.recipe.to_json(),
            data=self.data,
            seed=self.recipe.seed,
            seconds=round(self.seconds, 1),
            hardware=hardware(self.device),
            software=f"torch {torch.__version__}, Python {platform.python_version()}",
            finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )


def hardware(device: torch.device) -> str:
    """ "cpu (AMD EPYC 9R14, 2 threads)", "cuda:0 (NVIDIA H200)"."""
    return devices.describe(device)


def write_style_pack(
    path: Path,
    *,
    title: str,
    network: AnyStyleNetwork,
    table: AnyStyleTable,
    delta: StyleDelta | None = None,
    base_sha256: str,
    story: Story,
    thumbnail: Image.Image,
    previews: Sequence[Image.Image] = (),
    pack_id: str = "",
    rights: PaintingRights | None = None,
    license: str = "",
    with_base: bool = False,
    palette: tuple[float, ...] = (),
) -> Manifest:
    """Write a .scumble file.

    network, table (N = 1), delta: on any device. base_sha256: the installed base network the table stands on; empty:
    the pack holds all weights. with_base: carry the base network in the pack too. rights: whose painting it is;
    unknown by default. palette: of the painting, nine numbers. Raises DiskFull, FileTrouble.
    """
    octaves = story.recipe.stroke_octaves if isinstance(story.recipe, Recipe) else (0.0,)
    manifest = Manifest(
        id=pack_id or id_from_title(title),
        title=title,
        kind="affine" if base_sha256 else "network",
        architecture=style_architecture(network),
        license=license,
        painting=rights,
        base=base_sha256,
        boldness=isinstance(table, SkipStyleTable) and table.scale_bold is not None,
        palette=palette,
        stroke_scales=tuple(sorted(2.0**octave for octave in octaves)),
        training=story.training(),
        quality={name: round(value, 6) for name, value in story.quality.items()},
    )
    files = {"thumbnail.jpg": jpeg(thumbnail)}
    files.update({f"previews/{number}.jpg": jpeg(preview) for number, preview in enumerate(previews, start=1)})
    if base_sha256:
        files[WEIGHTS] = affine_weights(manifest, table, delta)
        if with_base:
            raw = base_file(network)
            manifest = replace(manifest, base=sha256(raw).hexdigest())
            files[WEIGHTS] = affine_weights(manifest, table, delta)
            files[BASE] = raw
    else:
        files[WEIGHTS] = network_weights(manifest, network, table)
    return write_pack(path, manifest, files)


def jpeg(picture: Image.Image, quality: int = 88) -> bytes:
    raw = io.BytesIO()
    picture.save(raw, "JPEG", quality=quality, optimize=True)
    return raw.getvalue()


def free_id(title: str, taken: Sequence[str]) -> str:
    """An id for the title that no installed pack has: "great-wave", "great-wave-2", ..."""
    stem = id_from_title(title)
    number, found = 1, stem
    while found in taken:
        number += 1
        found = f"{stem[:60].rstrip('-')}-{number}"
    return found
