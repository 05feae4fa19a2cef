"""Measuring enlargements against the pictures they were made from, by the rules of the published tables.

PSNR and SSIM of the luma (Y of ITU-R BT.601, studio range) of 8-bit pictures, `factor` pixels cropped at each edge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from scumble_backend.effects.resample import resize
from scumble_training.errors import PhotosUnusable
from scumble_training.sr.objective import LUMA
from scumble_training.sr.pictures import SUFFIXES, read_picture

#: low-resolution (3, H, W) uint8 to high-resolution (3, H x factor, W x factor) uint8
Enlarge = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Score:
    """One picture, or the mean of several."""

    name: str
    psnr: float  # dB
    ssim: float
    lpips: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What `scumble evaluate sr` prints; `to_dict` is its JSON."""

    folder: str
    factor: int
    model: str
    pictures: list[Score]

    @property
    def mean(self) -> Score:
        count = len(self.pictures)
        perceptual = [score.lpips for score in self.pictures if score.lpips is not None]
        return Score(
            "mean",
            sum(score.psnr for score in self.pictures) / count,
            sum(score.ssim for score in self.pictures) / count,
            sum(perceptual) / count if len(perceptual) == count else None,
        )

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "mean": asdict(self.mean)}


def luma(image: Tensor, *, full_range: bool = False) -> Tensor:
    """(3, H, W) uint8 to (H, W) float64, range [16, 235] (MATLAB's `rgb2ycbcr`, not rounded) or [0, 255].

    The tables measure a gray file by its own samples, that is in the full range; so does `score`.
    """
    weights = torch.tensor(LUMA, dtype=torch.float64).view(3, 1, 1)
    if full_range:
        return (image.double() * weights / weights.sum()).sum(0)
    return (image.double() * weights).sum(0) + 16


def psnr(a: Tensor, b: Tensor) -> float:
    """dB between two (H, W) pictures with a peak of 255; infinite if they are equal."""
    error = (a - b).square().mean().item()
    return float("inf") if error == 0 else 10 * torch.log10(torch.tensor(255**2 / error, dtype=torch.float64)).item()


def ssim(a: Tensor, b: Tensor) -> float:
    """Structural similarity of two (H, W) float64 pictures with a peak of 255, at least 11 x 11 pixels.

    Source: Wang et al. 2004; Gaussian window 11 x 11, sigma 1.5, windows inside the picture only.
    """
    offsets = torch.arange(11, dtype=torch.float64) - 5
    line = torch.exp(-(offsets**2) / (2 * 1.5**2))
    line = line / line.sum()

    def blur(x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x[None, None], line.view(1, 1, 11, 1)), line.view(1, 1, 1, 11))[0, 0]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    below = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return (above / below).mean().item()


def pairs(folder: Path, factor: int) -> Iterator[tuple[str, Path, Path]]:
    """(name, high resolution, low resolution) of a folder.

    Understands `NAME_SRF_4_HR.png` beside `NAME_SRF_4_LR.png`, and `HR/NAME.png` beside `LR/NAME.png`,
    `LR/NAMEx4.png` or `LR_bicubic/X4/NAMEx4.png`. Raises PhotosUnusable if nothing fits.
    """
    files = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES] if folder.is_dir() else []
    marked = re.compile(rf"(.+)_SRF_{factor}_HR$")
    found = [
        (m[1], p, p.with_name(f"{m[1]}_SRF_{factor}_LR{p.suffix}")) for p in files if (m := marked.match(p.stem))
    ]
    if not found:
        low = {p.stem: p for p in files if any(part.upper().startswith("LR") for part in p.parent.parts[-2:])}
        high = [p for p in files if p.parent.name.upper().startswith("HR")]
        found = [(p.stem, p, q) for p in high if (q := low.get(f"{p.stem}x{factor}", low.get(p.stem)))]
    found = [(name, high, low) for name, high, low in found if low.is_file()]
    if not found:
        raise PhotosUnusable(
            f"{folder} holds no pairs for x{factor}.",
            remedy=f"Name them NAME_SRF_{factor}_HR.png and NAME_SRF_{factor}_LR.png, or use folders HR and LR.",
        )
    yield from found


def bicubic(factor: int) -> Enlarge:
    """The tables' own lower bound; MATLAB rounds after each axis, and so does this."""

    def enlarge(small: Tensor) -> Tensor:
        _, height, width = small.shape
        tall = resize(small.double(), (height * factor, width)).round_().clamp_(0, 255)
        return resize(tall, (height * factor, width * factor)).round_().clamp_(0, 255).to(torch.uint8)

    return enlarge


def evaluate(
    folder: Path,
    factor: int,
    model: str,
    enlarge: Enlarge,
    *,
    lpips: Callable[[Tensor, Tensor], float] | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Report:
    """Measure a model on a folder of pairs.

    lpips: distance of two (3, H, W) uint8 pictures, where its weights are at hand.
    Raises PhotosUnusable for a folder without pairs or a pair whose sizes don't fit.
    """
    listed = list(pairs(folder, factor))
    scores: list[Score] = []
    for done, (name, high_file, low_file) in enumerate(listed):
        progress(done / len(listed))
        high, low = read_picture(high_file), read_picture(low_file)
        if tuple(high.shape[1:]) != tuple(side * factor for side in low.shape[1:]):
            raise PhotosUnusable(
                f"{low_file.name} is not 1/{factor} of {high_file.name}.", remedy="Crop the large one, make it anew."
            )
        with Image.open(high_file) as opened:
            gray = opened.mode in ("1", "L", "LA", "I", "I;16", "F")
        scores.append(score(name, enlarge(low), high, factor, lpips, gray=gray))
    return Report(str(folder), factor, model, scores)


def score(
    name: str,
    result: Tensor,
    high: Tensor,
    crop: int,
    lpips: Callable[[Tensor, Tensor], float] | None = None,
    *,
    gray: bool = False,
) -> Score:
    """Measure one enlargement. result, high: (3, H, W) uint8 of the same size. gray: `high` came from a gray file."""
    inner: Sequence[slice] = (slice(crop, -crop or None), slice(crop, -crop or None))
    a, b = (luma(image, full_range=gray)[inner[0], inner[1]] for image in (result, high))
    return Score(name, psnr(a, b), ssim(a, b), lpips(result, high) if lpips else None)
