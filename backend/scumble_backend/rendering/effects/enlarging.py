"""A painting brought to the size of its picture: by a super-resolution network where it is much smaller.

Brush marks on a large canvas are painted at a working size (`marks.py`). Enlarged by a filter they would be soft;
compared by eye at 12 megapixels, a small super-resolution network keeps their edges crisp for a quarter of the time
that a second pass of the style network takes, and adds no speckle of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.rendering.effects import upscale_plan as plan
from scumble_backend.rendering.effects.upscale import Network, cut, run_chain

#: Enlarged by less than this along a side, a painting stays crisp without a network.
NETWORK_FROM = 1.5

#: Source pixels on a tile's side: its activations stay in a CPU's caches.
CORE = 160

#: The model whose networks enlarge paintings.
MODEL = "fast"


def brought_to_size(
    painted: Tensor,
    size: tuple[int, int],
    network: Network | None,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Tensor:
    """A painting at another size.

    painted: (3, h, w) float32 in [0, 1]. size: height and width of the result. network: what enlarges, on the
    painting's device; None: the bicubic filter does. progress: called after each tile with the fraction done.
    Returns (3, H, W) float32 in [0, 1].
    """
    height, width = painted.shape[-2:]
    if network is None or not needs_network((height, width), size):
        return resized(painted, size).clamp_(0.0, 1.0)
    rows = plan.Axis(height, network.factor, size[0], network.halo)
    columns = plan.Axis(width, network.factor, size[1], network.halo)
    result = torch.empty(3, *size, device=painted.device)
    core = CORE if painted.device.type == "cpu" else 1024
    done = 0
    for tile in plan.tiles(rows, columns, core):
        across, along = tile.rows, tile.columns
        window = painted[:, across.source_start : across.source_stop, along.source_start : along.source_stop]
        full = run_chain([network], window, half=True)
        result[:, across.start : across.stop, along.start : along.stop] = cut(full, tile, rows, columns)
        done += tile.area
        progress(done / math.prod(size))
    return result.clamp_(0.0, 1.0)


def needs_network(painted: tuple[int, int], size: tuple[int, int]) -> bool:
    """True where a painting is enlarged by so much that a filter would leave it soft."""
    return size[0] * size[1] >= NETWORK_FROM**2 * painted[0] * painted[1]


def resized(image: Tensor, size: tuple[int, int], mode: str = "bicubic") -> Tensor:
    """(C, H, W) at another size, antialiased."""
    return F.interpolate(image[None], size=size, mode=mode, antialias=True, align_corners=False)[0]
