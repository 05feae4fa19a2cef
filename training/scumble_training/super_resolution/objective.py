"""What super-resolution networks are trained to make small."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scumble_backend.rendering import device as devices
from scumble_training.loss_network import LossNetwork, load_loss_network
from scumble_training.super_resolution.luma import LUMA
from scumble_training.super_resolution.recipe import LossWeights, SrRecipe

GRID, GRID_WINDOW = 4, 3  # pixels of the grid that enlarging networks tend to leave; cells that are averaged
PERIOD = 8  # pixels: the coarsest grid of the loss network that counts
WINDOW = 32  # pixels of the picture that one texture statistic is taken over


class SrObjective(nn.Module):
    """The weighted sum of a recipe's terms, as a scalar in float32.

    loss_network: needed for terms that compare features; `objective_of` loads it.
    """

    luma: Tensor

    def __init__(self, weights: LossWeights, loss_network: LossNetwork | None = None) -> None:
        super().__init__()
        self.loss_network = loss_network
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1))
        self.weigh(weights)

    def weigh(self, weights: LossWeights) -> None:
        """Go on with other weights. Raises ValueError where they need a loss network and there is none."""
        if weights.looks_at_features and self.loss_network is None:
            raise ValueError("these weights compare features and need a loss network")
        self.weights = weights

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
        if weights.sharpness:
            loss = loss + weights.sharpness * (
                difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
            )
        if weights.frequency:
            spectrum = torch.view_as_real(torch.fft.rfft2(difference, norm="ortho"))
            loss = loss + weights.frequency * spectrum.abs().mean()
        if weights.grid:
            by_place = F.avg_pool2d(F.pixel_unshuffle(difference, GRID), GRID_WINDOW)
            loss = loss + weights.grid * by_place.abs().mean()
        if weights.looks_at_features:
            # Pooling in the loss network and in the enlarging one would share a grid, and draw it on the picture.
            down, right = torch.randint(PERIOD, (2,)).tolist()
            loss = loss + self._perceptual(output[..., down:, right:], target[..., down:, right:])
        return loss

    def _perceptual(self, output: Tensor, target: Tensor) -> Tensor:
        assert self.loss_network is not None
        loss = output.new_zeros(())
        half = devices.half_precision(output.device) is torch.bfloat16
        for size in range(self.weights.pyramid):
            if size:
                output, target = F.avg_pool2d(output, 2), F.avg_pool2d(target, 2)
            with torch.autocast(output.device.type, torch.bfloat16, enabled=half):
                made = self.loss_network(output)
                with torch.no_grad():
                    wanted = self.loss_network(target)
            for layer in self.weights.layers:
                a, b = made[layer].float(), wanted[layer].float()
                if self.weights.features:
                    loss = loss + self.weights.features * (a - b).square().mean()
                if self.weights.texture:
                    reach = max(2, WINDOW >> (int(layer[4]) - 1))
                    loss = loss + self.weights.texture * (gram(a, reach) - gram(b, reach)).abs().mean()
        return loss


def gram(features: Tensor, window: int) -> Tensor:
    """Products of channels, averaged over windows. (N, C, H, W) to (N, windows, C, C), float32.

    Source: Sajjadi et al. 2017 (EnhanceNet), section 4.2.3: statistics of small windows keep textures in place.
    """
    count, channels, height, width = features.shape
    window = min(window, height, width)
    height, width = height - height % window, width - width % window
    cells = features[..., :height, :width].reshape(
        count, channels, height // window, window, width // window, window
    )  # fmt: skip
    cells = cells.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, channels, window * window)
    return cells @ cells.transpose(-1, -2) / (window * window)


def objective_of(recipe: SrRecipe, *, folder: Path | None = None, download: bool = False) -> SrObjective:
    """A recipe's objective, with its loss network where a stage needs one.

    Raises LossNetworkMissing, LossNetworkUnusable.
    """
    if not recipe.looks_at_features:
        return SrObjective(recipe.loss)
    loss = recipe.loss
    return SrObjective(loss, load_loss_network(loss.network, loss.layers, folder=folder, download=download))
