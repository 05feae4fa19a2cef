"""Pixels as GdkPixbufs. No cairo and no numpy: not every GIMP brings them for Python."""

from __future__ import annotations

from typing import Any

from gi.repository import GdkPixbuf, GLib

from scumble_wire.messages import ImageInfo

CHECK, LIGHT, DARK = 8, 0xFF999999, 0xFF666666


def pixbuf(info: ImageInfo, data: Any) -> GdkPixbuf.Pixbuf:
    """An RGB or RGBA u8 picture of the wire. Raises ValueError for any other kind or a wrong length."""
    if info.depth != "u8" or info.order not in ("RGB", "RGBA"):
        raise ValueError(f"a picture for the screen is RGB or RGBA u8, not {info.order} {info.depth}.")
    info.check_payload(len(data))
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(bytes(data)),
        GdkPixbuf.Colorspace.RGB,
        info.has_alpha,
        8,
        info.width,
        info.height,
        info.width * info.channels,
    )


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


def masked(rgba: Any, mask: bytes) -> bytes:
    """Straight-alpha RGBA u8 with its alpha multiplied by a mask of one byte a pixel."""
    result = bytearray(rgba)
    alpha = result[3::4]
    result[3::4] = (
        mask if alpha.count(255) == len(alpha) else bytes(a * m // 255 for a, m in zip(alpha, mask, strict=True))
    )
    return bytes(result)


def fit(picture: GdkPixbuf.Pixbuf, side: int) -> GdkPixbuf.Pixbuf:
    """Scaled, up or down, so that its longer side is `side`."""
    scale = side / max(picture.get_width(), picture.get_height())
    width, height = max(1, round(picture.get_width() * scale)), max(1, round(picture.get_height() * scale))
    return picture.scale_simple(width, height, GdkPixbuf.InterpType.BILINEAR)
