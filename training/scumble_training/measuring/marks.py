"""What painted pictures are judged by beside the loss: border lines, colored fringes, whose strokes, whose palette.

Pictures are (3, H, W) float tensors, sRGB-encoded, range [0, 1]. None of this is ever trained against but the
palette, by `style.losses.palette_loss` with other colors and directions, and whose strokes, by `likeness_loss`, which
has another window and leaves out what is the picture's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from scumble_backend.rendering.pixels import luma

STROKE_WINDOW = 17  # pixels; what is slower than this is the picture's form, what is faster its strokes

#: Linear sRGB to the cone responses of OKLab, and their cube roots to L, a, b (Ottosson 2020).
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def border_line(painted: Tensor, *, width: int = 4, inner: int = 32) -> float:
    """How far rows and columns at the border leave the picture, against how far inner ones do.

    For each of the four sides: the largest step between the means of neighboring lines among the outer `width` lines,
    against the 90 % quantile of the same steps further in than `inner` pixels; the largest of the four ratios.
    1: the border is like the rest. Steps under 1/255 count as 1/255, what 8 bits can't show. Sides must be
    longer than four times `inner` (else ValueError).
    """
    if min(painted.shape[1:]) <= 4 * inner:
        raise ValueError(
            f"sides must be longer than {4 * inner} pixels to tell a border, not {tuple(painted.shape[1:])}"
        )
    shade = luma(painted.float())[0]
    worst = 0.0
    for plane in (shade, shade.T):
        profile = plane.mean(dim=1)
        steps = profile.diff().abs().clamp_min(1 / 255)
        inside = steps[inner:-inner].quantile(0.9)
        worst = max(worst, float(steps[:width].max() / inside), float(steps[-width:].max() / inside))
    return worst


def fringe(painted: Tensor, painting: Tensor) -> float:
    """Energy of the chroma's Laplacian at one pixel against that of the painting: colored fringes beside edges.

    painting: at the size its strokes are wanted at. 1: as rough in color as the painting. The judge's figure.
    """
    return _chroma_roughness(painted) / max(_chroma_roughness(painting), 1e-12)


def _chroma_roughness(picture: Tensor) -> float:
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    planes = (picture - luma(picture.float()))[[0, 2]][:, None].cpu()
    return float(F.conv2d(planes, kernel).square().mean(dim=(1, 2, 3)).sum())


def strokes(painted: Tensor) -> Tensor:
    """(H, W): luma less its mean over STROKE_WINDOW pixels."""
    shade = luma(painted.float())[None]
    radius = STROKE_WINDOW // 2
    mirrored = F.pad(shade, (radius,) * 4, mode="reflect")
    return (shade - F.avg_pool2d(mirrored, STROKE_WINDOW, stride=1))[0, 0]


def stroke_correlation(one: Tensor, other: Tensor) -> float:
    """Correlation of two paintings of the same picture in what is finer than STROKE_WINDOW pixels, -1 to 1.

    Two styles with strokes of their own lay them differently on a gray page: near 0. 0 too where one has no strokes.
    """
    a, b = strokes(one).flatten().double(), strokes(other).flatten().double()
    size = float(a.norm() * b.norm())
    return float(a @ b) / size if size > 1e-9 else 0.0


def pair_correlations(painted: Mapping[str, Tensor]) -> dict[tuple[str, str], float]:
    """`stroke_correlation` of every two styles' paintings of one picture."""
    return {(a, b): stroke_correlation(painted[a], painted[b]) for a, b in combinations(painted, 2)}


def oklab(colors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) sRGB-encoded in [0, 1] to OKLab's L in [0, 1] and a, b. Source: Ottosson 2020."""
    linear = np.where(colors <= 0.04045, colors / 12.92, ((np.maximum(colors, 0.04045) + 0.055) / 1.055) ** 2.4)
    lab: NDArray[np.float64] = np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T
    return lab


def palette_distance(painted: Tensor, painting: Tensor, *, colors: int = 4000, directions: int = 64) -> float:
    """Sliced Wasserstein distance of the colors of two pictures of any sizes, in OKLab units (white to black: 1).

    colors: drawn from each picture, the same ones every time. Source: Rabin et al. 2011.
    """
    rng = np.random.default_rng(0)
    clouds = []
    for picture in (painted, painting):
        pixels = picture.flatten(1).T.double().cpu().numpy()
        clouds.append(oklab(pixels[rng.integers(len(pixels), size=colors)]))
    axes = rng.normal(size=(directions, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    one, other = (np.sort(cloud @ axes.T, axis=0) for cloud in clouds)
    return float(np.abs(one - other).mean())
