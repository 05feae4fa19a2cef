"""What is done to pictures, one fault at a time: blur, ringing, halos, JPEG, rounding."""

from __future__ import annotations

import io

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor


def blur(images: Tensor, sigmas: Tensor) -> Tensor:
    """Gaussian blurs. images: (N, 3, H, W) float; sigmas: (N, 3): two deviations in pixels and the angle between."""
    radius = max(1, int(np.ceil(3 * float(sigmas[:, :2].max()))))
    line = torch.arange(-radius, radius + 1, dtype=torch.float32)
    y, x = torch.meshgrid(line, line, indexing="ij")
    s1, s2, angle = (sigmas[:, i].clamp_min(0.05 if i < 2 else 0).view(-1, 1, 1) for i in range(3))
    u, v = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    kernels = torch.exp(-0.5 * ((u / s1) ** 2 + (v / s2) ** 2))
    kernels = (kernels / kernels.sum((1, 2), keepdim=True)).to(images)
    count, channels, height, width = images.shape
    padded = F.pad(images, (radius,) * 4, mode="replicate").reshape(1, -1, height + 2 * radius, width + 2 * radius)
    weights = kernels.repeat_interleave(channels, 0)[:, None]
    return F.conv2d(padded, weights, groups=count * channels).reshape(images.shape)


def low_pass(picture: Tensor, cut: float) -> Tensor:
    """Cut off the frequencies of (3, H, W) above `cut`, a part of the highest, abruptly: edges ring.

    Source: Wang et al. 2021 (Real-ESRGAN), section 3.3.
    """
    radius = 7
    line = torch.arange(-radius, radius + 1, dtype=torch.float64)
    y, x = torch.meshgrid(line, line, indexing="ij")
    r = (x * x + y * y).sqrt()
    w = np.pi * cut
    kernel = torch.where(
        r == 0, w * w / (4 * np.pi), w * torch.special.bessel_j1(w * r) / (2 * np.pi * r.clamp_min(1e-9))
    )
    return _filtered(picture, (kernel / kernel.sum()).float())


def sharpen(picture: Tensor, amount: float, radius: float) -> Tensor:
    """Unsharp masking of (3, H, W): bright and dark halos along edges. radius: standard deviation in pixels."""
    return (picture + amount * (picture - blur(picture[None], torch.tensor([[radius, radius, 0.0]]))[0])).clamp(0, 1)


def jpeg(picture: Tensor, quality: int, subsampled: bool = True) -> Tensor:
    """(3, H, W) float through a JPEG file. subsampled: color at half the resolution (4:2:0), else at the full one."""
    array = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", quality=quality, subsampling=2 if subsampled else 0)
    with Image.open(file) as opened:
        return torch.from_numpy(np.array(opened)).permute(2, 0, 1).to(picture) / 255


def eight_bits(picture: Tensor) -> Tensor:
    return (picture.clamp(0, 1) * 255).round() / 255


def _filtered(picture: Tensor, kernel: Tensor) -> Tensor:
    radius = kernel.shape[-1] // 2
    padded = F.pad(picture[None], (radius,) * 4, mode="replicate")
    return F.conv2d(padded, kernel.expand(picture.shape[0], 1, -1, -1), groups=picture.shape[0])[0]
