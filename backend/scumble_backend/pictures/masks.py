"""Picture files as masks: where a style is placed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scumble_backend.errors import UnreadableImage
from scumble_backend.pictures import reading
from scumble_backend.pictures.loaded import FULL


def load(path: Path, width: int, height: int) -> bytes:
    """One byte a pixel, 255 inside. Light is inside; of a black picture that is transparent, what is opaque.

    width, height: of the picture that it is for. Raises UnreadableImage for another size and where all is outside.
    """
    loaded = reading.load(path, convert=True)
    size = (loaded.info.width, loaded.info.height)
    if size != (width, height):
        raise UnreadableImage(
            f"The mask {path} has {size[0]} x {size[1]} pixels, the picture {width} x {height}.",
            remedy="Make the mask as large as the picture.",
        )
    values = loaded.sent.astype(np.float32) / FULL.get(loaded.info.depth, 1.0)
    light = values[..., : 1 if values.shape[2] < 3 else 3].mean(axis=2)
    if loaded.info.has_alpha:
        light = light * values[..., -1] if float(light.max()) > 0 else values[..., -1]
    mask = np.clip(np.rint(light * 255), 0, 255).astype(np.uint8)
    if not mask.any():
        raise UnreadableImage(f"The mask {path} is black everywhere.", remedy="Paint white where the style belongs.")
    raw: bytes = mask.tobytes()
    return raw
