"""Losses on pictures that training never sees: what a style is judged by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.nets.style import StyleNetwork, StyleTable
from scumble_training.style.data import PhotoSet
from scumble_training.style.made_up import made_up
from scumble_training.style.objective import Objective
from scumble_training.style.painting import from_image

SAMPLE = Path(__file__).parent.parent / "photos" / "sample.jpg"


@dataclass(frozen=True)
class HeldOut:
    """Means over the held-out pictures, in the units of the recipe's losses."""

    content: float
    style: float
    variation: float


def split(photos: PhotoSet | None, count: int = 8) -> tuple[PhotoSet | None, PhotoSet | None]:
    """Photos to train on and photos held out: a tenth of them, at most `count`, spread over the set.

    A set of fewer than four is used for both.
    """
    if photos is None:
        return None, None
    held = min(count, len(photos) // 10 or 1)
    if len(photos) < 4:
        return photos, photos
    chosen = {round(place) for place in np.linspace(0, len(photos) - 1, held)}
    return (
        PhotoSet([photo for n, photo in enumerate(photos.photos) if n not in chosen], photos.source, photos.skipped),
        PhotoSet([photo for n, photo in enumerate(photos.photos) if n in chosen], photos.source),
    )


def pictures(photos: PhotoSet | None, side: int, count: int = 8) -> list[Tensor]:
    """Squares from the middle of held-out photos, or made-up pictures that no seed of training draws."""
    if photos is None:
        rng = np.random.default_rng((7, 1 << 50))
        return [torch.from_numpy(made_up(side, rng)).permute(2, 0, 1).contiguous() for _ in range(count)]
    squares = []
    for photo in photos.photos[:count]:
        short = min(photo.shape[:2])
        top, left = (photo.shape[0] - short) // 2, (photo.shape[1] - short) // 2
        square = torch.from_numpy(photo[top : top + short, left : left + short].copy()).permute(2, 0, 1)[None]
        square = F.interpolate(square, (side, side), mode="bilinear", antialias=True, align_corners=False)
        squares.append(square[0].float() / 255)
    return squares


def sample(side: int) -> Tensor:
    """The middle of the photo that ships, (3, side, side) in [0, 1]: to look at where no photos were given."""
    return from_file(SAMPLE, side)


def from_file(path: Path, side: int) -> Tensor:
    """The middle of a picture file, (3, side, side) in [0, 1]. Raises OSError."""
    with Image.open(path) as photo:
        return from_image(ImageOps.fit(photo, (side, side), Image.Resampling.LANCZOS))


@torch.no_grad()
def measure(
    network: StyleNetwork,
    table: StyleTable,
    objective: Objective,
    contents: Sequence[Tensor],
    *,
    style: tuple[int, float] = (0, 0.0),
    device: torch.device | None = None,
    each: Callable[[], None] = lambda: None,
) -> HeldOut:
    """Paint the pictures and average their losses.

    style: index and stroke octave of the objective's targets. each: called after every picture.
    """
    device = device or torch.device("cpu")
    was_training = network.training
    network = network.to(device).eval()
    table = table.at(2.0 ** style[1]).to(device)
    sums = np.zeros(3)
    for content in contents:
        content = content[None].to(device)
        losses = objective(network(content, table), content, [style])
        sums += [float(losses.content), float(losses.style), float(losses.variation)]
        each()
    network.train(was_training)
    content_loss, style_loss, variation = sums / len(contents)
    return HeldOut(float(content_loss), float(style_loss), float(variation))
