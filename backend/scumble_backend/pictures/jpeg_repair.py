"""JPEG files one of whose segments beside the pixels tells a wrong length: decoders refuse the whole picture."""

from __future__ import annotations

import struct
from pathlib import Path

_LARGEST = 1 << 28  # bytes; beyond, nothing is repaired
_NEAR = 1 << 12  # bytes by which a length may be wrong


def is_jpeg(path: Path) -> bool:
    """Raises OSError."""
    with path.open("rb") as file:
        return file.read(3) == b"\xff\xd8\xff"


def repaired(path: Path) -> bytes | None:
    """A JPEG with right lengths, or None where there is nothing to repair. Raises OSError."""
    with path.open("rb") as file:
        data = file.read(_LARGEST)
    out = bytearray(data)
    at, changed = 2, False
    while (end := _end(data, at)) is not None:
        if data[at + 1] == 0xDA:  # the pixels begin
            return bytes(out) if changed else None
        if not _is_marker(data, end):
            found = _next_marker(data, at, end)
            if found is None:
                return None
            struct.pack_into(">H", out, at + 2, found - at - 2)
            end, changed = found, True
        at = end
    return None


def _end(data: bytes, at: int) -> int | None:
    """Where the segment at a place ends, by its own word."""
    if at + 4 > len(data) or data[at] != 0xFF:
        return None
    return int(at + 2 + struct.unpack_from(">H", data, at + 2)[0])


def _is_marker(data: bytes, at: int) -> bool:
    """Whether a segment with a length begins here."""
    return at + 4 <= len(data) and data[at] == 0xFF and (0xC0 <= data[at + 1] <= 0xCF or 0xDA <= data[at + 1] <= 0xFE)


def _next_marker(data: bytes, start: int, expected: int) -> int | None:
    """The first place near the expected one from where segment after segment leads to the picture's own pixels.

    A preview inside the segment is a JPEG, too, whose pixels come earlier.
    """
    low, high = max(start + 4, expected - _NEAR), min(len(data) - 4, expected + _NEAR)
    leading = [(pixels, -at) for at in range(low, high) if (pixels := _pixels_after(data, at)) is not None]
    return -max(leading)[1] if leading else None


def _pixels_after(data: bytes, at: int) -> int | None:
    """Where the pixels begin that segment after segment leads to; None: it leads nowhere."""
    while _is_marker(data, at):
        if data[at + 1] == 0xDA:
            return at
        end = _end(data, at)
        if end is None or end <= at + 3:
            return None
        at = end
    return None
