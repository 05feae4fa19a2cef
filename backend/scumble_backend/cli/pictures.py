"""Picture files for the command line: what pillow can hold is kept, what it can't is told.

Kept: 8-bit gray, RGB and alpha; 16-bit and float gray; EXIF (its orientation is applied) and the ICC profile. For the
network 8-bit colors are converted from the file's profile to sRGB, and back afterwards.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from scumble_wire.messages import MAX_PIXELS, ImageInfo

from ..errors import UnreadableImage, UnwritableImage, from_os_error
from ..files import replacing

ORIENTATION = 0x0112  # EXIF tag
#: Tags that say how a TIFF file holds its pixels: the new file has its own.
_TIFF_LAYOUT = frozenset({
    254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293, 297, 301, 317,
    318, 319, 320, 322, 323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 512, 513, 514, 529, 530, 531, 532, 34675,
})  # fmt: skip
#: Formats that can be written, with whether they hold alpha, and the deepest gray: 8, 16, or 32 (float).
FORMATS = {
    ".png": ("PNG", True, 16),
    ".tif": ("TIFF", True, 32),
    ".tiff": ("TIFF", True, 32),
    ".webp": ("WEBP", True, 8),
    ".jpg": ("JPEG", False, 8),
    ".jpeg": ("JPEG", False, 8),
}
_SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N")


@dataclass
class Loaded:
    """A picture file ready for the wire."""

    info: ImageInfo
    pixels: bytes
    profile: bytes | None = None  # ICC, of the file
    converted: bool = False  # the pixels were converted from the profile to sRGB
    exif: bytes = b""
    notes: list[str] = field(default_factory=list)


def check_target(path: Path, *, alpha: bool = False) -> None:
    """Refuse a place to write to before any work is done. Raises UnwritableImage, FileTrouble."""
    if path.suffix.lower() not in FORMATS:
        raise UnwritableImage(
            f"Pictures can't be written as {path.suffix or 'a file without a suffix'}.",
            remedy=f"Choose a name that ends in {', '.join(FORMATS)}.",
        )
    if alpha and not FORMATS[path.suffix.lower()][1]:
        raise UnwritableImage(
            f"The picture has transparency, which {path.suffix} can't hold.", remedy="Write a .png, .tif or .webp."
        )
    if path.is_dir():
        raise UnwritableImage(f"{path} is a folder.", remedy="Name a file in it.")
    if not path.parent.is_dir():
        raise from_os_error(FileNotFoundError(), path.parent)


def load(path: Path) -> Loaded:
    """Read a picture. Raises UnreadableImage, FileTrouble."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # pillow refuses twice as many; the wire's limit is ours, too
    try:
        with Image.open(path) as opened:
            notes = _losses(opened, path)
            exif = opened.getexif()
            profile = opened.info.get("icc_profile")
            picture: Image.Image = ImageOps.exif_transpose(opened)
            picture.load()
    except (UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage(
            f"{path} is no picture that can be read.", remedy="Convert it to PNG, TIFF or JPEG."
        ) from error
    except OSError as error:
        if error.errno is None:  # pillow's own: a truncated file
            raise UnreadableImage(f"{path} is damaged: {error}.", remedy="Get the file again.") from error
        raise from_os_error(error, path, "read") from error
    for tag in (ORIENTATION, *_TIFF_LAYOUT):
        exif.pop(tag, None)
    loaded = _for_wire(picture, profile)
    loaded.exif = exif.tobytes() if len(exif) else b""
    loaded.notes = notes + loaded.notes
    return loaded


def save(path: Path, source: Loaded, info: ImageInfo, pixels: Any) -> None:
    """Write a result beside nothing but itself: a full disk or a kill leaves no half file.

    Raises UnwritableImage, DiskFull, FileTrouble.
    """
    check_target(path, alpha=info.has_alpha)
    picture = _from_wire(info, pixels, deepest=FORMATS[path.suffix.lower()][2], notes=source.notes)
    if source.converted and source.profile is not None:
        picture = _through(picture, _srgb(), _opened(source.profile))
    options: dict[str, Any] = {}
    if source.profile is not None:
        options["icc_profile"] = source.profile
    if source.exif:
        options["exif"] = source.exif
    kind = FORMATS[path.suffix.lower()][0]
    if kind == "JPEG":
        options.update(quality=95, subsampling=0)
    elif kind == "WEBP":
        options.update(lossless=True)
    with replacing(path) as temporary:
        try:
            picture.save(temporary, kind, **options)
        except ValueError as error:
            raise UnwritableImage(f"{path}: {error}.", remedy="Write a .png.") from error


def _losses(picture: Image.Image, path: Path) -> list[str]:
    """What pillow has to leave out of this file, in words."""
    notes = []
    if getattr(picture, "n_frames", 1) > 1:
        notes.append(f"{path.name} holds {picture.n_frames} pictures: the first one is used.")  # type: ignore[attr-defined]
    if _bits_in_file(picture, path) == 16 and picture.mode not in _SIXTEEN:
        notes.append(f"{path.name} has 16 bits a channel: in color, only 8 of them can be read here.")
    return notes


def _bits_in_file(picture: Image.Image, path: Path) -> int:
    if picture.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24]
    if picture.format == "TIFF":
        bits = picture.tag_v2.get(258, 8)  # type: ignore[attr-defined]
        return int(bits[0] if isinstance(bits, tuple) else bits)
    return 8


def _for_wire(picture: Image.Image, profile: bytes | None) -> Loaded:
    notes: list[str] = []
    if picture.mode in _SIXTEEN or picture.mode == "F":
        depth, order, kind = ("f32", "GRAY", "<f4") if picture.mode == "F" else ("u16", "GRAY", "<u2")
        import numpy as np

        info = ImageInfo(picture.width, picture.height, depth, order)  # type: ignore[arg-type]
        return Loaded(info, np.asarray(picture).astype(kind).tobytes(), profile, notes=notes)
    if picture.mode == "I":
        notes.append("The picture's 32-bit integers are read as 16 bits.")
        import numpy as np

        values = np.clip(np.asarray(picture), 0, 65535).astype("<u2")
        return Loaded(ImageInfo(picture.width, picture.height, "u16", "GRAY"), values.tobytes(), profile, notes=notes)
    converted = False
    if profile is not None:
        own = _try_open(profile)
        if own is None:
            notes.append("The picture's ICC profile can't be read: its colors are taken as sRGB.")
            profile = None
        elif picture.mode in ("RGB", "RGBA"):
            picture, converted = _through(picture, own, _srgb()), True
        elif picture.mode == "CMYK":
            picture = ImageCms.profileToProfile(picture, own, _srgb(), outputMode="RGB") or picture
            profile, converted = None, False
            notes.append("The CMYK picture was converted to sRGB.")
    wanted = _mode(picture)
    if picture.mode != wanted:
        picture = picture.convert(wanted)
    order = {"L": "GRAY", "LA": "GRAYA", "RGB": "RGB", "RGBA": "RGBA"}[wanted]
    info = ImageInfo(picture.width, picture.height, "u8", order)  # type: ignore[arg-type]
    return Loaded(info, picture.tobytes(), profile, converted, notes=notes)


def _mode(picture: Image.Image) -> str:
    """The mode of the wire that holds a picture's."""
    if picture.mode in ("L", "LA", "RGB", "RGBA"):
        return picture.mode
    if picture.mode == "1":
        return "L"
    clear = "transparency" in picture.info or picture.mode in ("PA", "La", "RGBa")
    return "RGBA" if clear else "RGB"


def _from_wire(info: ImageInfo, pixels: Any, *, deepest: int, notes: list[str]) -> Image.Image:
    import numpy as np

    size = (info.width, info.height)
    if info.depth == "u8":
        mode = {"GRAY": "L", "GRAYA": "LA", "RGB": "RGB", "RGBA": "RGBA"}[info.order]
        return Image.frombytes(mode, size, bytes(pixels))
    kind = "<u2" if info.depth == "u16" else "<f4"
    values = np.frombuffer(pixels, kind).reshape(info.height, info.width)
    if info.depth == "f32" and deepest == 32:
        return Image.fromarray(values.astype(np.float32))
    if info.depth == "u16" and deepest >= 16:
        return Image.fromarray(values.astype(np.uint16))
    if info.depth == "f32" and deepest == 16:
        notes.append("The float picture is written with 16 bits.")
        return Image.fromarray((np.clip(values, 0, 1) * 65535 + 0.5).astype(np.uint16))
    notes.append("The picture is written with 8 bits: this format holds no more.")
    scale = 257.0 if info.depth == "u16" else 1 / 255
    return Image.fromarray(np.clip(values / scale + 0.5, 0, 255).astype(np.uint8))


def _opened(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


def _try_open(profile: bytes) -> ImageCms.ImageCmsProfile | None:
    try:
        return _opened(profile)
    except OSError:
        return None


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _through(picture: Image.Image, source: Any, target: Any) -> Image.Image:
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
