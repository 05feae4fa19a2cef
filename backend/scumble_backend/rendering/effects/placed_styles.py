"""Several styles on one picture, each where its mask says: which count where, and the kernels they change."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

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
        self._alone: dict[int, Tensor] = {}
        self._together: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}

    def convolve(self, window: Tensor, stride: int, styles: list[int], maps: Tensor) -> Tensor:
        """A piece of a strip. styles: those that count in it; maps: (S, h, w), the weights of all."""
        changing = [style for style in styles if style in self._changes]
        if len(styles) == 1 and changing:  # it counts alone: its change is merged into the kernel
            return F.conv2d(window, self._merged(styles[0]), stride=stride)
        outputs = self.plain.shape[0]
        if len(styles) * outputs <= outputs + sum(self._changes[style][1].shape[0] for style in changing):
            return self._weighted(window, stride, styles, maps)
        made = F.conv2d(window, self.plain, stride=stride)
        if changing:
            rights, lefts = self._stacked(tuple(changing))
            inner = F.conv2d(window, rights, stride=stride)
            first = 0
            for style in changing:
                rank = self._changes[style][1].shape[0]
                inner[:, first : first + rank] *= maps[style]
                first += rank
            made += F.conv2d(inner, lefts)
        return made

    def _weighted(self, window: Tensor, stride: int, styles: list[int], maps: Tensor) -> Tensor:
        """Each style's own kernels, their results weighted: cheaper where a stage has few channels."""
        kernels = [self._merged(style) if style in self._changes else self.plain for style in styles]
        made = F.conv2d(window, torch.cat(kernels).contiguous(memory_format=torch.channels_last), stride=stride)
        outputs, weights = self.plain.shape[0], maps.to(made.dtype)
        total = made[:, :outputs] * weights[styles[0]]
        for place, style in enumerate(styles[1:], 1):
            total.addcmul_(made[:, place * outputs : (place + 1) * outputs], weights[style])
        return total

    def _merged(self, style: int) -> Tensor:
        if style not in self._alone:
            left, right = self._changes[style]
            kernel = self.plain + torch.einsum("or,rikl->oikl", left, right)
            self._alone[style] = kernel.contiguous(memory_format=torch.channels_last)
        return self._alone[style]

    def _stacked(self, styles: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """The inner convolutions of several changes as one, and the 1 x 1 convolution that adds them up."""
        if styles not in self._together:
            rights = torch.cat([self._changes[style][1] for style in styles])
            lefts = torch.cat([self._changes[style][0] for style in styles], dim=1)[:, :, None, None]
            self._together[styles] = (rights.contiguous(memory_format=torch.channels_last), lefts.contiguous())
        return self._together[styles]


def side_by_side(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=3)
