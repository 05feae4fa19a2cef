"""Luma, which the published tables measure, and the peak signal-to-noise ratio."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)  # ITU-R BT.601 in studio range, as MATLAB's rgb2ycbcr


def luma(image: Tensor, *, full_range: bool = False) -> Tensor:
    """(3, H, W) uint8 to (H, W) float64, range [16, 235] (MATLAB's `rgb2ycbcr`, not rounded) or [0, 255].

    The tables measure a gray file by its own samples, that is in the full range; so does `score`.
    """
    weights = torch.tensor(LUMA, dtype=torch.float64).view(3, 1, 1)
    if full_range:
        return (image.double() * weights / weights.sum()).sum(0)
    return (image.double() * weights).sum(0) + 16


def psnr(a: Tensor, b: Tensor) -> float:
    """dB between two (H, W) pictures with a peak of 255; infinite if they are equal."""
    error = (a - b).square().mean().item()
    return float("inf") if error == 0 else 10 * torch.log10(torch.tensor(255**2 / error, dtype=torch.float64)).item()
