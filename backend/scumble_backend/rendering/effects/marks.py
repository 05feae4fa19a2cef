"""How large brush marks are: by how much a picture is shrunk or enlarged before it is painted. Plain arithmetic.

A network paints marks of so many pixels. So that a canvas of 24 megapixels looks like its preview, marks are sized to
the whole picture: it is painted at about one megapixel, whatever its own size, and the painting brought back to it.
A part of a picture (a selection, a detail) or a copy made smaller (a preview) says what it is a part or copy of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scumble_backend.nets.style_skip import SMALLEST_SIDE

#: Pixels at which a whole picture is painted at stroke scale 1.
USUAL_WORK = 1_000_000

#: Pixels of the largest picture that is worked on at a higher resolution than its own for the sake of small strokes.
LARGEST_WORK = 40_000_000

#: The same for previews, which have to follow a slider.
LARGEST_PREVIEW = 2_000_000

#: Small pictures are enlarged at most by so much along a side: more shows nothing but blur to the network.
LARGEST_FACTOR = 4.0

NEARLY = 0.03  # a working size that differs by less than this from the picture's own is the picture's own


@dataclass(frozen=True)
class MarkSize:
    """Size of the brush marks.

    stroke_scale: against the usual size, which is that on a picture of one megapixel; absolute: that which the style
    learned, in pixels of the picture.
    picture_pixels: of the whole picture at its own size; 0: the image given is the whole picture.
    scale: pixels of the image per pixel of the picture, along a side; below 1 for a copy made smaller.
    preview: small strokes are limited by `LARGEST_PREVIEW`.
    """

    stroke_scale: float = 1.0
    absolute: bool = False
    picture_pixels: int = 0
    scale: float = 1.0
    preview: bool = False

    def factor(self, pixels: int) -> float:
        """By what the sides of an image of so many pixels are multiplied, before any limit."""
        if self.absolute:
            return 1.0 / (self.scale * self.stroke_scale)
        whole = self.picture_pixels * self.scale**2 if self.picture_pixels else pixels
        return float((USUAL_WORK / whole) ** 0.5) / self.stroke_scale

    def working_size(self, size: Sequence[int], by_table: float = 1.0) -> tuple[tuple[int, int], str]:
        """(height, width) to paint at, and what to tell where the strokes come out larger than asked for.

        by_table: the part of the stroke scale that the style's table takes care of.
        """
        height, width = size
        wanted = self.factor(height * width) * by_table
        room = ((LARGEST_PREVIEW if self.preview else LARGEST_WORK) / (height * width)) ** 0.5
        possible = min(wanted, max(1.0, min(LARGEST_FACTOR, room)))
        if abs(possible - 1.0) < NEARLY:
            possible = 1.0
        note = ""
        if room < LARGEST_FACTOR and wanted > 1.05 * possible:
            times = f"{wanted / possible:.1f} times larger than"
            if self.preview:
                note = f"The strokes are shown {times} they will be."
            else:
                note = f"On a picture of this size the strokes are {times} asked for."
        return (max(SMALLEST_SIDE, round(height * possible)), max(SMALLEST_SIDE, round(width * possible))), note
