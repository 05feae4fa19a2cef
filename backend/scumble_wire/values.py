"""What messages are made of: how pixels lie in memory, a style of a mix, what is shown of packs and jobs.

Checks of a single field stand in `__post_init__` and raise ValueError with a plain sentence. Those that need the
frames (does the payload's length fit?) stand in `ImageInfo.check_payload`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

MAX_SIDE = 1 << 17  # pixels; a larger side is a mistake, not a picture
MAX_PIXELS = 1 << 30
LARGEST_FACTOR = 16.0  # by which a picture is enlarged; the smallest is 1

Depth = Literal["u8", "u16", "f16", "f32"]
Order = Literal["GRAY", "GRAYA", "RGB", "RGBA", "BGR", "BGRA"]
Transfer = Literal["srgb", "linear"]
Priority = Literal["preview", "apply", "batch"]
Quality = Literal["quick", "standard", "full"]
JobState = Literal["waiting", "running", "paused", "done", "cancelled", "failed"]
JobKind = Literal["stylize", "upscale", "train", "copy"]
Region = Literal["everywhere", "light", "dark", "opaque", "rest"]
Colors = Literal["style", "picture", "matched", "palette", "only"]

BYTES_PER_SAMPLE: dict[str, int] = {"u8": 1, "u16": 2, "f16": 2, "f32": 4}
CHANNELS: dict[str, int] = {"GRAY": 1, "GRAYA": 2, "RGB": 3, "RGBA": 4, "BGR": 3, "BGRA": 4}


def check(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(sentence)


def check_unit(value: float, name: str) -> None:
    check(math.isfinite(value) and 0.0 <= value <= 1.0, f"{name} must be between 0 and 1, not {value}.")


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """How the pixels of one raw frame lie in memory: row-major, no row padding, little-endian, straight alpha."""

    width: int  # pixels, 1 .. MAX_SIDE
    height: int  # pixels, 1 .. MAX_SIDE
    depth: Depth = "u8"  # integers use their full range; floats have white at 1.0
    order: Order = "RGBA"
    transfer: Transfer = "srgb"  # "srgb": sRGB-encoded; "linear": linear light with sRGB primaries
    frame: int = 0  # index of the raw frame that holds the pixels

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            check(1 <= side <= MAX_SIDE, f"{name} must be between 1 and {MAX_SIDE} pixels, not {side}.")
        check(self.width * self.height <= MAX_PIXELS, f"{self.width} x {self.height} pixels are too many.")
        check(self.depth in BYTES_PER_SAMPLE, f"unknown depth {self.depth!r}.")
        check(self.order in CHANNELS, f"unknown channel order {self.order!r}.")
        check(self.transfer in ("srgb", "linear"), f"unknown transfer {self.transfer!r}.")
        check(self.frame >= 0, "a frame index can't be negative.")

    @property
    def channels(self) -> int:
        return CHANNELS[self.order]

    @property
    def has_alpha(self) -> bool:
        return self.order in ("GRAYA", "RGBA", "BGRA")

    @property
    def nbytes(self) -> int:
        return self.width * self.height * self.channels * BYTES_PER_SAMPLE[self.depth]

    def check_payload(self, nbytes: int) -> None:
        """Raise ValueError unless a frame of `nbytes` bytes holds exactly this picture."""
        check(
            nbytes == self.nbytes,
            f"{self.width} x {self.height} {self.order} {self.depth} takes {self.nbytes} bytes, not {nbytes}.",
        )


@dataclass(frozen=True, slots=True)
class StyleChoice:
    """One style of a mix. Weights are relative: they are divided by their sum (per pixel under masks)."""

    pack: str  # pack id
    weight: float = 1.0  # >= 0
    mask_frame: int | None = None  # frame with one u8 a pixel, the image's size; None: everywhere
    region: Region = "everywhere"  # or the light, dark or opaque parts, or the rest that the others leave

    def __post_init__(self) -> None:
        check(bool(self.pack), "a style needs the id of its pack.")
        check(math.isfinite(self.weight) and self.weight >= 0, "a weight must be 0 or more.")
        check(self.mask_frame is None or self.mask_frame >= 0, "a frame index can't be negative.")
        check(self.region in ("everywhere", "light", "dark", "opaque", "rest"), f"unknown region {self.region!r}.")


@dataclass(frozen=True, slots=True)
class PackInfo:
    """What a chooser shows of an installed pack."""

    id: str
    title: str
    kind: str  # "affine", "network", "upscale" or "mix"
    version: str = ""
    authors: list[str] = field(default_factory=list)
    license: str = ""  # SPDX expression of the pack
    painting: str = ""  # "Title, artist, year"; empty for upscale packs
    painting_license: str = ""  # SPDX expression or "public domain"
    source: str = ""  # where it was installed from: "starter", a file name, an address
    signed_by: str = ""  # fingerprint of the author's key; empty: not signed
    removable: bool = True  # False for packs that ship with Scumble
    factors: list[int] = field(default_factory=list)  # upscale packs: whole factors the network does in one go
    stroke_scales: list[float] = field(default_factory=lambda: [1.0])  # style packs: smallest and largest trained
    boldness: bool = False  # style packs: True where `Stylize.boldness` has an effect
    description: str = ""
    network: str = ""  # style packs: names the network; those of one network mix in one pass
    settings: str = ""  # packs of kind mix: what they choose, as JSON
    tags: list[str] = field(default_factory=list)  # words to find it by

    @property
    def is_style(self) -> bool:
        """Whether it paints by itself."""
        return self.kind in ("affine", "network")


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One line of the list of jobs."""

    job: str
    kind: JobKind
    title: str  # "Great Wave on 4000 x 3000", for people
    state: JobState
    fraction: float  # 0 .. 1
    remaining_s: float | None  # seconds; None: not known yet
    mine: bool  # True if the asking client submitted it
