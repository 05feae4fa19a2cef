"""Small pictures for lists, and plain ones that programs hand to each other. PIL is imported when one comes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from scumble_backend.errors import UnreadableImage
from scumble_wire.messages import ImageInfo

MOST_PIXELS = 1 << 26  # of a picture inside a pack; more is an attempt to fill the memory
LONGEST_SIDE = 8192  # pixels of a picture inside a pack


def decode(raw: bytes, name: str, side: int) -> tuple[ImageInfo, bytes]:
    """An encoded picture as RGB u8 that fits into a square of `side` pixels. Raises UnreadableImage."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(raw), formats=("PNG", "JPEG", "WEBP")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise UnreadableImage(f"The picture of {name!r} is too large.", remedy="Ask its author.")
            picture.thumbnail((side, side))
            rgb = picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadableImage(f"The picture of {name!r} can't be read.", remedy="Install the pack again.") from error
    return ImageInfo(rgb.width, rgb.height, "u8", "RGB"), rgb.tobytes()


def check(raw: bytes, kind: str) -> tuple[int, int] | None:
    """Decode a picture of a pack whole. kind: "PNG", "JPEG" or "WEBP".

    Returns its width and height if a side is longer than `LONGEST_SIDE`, else None. Raises UnreadableImage.
    """
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(raw), formats=[kind]) as picture:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if max(picture.size) > LONGEST_SIDE:
                return int(picture.width), int(picture.height)
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(str(error)) from error
    return None


def write_rgb(path: Path, width: int, height: int, pixels: Any) -> None:
    """RGB of 8 bits as a PNG. Raises OSError."""
    import numpy as np

    from scumble_backend.pictures import png_writing

    png_writing.write(path, np.frombuffer(pixels, np.uint8).reshape(height, width, 3))
