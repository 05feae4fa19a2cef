"""A picture file that was read: its samples as they stand in the file, and as they go onto the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scumble_backend.errors import ImageTooLarge
from scumble_backend.pictures.color_descriptions import ColorDescription
from scumble_backend.pictures.metadata import Metadata
from scumble_wire.messages import MAX_PIXELS, MAX_SIDE, Depth, ImageInfo, Order

if TYPE_CHECKING:
    import OpenImageIO

#: The wire's word for a sample -> numpy's.
NUMPY = {"u8": "<u1", "u16": "<u2", "f16": "<f2", "f32": "<f4"}
FULL = {"u8": 255.0, "u16": 65535.0}
_DEPTHS: dict[str, Depth] = {"uint8": "u8", "uint16": "u16", "float16": "f16", "float32": "f32"}


def depth_of(values: NDArray[Any]) -> Depth:
    """The wire's word for the samples of an array."""
    return _DEPTHS[values.dtype.name]


def full_of(values: NDArray[Any]) -> float:
    """The sample that is white."""
    return FULL.get(depth_of(values), 1.0)


def check_size(name: object, width: int, height: int) -> None:
    """Raises ImageTooLarge for what the wire can't carry."""
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise ImageTooLarge(
            f"{name} has {width} x {height} pixels: that is too many.", remedy="Make it smaller first."
        )


def upright(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn (H, W, channels) as EXIF's orientation (1..8) says."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


@dataclass
class Samples:
    """values: (H, W, channels) of a file, upright, straight alpha; `color` says what they mean.

    spec: as OpenImageIO read the file, for its attributes. half: it holds 16-bit floats, whatever `values` are.
    """

    values: NDArray[Any]
    order: Order
    color: ColorDescription = field(default_factory=ColorDescription)
    metadata: Metadata = field(default_factory=Metadata)
    notes: list[str] = field(default_factory=list)
    spec: OpenImageIO.ImageSpec | None = None
    half: bool = False

    @property
    def depth(self) -> Depth:
        return depth_of(self.values)

    @property
    def gray(self) -> bool:
        return self.order.startswith("GRAY")


@dataclass
class Loaded:
    """A picture file ready for the wire.

    sent: what `info` tells; the samples of the file, or, `converted`, sRGB without limits: colors beyond it are
    numbers below 0 or above 1.
    """

    samples: Samples
    info: ImageInfo
    sent: NDArray[Any]  # (H, W, channels)
    converted: bool = False

    @property
    def pixels(self) -> memoryview:
        """The frame."""
        flat: memoryview = self.sent.reshape(-1).view(np.uint8).data
        return flat

    @property
    def notes(self) -> list[str]:
        """What can't be kept, in words; `save` adds to it."""
        return self.samples.notes
