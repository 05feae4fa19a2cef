"""Reading the reference painting: whatever a person hands over, or a sentence about why not."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

from scumble_backend.errors import PaintingUnusable
from scumble_backend.rendering.pixels import fill_hidden

SMALLEST_SIDE = 64  # pixels; below, there are no brush marks to learn from
LARGEST_SIDE = 2048  # pixels of the shorter side; training looks at less
WIDEST = 4  # of a longer picture only the middle of so many times the shorter side is looked at
MAX_PIXELS = 1 << 30


@dataclass(frozen=True)
class Painting:
    """A reference picture. pixels: (3, H, W) float32, sRGB-encoded, [0, 1]. notes: what was done to it, in words."""

    pixels: Tensor
    notes: tuple[str, ...] = ()

    def thumbnail(self, side: int) -> Image.Image:
        """A square from the middle, for lists."""
        return ImageOps.fit(to_image(self.pixels), (side, side), Image.Resampling.LANCZOS)


def read_painting(path: Path) -> Painting:
    """Any picture Pillow reads: gray, CMYK, 16 bits, with a profile or transparency; turned as its EXIF says.

    Transparent parts take the color of what is beside them; fully transparent margins are cut off. Raises
    PaintingUnusable for a file that is missing, no picture, damaged, too large or smaller than 64 pixels.
    """
    try:
        with _any_size(), Image.open(path) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise PaintingUnusable(
                    f"{path.name} has {opened.width} x {opened.height} pixels, more than can be read.",
                    remedy="Make it smaller in an editor; 2000 pixels are plenty.",
                )
            _check_side(opened.size, path.name)
            if opened.format == "JPEG":  # decodes at a fraction of the size, never below what is asked for
                opened.draft(None, (LARGEST_SIDE, LARGEST_SIDE))
            whole = ImageOps.exif_transpose(opened)
            factor = min(whole.size) // LARGEST_SIDE
            if factor >= 2 and whole.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
                whole = whole.reduce(factor)  # before anything makes more of so many pixels
            picture, alpha, notes = to_rgb(whole)
    except PaintingUnusable:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PaintingUnusable(
            f"{path.name} can't be read as a picture: {error}", remedy="Save it as PNG or JPEG and try again."
        ) from error
    except MemoryError as error:
        raise PaintingUnusable(f"{path.name} is too large for the memory.", remedy="Make it smaller.") from error
    if alpha is not None:
        picture, alpha = _opaque_part(picture, alpha, path.name)
    picture, alpha = _middle(picture, alpha, notes)
    _check_side(picture.size, path.name)
    shrunk = min(1.0, LARGEST_SIDE / min(picture.size))
    size = (max(1, round(picture.width * shrunk)), max(1, round(picture.height * shrunk)))
    if shrunk < 1:
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        alpha = alpha.resize(size, Image.Resampling.BOX) if alpha is not None else None
    pixels = from_image(picture)
    if alpha is not None:
        weight = torch.from_numpy(np.array(alpha, np.float32) / 255)[None]
        pixels = fill_hidden(pixels, weight)
        notes.append("Its transparent parts take the color of what is beside them.")
    if float(pixels.std(dim=(1, 2)).max()) < 1 / 255:
        raise PaintingUnusable(f"{path.name} is one flat color.", remedy="Choose a picture with brush marks.")
    return Painting(pixels, tuple(notes))


def to_rgb(picture: Image.Image) -> tuple[Image.Image, Image.Image | None, list[str]]:
    """RGB in sRGB, the alpha channel (mode L) where it says anything, and what was done, in words."""
    notes: list[str] = []
    alpha = None
    if picture.has_transparency_data:
        alpha = picture.convert("RGBA").getchannel("A")
        if alpha.getextrema()[0] == 255:
            alpha = None
    if picture.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        # Pillow's own conversion cuts off at 255 instead of scaling.
        values = np.asarray(picture, np.float64)
        top = 1.0 if picture.mode == "F" and values.max() <= 1 else 65535.0 if values.max() > 255 else 255.0
        picture = Image.fromarray((values / top * 255).clip(0, 255).round().astype(np.uint8))
    profile = picture.info.get("icc_profile")
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            notes.append("Its color profile could not be used.")
        else:
            return converted or picture.convert("RGB"), alpha, notes
    if picture.mode == "CMYK":
        notes.append("It is CMYK without a profile, so its colors are approximate.")
    return picture.convert("RGB"), alpha, notes


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


def _opaque_part(picture: Image.Image, alpha: Image.Image, name: str) -> tuple[Image.Image, Image.Image]:
    box = alpha.point(lambda value: 255 if value >= 128 else 0).getbbox()
    if box is None:
        raise PaintingUnusable(f"{name} is transparent everywhere.", remedy="Choose a picture that shows something.")
    return picture.crop(box), alpha.crop(box)


def _middle(
    picture: Image.Image, alpha: Image.Image | None, notes: list[str]
) -> tuple[Image.Image, Image.Image | None]:
    width, height = picture.size
    longest = WIDEST * min(width, height)
    if max(width, height) <= longest:
        return picture, alpha
    notes.append(f"It is very long, so only the middle {WIDEST} : 1 of it is looked at.")
    across, down = min(width, longest), min(height, longest)
    box = ((width - across) // 2, (height - down) // 2, (width + across) // 2, (height + down) // 2)
    return picture.crop(box), alpha.crop(box) if alpha is not None else None


class _any_size:  # noqa: N801 - used like a function
    """Lifts Pillow's limit on pixels for this block: it is meant for strangers' files, not for one's own."""

    def __enter__(self) -> None:
        self._limit = Image.MAX_IMAGE_PIXELS
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = None

    def __exit__(self, *error: object) -> None:
        Image.MAX_IMAGE_PIXELS = self._limit
        self._warnings.__exit__(None, None, None)
