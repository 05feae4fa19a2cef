"""What a style network is asked for: the weighted sum of losses that a recipe names, for many styles at once.

Every part is divided by the mean square of its own target or by its supremum, so that one set of weights serves
every painting (the raw Gram losses of two paintings differ by more than a factor of 1000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scumble_training.loss_network import LossNetwork
from scumble_training.style.losses import gram, style_supremum, tone_loss, total_variation
from scumble_training.style.recipe import LossTerm, LossWeights


@dataclass(frozen=True)
class Losses:
    """Parts of the objective, averaged over the batch; `total` carries the gradient."""

    total: Tensor
    content: Tensor
    style: Tensor
    variation: Tensor
    luminance: Tensor
    evenness: Tensor
    lattice: Tensor

    def as_floats(self) -> dict[str, float]:
        return {name: float(getattr(self, name).detach()) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Emphasis:
    """(N,) each: how much a part counts for each picture; synthetic canvases have their own."""

    style: Tensor
    luminance: Tensor
    evenness: Tensor


class Objective(nn.Module):
    """Content, style, variation, luminance, evenness and lattice of painted pictures.

    networks: one loss network per term, holding at least the term's layers.
    Targets of paintings are added with `add_style`; they are addressed by their index and a stroke octave (0: the
    painting at the recipe's size, 1: twice as large).
    """

    def __init__(self, terms: Sequence[LossTerm], networks: Sequence[LossNetwork], weights: LossWeights) -> None:
        super().__init__()
        self.terms = tuple(terms)
        self.networks = nn.ModuleList(networks)
        self.weights = weights
        self._grams: dict[tuple[int, float], list[dict[str, Tensor]]] = {}

    @torch.no_grad()
    def add_style(self, index: int, octave: float, painting: Tensor) -> None:
        """Keep the Gram targets of a painting (1, 3, H, W), already at the size its strokes are wanted at."""
        self._grams[index, octave] = [
            {layer: gram(features[layer])[0] for layer in term.style}
            for term, features in zip(self.terms, self._features(painting), strict=True)
        ]

    def forward(
        self,
        painted: Tensor,
        content: Tensor,
        styles: Sequence[tuple[int, float]],
        emphasis: Emphasis | None = None,
    ) -> Losses:
        """painted, content: (N, 3, H, W) in [0, 1]; styles: for each picture its style's index and octave.

        emphasis: multiplies the pictures' losses; 1 each where left out.
        """
        with torch.no_grad():
            wanted = self._features(content, content_only=True)
        found = self._features(painted)
        relative = self.weights.normalization != "none"
        content_loss = painted.new_zeros(())
        style_loss = painted.new_zeros(painted.shape[0])
        for place, (term, target, features) in enumerate(zip(self.terms, wanted, found, strict=True)):
            for layer, weight in term.content.items():
                goal = target[layer].float()
                difference = (features[layer].float() - goal).square()
                if relative:
                    difference = difference / goal.square().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-6)
                content_loss = content_loss + weight * difference.mean()
            for layer, weight in term.style.items():
                goal = torch.stack([self._grams[style][place][layer] for style in styles])
                grams = gram(features[layer])
                distance = (grams - goal).square().mean(dim=(1, 2))
                if self.weights.normalization == "supremum":
                    distance = distance * goal[0].numel() / style_supremum(grams, goal)
                elif relative:
                    distance = distance / goal.square().mean(dim=(1, 2))
                style_loss = style_loss + weight * distance
        if emphasis is None:
            ones = torch.ones_like(style_loss)
            emphasis = Emphasis(ones, ones, ones)
        w = self.weights
        style = (style_loss * emphasis.style).mean()
        variation = total_variation(painted, power=w.variation_power)
        nothing = painted.new_zeros(())  # a part without weight costs nothing, which counts on large pictures
        luminance = (tone_loss(painted, content) * emphasis.luminance).mean() if w.luminance else nothing
        evenness = (evenness_loss(painted, content) * emphasis.evenness).mean() if w.evenness else nothing
        lattice = lattice_loss(painted) if w.lattice else nothing
        total = (
            w.content * content_loss
            + w.style * style
            + w.variation * variation
            + w.luminance * luminance
            + w.evenness * evenness
            + w.lattice * lattice
        )
        return Losses(total, content_loss.detach(), style.detach(), variation.detach(), luminance.detach(),
                      evenness.detach(), lattice.detach())  # fmt: skip

    def _features(self, images: Tensor, *, content_only: bool = False) -> list[dict[str, Tensor]]:
        """Features of every term, each at its own scale of the picture; without style terms where not wanted."""
        pyramid: dict[float, Tensor] = {1.0: images}
        result: list[dict[str, Tensor]] = []
        for term, network in zip(self.terms, self.networks, strict=True):
            if content_only and not term.content:
                result.append({})
                continue
            if term.scale not in pyramid:
                pyramid[term.scale] = F.interpolate(
                    images, scale_factor=term.scale, mode="bilinear", antialias=True, align_corners=False
                )
            result.append(network(pyramid[term.scale]))
        return result


def block_means(images: Tensor, side: int) -> Tensor:
    """(N, C, H, W) -> (N, C, H // side, W // side): averages of whole blocks."""
    return F.avg_pool2d(images.float(), side)


def evenness_loss(painted: Tensor, content: Tensor, side: int = 32, width: float = 0.04) -> Tensor:
    """Areas of one color in the content ought to share one color in the picture: no blotches in skies and pages.

    Averages over blocks of `side` pixels; for every pair of blocks of a picture the squared difference of the
    painted colors, weighted by exp(-(distance of the content colors / width)^2). Divided by the
    pairs' weights. Returns (N,), in squares of the [0, 1] range.
    """
    before = block_means(content, side).flatten(2).transpose(1, 2)  # (N, blocks, 3)
    after = block_means(painted, side).flatten(2).transpose(1, 2)
    alike = torch.exp(-(torch.cdist(before, before) / width).square())
    apart = (after[:, :, None] - after[:, None, :]).square().sum(dim=-1)
    blocks = before.shape[1]
    alike = alike * (1 - torch.eye(blocks, device=alike.device))
    return (alike * apart).sum(dim=(1, 2)) / alike.sum(dim=(1, 2)).clamp_min(1.0)


def lattice_loss(painted: Tensor, side: int = 48, period: int = 4) -> Tensor:
    """What repeats at fixed places: two upsamplings can leave a weave of periods 2 and 4 on flat areas.

    For every block of `side` pixels, a multiple of `period`, the mean of the pixels of each place in the period;
    their mean square distance from the block's mean. In squares of the [0, 1] range; a picture without a lattice
    has next to none of it, since it has little at so short periods that keeps step over a block.
    """
    side = min(side, *(length // period * period for length in painted.shape[-2:]))
    n, c, height, width = painted.shape
    rows, columns = height // side, width // side
    cut = painted.float()[..., : rows * side, : columns * side]
    blocks = cut.reshape(n, c, rows, side // period, period, columns, side // period, period)
    places = blocks.mean(dim=(3, 6))  # (N, C, rows, period, columns, period)
    return (places - places.mean(dim=(3, 5), keepdim=True)).square().mean()
