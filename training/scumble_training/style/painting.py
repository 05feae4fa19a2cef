"""Reading the reference painting: whatever a person hands over, or a sentence about why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.errors import ImageTooLarge, PaintingUnusable, UnreadableImage
from scumble_backend.pictures import reading
from scumble_backend.rendering.pixels import fill_hidden, to_rgb

SMALLEST_SIDE = 64  # pixels; below, there are no brush marks to learn from
LARGEST_SIDE = 2048  # pixels of the shorter side; training looks at less
PLAIN = 0.1  # of a painting's variance of color; a window of it that holds less shows a field, no marks
FIELDS = 0.5  # of it; where windows hold more in the mean, it lies in marks, not between fields
BLANK = 1e-4  # variance of color, of the [0, 1] range squared, of an empty canvas at most
WIDEST = 4  # of a longer picture only the middle of so many times the shorter side is looked at


@dataclass(frozen=True)
class Painting:
    """A reference picture. pixels: (3, H, W) float32, sRGB-encoded, [0, 1]. notes: what was done to it, in words."""

    pixels: Tensor
    notes: tuple[str, ...] = ()

    def thumbnail(self, side: int) -> Image.Image:
        """A square from the middle, for lists."""
        return ImageOps.fit(to_image(self.pixels), (side, side), Image.Resampling.LANCZOS)


def read_painting(path: Path) -> Painting:
    """Any picture that `scumble style` reads: 16 bits, OpenEXR, CMYK, with a profile, turned as its EXIF says.

    Transparent parts take the color of what is beside them; fully transparent margins are cut off. Raises
    PaintingUnusable for a file that is missing, no picture, damaged, too large or smaller than 64 pixels.
    """
    try:
        samples = reading.read(path, least_side=LARGEST_SIDE)
        _check_side(samples.values.shape[1::-1], path.name)
        factor = min(samples.values.shape[:2]) // LARGEST_SIDE
        if factor >= 2:
            samples.values = reduced(samples.values, factor)  # before anything makes more of so many pixels
        whole = reading.as_srgb(samples)
    except (UnreadableImage, ImageTooLarge) as error:
        raise PaintingUnusable(
            f"{path.name} can't be read as a picture: {error.message}", remedy="Save it as PNG or JPEG and try again."
        ) from error
    except OSError as error:
        raise PaintingUnusable(
            f"{path.name} can't be read as a picture: {error.strerror or error}", remedy="Check the path."
        ) from error
    except MemoryError as error:
        raise PaintingUnusable(f"{path.name} is too large for the memory.", remedy="Make it smaller.") from error
    notes = list(samples.notes)
    pixels = torch.from_numpy(whole).permute(2, 0, 1)
    alpha = None
    if samples.order.endswith("A"):
        pixels, alpha = pixels[:-1], pixels[-1:]
        alpha = None if bool((alpha >= 1).all()) else alpha
    if bool((pixels > 1.001).any()):
        notes.append("What is brighter than white in it is learned as white.")
    pixels = to_rgb(pixels).clamp(0, 1)
    if alpha is not None:
        pixels, alpha = _opaque_part(pixels, alpha, path.name)
    pixels, alpha = _middle(pixels, alpha, notes)
    height, width = pixels.shape[1:]
    _check_side((width, height), path.name)
    shrunk = LARGEST_SIDE / min(height, width)
    if shrunk < 1:
        size = (round(height * shrunk), round(width * shrunk))
        pixels = _resized(pixels, size, "bicubic").clamp(0, 1)
        alpha = _resized(alpha, size, "bilinear") if alpha is not None else None
    if alpha is not None:
        pixels = fill_hidden(pixels.contiguous(), alpha.contiguous())
        notes.append("Its transparent parts take the color of what is beside them.")
    if float(pixels.std(dim=(1, 2)).max()) < 1 / 255:
        raise PaintingUnusable(f"{path.name} is one flat color.", remedy="Choose a picture with brush marks.")
    return Painting(pixels.contiguous(), tuple(notes))


def reduced(values: NDArray[Any], factor: int) -> NDArray[Any]:
    """(H, W, channels) with each square of `factor` x `factor` samples as its mean; what is left over is cut off."""
    height, width = (side // factor * factor for side in values.shape[:2])
    rows = max(factor, (1 << 22) // (width * values.shape[2]) // factor * factor)
    out = np.empty((height // factor, width // factor, values.shape[2]), values.dtype)
    for top in range(0, height, rows):
        band = values[top : min(top + rows, height), :width].astype(np.float32)
        mean = band.reshape(len(band) // factor, factor, width // factor, factor, -1).mean(axis=(1, 3))
        out[top // factor : top // factor + len(mean)] = mean if values.dtype.kind == "f" else mean + 0.5
    return out


def _resized(pixels: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    return F.interpolate(pixels[None], size=size, mode=mode, antialias=True, align_corners=False)[0]


def from_image(picture: Image.Image) -> Tensor:
    """An RGB picture as (3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).float() / 255


def to_image(pixels: Tensor) -> Image.Image:
    """(3, H, W) in [0, 1] as an RGB picture, values beyond cut off."""
    rows = (pixels.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu()
    return Image.fromarray(rows.numpy())


def _check_side(size: tuple[int, int], name: str) -> None:
    if min(size) < SMALLEST_SIDE:
        raise PaintingUnusable(
            f"{name} has {size[0]} x {size[1]} pixels; a style needs at least {SMALLEST_SIDE} on each side.",
            remedy="Use a larger picture of the painting, at best 500 pixels or more.",
        )


def _opaque_part(pixels: Tensor, alpha: Tensor, name: str) -> tuple[Tensor, Tensor]:
    opaque = alpha[0] >= 128 / 255
    rows, columns = torch.nonzero(opaque.any(dim=1)).flatten(), torch.nonzero(opaque.any(dim=0)).flatten()
    if not len(rows):
        raise PaintingUnusable(f"{name} is transparent everywhere.", remedy="Choose a picture that shows something.")
    part = (slice(None), slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    return pixels[part], alpha[part]


def _middle(pixels: Tensor, alpha: Tensor | None, notes: list[str]) -> tuple[Tensor, Tensor | None]:
    height, width = pixels.shape[1:]
    longest = WIDEST * min(width, height)
    if max(width, height) <= longest:
        return pixels, alpha
    notes.append(f"It is very long, so only the middle {WIDEST} : 1 of it is looked at.")
    across, down = min(width, longest), min(height, longest)
    left, top = (width - across) // 2, (height - down) // 2
    part = (slice(None), slice(top, top + down), slice(left, left + across))
    return pixels[part], alpha[part] if alpha is not None else None


def with_short_side(picture: Tensor, side: int) -> Tensor:
    """(3, H, W) -> (1, 3, h, w) with min(h, w) = side, antialiased."""
    height, width = picture.shape[-2:]
    factor = side / min(height, width)
    size = (max(side, round(height * factor)), max(side, round(width * factor)))
    return F.interpolate(picture[None], size=size, mode="bicubic", antialias=True).clamp(0, 1)


def as_learned(painting: Tensor, side: int, window: int) -> Tensor:
    """A painting (3, H, W) at the size its marks are learned at: (1, 3, h, w), its short side at `side`.

    window: side of the pictures it is learned on. Where most windows of the painting show a single field, and their
    colors differ, as in geometric abstraction, their Gram matrices could only be met by one mean color: there the
    short side becomes `window`, so that a picture can hold the whole composition. (Lines on empty paper are another
    matter: hardly any window differs from the next but by its lines.)
    """
    large = with_short_side(painting, side)
    if window >= side:
        return large
    means, squares = (F.avg_pool2d(values, window, stride=max(1, window // 8)) for values in (large, large.square()))
    held = (squares - means.square()).sum(dim=1)
    whole = large.var(dim=(2, 3), correction=0).sum()
    of_fields = whole > BLANK and held.median() < PLAIN * whole and held.mean() < FIELDS * whole
    return with_short_side(painting, window) if of_fields else large
