"""How a picture is enlarged in parts: which networks run, which source pixels each part needs. Plain arithmetic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from scumble_backend.errors import FactorWrong, ImageTooLarge
from scumble_backend.rendering.effects.resample import taps
from scumble_wire.messages import MAX_PIXELS, MAX_SIDE
from scumble_wire.values import LARGEST_FACTOR

REST = 1.5  # up to this rest, a resampling filter enlarges what the networks left
NEARLY = 1.1  # a network that falls short by no more than this is preferred to the next larger one


def check_factor(factor: float) -> None:
    """Raises FactorWrong unless the factor lies between 1 and 16."""
    if not (math.isfinite(factor) and 1 <= factor <= LARGEST_FACTOR):
        raise FactorWrong(
            f"A picture can't be enlarged {factor:g} times.",
            remedy=f"Choose a factor from 1 to {LARGEST_FACTOR:g}.",
        )


def enlarged_size(height: int, width: int, factor: float) -> tuple[int, int]:
    """Rows and columns of the result. Raises FactorWrong, ImageTooLarge."""
    check_factor(factor)
    rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
    if max(rows, columns) > MAX_SIDE or rows * columns > MAX_PIXELS:
        raise ImageTooLarge(
            f"Enlarged {factor:g} times, the picture would have {columns} x {rows} pixels.",
            remedy="Choose a smaller factor or a smaller selection.",
        )
    return rows, columns


def choose_steps(factor: float, offered: Iterable[int]) -> tuple[int, ...]:
    """The networks to run one after the other, by their factors.

    Steps are taken until what is left is at most `REST`; the last one may overshoot, and the result is made smaller
    again. offered: factors of the networks at hand; those of 1 are left out. Returns () if none is needed.
    """
    choices = sorted({step for step in offered if step > 1})
    steps: list[int] = []
    left = factor
    while choices and (left > REST or not steps):
        step = next((choice for choice in choices if choice * NEARLY >= left), choices[-1])
        steps.append(step)
        left /= step
    return tuple(sorted(steps, reverse=True))


@dataclass(frozen=True, slots=True)
class Span:
    """A part of one axis: where it lies in the result, and which source samples it is made from."""

    start: int  # in the result
    stop: int
    source_start: int
    source_stop: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the picture."""

    rows: Span
    columns: Span

    @property
    def area(self) -> int:
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)


def total_halo(steps: Sequence[int], halos: Sequence[int]) -> int:
    """Source samples beside a part on which it depends, through all networks one after the other."""
    reach, side = 0.0, 1.0
    for step, halo in zip(steps, halos, strict=True):
        reach += halo * side
        side /= step
    return math.ceil(reach)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of an enlargement. `length` source samples become `length` x `whole`, then `out_length`."""

    length: int
    whole: int  # product of the networks' factors
    out_length: int
    halo: int  # source samples

    @property
    def resampled(self) -> bool:
        return self.out_length != self.length * self.whole

    def taps(self) -> tuple[Tensor, Tensor]:
        """Of the resampling after the networks."""
        length = self.length * self.whole
        return taps(length, self.out_length, self.out_length / length, "bicubic", True)

    def span(self, start: int, stop: int) -> Span:
        """What the part from `start` to `stop` of the result needs."""
        if self.resampled:
            indices = self.taps()[0][:, start:stop]
            first, last = int(indices.min()), int(indices.max())
        else:
            first, last = start, stop - 1
        source_start = max(0, first // self.whole - self.halo)
        source_stop = min(self.length, last // self.whole + 1 + self.halo)
        return Span(start, stop, source_start, source_stop)

    def spans(self, core: int) -> list[Span]:
        """The axis in even parts of at most about `core` source samples (and their halo)."""
        count = max(1, math.ceil(self.length / core))
        edges = [self.out_length * i // count for i in range(count + 1)]
        return [self.span(a, b) for a, b in itertools.pairwise(edges) if b > a]


def tiles(rows: Axis, columns: Axis, core: int) -> list[Tile]:
    """The picture in even tiles of at most about `core` x `core` source pixels, top to bottom."""
    across = columns.spans(core)
    return [Tile(row, column) for row in rows.spans(core) for column in across]


def quarters(tile: Tile, rows: Axis, columns: Axis) -> Iterator[Tile]:
    """The same part in two to four smaller tiles."""
    for row in _halves(tile.rows, rows):
        for column in _halves(tile.columns, columns):
            yield Tile(row, column)


def _halves(span: Span, axis: Axis) -> list[Span]:
    middle = (span.start + span.stop) // 2
    if middle == span.start:
        return [span]
    return [axis.span(span.start, middle), axis.span(middle, span.stop)]
