"""A checkpoint as a pack, at any moment: `python -m scumble_training.releasing.super_resolution --help`."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from scumble_backend import __version__
from scumble_backend.packs.archive import WEIGHTS, write_pack
from scumble_backend.packs.making import upscale_weights
from scumble_backend.packs.manifest import Manifest, Training, id_from_title
from scumble_backend.rendering import device as devices
from scumble_backend.rendering.effects.resample import downsample_u8
from scumble_training.measuring.enlarging import Enlarge, enlarge_with
from scumble_training.recipe_files import SUPER_RESOLUTION, shipped
from scumble_training.super_resolution.checkpoint import averaged_network, read_checkpoint
from scumble_training.super_resolution.pictures import read_picture
from scumble_training.super_resolution.recipe import SrRecipe, read
from scumble_wire.errors import ScumbleError

THUMBNAIL = 256  # pixels


def export(
    checkpoint: Path,
    target: Path,
    *,
    authors: tuple[str, ...] = (),
    license: str = "",
    rights: str = "",
    data: str = "",
    thumbnail_of: Path | None = None,
    quality: Mapping[str, float] | None = None,
) -> Manifest:
    """Write an upscale pack. data: description of the training pictures. thumbnail_of: a photo to show it on.

    The state dict is the one Spandrel knows. Raises CheckpointUnusable, PackError's kinds.
    """
    state = read_checkpoint(checkpoint)
    network, recipe, step = averaged_network(checkpoint)
    texts = read(recipe.name) if recipe.name in shipped(SUPER_RESOLUTION) and not recipe.title else recipe
    title = texts.title or recipe.name
    manifest = Manifest(
        id=texts.pack or id_from_title(title),
        title=title,
        kind="upscale",
        architecture=recipe.architecture,
        version=__version__,
        authors=authors,
        license=license,
        rights=rights,
        description=texts.description,
        factors=(recipe.factor,),
        quality=dict(quality or {}),
        training=Training(
            recipe={**recipe.to_dict(), "steps_done": step},
            data=data or _pictures(recipe),
            seed=recipe.seed,
            seconds=round(float(state["elapsed_s"]), 1),
            hardware=devices.describe(torch.device("cpu"))
            if state.get("device", "cpu") == "cpu"
            else state["device"],
            software=f"scumble {__version__}, torch {torch.__version__}",
            finished=datetime.now(timezone.utc).date().isoformat(),
        ),
    )
    files = {WEIGHTS: upscale_weights(manifest, network.state_dict())}
    if thumbnail_of is not None:
        files["thumbnail.jpg"] = thumbnail(enlarge_with(network), read_picture(thumbnail_of), recipe.factor)
    return write_pack(target, manifest, files)


def thumbnail(enlarge: Enlarge, photo: Tensor, factor: int) -> bytes:
    """A JPEG: the middle of a photo, made smaller; left enlarged as it is, right by the network."""
    side = THUMBNAIL - THUMBNAIL % factor
    top, left = ((length - side) // 2 for length in photo.shape[1:])
    small = downsample_u8(photo[:, top : top + side, left : left + side].contiguous(), factor)
    plain = small.repeat_interleave(factor, -1).repeat_interleave(factor, -2)
    made = enlarge(small)
    made[..., : side // 2] = plain[..., : side // 2]
    made[..., side // 2 - 1 : side // 2 + 1] = 255
    file = io.BytesIO()
    Image.fromarray(made.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=90)
    return file.getvalue()


def _pictures(recipe: SrRecipe) -> str:
    return {"photos": "photos", "drawings": "made-up drawings", "both": "photos and made-up drawings"}[
        recipe.pictures
    ]


def main(argv: list[str] | None = None) -> int:
    """Export one checkpoint; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scumble_training.releasing.super_resolution", description=__doc__
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .scumble file")
    parser.add_argument("--author", action="append", default=[])
    parser.add_argument("--license", default="", help="SPDX expression")
    parser.add_argument("--rights", default="", help="who may do what, in words")
    parser.add_argument("--data", default="", help="description of the training pictures")
    parser.add_argument("--thumbnail-of", type=Path, help="a photo to show the network on")
    given = parser.parse_args(argv)
    try:
        manifest = export(
            given.checkpoint, given.output, authors=tuple(given.author), license=given.license, rights=given.rights,
            data=given.data, thumbnail_of=given.thumbnail_of,
        )  # fmt: skip
    except ScumbleError as error:
        print(f"scumble: {error}", file=sys.stderr)
        return 1
    print(f"{given.output}  ({manifest.title}, x{manifest.factors[0]})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
