"""Colors of a painted picture: kept, matched to the picture's, or drawn from the painting's palette.

A palette is the mean and covariance of a picture's colors in OKLab (Ottosson 2020), where a distance is about as
large as it looks. One palette is turned into another by the linear map that moves colors least: the Monge-Kantorovich
solution for normal distributions, Pitié and Kokaram 2007, section 3.3, applied as Gatys et al. 2016 do it to keep or
change a picture's colors ("Preserving color in neural artistic style transfer").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from scumble_backend.rendering.pixels import to_linear, to_srgb

#: Variance added to every direction of a palette: a flat picture has no colors to spread.
FLOOR = 1e-4

#: Pixels from which the colors of a picture are counted; more tell nothing new.
COUNTED = 500_000

#: Rows that are recolored at a time: the temporary planes stay small.
ROWS = 256

_TO_CONES = torch.tensor(
    [[0.4122214708, 0.5363325363, 0.0514459929],
     [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
_TO_LAB = torch.tensor(
    [[0.2104542553, 0.7936177850, -0.0040720468],
     [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


@dataclass(frozen=True)
class Palette:
    """mean: (3,), covariance: (3, 3); OKLab, float64, on the CPU."""

    mean: Tensor
    covariance: Tensor

    def numbers(self) -> tuple[float, ...]:
        """Nine numbers for a manifest: the mean of L, a, b, then LL, La, Lb, aa, ab, bb."""
        rows, columns = torch.triu_indices(3, 3)
        return tuple(round(float(value), 6) for value in torch.cat([self.mean, self.covariance[rows, columns]]))

    @classmethod
    def from_numbers(cls, numbers: Sequence[float]) -> Palette:
        """The inverse of `numbers`."""
        values = torch.tensor(numbers, dtype=torch.float64)
        upper = torch.zeros(3, 3, dtype=torch.float64)
        rows, columns = torch.triu_indices(3, 3)
        upper[rows, columns] = values[3:]
        return cls(values[:3], upper + upper.triu(1).T)

    @classmethod
    def blended(cls, palettes: Sequence[Palette], weights: Sequence[float]) -> Palette:
        """One palette between several. weights: summing to 1."""
        means = torch.stack([each.mean for each in palettes])
        spread = torch.stack([each.covariance for each in palettes])
        shares = torch.tensor(weights, dtype=torch.float64)
        return cls(torch.einsum("s,si->i", shares, means), torch.einsum("s,sij->ij", shares, spread))


def palette_of(image: Tensor, weight: Tensor | None = None) -> Palette:
    """The palette of a picture.

    image: (3, H, W) float, sRGB-encoded. weight: (H, W), 0 or more, how much each pixel counts; None: all alike, as
    where nothing counts.
    """
    height, width = image.shape[-2:]
    step = max(1, round((height * width / COUNTED) ** 0.5))
    lab = to_oklab(image[:, ::step, ::step].clamp(0.0, 1.0)).reshape(3, -1).double()
    counts = torch.ones_like(lab[0]) if weight is None else weight[::step, ::step].reshape(-1).double()
    if float(counts.sum()) <= 1e-6 * counts.numel():
        counts = torch.ones_like(counts)
    share = counts / counts.sum()
    mean = lab @ share
    apart = lab - mean[:, None]
    return Palette(mean.cpu(), ((apart * share) @ apart.T).cpu())


def recolored(image: Tensor, source: Palette, target: Palette) -> Tensor:
    """A picture whose palette is `source` with the palette `target`.

    image: (3, H, W) float, sRGB-encoded; what lies outside of [0, 1] is clamped. Returns the same shape, in [0, 1].
    """
    matrix = _transport(source.covariance, target.covariance).to(image.device, image.dtype)
    shift = (target.mean.to(image) - matrix @ source.mean.to(image))[:, None, None]
    result = torch.empty_like(image)
    for top in range(0, image.shape[-2], ROWS):
        part = slice(top, top + ROWS)
        lab = torch.einsum("ij,jhw->ihw", matrix, to_oklab(image[:, part].clamp(0.0, 1.0))) + shift
        result[:, part] = from_oklab(lab).clamp_(0.0, 1.0)
    return result


def _transport(source: Tensor, target: Tensor) -> Tensor:
    """The symmetric matrix A with A source A = target that moves least, both (3, 3) float64."""
    floor = FLOOR * torch.eye(3, dtype=torch.float64)
    root, back = _powers(source + floor)
    return back @ _powers(root @ (target + floor) @ root)[0] @ back


def _powers(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Square root of a symmetric positive matrix, and the inverse of it."""
    values, vectors = torch.linalg.eigh(matrix)
    sizes = values.clamp_min(1e-12).sqrt()
    return (vectors * sizes) @ vectors.T, (vectors / sizes) @ vectors.T


def to_oklab(image: Tensor) -> Tensor:
    """(3, H, W) sRGB-encoded in [0, 1] -> OKLab: L in [0, 1], a and b about -0.4 .. 0.4."""
    cones = torch.einsum("ij,jhw->ihw", _TO_CONES.to(image), to_linear(image)).clamp_min(0.0)
    return torch.einsum("ij,jhw->ihw", _TO_LAB.to(image), cones.pow(1 / 3))


def from_oklab(lab: Tensor) -> Tensor:
    """The inverse of `to_oklab`; colors beyond sRGB come out beyond [0, 1]."""
    cones = torch.einsum("ij,jhw->ihw", torch.linalg.inv(_TO_LAB).to(lab), lab).pow(3)
    return to_srgb(torch.einsum("ij,jhw->ihw", torch.linalg.inv(_TO_CONES).to(lab), cones))
