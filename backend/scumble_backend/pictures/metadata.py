"""What a picture file says beside its pixels and colors: EXIF, XMP, resolution, comment and texts.

EXIF is changed in place, as it was: read and written by a library, texts that aren't ASCII and makers' notes with
offsets of their own come out broken. Source: CIPA DC-008 (Exif 3.0), TIFF 6.0 section 2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from scumble_backend.pictures.png_chunks import Chunk

ORIENTATION, EXIF_IFD, GPS_IFD = 0x0112, 0x8769, 0x8825
_WIDTHS, _HEIGHTS = {0x0100, 0xA002}, {0x0101, 0xA003}
_HEADER = b"Exif\0\0"
INCH_M = 0.0254
#: Keyword of a PNG's text -> the EXIF tag (IFD 0) for the same.
EXIF_TEXTS = {"Author": 0x013B, "Artist": 0x013B, "Copyright": 0x8298, "Description": 0x010E, "Software": 0x0131}


@dataclass
class Metadata:
    """exif: from the byte order on, orientation not yet applied. dpi: pixels an inch, across and down."""

    exif: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    texts: list[tuple[str, str]] = field(default_factory=list)  # (keyword, text)
    chunks: list[Chunk] = field(default_factory=list)  # of a PNG, those that may stay

    def all_texts(self) -> str:
        """The texts in one, for formats with a single comment."""
        if len(self.texts) == 1 and self.texts[0][0] in ("Comment", "Description"):
            return self.texts[0][1]
        return "\n".join(f"{keyword}: {text}" for keyword, text in self.texts)


def without_header(exif: bytes) -> bytes:
    """The block without "Exif" before it, which some programs write twice."""
    while exif.startswith(_HEADER):
        exif = exif[len(_HEADER) :]
    return exif


def orientation_of(exif: bytes, xmp: bytes = b"") -> int:
    """1 .. 8; 1 where nothing sensible is said."""
    for at, order, tag, kind, _ in _entries(exif):
        if tag == ORIENTATION and kind == 3:
            value: int = struct.unpack_from(order + "H", exif, at + 8)[0]
            return value if 1 <= value <= 8 else 1
    match = re.search(rb'tiff:Orientation(?:="|>)\s*([1-8])\b', xmp)
    return int(match[1]) if match else 1


def exif_for(exif: bytes, width: int, height: int) -> bytes:
    """The block for an upright picture of this size: orientation, pixel sizes and the small preview are seen to."""
    out = bytearray(exif)
    for at, order, tag, kind, _ in _entries(exif):
        value = 1 if tag == ORIENTATION else width if tag in _WIDTHS else height if tag in _HEIGHTS else None
        if value is None or kind not in (3, 4):
            continue
        if value > 0xFFFF:
            struct.pack_into(order + "HHII", out, at, tag, 4, 1, value)  # a long holds it
        elif kind == 3:
            struct.pack_into(order + "HH", out, at + 8, value, 0)
        else:
            struct.pack_into(order + "I", out, at + 8, value)
    start = _first_ifd(exif)
    if start is not None:
        order, at = start
        count = struct.unpack_from(order + "H", exif, at)[0]
        after = at + 2 + 12 * count
        if after + 4 <= len(exif):
            out[after : after + 4] = bytes(4)  # the next directory holds a preview of the picture as it was
    return bytes(out)


def xmp_for(xmp: bytes, width: int, height: int) -> bytes:
    """The packet for an upright picture of this size."""
    for names, value in (
        (rb"tiff:Orientation", b"1"),
        (rb"(?:tiff:ImageWidth|exif:PixelXDimension)", str(width).encode()),
        (rb"(?:tiff:ImageLength|exif:PixelYDimension)", str(height).encode()),
    ):
        xmp = re.sub(rb"(" + names + rb'\s*(?:=\s*["\']|>)\s*)\d+', rb"\g<1>" + value, xmp)
    return xmp


def exif_of_texts(texts: Iterable[tuple[str, str]]) -> bytes:
    """A new block that holds those texts that EXIF has a place for; UTF-8, as Exif 3.0 has it. b"": none."""
    values = {EXIF_TEXTS[word]: text.encode("utf-8", "replace") + b"\0" for word, text in texts if word in EXIF_TEXTS}
    rows, body = b"", b""
    at = 8 + 2 + 12 * len(values) + 4
    for tag, raw in sorted(values.items()):
        if len(raw) <= 4:
            rows += struct.pack(">HHI4s", tag, 2, len(raw), raw)
        else:
            rows += struct.pack(">HHII", tag, 2, len(raw), at + len(body))
            body += raw + bytes(len(raw) % 2)
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", len(values)) + rows + bytes(4) + body if values else b""


def exif_texts(exif: bytes) -> list[tuple[str, str]]:
    """(keyword, text) of the directory for people: artist, copyright, description, camera and so on."""
    from PIL import ExifTags

    found = []
    for at, order, tag, kind, inside in _entries(exif):
        if kind == 2 and not inside and tag in ExifTags.TAGS:
            count = struct.unpack_from(order + "I", exif, at + 4)[0]
            where = at + 8 if count <= 4 else struct.unpack_from(order + "I", exif, at + 8)[0]
            text = decoded(exif[where : where + min(count, 1 << 16)].split(b"\0")[0])
            if text.strip():
                found.append((ExifTags.TAGS[tag], text))
    return found


def decoded(raw: bytes) -> str:
    """Text of a time when nobody said which: UTF-8 where it can be that, else Latin-1."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _first_ifd(exif: bytes) -> tuple[str, int] | None:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 10:
        return None
    at: int = struct.unpack_from(order + "I", exif, 4)[0]
    return (order, at) if at + 2 <= len(exif) else None


def _entries(exif: bytes) -> list[tuple[int, str, int, int, bool]]:
    """(position, byte order, tag, type, inside the EXIF directory) of the entries; a damaged block gives fewer."""
    start = _first_ifd(exif)
    if start is None:
        return []
    order, first = start
    found: list[tuple[int, str, int, int, bool]] = []
    waiting: list[tuple[int, bool]] = [(first, False)]
    while waiting:
        at, inside = waiting.pop()
        if at + 2 > len(exif):
            continue
        count = struct.unpack_from(order + "H", exif, at)[0]
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            if entry + 12 > len(exif):
                break
            tag, kind = struct.unpack_from(order + "HH", exif, entry)
            found.append((entry, order, tag, kind, inside))
            if tag == EXIF_IFD and not inside:
                waiting.append((struct.unpack_from(order + "I", exif, entry + 8)[0], True))
    return found


def of_pillow(info: dict[Any, Any]) -> Metadata:
    """What Pillow found in a file that is neither PNG nor TIFF."""
    exif = info.get("exif")
    xmp = info.get("xmp")
    found = Metadata(
        exif=without_header(exif) if isinstance(exif, bytes) else b"",
        xmp=xmp if isinstance(xmp, bytes) else xmp.encode() if isinstance(xmp, str) else b"",
        dpi=resolution(info.get("dpi")),
    )
    comment = info.get("comment")
    if isinstance(comment, bytes):
        comment = decoded(comment.rstrip(b"\0"))
    if isinstance(comment, str) and comment.strip():
        found.texts.append(("Comment", comment))
    return found


def resolution(dpi: Any) -> tuple[float, float] | None:
    """Pixels an inch, where the two numbers make sense."""
    try:
        across, down = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across < 1e5 and 1 <= down < 1e5 else None
