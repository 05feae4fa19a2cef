"""How much cleaning up (factor 1) brings back of spoiled pictures: the table of docs/upscaling.md.

    python benchmarks/cleaning.py PHOTOS [--pictures 10] [--side 160] [--models faithful,lineart,vivid] [--save DIR]

The middle of each photo, `--side` pixels square, is spoiled at its own size as a phone, the web, a scanner, a
screenshot or a frame of animation does, in turn (`scumble_training.measuring.spoiled_pictures`); what the models make
of it is compared with the original, by the luma. The same photos and seed give the same pictures. `--save` writes
them: the original and what each row made of it, side by side.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from shared_options import options_of, parser_for
from torch import Tensor

from scumble_backend.packs.store import PackStore
from scumble_backend.rendering import pixels
from scumble_backend.rendering.effects import upscale_models
from scumble_backend.rendering.effects.resample import downsample_u8, resize
from scumble_backend.rendering.effects.upscale import upscale
from scumble_training.measuring.spoiled_pictures import KINDS, spoil
from scumble_training.super_resolution.luma import luma, psnr
from scumble_training.super_resolution.pictures import picture_files, read_picture
from scumble_wire.messages import ImageInfo

Clean = Callable[[Tensor], Tensor]  # (3, H, W) uint8 to the same


def middle(picture: Tensor, side: int) -> Tensor:
    """(3, side, side) of a picture at least as large."""
    top, left = ((length - side) // 2 for length in picture.shape[1:])
    return picture[:, top : top + side, left : left + side].contiguous()


def enlarged(picture: Tensor, networks: list[upscale_models.UpscaleNetwork], factor: float) -> Tensor:
    info = ImageInfo(picture.shape[2], picture.shape[1], "u8", "RGB")
    unpacked = pixels.unpack(info, picture.permute(1, 2, 0).contiguous().numpy())
    made = upscale(unpacked, info, networks, factor, lambda fraction: None)
    return torch.from_numpy(made.frame).permute(2, 0, 1).contiguous()


def by_filter(picture: Tensor) -> Tensor:
    """Half as large, and back, without a network."""
    height, width = picture.shape[1:]
    small = resize(picture.double(), (height // 2, width // 2))
    return resize(small, (height, width)).round().clamp(0, 255).to(torch.uint8)


def ways(models: list[str]) -> dict[str, Clean]:
    """Row of the table -> what it does to a picture."""
    device = torch.device("cpu")
    found: dict[str, Clean] = {
        "as it came": lambda picture: picture,
        "half as large, enlarged by a filter": by_filter,
    }
    for model in models:
        networks = upscale_models.load(PackStore(), model, device)
        found[f"`{model}`"] = lambda picture, networks=networks: enlarged(picture, networks, 1)  # type: ignore[misc]
    last = networks
    found[f"`{models[-1]}`, enlarged first and made smaller after"] = lambda picture: downsample_u8(
        enlarged(picture, last, 4), 4
    )
    return found


def main() -> int:
    parser = parser_for(__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--pictures", type=int, default=10)
    parser.add_argument("--side", type=int, default=160, help="pixels")
    parser.add_argument("--models", default="faithful,lineart,vivid", help="installed packs, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, help="folder for the pictures")
    given: argparse.Namespace = options_of(parser)
    kinds = list(KINDS)
    rows = ways(given.models.split(","))
    decibels: dict[tuple[str, str], list[float]] = {}
    for number, path in enumerate(picture_files(given.photos)[: given.pictures]):
        kind = kinds[number % len(kinds)]
        clean, spoiled = spoil(middle(read_picture(path), given.side), 1, kind, path.stem, given.seed)
        shown = [clean]
        for name, way in rows.items():
            shown.append(way(spoiled))
            decibels.setdefault((name, kind), []).append(psnr(luma(shown[-1]), luma(clean)))
        if given.save:
            given.save.mkdir(parents=True, exist_ok=True)
            strip = torch.cat(shown, 2).permute(1, 2, 0).contiguous().numpy()
            Image.fromarray(strip).save(given.save / f"{number:02}-{kind}.png")
    print("| | " + " | ".join(kinds) + " |\n|---|" + "---|" * len(kinds))
    for name in rows:
        means = [decibels[name, kind] for kind in kinds]
        print(f"| {name} | " + " | ".join(f"{sum(found) / len(found):.2f}" for found in means) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
