"""What super-resolution networks are trained to make small."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scumble_training.sr.recipe import LossWeights

LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)  # ITU-R BT.601 in studio range, as MATLAB's rgb2ycbcr


class SrObjective(nn.Module):
    """The weighted sum of a recipe's terms, as a scalar in float32."""

    luma: Tensor

    def __init__(self, weights: LossWeights) -> None:
        super().__init__()
        self.weights = weights
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """output, target: (N, 3, H, W) float32, range about [0, 1]."""
        weights = self.weights
        difference = output - target
        loss = output.new_zeros(())
        if weights.l1:
            loss = loss + weights.l1 * difference.abs().mean()
        if weights.l2:
            loss = loss + weights.l2 * difference.square().mean()
        if weights.luma:
            loss = loss + weights.luma * (difference * self.luma).sum(1).abs().mean()
        return loss
