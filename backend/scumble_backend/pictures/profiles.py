"""ICC profiles of picture files: read here where they are curves and a matrix, applied by Little CMS where tables.

Little CMS is reached through Pillow, which hands it 8 bits a sample; by that way colors go through a wide space of
8 bits (Rec. 2020's primaries), and are rounded once.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scumble_backend.pictures import color_spaces
from scumble_backend.pictures.color_spaces import REC709, REC2020, SRGB_CURVE, ColorSpace, Curve, xyz_d50


@dataclass(frozen=True)
class Profile:
    """An ICC profile that could be read.

    colors: "RGB", "GRAY", "CMYK" or what else its header says. space: what it means, where curves and a matrix tell
    that; None: tables. returns: colors can be converted back to it.
    """

    data: bytes
    colors: str
    space: ColorSpace | None
    returns: bool = True


def read(data: bytes) -> Profile | None:
    """None for bytes that are not a profile, or a damaged one."""
    if len(data) < 132 or data[36:40] != b"acsp":
        return None
    tags = _tags(data)
    colors = data[16:20].decode("latin-1").strip()
    if b"A2B0" not in tags:
        try:
            space = _space(colors, tags)
        except (ValueError, KeyError, struct.error, OverflowError):
            space = None
        if space is not None:
            return Profile(data, colors, space)
    opened = _opened(data)
    if opened is None:
        return None
    from PIL import ImageCms

    returns = opened.profile.is_intent_supported(ImageCms.Intent.PERCEPTUAL, ImageCms.Direction.OUTPUT)
    return Profile(data, colors, None, returns=bool(returns))


def to_wide(values: NDArray[np.uint8], profile: Profile) -> NDArray[np.uint8] | None:
    """(H, W, 3) samples of a profile with tables as those of `wide()`; None: Little CMS can't."""
    return _through(values, profile.data, _wide_icc())


def from_wide(values: NDArray[np.uint8], profile: Profile) -> NDArray[np.uint8] | None:
    """The way back, for a profile that returns."""
    return _through(values, _wide_icc(), profile.data)


@cache
def wide() -> ColorSpace:
    """The space that tables are applied through: Rec. 2020's primaries, sRGB's curve."""
    return color_spaces.from_primaries(REC2020, SRGB_CURVE)


@cache
def srgb_icc() -> bytes:
    """sRGB itself, in the words of Little CMS."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def cmyk_to_srgb(picture: Any, data: bytes) -> Any:
    """A CMYK picture of Pillow's by its profile; None: Little CMS can't."""
    from PIL import ImageCms

    try:
        source, target = _opened(data), _opened(srgb_icc())
        return ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@cache
def _wide_icc() -> bytes:
    return color_spaces.as_icc(wide())


def _through(values: NDArray[np.uint8], source: bytes, target: bytes) -> NDArray[np.uint8] | None:
    from PIL import Image, ImageCms

    opened = _opened(source), _opened(target)
    if None in opened:
        return None
    try:
        picture = Image.fromarray(np.ascontiguousarray(values))
        seen = ImageCms.profileToProfile(picture, *opened, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return np.asarray(seen)


def _opened(data: bytes) -> Any:
    from PIL import ImageCms

    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(data))
    except OSError:
        return None


def _tags(data: bytes) -> dict[bytes, bytes]:
    """Tag -> its data. A damaged table gives what could be read of it."""
    tags: dict[bytes, bytes] = {}
    for number in range(min(struct.unpack(">I", data[128:132])[0], 200)):
        row = data[132 + 12 * number : 144 + 12 * number]
        if len(row) < 12:
            break
        name, at, size = struct.unpack(">4sII", row)
        if at + size <= len(data):
            tags[name] = data[at : at + size]
    return tags


def _space(colors: str, tags: dict[bytes, bytes]) -> ColorSpace | None:
    """Raises ValueError, KeyError or struct.error for tags that are missing or make no sense."""
    if colors == "GRAY":
        return ColorSpace((_curve(tags[b"kTRC"]),))
    if colors != "RGB":
        return None
    matrix = np.stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=-1)
    if not abs(np.linalg.det(matrix)) > 1e-6:
        raise ValueError("the primaries lie on a line")
    red, green, blue = (_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    return ColorSpace((red, green, blue), np.linalg.inv(xyz_d50(REC709)) @ matrix)


def _xyz(tag: bytes) -> NDArray[np.float64]:
    if tag[:4] != b"XYZ ":
        raise ValueError("no XYZ")
    return np.array(struct.unpack(">3i", tag[8:20]), np.float64) / 65536


def _curve(tag: bytes) -> Curve:
    if tag[:4] == b"para":
        (kind,) = struct.unpack(">H", tag[8:10])
        count = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}[kind]
        values = [value / 65536 for value in struct.unpack(f">{count}i", tag[12 : 12 + 4 * count])]
        if kind in (1, 2):
            g, a, b = values[:3]
            c = values[3] if kind == 2 else 0.0
            return color_spaces.parametric(g, a, b, 0, -b / a if a else 0, c, c)
        return color_spaces.parametric(*values)
    if tag[:4] != b"curv":
        raise ValueError("no curve")
    (count,) = struct.unpack(">I", tag[8:12])
    if count == 0:
        return color_spaces.LINEAR
    if count == 1:
        exponent = struct.unpack(">H", tag[12:14])[0] / 256
        if exponent <= 0:
            raise ValueError("the curve does not rise")
        return color_spaces.gamma(exponent)
    values_16 = np.frombuffer(tag[12 : 12 + 2 * count], ">u2")
    if len(values_16) != count:
        raise ValueError("the curve ends early")
    return color_spaces.table(values_16 / 65535)


def lab_to_srgb(picture: Any) -> Any:
    """A picture of Pillow's in CIELAB (D50). Raises UnreadableImage where Little CMS can't."""
    from PIL import ImageCms

    made = ImageCms.profileToProfile(picture, ImageCms.createProfile("LAB"), _opened(srgb_icc()), outputMode="RGB")
    assert made is not None  # only with inPlace
    return made
