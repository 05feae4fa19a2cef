"""Compact: a plain chain of 3x3 convolutions at low resolution, then a pixel shuffle. The quickest network per pixel.

Weights are named as in Real-ESRGAN's `SRVGGNetCompact`, so Spandrel and everything built on it loads them.
Source: Wang et al. 2021 (Real-ESRGAN), `realesr-general`; Shi et al. 2016 for the pixel shuffle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Compact(nn.Module):
    """Enlarge an RGB picture by a whole factor.

    features: channels inside. layers: convolutions between the first and the last. factor: 1 to 8.
    forward: (N, 3, H, W) float, range [0, 1], to (N, 3, H x factor, W x factor), range about [0, 1], not clamped.
    """

    least_side = 1  # source pixels

    def __init__(self, features: int = 32, layers: int = 4, factor: int = 4) -> None:
        super().__init__()
        if not (1 <= features <= 512 and 0 <= layers <= 64 and 1 <= factor <= 8):
            raise ValueError(f"a Compact network with {features} x {layers} layers and x{factor} is out of range.")
        self.factor = factor
        body: list[nn.Module] = [nn.Conv2d(3, features, 3, 1, 1), nn.PReLU(features)]
        for _ in range(layers):
            body += [nn.Conv2d(features, features, 3, 1, 1), nn.PReLU(features)]
        last = nn.Conv2d(features, 3 * factor**2, 3, 1, 1)
        nn.init.normal_(last.weight, std=1e-3)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        body.append(last)
        self.body = nn.ModuleList(body)

    @property
    def halo(self) -> int:
        """How many source pixels around a result's own pixel it depends on."""
        return sum(1 for module in self.body if isinstance(module, nn.Conv2d))

    @property
    def cost(self) -> int:
        """Multiply-adds for a source pixel."""
        return sum(module.weight.numel() for module in self.body if isinstance(module, nn.Conv2d))

    def forward(self, image: Tensor) -> Tensor:
        x = image
        for module in self.body:
            x = module(x)
        # The picture, every pixel repeated, is added before the shuffle: there it needn't be enlarged first.
        return F.pixel_shuffle(x + image.to(x.dtype).repeat_interleave(self.factor**2, dim=1), self.factor)

    @torch.no_grad()
    def start_from(self, smaller: Compact) -> None:
        """Take over everything but the last convolution from a network for another factor."""
        for mine, other in zip(list(self.body)[:-1], list(smaller.body)[:-1], strict=True):
            mine.load_state_dict(other.state_dict())


def build(config: Mapping[str, Any]) -> Compact:
    """The network of a pack's architecture. Raises TypeError for an unknown entry, ValueError out of range."""
    return Compact(**config)
