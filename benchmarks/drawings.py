"""How well made-up drawings come out four times larger: PSNR and SSIM of drawings that no network has seen.

    python benchmarks/drawings.py [--models bicubic,fast,faithful,lineart,vivid] [--count 12] [--side 256]

Two columns: the drawings only made smaller, and as the recipe `lineart-sr` sees them, half of them with blur, noise
and JPEG.
"""

from __future__ import annotations

from statistics import mean

import torch
from shared_options import options_of, parser_for
from torch import Tensor

from scumble_backend.rendering.effects.resample import downsample_u8
from scumble_training.measuring.evaluate_sr import model_named, score
from scumble_training.super_resolution.degrade import DEGRADATIONS
from scumble_training.super_resolution.drawings import drawings

FACTOR = 4
UNSEEN = 77  # a seed that no recipe has


def worn(drawing: Tensor, number: int) -> Tensor:
    """(3, H, W) uint8, made smaller as training does: half of the drawings stay sound."""
    wear = DEGRADATIONS["drawing"].patches
    assert wear is not None
    generator = torch.Generator().manual_seed(number)
    return (wear(drawing[None].float() / 255, FACTOR, generator)[0] * 255).round().to(torch.uint8)


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--models", default="bicubic,fast,faithful,lineart,vivid", help="packs or checkpoints")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--side", type=int, default=256, help="pixels, a multiple of 4")
    options = options_of(parser)
    large = list(drawings(options.count, options.side, UNSEEN))
    columns = [
        [downsample_u8(drawing, FACTOR) for drawing in large],
        [worn(drawing, number) for number, drawing in enumerate(large)],
    ]
    print("| | made small only | half of them also worn |\n|---|---|---|")
    for name in options.models.split(","):
        enlarge = model_named(name, FACTOR)
        cells = []
        for column in columns:
            scores = [score(name, enlarge(small), high, FACTOR) for small, high in zip(column, large, strict=True)]
            cells.append(f"{mean(one.psnr for one in scores):.2f} / {mean(one.ssim for one in scores):.4f}")
        print(f"| `{name}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
