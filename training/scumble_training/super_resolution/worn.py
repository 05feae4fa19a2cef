"""Pictures as life leaves them: what cameras, editors and web sites do, done twice over and drawn at random.

Source: Wang et al. 2021 (Real-ESRGAN), section 3: a second-order chain of blur, resizing, noise and JPEG; Zhang et
al. 2021 (BSRGAN) for mixed resizing kernels, anisotropic blur and sharpening in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from torch import Tensor

from scumble_backend.rendering.effects.resample import resize
from scumble_training.super_resolution.faults import blur, eight_bits, jpeg, low_pass, sharpen

Range = tuple[float, float]

LEAST = 8  # pixels; no step makes a side smaller


@dataclass(frozen=True, slots=True)
class Round:
    """One passing through a camera, an editor or a web site. Ranges are drawn from evenly."""

    blur: Range  # standard deviation along two axes, pixels of the picture as it is then
    blur_share: float
    scales: Range  # sides against those before; drawn in octaves, so that 1/2 and 2 are alike
    scale_share: float
    gaussian: float  # largest standard deviation of noise, of 1
    poisson: float  # largest standard deviation of photon noise on white, of 1
    gray_noise: float  # share whose noise is the same in all channels
    noise_share: float
    jpeg: tuple[int, int]  # qualities
    jpeg_share: float
    subsampled: float = 0.6  # share of the JPEGs that keep color at half the resolution


@dataclass(frozen=True, slots=True)
class Worn:
    """See `degrade.Degradation.patches`.

    clean: share of the patches that are only made smaller. sharpened: share with halos between two rounds, of a
    strength up to `halo`. ringing: share that is cut off in frequency at the end, as strong sharpening leaves it.
    """

    rounds: tuple[Round, ...]
    clean: float = 0.15
    sharpened: float = 0.25
    halo: Range = (0.3, 1.2)
    ringing: float = 0.15

    def __call__(self, large: Tensor, factor: int, generator: torch.Generator) -> Tensor:
        """(N, 3, H, W) float in [0, 1] to (N, 3, H / factor, W / factor), in multiples of 1/255."""
        seeds = torch.randint(1 << 62, (large.shape[0],), generator=generator).tolist()
        small = [
            self.wear(picture.cpu(), factor, np.random.default_rng(s))
            for picture, s in zip(large, seeds, strict=True)
        ]
        return torch.stack(small).to(large.device)

    def wear(self, picture: Tensor, factor: int, rng: Generator) -> Tensor:
        """One picture (3, H, W); the same state of `rng` gives the same result."""
        size = (picture.shape[-2] // factor, picture.shape[-1] // factor)
        if rng.random() < self.clean:
            return eight_bits(resize(picture, size))
        for number, one in enumerate(self.rounds):
            if number and rng.random() < self.sharpened:
                picture = sharpen(picture, rng.uniform(*self.halo), rng.uniform(0.5, 2.0))
            # A chain that has become smaller than the result would lose what no network can bring back.
            least = [side if number else 1.5 * side for side in size]
            picture = _round(picture, one, least, rng)
        picture = _resampled(picture, size, rng)
        if rng.random() < self.ringing:
            picture = low_pass(picture, rng.uniform(0.55, 0.9))
        last = self.rounds[-1]
        if rng.random() < last.jpeg_share:
            picture = jpeg(picture, int(rng.integers(last.jpeg[0], last.jpeg[1] + 1)), rng.random() < last.subsampled)
        return eight_bits(picture)


def _round(picture: Tensor, one: Round, least: Sequence[float], rng: Generator) -> Tensor:
    if rng.random() < one.blur_share:
        sigmas = [rng.uniform(*one.blur), rng.uniform(*one.blur), rng.uniform(0, np.pi)]
        picture = blur(picture[None], torch.tensor([sigmas], dtype=torch.float32))[0]
    if rng.random() < one.scale_share:
        scale = 2 ** rng.uniform(np.log2(one.scales[0]), np.log2(one.scales[1]))
        sides = [
            max(LEAST, round(min(side, low)), round(side * scale))
            for side, low in zip(picture.shape[-2:], least, strict=True)
        ]
        picture = _resampled(picture, (sides[0], sides[1]), rng)
    if rng.random() < one.noise_share:
        picture = noisy(picture, one, rng)
    if rng.random() < one.jpeg_share:
        quality = int(rng.integers(one.jpeg[0], one.jpeg[1] + 1))
        picture = jpeg(picture, quality, rng.random() < one.subsampled)
    return picture.clamp(0, 1)


def _resampled(picture: Tensor, size: tuple[int, int], rng: Generator) -> Tensor:
    """By one of the kernels that programs use: bicubic, bilinear, area, or, rarely, the nearest sample."""
    kind = rng.choice(4, p=(0.45, 0.3, 0.2, 0.05))
    if kind == 0:
        return resize(picture, size)
    if kind == 1:
        return resize(picture, size, kernel="bilinear")
    return F.interpolate(picture[None], size=size, mode="area" if kind == 2 else "nearest")[0]


def noisy(picture: Tensor, one: Round, rng: Generator) -> Tensor:
    """Gaussian or photon noise."""
    channels = 1 if rng.random() < one.gray_noise else 3
    grain = torch.from_numpy(rng.standard_normal((channels, *picture.shape[1:]), dtype=np.float32))
    if rng.random() < 0.6 or not one.poisson:
        return picture + grain * rng.uniform(0, one.gaussian)
    light = picture.mean(0, keepdim=True) if channels == 1 else picture
    return picture + grain * rng.uniform(0, one.poisson) * light.clamp_min(0).sqrt()


#: Photos: phones, the web, scans.
PHOTO = Worn(
    (
        Round(
            blur=(0.2, 2.4), blur_share=0.7, scales=(0.3, 1.5), scale_share=0.7, gaussian=0.08, poisson=0.06,
            gray_noise=0.4, noise_share=0.7, jpeg=(40, 95), jpeg_share=0.7,
        ),
        Round(
            blur=(0.2, 1.2), blur_share=0.4, scales=(0.5, 1.3), scale_share=0.6, gaussian=0.05, poisson=0.04,
            gray_noise=0.4, noise_share=0.4, jpeg=(40, 95), jpeg_share=0.7,
        ),
    )
)  # fmt: skip

#: Drawings, paint, frames of animation: sharper, less noise, JPEG's ringing around lines; halos are common.
DRAWING = Worn(
    (
        Round(
            blur=(0.2, 1.8), blur_share=0.6, scales=(0.4, 1.5), scale_share=0.7, gaussian=0.03, poisson=0.02,
            gray_noise=0.6, noise_share=0.3, jpeg=(40, 95), jpeg_share=0.6,
        ),
        Round(
            blur=(0.2, 1.0), blur_share=0.3, scales=(0.5, 1.3), scale_share=0.5, gaussian=0.02, poisson=0.01,
            gray_noise=0.6, noise_share=0.2, jpeg=(50, 95), jpeg_share=0.7,
        ),
    ),
    clean=0.25, sharpened=0.35,
)  # fmt: skip
