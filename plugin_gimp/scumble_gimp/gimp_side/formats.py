"""Which pixel format a layer is read and written in: a plain decision, no GIMP needed.

A format named as a string means sRGB primaries and tone curve, so GEGL converts profile, depth and light both
ways. The format is the smallest that loses nothing: 8 and 16 bit integers travel as they are only when they are
sRGB-encoded already; all else travels in floating point.
"""

from __future__ import annotations

from typing import NamedTuple

from scumble_wire.messages import Depth, ImageInfo, Order, Transfer

# Gimp.Precision: hundreds tell the component type, the rest the tone curve.
_U8, _U16, _U32, _HALF, _FLOAT, _DOUBLE = 1, 2, 3, 5, 6, 7
_LINEAR = 0

_COMPONENT: dict[str, str] = {"u8": "u8", "u16": "u16", "f16": "half", "f32": "float"}
_ORDER: dict[tuple[bool, bool], Order] = {
    (True, False): "GRAY",
    (True, True): "GRAYA",
    (False, False): "RGB",
    (False, True): "RGBA",
}
_MODEL: dict[tuple[Order, Transfer], str] = {
    ("GRAY", "srgb"): "Y'",
    ("GRAYA", "srgb"): "Y'A",
    ("RGB", "srgb"): "R'G'B'",
    ("RGBA", "srgb"): "R'G'B'A",
    ("GRAY", "linear"): "Y",
    ("GRAYA", "linear"): "YA",
    ("RGB", "linear"): "RGB",
    ("RGBA", "linear"): "RGBA",
}


class PixelFormat(NamedTuple):
    """One format in the wire's words and in Babl's."""

    depth: Depth
    order: Order
    transfer: Transfer

    @property
    def babl(self) -> str:
        return f"{_MODEL[self.order, self.transfer]} {_COMPONENT[self.depth]}"

    @property
    def pixel_bytes(self) -> int:
        return self.info(1, 1).nbytes

    def info(self, width: int, height: int) -> ImageInfo:
        return ImageInfo(width, height, self.depth, self.order, self.transfer)


#: What previews and style images are read in.
SCREEN = PixelFormat("u8", "RGBA", "srgb")
SCREEN_GRAY = PixelFormat("u8", "GRAYA", "srgb")
OPAQUE = PixelFormat("u8", "RGB", "srgb")


def choose(precision: int, *, gray: bool, alpha: bool, srgb: bool) -> PixelFormat:
    """precision: value of a Gimp.Precision. srgb: the image's profile has sRGB's primaries and tone curve."""
    component, curve = divmod(precision, 100)
    linear = curve == _LINEAR
    depth: Depth = "f32"
    if srgb and component == _HALF:
        depth = "f16"
    elif srgb and not linear and component in (_U8, _U16):
        depth = "u8" if component == _U8 else "u16"
    return PixelFormat(depth, _ORDER[gray, alpha], "linear" if linear else "srgb")
