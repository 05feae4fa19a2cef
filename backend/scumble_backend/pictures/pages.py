"""The pictures that one file holds: the pages of a TIFF."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, TiffImagePlugin

from scumble_backend.pictures import flat_reading

_SUBFILE_TYPE, _SMALLER_VERSION = 254, 1  # TIFF 6.0, NewSubfileType


def of(path: Path) -> list[int]:
    """The pages of a TIFF, as numbers for `reading.load`; [] for a file that has one picture, or can't be read.

    What a TIFF holds as a smaller version of another page (a thumbnail) is no page.
    """
    with flat_reading.settings(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=["TIFF"]) as opened:
                return _of_tiff(opened)
        except Exception:  # noqa: BLE001 - Pillow raises anything for a strange file; reading tells what is wrong
            return []


def _of_tiff(opened: Image.Image) -> list[int]:
    if not isinstance(opened, TiffImagePlugin.TiffImageFile) or opened.n_frames == 1:
        return []
    found = []
    for number in range(opened.n_frames):
        opened.seek(number)
        if not int(opened.tag_v2.get(_SUBFILE_TYPE, 0)) & _SMALLER_VERSION:
            found.append(number)
    return found if len(found) > 1 else []
