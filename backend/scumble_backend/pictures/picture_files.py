"""Picture files for the command line: depth, gray, alpha, EXIF and the ICC profile are kept; what can't be is told.

8 bits a channel are Pillow's, and converted from the file's profile to sRGB for the network, and back afterwards.
Deeper PNG, TIFF and OpenEXR go through OpenImageIO: `deep_pictures`, `deep_writing`. EXIF's orientation is applied.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from scumble_backend.errors import UnreadableImage, UnwritableImage, file_missing, from_os_error
from scumble_backend.files import replacing
from scumble_backend.pictures import deep_reading as deep_pictures
from scumble_backend.pictures import deep_writing, profiles
from scumble_wire.messages import MAX_PIXELS, ImageInfo

ORIENTATION = 0x0112  # EXIF tag
#: Tags that say how a TIFF file holds its pixels: the new file has its own.
_TIFF_LAYOUT = frozenset({
    254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293, 297, 301, 317,
    318, 319, 320, 322, 323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 512, 513, 514, 529, 530, 531, 532, 34675,
})  # fmt: skip
#: Formats that can be written, with whether they hold alpha, and more than 8 bits.
FORMATS = {
    ".png": ("PNG", True, True),
    ".tif": ("TIFF", True, True),
    ".tiff": ("TIFF", True, True),
    ".exr": ("EXR", True, True),
    ".webp": ("WEBP", True, False),
    ".jpg": ("JPEG", False, False),
    ".jpeg": ("JPEG", False, False),
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
    deep: deep_pictures.Deep | None = None  # the file as OpenImageIO read it
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
        raise file_missing(path.parent)


def load(path: Path) -> Loaded:
    """Read a picture. Raises UnreadableImage, ImageTooLarge, FileTrouble."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # pillow refuses twice as many; the wire's limit is ours, too
    try:
        deep = deep_pictures.load(path)
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow warns of, it also raises, or can be borne
        if deep is None:
            return _load_flat(path)
        exif = _exif(path)
    pixels = deep.values.tobytes()
    deep.values = None
    return Loaded(deep.info, pixels, deep.profile, exif=exif, deep=deep, notes=deep.notes)


def _load_flat(path: Path) -> Loaded:
    try:
        with Image.open(path) as opened:
            notes = _losses(opened, path)
            profile = opened.info.get("icc_profile")
            picture: Image.Image = ImageOps.exif_transpose(opened)
            picture.load()
            exif = _without_layout(opened.getexif())  # after turning, which needs the orientation
    except (UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage(
            f"{path} is no picture that can be read.", remedy="Convert it to PNG, TIFF or JPEG."
        ) from error
    except OSError as error:
        if error.errno is None:  # pillow's own: a truncated file
            raise UnreadableImage(f"{path} is damaged: {error}.", remedy="Get the file again.") from error
        raise from_os_error(error, path, "read") from error
    loaded = _for_wire(picture, profile)
    loaded.exif = exif
    loaded.notes = notes + loaded.notes
    return loaded


def save(path: Path, source: Loaded, info: ImageInfo, pixels: Any) -> None:
    """Write a result beside nothing but itself: a full disk or a kill leaves no half file.

    Adds to the source's notes what the format can't hold. Raises UnwritableImage, DiskFull, FileTrouble.
    """
    check_target(path, alpha=info.has_alpha)
    kind, _, holds_deep = FORMATS[path.suffix.lower()]
    profile = source.profile
    if kind == "EXR" or (info.depth != "u8" and holds_deep):
        profile = None if source.converted and info.depth == "u8" else profile
        deep_writing.write(
            path, kind, info, pixels, profile=profile, exif=source.exif, source=source.deep, notes=source.notes
        )
        return
    picture, profile = _flat(info, pixels, profile, source.notes)
    if source.converted and profile is not None and (own := profiles.opened(profile)) is not None:
        picture = profiles.through(picture, profiles.srgb(), own)
    options: dict[str, Any] = {}
    if profile is not None:
        options["icc_profile"] = profile
    if source.exif:
        options["exif"] = source.exif
    if kind == "JPEG":
        options.update(quality=95, subsampling=0)
    elif kind == "WEBP":
        options.update(lossless=True)
    with replacing(path) as temporary:
        try:
            picture.save(temporary, kind, **options)
        except ValueError as error:
            raise UnwritableImage(f"{path}: {error}.", remedy="Write a .png.") from error


def _without_layout(exif: Image.Exif) -> bytes:
    for tag in (ORIENTATION, *_TIFF_LAYOUT):
        exif.pop(tag, None)
    return exif.tobytes() if len(exif) else b""


def _exif(path: Path) -> bytes:
    """EXIF of a deep file, for a result with 8 bits. Pillow reads it where it knows the kind of file."""
    try:
        with Image.open(path) as opened:
            return _without_layout(opened.getexif())
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return b""


def _losses(picture: Image.Image, path: Path) -> list[str]:
    """What pillow has to leave out of this file, in words."""
    notes = []
    if getattr(picture, "n_frames", 1) > 1:
        notes.append(f"{path.name} holds {picture.n_frames} pictures: the first one is used.")  # type: ignore[attr-defined]
    if _bits_in_file(picture, path) == 16 and picture.mode not in _SIXTEEN:
        notes.append(f"{path.name} has 16 bits a channel: in this kind of color only 8 of them can be read.")
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
    if picture.mode in _SIXTEEN or picture.mode == "F":  # not PNG or TIFF, but PNM and others
        import numpy as np

        info = ImageInfo(picture.width, picture.height, "u16", "GRAY")
        if picture.mode == "F":
            info = ImageInfo(picture.width, picture.height, "f32", "GRAY", "linear")
        values = np.asarray(picture).astype(deep_pictures.NUMPY[info.depth])
        return Loaded(info, values.tobytes(), profile, notes=notes)
    if picture.mode == "I":
        notes.append("The picture's 32-bit integers are read as 16 bits.")
        import numpy as np

        values = np.clip(np.asarray(picture), 0, 65535).astype("<u2")
        return Loaded(ImageInfo(picture.width, picture.height, "u16", "GRAY"), values.tobytes(), profile, notes=notes)
    converted = False
    if profile is not None:
        own = profiles.opened(profile)
        if own is None:
            notes.append("The picture's ICC profile can't be read: its colors are taken as sRGB.")
            profile = None
        elif picture.mode in ("RGB", "RGBA"):
            picture, converted = profiles.through(picture, own, profiles.srgb()), True
        elif picture.mode == "CMYK":
            picture = ImageCms.profileToProfile(picture, own, profiles.srgb(), outputMode="RGB") or picture
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


def _flat(info: ImageInfo, pixels: Any, profile: bytes | None, notes: list[str]) -> tuple[Image.Image, bytes | None]:
    """A picture of 8 bits, and the profile that goes with it."""
    import numpy as np

    if info.depth != "u8":
        notes.append("The picture is written with 8 bits: this format holds no more.")
        values = np.frombuffer(pixels, deep_pictures.NUMPY[info.depth])
        values = values.reshape(info.height, info.width, info.channels)
        pixels, profile = deep_writing.to_integers(values, info, 255, profile)
    mode = {"GRAY": "L", "GRAYA": "LA", "RGB": "RGB", "RGBA": "RGBA"}[info.order]
    return Image.frombytes(mode, (info.width, info.height), bytes(pixels)), profile
