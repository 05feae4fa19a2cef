"""A painting brought to the size of its picture: by a super-resolution network where it is much smaller.

Brush marks on a large canvas are painted at a working size (`marks.py`). Enlarged by a filter they would be soft;
compared by eye at 12 megapixels, a small super-resolution network keeps their edges crisp in half the time that a
second pass of the style network takes, and adds no speckle of its own. Contours that the painting took over from the
picture get the picture's own fine detail back (`Detail`): window frames and lettering stay readable at 100 %.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.rendering.effects import upscale_plan as plan
from scumble_backend.rendering.effects.resample import taps, weighted_sum
from scumble_backend.rendering.effects.upscale import Network, cut, run_chain
from scumble_backend.rendering.pixels import luma

#: Enlarged by less than this along a side, a painting stays crisp without a network.
NETWORK_FROM = 1.5

#: Source pixels on a tile's side: its activations stay in a CPU's caches.
CORE = 160

#: Half a side, in pixels of the painting, of the box over which its answer to the picture's luma is taken.
ANSWER_RADIUS = 2

#: Variance of luma below which there is nothing to answer to: noise of a photo on a flat area.
ANSWER_FLOOR = 2e-3

#: Rows of the result to which detail is added at a time.
DETAIL_ROWS = 256

#: The model whose networks enlarge paintings.
MODEL = "fast"


def brought_to_size(
    painted: Tensor,
    size: tuple[int, int],
    network: Network | None,
    progress: Callable[[float], None] = lambda fraction: None,
    *,
    finish: Callable[[Tensor, int], None] | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """A painting at another size.

    painted: (3, h, w) float32 in [0, 1]. size: height and width of the result. network: what enlarges, on the
    painting's device; None: the bicubic filter does. progress: called after each tile with the fraction done.
    finish: called with some rows of the result and the first one's number; changes them in place. out: where the
    result goes, (3, H, W); rows are written after their `finish`, so it may be what that reads.
    Returns (3, H, W) float32 in [0, 1].
    """
    height, width = painted.shape[-2:]
    if network is None or not needs_network((height, width), size):
        whole = resized(painted, size).clamp_(0.0, 1.0)
        if finish is not None:
            finish(whole, 0)
        return whole if out is None else out.copy_(whole)
    rows = plan.Axis(height, network.factor, size[0], network.halo)
    columns = plan.Axis(width, network.factor, size[1], network.halo)
    result = torch.empty(3, *size, device=painted.device) if out is None else out
    core = CORE if painted.device.type == "cpu" else 1024
    done = 0
    for across, tiles in itertools.groupby(plan.tiles(rows, columns, core), lambda tile: tile.rows):
        made = torch.empty(3, across.stop - across.start, size[1], device=painted.device)
        for tile in tiles:
            along = tile.columns
            window = painted[:, across.source_start : across.source_stop, along.source_start : along.source_stop]
            full = run_chain([network], window, half=True)
            made[:, :, along.start : along.stop] = cut(full, tile, rows, columns)
            done += tile.area
            progress(done / math.prod(size))
        made.clamp_(0.0, 1.0)
        if finish is not None:
            finish(made, across.start)
        result[:, across.start : across.stop] = made
    return result


def needs_network(painted: tuple[int, int], size: tuple[int, int]) -> bool:
    """True where a painting is enlarged by so much that a filter would leave it soft."""
    return size[0] * size[1] >= NETWORK_FROM**2 * painted[0] * painted[1]


class Detail:
    """What a painting's working size did not show of the picture, to be added to the painting at full size.

    picture: (3, H, W) in [0, 1]. work, painted: (3, h, w), the picture at working size and its painting.
    What is added is the difference of luma between the picture and its enlarged small copy, times how much the
    painting follows the picture's luma there: 1 where it keeps a contour, 0 where its own marks took over.
    Source: the slope of the guided filter, He et al. 2010, equation 5, computed at low resolution as in the fast
    guided filter, He and Sun 2015.
    """

    def __init__(self, picture: Tensor, work: Tensor, painted: Tensor) -> None:
        self._picture = picture
        seen, drawn = luma(work), luma(painted)
        mean = _box(seen)
        covariance, variance = _box(seen * drawn) - mean * _box(drawn), _box(seen * seen) - mean * mean
        answer = _box((covariance / (variance + ANSWER_FLOOR)).clamp(0.0, 1.0))
        self._small = small = torch.cat([seen, answer])
        height, width = picture.shape[-2:]
        self._rows = taps(small.shape[-2], height, height / small.shape[-2], "bicubic", False)
        self._columns = taps(small.shape[-1], width, width / small.shape[-1], "bicubic", False)

    def add(self, result: Tensor, top: int) -> None:
        """To rows of the painting, (3, h, W) in [0, 1], in place; `top` is the first one's number."""
        for start in range(0, result.shape[-2], DETAIL_ROWS):
            own = result[:, start : start + DETAIL_ROWS]
            part = slice(top + start, top + start + own.shape[-2])
            enlarged = weighted_sum(self._small, -2, self._rows[0][:, part], self._rows[1][:, part])
            known, share = weighted_sum(enlarged, -1, *self._columns)
            detail = luma(self._picture[:, part])[0] - known
            own.copy_((own + share.clamp(0.0, 1.0) * detail).clamp_(0.0, 1.0))


def _box(plane: Tensor) -> Tensor:
    """(1, h, w): the mean over the box around every pixel."""
    padded = F.pad(plane[None], (ANSWER_RADIUS,) * 4, mode="reflect")
    return F.avg_pool2d(padded, 2 * ANSWER_RADIUS + 1, stride=1)[0]


def resized(image: Tensor, size: tuple[int, int], mode: str = "bicubic") -> Tensor:
    """(C, H, W) at another size, antialiased."""
    return F.interpolate(image[None], size=size, mode=mode, antialias=True, align_corners=False)[0]
