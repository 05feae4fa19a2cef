"""The losses of training, each with its source and unit. Every one takes features or pictures and gives a scalar.

Products and sums run in float32 whatever dtype the features come in: in half precision a Gram matrix overflows
(float16) or loses its small entries (bfloat16).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from scumble_backend.rendering.effects.colors import to_oklab
from scumble_backend.rendering.pixels import luma

StyleNormalization = Literal["none", "supremum", "target"]

DIRECTIONS = 16  # that colors are compared along
COLORS = 4096  # of a painting that are kept along each
FINE = 15  # pixels; what a mean over so many leaves is marks and contours
UNSEEN = 1 / 255  # a deviation that 8 bits can't show
DARKEST = 1 / 255  # colors are lifted by this: at black the cube root of OKLab has no slope


def gram(features: Tensor) -> Tensor:
    """Gram matrices of feature maps, divided by C x H x W.

    features: (N, C, H, W), any floating dtype. Returns (N, C, C) float32; unit: activation squared.
    Source: Johnson et al. 2016, equation 3 (Gatys et al. 2016 do not divide).
    """
    n, c, h, w = features.shape
    with torch.autocast(features.device.type, enabled=False):
        if features.is_contiguous(memory_format=torch.channels_last):
            rows = features.permute(0, 2, 3, 1).reshape(n, h * w, c).float()  # a view, no copy of NHWC memory
            product = rows.transpose(1, 2) @ rows
        else:
            rows = features.reshape(n, c, h * w).float()
            product = rows @ rows.transpose(1, 2)
        return product / (c * h * w)


def feature_loss(features: Tensor, target: Tensor, *, relative: bool = False) -> Tensor:
    """Mean squared difference of features: the content loss.

    features, target: (N, C, H, W), alike. Unit: activation squared; relative: divided by the target's mean square,
    so free of the loss network's scale. Source: Johnson et al. 2016, equation 2.
    """
    target = target.detach().float()
    loss = F.mse_loss(features.float(), target)
    return loss / target.square().mean().clamp_min(1e-12) if relative else loss


def gram_loss(grams: Tensor, target: Tensor, *, normalization: StyleNormalization = "none") -> Tensor:
    """Squared Frobenius distance of Gram matrices, averaged over the batch: the style loss of one layer.

    grams: (N, C, C). target: the painting's, (C, C), (1, C, C), or (N, C, C) where each picture has its own style.
    normalization "none": unit activation^4; Johnson et al. 2016, equation 4.
    "supremum": divided by |G|^2 + |G_target|^2, which bounds it by 1 for any pair of paintings, since the inner
    product of two Gram matrices is never negative: Cheng et al., CVPR 2021, equation 9; one weight then serves all
    paintings. The denominator takes no gradient (see `style_supremum`).
    "target": divided by |G_target|^2 alone.
    """
    target = target.detach().float()
    target = target.expand_as(grams) if target.dim() == 3 else target.unsqueeze(0).expand_as(grams)
    grams = grams.float()
    distance = (grams - target).square().sum((1, 2))
    if normalization == "supremum":
        distance = distance / style_supremum(grams, target)
    elif normalization == "target":
        distance = distance / target.square().sum((1, 2)).clamp_min(1e-24)
    elif normalization != "none":
        raise ValueError(f"unknown normalization of the style loss: {normalization!r}")
    return distance.mean()


def style_supremum(grams: Tensor, target: Tensor) -> Tensor:
    """The least upper bound of the style loss given the two Gram norms: |G|^2 + |G_target|^2, shape (N,).

    Without gradient: with it, a picture could lower the ratio by making its own Gram matrix larger.
    Source: Cheng et al., CVPR 2021 (Style-Aware Normalized Loss), section 4.
    """
    return (grams.detach().square().sum((1, 2)) + target.detach().square().sum((1, 2))).clamp_min(1e-24)


def total_variation(images: Tensor, *, power: Literal[1, 2] = 1) -> Tensor:
    """Roughness of pictures: mean difference of neighboring pixels, down and across added.

    images: (N, C, H, W), range [0, 1]. power 1: mean absolute difference (unit: range); 2: mean square, as Johnson
    et al. 2016 (section 3.2, up to the factor of a mean in place of a sum).
    """
    down = images[:, :, 1:].float() - images[:, :, :-1].float()
    across = images[:, :, :, 1:].float() - images[:, :, :, :-1].float()
    if power == 1:
        return down.abs().mean() + across.abs().mean()
    return down.square().mean() + across.square().mean()


def tone_loss(images: Tensor, contents: Tensor, *, side: int = 32) -> Tensor:
    """Mean square difference of luminance (Rec. 709 weights on encoded values), averaged over side x side pixels.

    images, contents: (N, 3, H, W), range [0, 1]. Returns (N,). Holds a white page apart from a black one, which the
    Gram loss alone does not ask for.
    """
    difference = luma(images.float() - contents.float())
    return F.avg_pool2d(difference, min(side, *difference.shape[2:])).square().mean(dim=(1, 2, 3))


def likeness_loss(images: Tensor, others: Tensor, pictures: Tensor) -> Tensor:
    """How alike the marks are that two styles lay on the same pictures: squared partial correlation, (N,), 0 to 1.

    images, others: (N, 3, H, W) in [0, 1], painted in one style and in another. pictures: what was painted; what of
    their own fine structure is left in a painting is no mark. Marks are luma less its mean over FINE x FINE pixels.
    After the diversity loss of Li et al., CVPR 2017 (Diversified Texture Synthesis), there by features and among
    outputs of one texture.
    """
    own, ones, twos = (_fine(tensor) for tensor in (pictures, images, others))
    floor = UNSEEN**2 * own.shape[1]
    ones, twos = (marks - own * _dot(marks, own) / (_dot(own, own) + floor) for marks in (ones, twos))
    sizes = (_dot(ones, ones) + floor) * (_dot(twos, twos) + floor)
    return (_dot(ones, twos).square() / sizes)[:, 0]


def _fine(images: Tensor) -> Tensor:
    """Luma without its slow part, (N, H x W), its border cut off."""
    shade, cut = luma(images.float()), FINE // 2
    return (shade[..., cut:-cut, cut:-cut] - F.avg_pool2d(shade, FINE, stride=1)).flatten(1)


def _dot(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).sum(dim=1, keepdim=True)


def palette(painting: Tensor) -> Tensor:
    """The colors of a painting (N, 3, H, W) in [0, 1], as `palette_loss` compares them: (DIRECTIONS, COLORS)."""
    return _at(_sorted_colors(painting[..., ::3, ::3]), COLORS)


def palette_loss(images: Tensor, goal: Tensor) -> Tensor:
    """Sliced Wasserstein distance of the colors of pictures, taken together, to a painting's.

    images: (N, 3, H, W) in [0, 1]. goal: `palette` of the painting.
    Unit: OKLab, white to black being 1. Source: Rabin et al. 2011, with absolute differences.
    """
    ours = _sorted_colors(images)
    return (ours - _at(goal, ours.shape[1])).abs().mean()


def _sorted_colors(images: Tensor) -> Tensor:
    """OKLab along fixed directions, each sorted: (DIRECTIONS, N x H x W)."""
    colors = images.float().movedim(1, 0).reshape(3, 1, -1)
    lab = to_oklab(DARKEST + (1 - DARKEST) * colors)[:, 0]
    return (_directions().to(lab) @ lab).sort(dim=1).values


def _directions() -> Tensor:
    """(DIRECTIONS, 3): evenly over half a sphere, on a spiral of the golden angle (Gonzalez 2010)."""
    places = torch.arange(DIRECTIONS)
    height, turn = (places + 0.5) / DIRECTIONS, places * math.pi * (3 - math.sqrt(5))
    radius = (1 - height.square()).sqrt()
    return torch.stack([height, radius * turn.cos(), radius * turn.sin()], 1)


def _at(ordered: Tensor, count: int) -> Tensor:
    """So many of the sorted values of each row, evenly taken."""
    places = (torch.arange(count, device=ordered.device, dtype=torch.float64) + 0.5) * ordered.shape[1] / count
    return ordered[:, places.long()]
