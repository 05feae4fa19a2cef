"""Where the styles of a mix count: masks that come from the picture itself, combined with those that were sent."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.rendering.pixels import luma

#: Pixels on the longer side at which light and dark are told apart: parts of a picture, not its grain.
SEEN_SIDE = 192

#: Luma between which a place turns from dark to light.
DARK, LIGHT = 0.3, 0.7


def region_masks(
    image: Tensor, regions: Sequence[str], masks: Sequence[Tensor | None], alpha: Tensor | None = None
) -> list[Tensor | None]:
    """The mask of every style, (H, W) in [0, 1]; None: everywhere.

    image: (3, H, W) float, sRGB-encoded. regions: of each style, the words of `StyleChoice.region`. masks: (H, W), as
    sent. alpha: (H, W); None: opaque. A region and a mask of one style are multiplied. "rest" is what the others with
    a region or mask leave.
    """
    made: list[Tensor | None] = []
    light: Tensor | None = None
    for region, mask in zip(regions, masks, strict=True):
        own = mask
        if region in ("light", "dark"):
            light = _light_parts(image) if light is None else light
            own = _both(own, light if region == "light" else 1.0 - light)
        elif region == "opaque" and alpha is not None:
            own = _both(own, alpha)
        made.append(own)
    if "rest" not in regions:
        return made
    taken = torch.zeros(image.shape[-2:], device=image.device)
    for region, own in zip(regions, made, strict=True):
        if region != "rest" and own is not None:
            taken += own
    rest = (1.0 - taken).clamp_(0.0, 1.0)
    return [_both(own, rest) if region == "rest" else own for region, own in zip(regions, made, strict=True)]


def _both(one: Tensor | None, other: Tensor) -> Tensor:
    return other if one is None else one * other


def _light_parts(image: Tensor) -> Tensor:
    """(H, W): 1 where the picture is light, 0 where it is dark, soft between; the same for a small copy of it."""
    height, width = image.shape[-2:]
    shade = luma(image.clamp(0.0, 1.0))[None]
    scale = min(1.0, SEEN_SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = F.adaptive_avg_pool2d(shade, size)
    small = F.avg_pool2d(small, 3, stride=1, padding=1, count_include_pad=False)
    between = ((small - DARK) / (LIGHT - DARK)).clamp_(0.0, 1.0)
    soft = between * between * (3.0 - 2.0 * between)
    return F.interpolate(soft, size=(height, width), mode="bilinear", align_corners=False)[0, 0]
