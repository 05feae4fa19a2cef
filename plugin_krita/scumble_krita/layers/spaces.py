"""Krita's color spaces as the wire's formats. Pure: knows names, not Krita.

RGBA U8 and U16 lie in memory as BGRA, F16 and F32 as RGBA. Only a profile's name can be read, so a profile is known
to be sRGB by its name; every other one is converted by Krita, which has the profile and a color engine.
"""

from typing import NamedTuple

from scumble_wire.messages import Depth, ImageInfo, Order, Transfer

SRGB = "sRGB-elle-V2-srgbtrc.icc"  # sRGB-encoded; Krita brings it

_DEPTHS: dict[str, Depth] = {"U8": "u8", "U16": "u16", "F16": "f16", "F32": "f32"}
_LINEAR = ("g10", "linear", "scrgb")
_CHANNELS = {"A": 1, "RGBA": 4, "GRAYA": 2, "CMYKA": 5, "LABA": 4, "XYZA": 4, "YCbCrA": 4}
_BYTES = {"U8": 1, "U16": 2, "F16": 2, "F32": 4}


class Space(NamedTuple):
    """A color space in Krita's words: ("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")."""

    model: str
    depth: str
    profile: str

    @property
    def pixel_bytes(self) -> int:
        return _CHANNELS[self.model] * _BYTES[self.depth]


#: What the wire calls u8 BGRA, sRGB-encoded.
U8 = Space("RGBA", "U8", SRGB)


def transfer_of(space: Space) -> Transfer | None:
    """ "srgb" or "linear" for profiles with sRGB's primaries (or gray with its curve); None for all others."""
    name = space.profile.casefold()
    if space.model == "GRAYA" and name.startswith("gray-d50-elle"):
        return "linear" if "g10" in name else "srgb" if "srgbtrc" in name else None
    if space.model != "RGBA" or not ("srgb" in name or "scrgb" in name):
        return None
    if any(word in name for word in _LINEAR):
        return "linear"
    # "sRGB-elle-V2-g18.icc" has the primaries, not the curve.
    return None if any(word in name for word in ("g18", "g22", "labl", "rec709")) else "srgb"


def wire_image(space: Space, width: int, height: int) -> ImageInfo | None:
    """How the wire calls pixels of this space; None: they have to be converted first (see `bridge_of`)."""
    transfer = transfer_of(space)
    if transfer is None or space.depth not in _DEPTHS:
        return None
    order: Order = "RGBA"
    if space.model == "GRAYA":
        order = "GRAYA"
    elif space.depth in ("U8", "U16"):
        order = "BGRA"
    return ImageInfo(width, height, _DEPTHS[space.depth], order, transfer)


def bridge_of(space: Space) -> Space:
    """The sRGB space of the same depth that pixels go through when the wire does not know their own space."""
    return Space("RGBA", space.depth if space.depth in _DEPTHS else "U16", SRGB)


def is_direct(space: Space) -> bool:
    return wire_image(space, 1, 1) is not None
