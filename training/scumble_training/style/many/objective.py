"""The loss of the light style network: content kept once per picture, styles by the Gram matrices of a whole step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scumble_backend.rendering.pixels import luma
from scumble_training.loss_network import LossNetwork
from scumble_training.style.losses import likeness_loss, palette, palette_loss, tone_loss, total_variation
from scumble_training.style.many.recipe import ManyData, ManyWeights
from scumble_training.style.objective import evenness_loss, lattice_loss
from scumble_training.style.recipe import LossTerm

LATTICE_PERIOD = 8  # pixels; three doublings can leave patterns of periods 2, 4 and 8
COLORFULNESS = 2.0  # the spread of colors, in the painting's own, that a style may have without paying for it


@dataclass(frozen=True)
class Parts:
    """The parts of the loss, unweighted; `total` carries the gradient."""

    total: Tensor
    content: float
    style: float
    palette: float
    likeness: float
    luminance: float
    evenness: float
    lattice: float

    def as_floats(self) -> dict[str, float]:
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**told, "total": float(self.total.detach())}


class ManyObjective(nn.Module):
    """networks: one loss network per term, holding at least the term's layers."""

    def __init__(
        self, terms: Sequence[LossTerm], networks: Sequence[LossNetwork], weights: ManyWeights, data: ManyData
    ) -> None:
        super().__init__()
        self.terms, self.weights, self.data = tuple(terms), weights, data
        self.networks = nn.ModuleList(networks)

    @torch.no_grad()
    def goals(self, painting: Tensor) -> list[Tensor]:
        """The Gram matrices of a painting (1, 3, H, W), already at the size its strokes are wanted at; palette; tint.

        The tint, (4,), is its mean chroma and how far its colors leave that in the mean, in squares.
        """
        colors = chroma(painting)
        mean = colors.mean(dim=(0, 2, 3))
        tint = torch.cat([mean, chroma_spread(colors, mean)])
        return [*(mean_gram(features)[0] for _, features in self.looked_at(painting)[1]), palette(painting), tint]

    @torch.no_grad()
    def content(self, pictures: Tensor) -> list[Tensor]:
        """The content features (N, C, h, w) of pictures (N, 3, H, W), in the order of the recipe."""
        return [features for _, features in self.looked_at(pictures, content_only=True)[0]]

    def forward(
        self,
        painted: Tensor,
        pictures: Tensor,
        content: Sequence[Tensor],
        goals: Sequence[Tensor],
        is_canvas: Tensor,
        boldness: float,
        strength: float = 1.0,
        others: Tensor | None = None,
    ) -> Parts:
        """painted, pictures: (N, 3, H, W) in [0, 1], all in one style, whose `goals` are given.

        content: of the pictures. is_canvas: (N,) bool. boldness: -1 to 1, shifts the style's weight by octaves.
        strength: multiplies the style's weight. others: the same pictures in another style, whose marks are to lie
        elsewhere.
        """
        content_loss, style_loss = self.compare(painted, content, goals, is_canvas)
        *_, wanted_palette, tint = goals
        photo = (~is_canvas).to(painted.dtype)
        w, data = self.weights, self.data
        canvas = 1 - photo
        luminance = (tone_loss(painted, pictures) * (1 + (data.canvas_luminance - 1) * canvas)).mean()
        even = data.photo_evenness + (data.canvas_evenness - data.photo_evenness) * canvas
        evenness = (evenness_loss(painted, pictures) * even).mean()
        lattice = lattice_loss(painted, period=LATTICE_PERIOD)
        photos, colors = painted[~is_canvas], chroma(painted)
        palette_part = palette_loss(photos, wanted_palette) if len(photos) else painted.new_zeros(())
        # Content features see color, so of themselves they would keep a red coat red in an engraving. In the palette
        # of a whole picture a coat counts little.
        excess = (chroma_spread(colors, tint[:3]) - COLORFULNESS * tint[3]).clamp_min(0)
        colorfulness = (excess * photo).sum() / photo.sum().clamp_min(1)
        likeness = painted.new_zeros(()) if others is None else likeness_loss(painted, others, pictures).mean()
        style_weight = w.style * strength * 2.0 ** (w.boldness * boldness)
        total = (
            w.content * content_loss
            + style_weight * style_loss
            + w.variation * total_variation(painted)
            + w.chroma_variation * total_variation(colors)
            + w.palette * palette_part
            + w.colorfulness * colorfulness
            + w.likeness * likeness
            + w.luminance * luminance
            + w.evenness * evenness
            + w.lattice * lattice
        )
        # Divided so that bold and faithful samples pull about equally hard.
        total = total / (w.content + 0.14 * style_weight)
        told = (content_loss, style_loss, palette_part, likeness, luminance, evenness, lattice)
        return Parts(total, *(float(part.detach()) for part in told))

    def compare(
        self, painted: Tensor, content: Sequence[Tensor], goals: Sequence[Tensor], is_canvas: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The losses of content and of style alone, scalars; see `forward`.

        The Gram matrices of the photos of a step are averaged before they are compared: what the style asks for is
        asked of them together, so a dark picture may stay dark beside a light one.
        """
        found, seen = self.looked_at(painted)
        photo = (~is_canvas).to(painted.dtype)
        # Of a flat page hardly any feature is left to divide by, so its content would outweigh all photos.
        counts = 1 + (self.data.canvas_content - 1) * (1 - photo)
        content_loss = (counts * content_distance(found, content)).mean()
        style_loss = painted.new_zeros(())
        *gram_goals, _palette, _tint = goals
        for (weight, features), goal in zip(seen, gram_goals, strict=True):
            grams, size = mean_gram(features), goal.square().sum()
            together = (grams * photo[:, None, None]).sum(0) / photo.sum().clamp_min(1)
            distance = (together - goal).square().sum() * photo.sum()
            apart = (grams - goal).square().sum(dim=(1, 2))
            distance = distance + self.data.canvas_style * (apart * (1 - photo)).sum()
            style_loss = style_loss + weight * distance / size / len(painted)
        return content_loss, style_loss

    def looked_at(
        self, pictures: Tensor, *, content_only: bool = False
    ) -> tuple[list[tuple[float, Tensor]], list[tuple[float, Tensor]]]:
        """(weight, features) of every content layer and of every style layer, in the recipe's order."""
        content: list[tuple[float, Tensor]] = []
        style: list[tuple[float, Tensor]] = []
        sizes: dict[float, Tensor] = {1.0: pictures}
        for term, network in zip(self.terms, self.networks, strict=True):
            if content_only and not term.content:
                continue
            if term.scale not in sizes:
                sizes[term.scale] = F.interpolate(
                    pictures, scale_factor=term.scale, mode="bilinear", antialias=True, align_corners=False
                )
            features = network(sizes[term.scale])
            content += [(weight, features[layer].float()) for layer, weight in term.content.items()]
            style += [(weight, features[layer].float()) for layer, weight in term.style.items()]
        return content, style


def content_distance(found: Sequence[tuple[float, Tensor]], goals: Sequence[Tensor]) -> Tensor:
    """How far pictures left their content, (N,): squares, as parts of the content's own.

    found: weights and features of the painted pictures, as `looked_at` gives them. goals: the pictures' own features.
    """
    total = goals[0].new_zeros(len(goals[0]))
    for (weight, features), goal in zip(found, goals, strict=True):
        size = goal.square().mean(dim=(1, 2, 3)).clamp_min(1e-6)
        total = total + weight * (features - goal).square().mean(dim=(1, 2, 3)) / size
    return total


def chroma(images: Tensor) -> Tensor:
    """What images (N, 3, H, W) have beyond their luma, of the same shape; 0 where they are gray."""
    return images - luma(images)


def chroma_spread(colors: Tensor, mean: Tensor) -> Tensor:
    """How far chroma (N, 3, H, W) leaves the mean (3,), (N,), in squares of the [0, 1] range."""
    return (colors - mean.view(1, 3, 1, 1)).square().mean(dim=(1, 2, 3))


def mean_gram(features: Tensor) -> Tensor:
    """Gram matrices (N, C, C) of features (N, C, H, W), averaged over places."""
    rows = features.permute(0, 2, 3, 1).flatten(1, 2)
    return rows.transpose(1, 2) @ rows / rows.shape[1]
