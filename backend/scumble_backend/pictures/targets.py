"""Where a picture can be written: refused before any work is done, as far as that can be known."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scumble_backend.errors import DiskFull, UnwritableImage, from_os_error
from scumble_backend.files import followed, temporary_beside


@dataclass(frozen=True)
class Format:
    """What a format holds. longest: pixels of a side. share: of a painted picture's samples, the bytes it takes."""

    name: str
    alpha: bool
    deepest: Literal["u8", "u16", "float"]
    longest: int
    share: float


_PNG = Format("PNG", True, "u16", (1 << 31) - 1, 0.3)
_TIFF = Format("TIFF", True, "float", (1 << 31) - 1, 0.5)
_JPEG = Format("JPEG", False, "u8", 65500, 0.1)
#: By a name's suffix. The shares are half of what painted photos took, so that no picture is refused that fits.
FORMATS = {
    ".png": _PNG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".exr": Format("EXR", True, "float", (1 << 31) - 1, 0.3),
    ".webp": Format("WEBP", True, "u8", 16383, 0.2),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
}


def check(path: Path, *, alpha: bool = False, size: tuple[int, int] | None = None, sample_bytes: int = 0) -> Format:
    """Refuse a place to write to before any work is done.

    size: of the result, width and height in pixels. sample_bytes: all its samples together; 0: not known yet.
    Raises UnwritableImage, DiskFull, FileTrouble.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UnwritableImage(
            f"Pictures can't be written as {path.suffix or 'a file without a suffix'}.",
            remedy=f"Choose a name that ends in {', '.join(FORMATS)}.",
        )
    kind = FORMATS[suffix]
    if alpha and not kind.alpha:
        raise UnwritableImage(
            f"The picture has transparency, which {path.suffix} can't hold.", remedy="Write a .png, .tif or .webp."
        )
    if size is not None and max(size) > kind.longest:
        raise UnwritableImage(
            f"The result has {size[0]} x {size[1]} pixels; {path.suffix} holds at most {kind.longest} a side.",
            remedy="Write a .png or .tif.",
        )
    _check_place(path)
    if sample_bytes:
        _check_room(path, round(kind.share * sample_bytes))
    return kind


def _check_place(path: Path) -> None:
    """By trying: a file is made beside the one asked for, and taken away."""
    try:
        path = followed(path)
        _check_name(path)
        if path.is_dir():
            raise UnwritableImage(f"{path} is a folder.", remedy="Name a file in it.")
        if path.exists() and not path.is_file():
            raise UnwritableImage(f"{path} isn't a plain file.", remedy="Choose another name.")
        trial = temporary_beside(path)
        trial.touch()
        trial.unlink()
    except FileNotFoundError as error:
        raise from_os_error(error, path.parent) from error
    except OSError as error:
        raise from_os_error(error, path) from error


def _check_name(path: Path) -> None:
    """Raises OSError for a name too long: no file of that name can even be looked for."""
    with contextlib.suppress(FileNotFoundError):
        path.stat()


def _check_room(path: Path, needed: int) -> None:
    free = shutil.disk_usage(followed(path).parent).free
    if free < needed:
        raise DiskFull(
            f"There is too little room for {path}: about {_megabytes(needed)} are needed, {_megabytes(free)} free.",
            remedy="Free some space on that disk, or choose another place.",
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count >= 1e7 else f"{count / 1e6:.1f} MB"
