"""Small pictures of results, and PNG files of them, by the standard library alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from scumble_wire.messages import BYTES_PER_SAMPLE, ImageInfo

from .areas import fitted

_FORMATS = {"u8": "B", "u16": "H", "f16": "e", "f32": "f"}
CHECKS = 0.6  # of white: what lies below transparent pixels


def thumbnail(info: ImageInfo, frame: Any, side: int) -> tuple[ImageInfo, bytes]:
    """A picture of the wire as RGB u8, sRGB-encoded, no side longer than `side`: the mean of four samples a pixel."""
    data = memoryview(frame).cast("B")
    info.check_payload(len(data))
    width, height = fitted(info.width, info.height, side)
    size = info.channels * BYTES_PER_SAMPLE[info.depth]
    unpack = struct.Struct(f"<{info.channels}{_FORMATS[info.depth]}").unpack_from
    color = _color_of(info)
    columns = [round((n + 0.5) * info.width / (2 * width) - 0.5) for n in range(2 * width)]
    made = bytearray()
    for row in range(height):
        total = [[0.0] * 3 for _ in range(width)]
        for half in (0.25, 0.75):
            y = min(info.height - 1, int((row + half) * info.height / height))
            start = y * info.width * size
            for place, column in enumerate(columns):
                into = total[place // 2]
                for channel, value in enumerate(color(unpack(data, start + column * size))):
                    into[channel] += value
        made += bytes(min(255, max(0, round(value * 255 / 4))) for pixel in total for value in pixel)
    return ImageInfo(width, height, "u8", "RGB"), bytes(made)


def _color_of(info: ImageInfo) -> Callable[[Sequence[float]], tuple[float, float, float]]:
    """From the samples of a pixel to red, green and blue, sRGB-encoded, over gray where it is transparent."""
    full = {"u8": 255.0, "u16": 65535.0}.get(info.depth, 1.0)
    order = {"GRAY": (0, 0, 0), "GRAYA": (0, 0, 0), "BGR": (2, 1, 0), "BGRA": (2, 1, 0)}.get(info.order, (0, 1, 2))
    linear = info.transfer == "linear"

    def color(samples: Sequence[float]) -> tuple[float, float, float]:
        alpha = samples[-1] / full if info.has_alpha else 1.0
        red, green, blue = (_seen(samples[place] / full, linear) * alpha + CHECKS * (1 - alpha) for place in order)
        return red, green, blue

    return color


def _seen(value: float, linear: bool) -> float:
    value = value if value > 0 else 0.0  # also what is no number
    if not linear:
        return min(1.0, value)
    return min(1.0, 12.92 * value if value <= 0.0031308 else 1.055 * min(value, 1.0) ** (1 / 2.4) - 0.055)


def png(info: ImageInfo, rgb: bytes) -> bytes:
    """RGB u8 as a PNG file. Raises ValueError for any other picture."""
    if info.order != "RGB" or info.depth != "u8":
        raise ValueError(f"a small picture is RGB u8, not {info.order} {info.depth}.")
    info.check_payload(len(rgb))
    stride = 3 * info.width
    rows = b"".join(b"\0" + rgb[start : start + stride] for start in range(0, len(rgb), stride))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", info.width, info.height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
