"""Rectangles of pixels: which part of a layer goes to the network when only some of it is painted."""

from __future__ import annotations

from typing import NamedTuple

#: Half of the style networks' receptive field, rounded up, in pixels at mark size 1.
CONTEXT = 112


class Area(NamedTuple):
    """A rectangle in pixels of the document."""

    x: int
    y: int
    width: int
    height: int

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def meet(self, other: Area) -> Area:
        """The part that both have in common; empty if they don't meet."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Area(x, y, max(0, right - x), max(0, bottom - y))

    def join(self, other: Area) -> Area:
        """The smallest area that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Area(x, y, right - x, bottom - y)

    def grown(self, by: int) -> Area:
        return Area(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)


def with_context(selection: Area, bounds: Area, mark_size: float = 1.0) -> Area:
    """The selection and what the network has to see around it so that its edge fits, inside bounds.

    mark_size: of the brush marks against those that styles learned, in pixels; see `StyleChoices.mark_size`.
    A quarter of the selection's longer side, at least the receptive half-field: instance normalization takes its
    statistics from all it sees, so a small selection with a narrow rim would change its colors.
    """
    rim = max(round(CONTEXT * max(1.0, mark_size)), max(selection.width, selection.height) // 4)
    return selection.grown(rim).meet(bounds)


def fitted(width: int, height: int, side: int, least: int = 1) -> tuple[int, int]:
    """The size scaled down (never up) so that its longer side is at most `side`; no side under `least`."""
    scale = min(1.0, side / max(width, height, 1))
    return max(least, round(width * scale)), max(least, round(height * scale))


def crop_rows(data: memoryview, width: int, pixel_bytes: int, inner: Area) -> bytes:
    """Cut a rectangle out of row-major pixels. inner: in pixels of the picture, inside of it."""
    stride, start, length = width * pixel_bytes, inner.x * pixel_bytes, inner.width * pixel_bytes
    flat = data.cast("B") if data.format != "B" or data.ndim != 1 else data
    rows = range(inner.y * stride + start, (inner.y + inner.height) * stride + start, stride)
    return b"".join([flat[row : row + length] for row in rows])
