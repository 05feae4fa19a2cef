"""Several styles on one picture, each where its mask says: which count where, and the kernels they change."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.rendering.effects.doubling import convolve_doubled, phase_kernels

#: A strip under masks is cut into at most so many pieces, none narrower than so many columns.
MOST_PIECES, LEAST_PIECE = 32, 8

#: A weight up to this counts as none: the tails of a soft mask are not seen, and cost as much as all the rest.
TRACE = 1 / 64


def without_traces(weights: Tensor) -> Tensor:
    """Weights (S, H, W) without those up to `TRACE`, summing to 1 again; from twice that on they stay as they are.

    At most four styles: the largest weight is always over 2 `TRACE`.
    """
    ramp = (weights - TRACE).mul_(2.0).clamp_(min=0.0)
    left = torch.minimum(weights, ramp)
    return left.div_(left.sum(dim=0))


class Piece(NamedTuple):
    """Columns [left, right) of a strip, and the styles that count anywhere in them."""

    left: int
    right: int
    styles: list[int]


class WeightMaps:
    """The weights of a mix at the size of each stage, (S, h, w)."""

    def __init__(self, full: Tensor) -> None:
        self._by_size = {(full.shape[1], full.shape[2]): full}
        self._full = full
        self._pieces: dict[tuple[int, int, int, int], list[Piece]] = {}

    def at(self, size: tuple[int, int]) -> Tensor:
        if size not in self._by_size:
            self._by_size[size] = F.adaptive_avg_pool2d(self._full, size)
        return self._by_size[size]

    def pieces(self, size: tuple[int, int], top: int, bottom: int) -> list[Piece]:
        """Rows [top, bottom) at a size, cut where other styles count: what counts nowhere is not computed."""
        key = (*size, top, bottom)
        if key not in self._pieces:
            width = size[1]
            step = max(LEAST_PIECE, -(-width // MOST_PIECES))
            step += step % 2  # where a stage doubles, a piece ends between two pixels of the smaller size
            columns = F.pad(self.at(size)[:, top:bottom].amax(dim=1), (0, -width % step))
            highest = columns.reshape(columns.shape[0], -1, step).amax(dim=2).T.tolist()
            made: list[Piece] = []
            for number, block in enumerate(highest):
                styles = [style for style, weight in enumerate(block) if weight > 0]
                right = min(width, (number + 1) * step)
                if made and made[-1].styles == styles:
                    made[-1] = made[-1]._replace(right=right)
                else:
                    made.append(Piece(number * step, right, styles))
            self._pieces[key] = made
        return self._pieces[key]


class Kernels:
    """The 3 x 3 kernels of one stage under styles that change them."""

    def __init__(self, plain: Tensor, changes: dict[int, tuple[Tensor, Tensor]]) -> None:
        """changes: style -> (left, right) as `StyleDelta.factors`."""
        self.plain = plain.contiguous(memory_format=torch.channels_last)
        self._changes = changes
        self._stacks: dict[tuple[int, ...], Tensor] = {}
        self._phases: dict[tuple[int, ...], Tensor] = {}
        self._lefts: dict[tuple[int, ...], Tensor] = {}

    def convolve(self, window: Tensor, stride: int, styles: list[int], maps: Tensor) -> Tensor:
        """A piece of a strip. styles: those that count in it; maps: (S, h, w), the weights of all."""
        return self.weighted(F.conv2d(window, self.stacked(styles), stride=stride), styles, maps)

    def double(
        self, window: Tensor, styles: list[int], maps: Tensor, borders: tuple[bool, bool, bool, bool]
    ) -> Tensor:
        """The same of a piece that is doubled before. window, borders: as `convolve_doubled` has them."""
        key, stacked = tuple(styles), self.stacked(styles)
        if key not in self._phases:
            self._phases[key] = phase_kernels(stacked)
        made = convolve_doubled(window, stacked, self._phases[key], borders=borders)
        return self.weighted(made, styles, maps)

    def stacked(self, styles: list[int]) -> Tensor:
        """All kernels that a piece needs as those of one convolution, whose result `weighted` takes.

        For a style alone its own, with its change merged in. For several either the own ones of each, which is
        cheaper where a stage has few channels, or the plain ones and then the inner kernels of all changes.
        """
        key = tuple(styles)
        if key not in self._stacks:
            if self._apart(styles):
                kernels = [self._merged(style) for style in styles]
            else:
                kernels = [self.plain, *(self._changes[style][1] for style in self._changing(styles))]
            self._stacks[key] = torch.cat(kernels).contiguous(memory_format=torch.channels_last)
        return self._stacks[key]

    def weighted(self, made: Tensor, styles: list[int], maps: Tensor) -> Tensor:
        """What kernels give that are weighted at every pixel. made: what `stacked` gave; it is written over."""
        outputs = self.plain.shape[0]
        if len(styles) == 1 or made.shape[1] == outputs:
            return made
        weights = maps.to(made.dtype)
        if self._apart(styles):
            total = made[:, :outputs] * weights[styles[0]]
            for place, style in enumerate(styles[1:], 1):
                total.addcmul_(made[:, place * outputs : (place + 1) * outputs], weights[style])
            return total
        changing = self._changing(styles)
        first = outputs
        for style in changing:
            rank = self._changes[style][1].shape[0]
            made[:, first : first + rank] *= weights[style]
            first += rank
        return F.conv2d(made[:, outputs:], self._outer(tuple(changing))).add_(made[:, :outputs])

    def _changing(self, styles: list[int]) -> list[int]:
        return [style for style in styles if style in self._changes]

    def _apart(self, styles: list[int]) -> bool:
        """Whether each style has kernels of its own in the stack."""
        outputs = self.plain.shape[0]
        changed = sum(self._changes[style][1].shape[0] for style in self._changing(styles))
        return len(styles) == 1 or len(styles) * outputs <= outputs + changed

    def _merged(self, style: int) -> Tensor:
        if style not in self._changes:
            return self.plain
        left, right = self._changes[style]
        return self.plain + torch.einsum("or,rikl->oikl", left, right)

    def _outer(self, styles: tuple[int, ...]) -> Tensor:
        """The 1 x 1 convolution that adds the changes up."""
        if styles not in self._lefts:
            lefts = torch.cat([self._changes[style][0] for style in styles], dim=1)
            self._lefts[styles] = lefts[:, :, None, None].contiguous()
        return self._lefts[styles]


def side_by_side(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=3)
