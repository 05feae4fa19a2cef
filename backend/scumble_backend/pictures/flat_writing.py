"""Writing 8-bit pictures as TIFF, JPEG and WebP, through Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from scumble_backend.errors import UnwritableImage
from scumble_backend.pictures import metadata
from scumble_backend.pictures.metadata import Metadata

if TYPE_CHECKING:
    from scumble_backend.pictures.writing import Finished

_MODES = {"GRAY": "L", "GRAYA": "LA", "RGB": "RGB", "RGBA": "RGBA"}
_LONGEST_COMMENT = 65533  # bytes, in JPEG
_LONGEST_BLOCK = 65500  # bytes of EXIF or XMP in JPEG
_DESCRIPTION = 270  # TIFF's tag ImageDescription


def write(temporary: Path, path: Path, kind: str, finished: Finished, told: Metadata, notes: list[str]) -> None:
    """kind: "TIFF", "JPEG" or "WEBP". Adds to `notes` what the format can't hold. Raises UnwritableImage, OSError."""
    height, width, channels = finished.values.shape
    values = finished.values[..., 0] if channels == 1 else finished.values
    picture = Image.frombytes(_MODES[finished.order], (width, height), values.tobytes())
    options: dict[str, Any] = {}
    if finished.icc is not None:
        options["icc_profile"] = finished.icc
    exif = told.exif or (metadata.exif_of_texts(told.texts) if kind == "WEBP" else b"")
    if kind == "JPEG":
        options.update(quality=95, subsampling=0)
        exif = _fitting(exif, _LONGEST_BLOCK, "EXIF", notes)
        if xmp := _fitting(told.xmp, _LONGEST_BLOCK, "XMP", notes):
            options["xmp"] = xmp
        if comment := _fitting(told.all_texts().encode("utf-8", "replace"), _LONGEST_COMMENT, "texts", notes):
            options["comment"] = comment
    elif kind == "WEBP":
        options.update(lossless=True)
        if told.xmp:
            options["xmp"] = told.xmp
    elif kind == "TIFF":
        options["tiffinfo"] = _tags(told)
        options["big_tiff"] = finished.values.nbytes > 4_000_000_000  # else its offsets of 32 bits don't suffice
    if told.dpi is not None and kind != "WEBP":
        options["dpi"] = told.dpi
    elif told.dpi is not None and not told.exif:
        notes.append("WebP holds no resolution: it is left out.")
    if exif and kind != "TIFF":
        options["exif"] = exif if kind == "WEBP" else b"Exif\0\0" + exif
    try:
        picture.save(temporary, kind, **options)
    except ValueError as error:
        raise UnwritableImage(f"{path} can't be written: {error}.", remedy="Write a .png.") from error


def _fitting(data: bytes, most: int, what: str, notes: list[str]) -> bytes:
    if len(data) <= most:
        return data
    notes.append(f"JPEG can't hold {what} of {len(data)} bytes: they are left out.")
    return b""


def _tags(told: Metadata) -> Image.Exif:
    """TIFF's directory is that of EXIF, so the block's entries become its tags."""
    block = Image.Exif()
    if told.exif:
        block.load(b"Exif\0\0" + told.exif)
    for tag, value in list(block.items()):
        if isinstance(value, str):  # Pillow has taken the bytes for Latin-1, and would write ASCII alone
            block[tag] = value.encode("latin-1", "replace")
    block.pop(metadata.ORIENTATION, None)
    for tag in (0x0100, 0x0101, 0x011A, 0x011B, 0x0128):  # sizes and resolution: written by themselves
        block.pop(tag, None)
    if told.texts and _DESCRIPTION not in block:
        block[_DESCRIPTION] = told.all_texts().encode("utf-8", "replace")
    if told.xmp:
        block[700] = told.xmp
    return block
