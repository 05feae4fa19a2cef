"""The paper's super-resolution network: residual blocks at low resolution, then one enlarging layer per doubling.

Source: Johnson, Alahi, Fei-Fei 2016, section 3.1 and supplement, tables 2 and 3. As in the style network, the paper's
stride-1/2 convolutions are nearest-neighbor resizing and a convolution, which leave no checkerboard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn


class _Residual(nn.Module):
    """conv, norm, ReLU, conv, norm, plus the input; no ReLU after the sum."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1, padding_mode="reflect")
        self.norm1 = nn.BatchNorm2d(features)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1, padding_mode="reflect")
        self.norm2 = nn.BatchNorm2d(features)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return result


class _Doubling(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(features, features, 3, padding=1, padding_mode="reflect")
        self.norm = nn.BatchNorm2d(features)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = F.relu(self.norm(self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))))
        return result


class JohnsonSR(nn.Module):
    """Enlarge an RGB picture 2, 4 or 8 times (the paper trains 4 and 8).

    forward: (N, 3, H, W) float, range [0, 1], H and W at least 5, to (N, 3, H x factor, W x factor), range [0, 1].
    """

    least_side = 5  # source pixels: the first convolution mirrors four of them

    def __init__(self, features: int = 64, blocks: int = 4, factor: int = 4) -> None:
        super().__init__()
        if factor not in (2, 4, 8):
            raise ValueError(f"the paper's network enlarges 2, 4 or 8 times, not {factor}.")
        if not (1 <= features <= 512 and 0 <= blocks <= 64):
            raise ValueError(f"{features} features in {blocks} blocks are out of range.")
        self.factor = factor
        self.first = nn.Conv2d(3, features, 9, padding=4, padding_mode="reflect")
        self.norm = nn.BatchNorm2d(features)
        self.residual = nn.Sequential(*(_Residual(features) for _ in range(blocks)))
        self.enlarge = nn.Sequential(*(_Doubling(features) for _ in range(factor.bit_length() - 1)))
        self.last = nn.Conv2d(features, 3, 9, padding=4, padding_mode="reflect")

    @property
    def halo(self) -> int:
        """How many source pixels around a result's own pixel it depends on."""
        reach = 4.0 + 2 * len(self.residual)
        side = 1.0  # source pixels per pixel of the layer
        for _ in self.enlarge:
            side /= 2
            reach += 2 * side  # the convolution, and the half step that nearest-neighbor resizing shifts by
        return int(reach + 4 * side) + 1

    @property
    def cost(self) -> int:
        """Multiply-adds for a source pixel: each doubling quadruples the pixels that are computed."""
        total, area = self.first.weight.numel(), 1
        total += sum(module.weight.numel() for module in self.residual.modules() if isinstance(module, nn.Conv2d))
        for doubling in self.enlarge:
            area *= 4
            assert isinstance(doubling, _Doubling)
            total += area * doubling.conv.weight.numel()
        return total + area * self.last.weight.numel()

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.norm(self.first(image)))
        x = self.last(self.enlarge(self.residual(x)))
        result: Tensor = (x.tanh() + 1) / 2
        return result


def build(config: Mapping[str, Any]) -> JohnsonSR:
    """The network of a pack's architecture. Raises TypeError for an unknown entry, ValueError out of range."""
    return JohnsonSR(**config)
