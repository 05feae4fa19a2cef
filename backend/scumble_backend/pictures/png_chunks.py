"""PNG's chunks beside the pixels, read whatever state they are in, and made for a file that is written.

Pixel decoders refuse a whole picture for a text that is too long or a checksum that is wrong; these chunks change
nothing in the picture, so they are looked at here, and the decoder gets the pixels alone.
Source: Portable Network Graphics (PNG) Specification, third edition, W3C 2025.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Needed to decode the pixels.
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
#: What says how the samples are to be read. By the specification the first that is there counts.
COLOR = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"cLLI", b"mDCv", b"cLLi")
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
XMP_KEYWORD = b"XML:com.adobe.xmp"
_LARGEST = 1 << 24  # bytes of one chunk, and of a text or profile when it is unpacked
_LARGEST_SUM = 1 << 26


@dataclass(frozen=True)
class Chunk:
    name: bytes
    data: bytes

    def encode(self) -> bytes:
        crc = zlib.crc32(self.name + self.data)
        return struct.pack(">I", len(self.data)) + self.name + self.data + struct.pack(">I", crc)


@dataclass(frozen=True)
class Header:
    """IHDR and what else must be known before the pixels are decoded."""

    width: int
    height: int
    bits: int
    color_type: int  # 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGBA
    animated: bool = False


def is_png(head: bytes) -> bool:
    return head.startswith(SIGNATURE)


def read(path: Path) -> tuple[Header | None, list[Chunk], list[str]]:
    """The header (None where it is missing), the chunks that no pixel depends on, and in words what is wrong there.

    Raises OSError.
    """
    header: Header | None = None
    chunks: list[Chunk] = []
    notes: list[str] = []
    kept = 0
    with path.open("rb") as file:
        if file.read(8) != SIGNATURE:
            return None, [], []
        while len(head := file.read(8)) == 8:
            size, name = struct.unpack(">I4s", head)
            if name == b"IEND":
                break
            if name == b"IHDR" and size == 13 and header is None:
                width, height, bits, kind = struct.unpack(">IIBB", file.read(13)[:10].ljust(10, b"\0"))
                header = Header(width, height, bits, kind)
                file.seek(4, io.SEEK_CUR)
                continue
            if name in _PIXELS or not name.isalpha() or name[:1].isupper():
                file.seek(size + 4, io.SEEK_CUR)
                continue
            if name == b"acTL" and header is not None:
                header = Header(header.width, header.height, header.bits, header.color_type, animated=True)
            if size > _LARGEST or kept + size > _LARGEST_SUM:
                notes.append(f"Its {name.decode()} part of {size >> 20} MB is left out: that is too much.")
                file.seek(size + 4, io.SEEK_CUR)
                continue
            data = file.read(size)
            crc = file.read(4)
            if len(data) < size:
                break
            if crc != struct.pack(">I", zlib.crc32(name + data)):
                notes.append(f"Its {name.decode()} part is damaged and left out.")
                continue
            kept += size
            chunks.append(Chunk(name, data))
    return header, chunks, notes


def pixels_alone(path: Path) -> io.BytesIO:
    """The file without what the pixels don't depend on, for a decoder. Raises OSError."""
    out = io.BytesIO(SIGNATURE)
    out.seek(0, io.SEEK_END)
    with path.open("rb") as file:
        file.seek(8)
        _copy(file, out, _PIXELS)
    out.seek(0)
    return out


def _copy(source: BinaryIO, target: io.BytesIO, names: Sequence[bytes]) -> None:
    while len(head := source.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        if name in names or (name[:1].isupper() and name.isalpha()):  # a critical one unknown: the decoder decides
            target.write(head)
            while size + 4 > 0:
                part = source.read(min(size + 4, 1 << 20))
                if not part:
                    return
                target.write(part)
                size -= len(part)
        else:
            source.seek(size + 4, io.SEEK_CUR)
        if name == b"IEND":
            return


def may_stay(chunk: Chunk) -> bool:
    """Whether a chunk holds for changed pixels: its own fourth letter says so (section 5.4, safe to copy)."""
    return chunk.name[3:4].islower() and chunk.name not in COLOR and chunk.name != b"eXIf"


# --- what the chunks say ---------------------------------------------------------------------------------


def find(chunks: Iterable[Chunk], name: bytes) -> bytes | None:
    return next((chunk.data for chunk in chunks if chunk.name == name), None)


def profile(chunks: Iterable[Chunk]) -> tuple[bytes | None, bool]:
    """The ICC profile, and whether there is one that can't be unpacked."""
    data = find(chunks, b"iCCP")
    if data is None:
        return None, False
    _, zero, rest = data.partition(b"\0")
    unpacked = _unpacked(rest[1:]) if zero and rest[:1] == b"\0" else None
    return (unpacked, unpacked is None)


def profile_chunk(icc: bytes) -> Chunk:
    return Chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc))


def texts(chunks: Iterable[Chunk]) -> list[tuple[str, str]]:
    """(keyword, text) of all three kinds; what can't be read is left out."""
    found = []
    for chunk in chunks:
        keyword, zero, rest = chunk.data.partition(b"\0")
        raw: bytes | None = rest
        encoding = "latin-1"
        if chunk.name not in TEXTS or not zero:
            continue
        if chunk.name == b"zTXt":
            raw = _unpacked(rest[1:])
        elif chunk.name == b"iTXt":
            encoding = "utf-8"
            packed = rest[:1] == b"\1"
            parts = rest[2:].split(b"\0", 2)
            raw = None if len(parts) < 3 else _unpacked(parts[2]) if packed else parts[2]
        if raw is not None:
            found.append((keyword.decode("latin-1"), raw.decode(encoding, "replace")))
    return found


def text_chunk(keyword: str, text: str) -> Chunk:
    """The plainest kind that holds the text."""
    word = keyword.encode("latin-1", "replace")[:79].strip() or b"Comment"
    try:
        return Chunk(b"tEXt", word + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        return Chunk(b"iTXt", word + b"\0\0\0\0\0" + text.encode("utf-8", "replace"))


def is_xmp(chunk: Chunk) -> bool:
    return chunk.name in TEXTS and chunk.data.startswith(XMP_KEYWORD + b"\0")


def xmp_chunk(packet: bytes) -> Chunk:
    return Chunk(b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + packet)


def _unpacked(data: bytes) -> bytes | None:
    """None: not packed by zlib, cut off, or too much."""
    decoder = zlib.decompressobj()
    try:
        out = decoder.decompress(data, _LARGEST)
    except zlib.error:
        return None
    return out if decoder.eof else None
