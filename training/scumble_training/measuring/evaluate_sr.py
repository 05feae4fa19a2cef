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

from scumble_backend.errors import CheckpointUnusable, PhotosUnusable
from scumble_backend.packs.making import load_upscaler
from scumble_backend.packs.store import PackStore
from scumble_backend.rendering import pixels
from scumble_backend.rendering.effects.resample import downsample_u8, resize
from scumble_backend.rendering.effects.upscale import upscale
from scumble_backend.rendering.effects.upscale_models import BICUBIC, UpscaleNetwork, family
from scumble_training.checkpoint import FILE
from scumble_training.measuring.enlarging import Enlarge, enlarge_with
from scumble_training.measuring.histogram import match
from scumble_training.super_resolution.checkpoint import averaged_network
from scumble_training.super_resolution.luma import luma, psnr
from scumble_training.super_resolution.pictures import SUFFIXES, picture_files, read_picture
from scumble_wire.messages import ImageInfo


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


def made_pairs(folder: Path, factor: int) -> Iterator[tuple[str, Tensor, Tensor]]:
    """(name, high, low) of any pictures and what `downsample_u8` makes of them; for factors without files."""
    for path in picture_files(folder):
        high = read_picture(path)
        height, width = (side - side % factor for side in high.shape[1:])
        high = high[:, :height, :width].contiguous()
        yield path.stem, high, downsample_u8(high, factor)


def bicubic(factor: int) -> Enlarge:
    """The tables' own lower bound; MATLAB rounds after each axis, and so does this."""

    def enlarge(small: Tensor) -> Tensor:
        _, height, width = small.shape
        tall = resize(small.double(), (height * factor, width)).round_().clamp_(0, 255)
        return resize(tall, (height * factor, width * factor)).round_().clamp_(0, 255).to(torch.uint8)

    return enlarge


def model_named(
    model: str, factor: int, *, store: PackStore | None = None, device: torch.device | None = None
) -> Enlarge:
    """What a name stands for: "bicubic", a training's checkpoint (a folder or .pt file), or an installed pack.

    Packs enlarge as they do for users, in tiles and by several steps if need be; checkpoints in one piece. Outputs
    of the paper's network are matched to the input's histogram, as the paper's are. Raises PackUnknown,
    CheckpointUnusable.
    """
    if model == BICUBIC:
        return bicubic(factor)
    device = device or torch.device("cpu")
    path = Path(model)
    if path.suffix == ".pt" or (path / FILE).is_file():
        network, recipe, _ = averaged_network(path)
        if recipe.factor != factor:
            raise CheckpointUnusable(f"{model} enlarges x{recipe.factor}, not x{factor}.", remedy="Name another one.")
        enlarge = enlarge_with(network.to(device))
        return matched(enlarge) if recipe.family == "johnson-sr" else enlarge
    store = store or PackStore()
    packs = family(store, model)
    networks = [UpscaleNetwork(load_upscaler(pack), device) for pack in packs]

    def through_effect(small: Tensor) -> Tensor:
        info = ImageInfo(small.shape[2], small.shape[1], "u8", "RGB")
        picture = pixels.unpack(info, small.permute(1, 2, 0).contiguous().numpy())
        made = upscale(picture, info, networks, factor, lambda fraction: None, device=device)
        return torch.from_numpy(made.frame).permute(2, 0, 1)

    return matched(through_effect) if packs[0].manifest.architecture["name"] == "johnson-sr" else through_effect


def matched(enlarge: Enlarge) -> Enlarge:
    """An enlargement whose result is matched to the histogram of what it was made from."""
    return lambda small: match(enlarge(small).float(), small.float()).round().clamp(0, 255).to(torch.uint8)


def evaluate(
    folder: Path,
    factor: int,
    model: str,
    enlarge: Enlarge | None = None,
    *,
    downsample: bool = False,
    lpips: Callable[[Tensor, Tensor], float] | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Report:
    """Measure a model on a folder of pairs.

    enlarge: the model itself; by default the one that `model` names. downsample: make the small pictures here, from
    any pictures. lpips: distance of two (3, H, W) uint8 pictures, where its weights are at hand.
    Raises PhotosUnusable for a folder without pairs or a pair whose sizes don't fit, and what `model_named` raises.
    """
    enlarge = enlarge or model_named(model, factor)
    if downsample:
        count, sources = len(picture_files(folder)), made_pairs(folder, factor)
        listed: Iterator[tuple[str, Tensor, Tensor, bool]] = ((*pair, False) for pair in sources)
    else:
        files = list(pairs(folder, factor))
        count, listed = len(files), (_read_pair(*names, factor) for names in files)
    scores: list[Score] = []
    for done, (name, high, low, gray) in enumerate(listed):
        progress(done / count)
        scores.append(score(name, enlarge(low), high, factor, lpips, gray=gray))
    progress(1.0)
    return Report(str(folder), factor, model, scores)


def _read_pair(name: str, high_file: Path, low_file: Path, factor: int) -> tuple[str, Tensor, Tensor, bool]:
    high, low = read_picture(high_file), read_picture(low_file)
    if tuple(high.shape[1:]) != tuple(side * factor for side in low.shape[1:]):
        raise PhotosUnusable(
            f"{low_file.name} is not 1/{factor} of {high_file.name}.",
            remedy="Crop the large one and make the small one from it again.",
        )
    with Image.open(high_file) as opened:
        return name, high, low, opened.mode in ("1", "L", "LA", "I", "I;16", "F")


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
