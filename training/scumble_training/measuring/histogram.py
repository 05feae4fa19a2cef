"""Histogram matching: give a picture the distribution of values of another one, channel by channel.

The paper's feature loss leaves colors and contrast free to drift, so its outputs are matched to the low-resolution
input. Source: Johnson et al. 2016, section 4.2.
"""

from __future__ import annotations

import torch
from torch import Tensor


def match(image: Tensor, reference: Tensor) -> Tensor:
    """image: (C, H, W) float; reference: (C, h, w) float, of any size. Returns image's shape.

    The order of the pixels of each channel stays; equal ones get the mean of what falls to them.
    """
    if image.shape[0] != reference.shape[0]:
        raise ValueError(f"{image.shape[0]} channels can't be matched to {reference.shape[0]}.")
    return torch.stack([_channel(a, b) for a, b in zip(image, reference, strict=True)])


def _channel(image: Tensor, reference: Tensor) -> Tensor:
    _, index, counts = torch.unique(image.flatten(), return_inverse=True, return_counts=True)  # type: ignore[no-untyped-call,unused-ignore]
    share = (counts.cumsum(0) - counts / 2) / image.numel()  # of the pixels below the middle of each group
    wanted = reference.flatten().sort().values
    place = (share * wanted.numel() - 0.5).clamp(0, wanted.numel() - 1)
    low = place.floor().long()
    high = (low + 1).clamp_max(wanted.numel() - 1)
    matched = torch.lerp(wanted[low], wanted[high], (place - low).to(wanted.dtype))
    return matched[index].reshape(image.shape).to(image.dtype)
