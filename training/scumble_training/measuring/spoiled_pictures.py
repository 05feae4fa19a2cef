"""A test set of spoiled pictures: `python -m scumble_training.measuring.spoiled_pictures FOLDER -o FOLDER`.

From every picture of a folder one pair: HR/NAME.png, cropped to a multiple of the factor, and LR/NAMExF.png, spoiled
and made smaller (by factor 1 not) as one of the kinds below. `scumble evaluate sr` measures on such folders from
factor 2 on, `benchmarks/cleaning.py` at factor 1. The same pictures, factor
and seed give the same files.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from scumble_backend.errors import from_os_error
from scumble_training.super_resolution.pictures import picture_files, read_picture
from scumble_training.super_resolution.worn import DRAWING, Round, Worn
from scumble_wire.errors import ScumbleError

_NOTHING = Round(
    blur=(0.0, 0.0), blur_share=0.0, scales=(1.0, 1.0), scale_share=0.0, gaussian=0.0, poisson=0.0, gray_noise=0.0,
    noise_share=0.0, jpeg=(90, 95), jpeg_share=0.0,
)  # fmt: skip
_SURE = Worn((), clean=0.0, sharpened=0.0, ringing=0.0)

#: How pictures come to people. Every one is spoiled; how much is drawn.
KINDS: dict[str, Worn] = {
    # Sensor noise, a soft lens, sharpening in the phone, one JPEG.
    "phone": replace(
        _SURE,
        rounds=(
            replace(
                _NOTHING,
                blur=(0.5, 1.5),
                blur_share=1.0,
                poisson=0.06,
                gaussian=0.03,
                noise_share=1.0,
                gray_noise=0.3,
            ),
            replace(_NOTHING, jpeg=(75, 92), jpeg_share=1.0),
        ),
        sharpened=0.8,
    ),
    # Saved again and again at other sizes.
    "web": replace(
        _SURE,
        rounds=(
            replace(_NOTHING, scales=(0.5, 0.9), scale_share=1.0, jpeg=(60, 90), jpeg_share=1.0, subsampled=1.0),
            replace(_NOTHING, scales=(0.7, 1.2), scale_share=1.0, jpeg=(50, 85), jpeg_share=1.0, subsampled=1.0),
        ),
        sharpened=0.4,
    ),
    # An old print on a flatbed: soft, grainy, hardly pressed.
    "scan": replace(
        _SURE,
        rounds=(
            replace(_NOTHING, blur=(1.2, 2.4), blur_share=1.0, gaussian=0.07, noise_share=1.0, gray_noise=1.0),
            replace(_NOTHING, blur=(0.3, 0.8), blur_share=1.0, jpeg=(85, 95), jpeg_share=0.7),
        ),
    ),
    # Scaled by the system, saved without or with little loss.
    "screenshot": replace(
        _SURE, rounds=(replace(_NOTHING, scales=(0.75, 1.0), scale_share=1.0), replace(_NOTHING, jpeg_share=0.3))
    ),
    # A frame of animation: halos around lines, video compression's blocks.
    "frame": replace(_SURE, rounds=DRAWING.rounds, sharpened=0.7),
}


def spoil(picture: Tensor, factor: int, kind: str, name: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(3, H, W) uint8 to the picture cropped to multiples of the factor, and its spoiled small version, both uint8.

    name, seed: decide how it is spoiled.
    """
    height, width = (side - side % factor for side in picture.shape[1:])
    large = picture[:, :height, :width].contiguous()
    digest = sha256(f"{seed} {kind} {name}".encode()).digest()
    small = KINDS[kind].wear(large.float() / 255, factor, np.random.default_rng(int.from_bytes(digest[:8], "big")))
    return large, (small * 255).round().byte()


def write_set(folder: Path, out: Path, factor: int, kinds: list[str], seed: int = 0) -> list[str]:
    """One pair from every picture, the kinds in turn; returns "NAME KIND" of each.

    Raises PhotosUnusable, DiskFull, FileTrouble.
    """
    written = []
    try:
        for part in ("HR", "LR"):
            (out / part).mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(picture_files(folder)):
            kind = kinds[number % len(kinds)]
            large, small = spoil(read_picture(path), factor, kind, path.stem, seed)
            _write(large, out / "HR" / f"{path.stem}.png")
            _write(small, out / "LR" / f"{path.stem}x{factor}.png")
            written.append(f"{path.stem} {kind}")
        (out / "kinds.txt").write_text("".join(f"{line}\n" for line in written), encoding="utf-8")
    except OSError as error:
        raise from_os_error(error, out) from error
    return written


def _write(picture: Tensor, path: Path) -> None:
    Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(path)


def main(argv: list[str] | None = None) -> int:
    """Write a set; returns the exit status."""
    parser = argparse.ArgumentParser(description="Spoil pictures as life does, and keep the originals beside them.")
    parser.add_argument("folder", type=Path, help="folder of pictures")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--factor", type=int, default=4, choices=range(1, 9), help="1: no smaller")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    try:
        written = write_set(given.folder, given.output, given.factor, given.kinds, given.seed)
    except ScumbleError as error:
        print(f"scumble: {error}", file=sys.stderr)
        return 1
    print(f"{len(written)} pairs in {given.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
