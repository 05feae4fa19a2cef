"""Pixels as GdkPixbufs. No cairo and no numpy: not every GIMP brings them for Python."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gi.repository import GdkPixbuf, GLib

from scumble_wire.messages import ImageInfo

CHECK, LIGHT, DARK = 8, 0xFF999999, 0xFF666666


def pixbuf(info: ImageInfo, data: Any) -> GdkPixbuf.Pixbuf:
    """A u8 picture of the wire, gray or RGB. Raises ValueError for any other kind or a wrong length."""
    if info.depth != "u8" or info.order in ("BGR", "BGRA"):
        raise ValueError(f"a picture for the screen is gray or RGB in u8, not {info.order} {info.depth}.")
    info.check_payload(len(data))
    if info.order in ("GRAY", "GRAYA"):
        return pixbuf(replace(info, order="RGBA" if info.has_alpha else "RGB"), _colored(bytes(data), info.channels))
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(bytes(data)),
        GdkPixbuf.Colorspace.RGB,
        info.has_alpha,
        8,
        info.width,
        info.height,
        info.width * info.channels,
    )


def _colored(gray: bytes, channels: int) -> bytes:
    """GRAY or GRAYA as RGB or RGBA."""
    result = bytearray(len(gray) // channels * (channels + 2))
    for channel in range(3):
        result[channel :: channels + 2] = gray[::channels]
    if channels == 2:
        result[3::4] = gray[1::2]
    return bytes(result)


def on_checks(picture: GdkPixbuf.Pixbuf) -> GdkPixbuf.Pixbuf:
    """The picture over GIMP's gray checks where it is transparent."""
    if not picture.get_has_alpha():
        return picture
    width, height = picture.get_width(), picture.get_height()
    return picture.composite_color_simple(width, height, GdkPixbuf.InterpType.NEAREST, 255, CHECK, LIGHT, DARK)


def over(below: GdkPixbuf.Pixbuf, above: GdkPixbuf.Pixbuf) -> GdkPixbuf.Pixbuf:
    """Both of one size; `above` has alpha."""
    result = below.copy()
    width, height = result.get_width(), result.get_height()
    above.composite(result, 0, 0, width, height, 0, 0, 1, 1, GdkPixbuf.InterpType.NEAREST, 255)
    return result


def masked(pixels: Any, channels: int, mask: bytes) -> bytes:
    """Straight-alpha u8 pixels, alpha last, with their alpha multiplied by a mask of one byte a pixel."""
    result = bytearray(pixels)
    last = channels - 1
    alpha = result[last::channels]
    result[last::channels] = (
        mask if alpha.count(255) == len(alpha) else bytes(a * m // 255 for a, m in zip(alpha, mask, strict=True))
    )
    return bytes(result)


def fit(picture: GdkPixbuf.Pixbuf, side: int) -> GdkPixbuf.Pixbuf:
    """Scaled, up or down, so that its longer side is `side`."""
    scale = side / max(picture.get_width(), picture.get_height())
    width, height = max(1, round(picture.get_width() * scale)), max(1, round(picture.get_height() * scale))
    return picture.scale_simple(width, height, GdkPixbuf.InterpType.BILINEAR)
