"""Damaged picture files of every kind: each is painted, or refused in words.

300 cases in the gate; more, and single ones by their number, by command:

SCUMBLE_FUZZ_CASES=100000 python3 installer/install.py test tests/pictures/test_fuzz.py -s
SCUMBLE_FUZZ_FIRST=NUMBER SCUMBLE_FUZZ_CASES=1 python3 installer/install.py test tests/pictures/test_fuzz.py
"""

from __future__ import annotations

import io
import os
import random
import struct
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
from PIL import Image

from scumble_backend.errors import BackendError
from scumble_backend.pictures import color_spaces, loaded, png_chunks, reading, writing

from .test_color import P3_ICC, table_profile
from .test_metadata import XMP, exif_block

CASES = int(os.environ.get("SCUMBLE_FUZZ_CASES", "300"))
FIRST = int(os.environ.get("SCUMBLE_FUZZ_FIRST", "0"))
SLOWEST_S = 5.0  # of processor time; a hang would take more
TARGETS = (".png", ".tif", ".exr", ".jpg", ".webp")
NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def pillow(mode: str, kind: str, **options: object) -> bytes:
    values = np.random.default_rng(len(mode)).integers(0, 255, (24, 32, 4)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(values).convert("RGB" if mode in ("CMYK", "P", "LAB") else "RGBA").convert(mode).save(
        file, kind, **options
    )
    return file.getvalue()


def deep(folder: Path, name: str, kind: str, channels: int, **attributes: object) -> bytes:
    values = np.random.default_rng(channels).uniform(0, 1, (24, 32, channels)).astype(np.float32)
    spec = OpenImageIO.ImageSpec(32, 24, channels, kind)
    for key, value in attributes.items():
        spec.attribute(key, value)
    output = OpenImageIO.ImageOutput.create(name)
    assert output is not None and output.open(str(folder / name), spec)
    assert output.write_image(values) and output.close()
    return (folder / name).read_bytes()


def files(folder: Path) -> list[bytes]:
    """One sound file of every kind."""
    exif = b"Exif\0\0" + exif_block(6)
    frames = [Image.new("RGB", (16, 12), color) for color in ("red", "blue")]
    animated = io.BytesIO()
    frames[0].save(animated, "GIF", save_all=True, append_images=frames[1:])
    whole = pillow("RGB", "PNG")
    extra = [
        png_chunks.profile_chunk(table_profile(back=True)),
        png_chunks.Chunk(b"cICP", bytes([9, 16, 0, 1])),
        png_chunks.Chunk(b"gAMA", struct.pack(">I", 55556)),
        png_chunks.Chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"text " * 50)),
        png_chunks.Chunk(b"iTXt", b"Title\0\0\0\0\0wave"),
        png_chunks.Chunk(b"pHYs", struct.pack(">IIB", 3000, 3000, 1)),
        png_chunks.Chunk(b"eXIf", exif_block(3)),
        png_chunks.xmp_chunk(XMP),
    ]
    chunked = whole[:33] + b"".join(chunk.encode() for chunk in extra) + whole[33:]
    return [
        chunked,
        pillow("RGBA", "PNG", icc_profile=P3_ICC),
        pillow("P", "PNG", transparency=3),
        pillow("1", "PNG"),
        pillow(
            "RGB", "JPEG", exif=exif, icc_profile=color_spaces.as_icc(color_spaces.SRGB), xmp=XMP, comment=b"hello"
        ),
        pillow("RGB", "JPEG", progressive=True),
        pillow("CMYK", "JPEG"),
        pillow("RGB", "TIFF", compression="tiff_lzw", tiffinfo={315: "Hokusai", 700: XMP}),
        pillow("CMYK", "TIFF"),
        pillow("LAB", "TIFF") if "LAB" in Image.MODES else pillow("L", "TIFF"),
        pillow("RGB", "WEBP", exif=exif, icc_profile=P3_ICC),
        pillow("RGBA", "WEBP", lossless=True),
        animated.getvalue(),
        pillow("RGB", "BMP"),
        pillow("RGB", "PPM"),
        pillow("RGBA", "TGA"),
        pillow("RGBA", "ICO"),
        pillow("RGB", "JPEG2000"),
        deep(folder, "png", "uint16", 4),
        deep(folder, "tiff", "uint16", 4, Artist="Hokusai", Orientation=6),
        deep(folder, "tiff", "float", 3),
        deep(folder, "openexr", "half", 3),
        deep(folder, "openexr", "float", 4, compression="piz"),
    ]


def damaged(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """One to six changes: bits, numbers, lengths, parts left out, doubled, or from another file."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at = chance.randrange(min(len(made), chance.choice((64, 1024, 1 << 20))) or 1)
        size = chance.choice((1, 2, 4, 16, 200))
        what = chance.randrange(7)
        if what == 0 and made:
            made[min(at, len(made) - 1)] ^= 1 << chance.randrange(8)
        elif what == 1:
            width = chance.choice((1, 2, 4))
            number = chance.choice(NUMBERS) & ((1 << 8 * width) - 1)
            made[at : at + width] = number.to_bytes(width, chance.choice(("big", "little")))
        elif what == 2:
            made[at : at + size] = chance.randbytes(size)
        elif what == 3:
            del made[at : at + size]
        elif what == 4:
            made[at:at] = made[at : at + size]
        elif what == 5:
            other = chance.choice(others)
            start = chance.randrange(len(other))
            made[at : at + size] = other[start : start + size]
        else:
            del made[max(8, at) :]
    whole = bytes(made)
    return repaired(whole) if whole.startswith(png_chunks.SIGNATURE) and chance.random() < 0.7 else whole


def repaired(data: bytes) -> bytes:
    """A PNG whose checksums are right again, so that its parts are looked at."""
    out, at = bytearray(data), 8
    while at + 12 <= len(data):
        size = struct.unpack_from(">I", data, at)[0]
        if at + 12 + size > len(data):
            break
        struct.pack_into(">I", out, at + 8 + size, zlib.crc32(data[at + 4 : at + 8 + size]))
        at += 12 + size
    return bytes(out)


@pytest.mark.timeout(0 if CASES > 1000 else 600)
def test_any_file_is_painted_or_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded, "MAX_PIXELS", 1 << 22)  # so that sizes made up by chance don't fill the memory
    sound = files(tmp_path)
    source = tmp_path / "in.picture"
    painted = refused = 0
    worst_s = 0.0
    for number in range(FIRST, FIRST + CASES):
        chance = random.Random(number)
        source.write_bytes(damaged(chance.choice(sound), sound, chance))
        began = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                painted += _through(source, tmp_path / f"out{chance.choice(TARGETS)}", convert=chance.random() < 0.8)
        except BackendError as error:
            assert error.message and error.remedy, f"case {number} is refused without a remedy: {error}"
            refused += 1
        except Exception as error:
            raise AssertionError(f"case {number}: {type(error).__name__}: {error}") from error
        worst_s = max(worst_s, time.process_time() - began)
        assert worst_s < SLOWEST_S, f"case {number} took {worst_s:.1f} s"
    print(f"{CASES} cases from {FIRST} on: {painted} painted, {refused} refused, worst {worst_s:.2f} s")
    assert CASES < 100 or (painted > CASES // 10 and refused > CASES // 10)


def _through(source: Path, target: Path, *, convert: bool) -> int:
    """What the commands do with a file; half of the picture is painted."""
    found = reading.load(source, convert=convert)
    if found.info.has_alpha and target.suffix == ".jpg":
        target = target.with_suffix(".png")
    values = found.sent.copy()
    half = values[: len(values) // 2]
    with np.errstate(all="ignore"):
        half[...] = half // 2 if half.dtype.kind == "u" else half * half.dtype.type(0.5)
    writing.save(target, found, found.info, values.tobytes())
    reading.read(target)
    return 1


def test_every_sound_file_is_painted(tmp_path: Path) -> None:
    for number, data in enumerate(files(tmp_path)):
        (tmp_path / "in.picture").write_bytes(data)
        assert _through(tmp_path / "in.picture", tmp_path / f"out-{number}.png", convert=True)
