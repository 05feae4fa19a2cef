"""ICC profiles of picture files: 8-bit colors through them, and what deeper ones mean for the wire."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageCms

from scumble_wire.messages import Transfer

_NEAR = 3  # steps of 255 by which two profiles for the same thing may differ


@dataclass(frozen=True)
class Space:
    """What the values of a picture mean."""

    transfer: Transfer  # the nearer of the two that the wire knows
    known: bool = True  # the values are those of sRGB, or linear light with its primaries


def opened(profile: bytes) -> ImageCms.ImageCmsProfile | None:
    """The profile, or None if it is none."""
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except OSError:
        return None


def srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def through(picture: Image.Image, source: Any, target: Any) -> Image.Image:
    """Convert colors between profiles; alpha stays. A profile that does not fit the picture leaves it as it is."""
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    rgb = picture.convert("RGB") if alpha is not None else picture
    if rgb.mode != "RGB":
        return picture
    try:
        rgb = ImageCms.profileToProfile(rgb, source, target, outputMode="RGB") or rgb
    except ImageCms.PyCMSError as error:
        print(f"The ICC profile could not be applied: {error}.", file=sys.stderr)
        return picture
    if alpha is not None:
        rgb.putalpha(alpha)
    return rgb


def space_of(profile: ImageCms.ImageCmsProfile) -> Space:
    """Find out by trying what the profile makes of some colors, as there are many ways to write the same one."""
    import numpy as np

    mode = {"RGB": "RGB", "GRAY": "L"}.get(profile.profile.xcolor_space.strip())
    if mode is None:
        return Space("srgb", known=False)
    steps = np.linspace(0, 255, 18).round().astype(np.uint8)  # the grays come first
    colors = np.stack(np.meshgrid(steps[::6], steps[::6], steps[::6]), axis=-1).reshape(-1, 3)
    colors = np.concatenate([np.stack([steps] * 3, axis=-1), colors])
    if mode == "L":
        colors = colors[: len(steps)]
    samples = Image.fromarray(colors[None] if mode == "RGB" else colors[None, :, 0])
    try:
        seen = ImageCms.profileToProfile(samples, profile, srgb(), outputMode="RGB")
    except ImageCms.PyCMSError:
        return Space("srgb", known=False)
    assert seen is not None  # only with inPlace
    result = np.asarray(seen, np.float32)[0]
    off_srgb = np.abs(result - colors)
    off_linear = np.abs(result - encoded(colors / np.float32(255)) * 255)
    grays = slice(0, len(steps))
    if off_srgb[grays].mean() <= off_linear[grays].mean():
        return Space("srgb", known=bool(off_srgb.max() <= _NEAR))
    return Space("linear", known=bool(off_linear.max() <= _NEAR))


def encoded(linear: Any) -> Any:
    """Linear light to sRGB encoding, array to array; float32. As `pixels.to_srgb`, without loading torch."""
    import numpy as np

    size = np.abs(linear, dtype=np.float32)
    low = size <= 0.0031308
    curve = 1.055 * np.maximum(size, 1e-9) ** np.float32(1 / 2.4) - 0.055
    return np.copysign(np.where(low, size * np.float32(12.92), curve), linear, dtype=np.float32)


def linear(encoded: Any) -> Any:
    """The inverse of `encoded`."""
    import numpy as np

    size = np.abs(encoded, dtype=np.float32)
    curve = ((size + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.copysign(np.where(size <= 0.04045, size / np.float32(12.92), curve), encoded, dtype=np.float32)
