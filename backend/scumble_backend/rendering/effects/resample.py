"""Resampling by a separable kernel, by the convention of the super-resolution tables (MATLAB's `imresize`).

Downsampling widens the kernel by the factor (antialiasing), pixel centers map to pixel centers, and the
picture's edge goes on outside it. (The files of the published tables were made by a MATLAB that did so; later ones
mirror.) torch's own bicubic differs: it leaves samples outside the picture out, and without antialiasing its a is
-0.75.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor


def _cubic(x: Tensor) -> Tensor:
    """Keys' cubic convolution kernel with a = -0.5, support [-2, 2]."""
    a = x.abs()
    near = 1.5 * a**3 - 2.5 * a**2 + 1
    far = -0.5 * a**3 + 2.5 * a**2 - 4 * a + 2
    return torch.where(a <= 1, near, torch.where(a <= 2, far, torch.zeros_like(a)))


def _triangle(x: Tensor) -> Tensor:
    return (1 - x.abs()).clamp_min(0)


def _lanczos3(x: Tensor) -> Tensor:
    return torch.where(x.abs() < 3, torch.sinc(x) * torch.sinc(x / 3), torch.zeros_like(x))


#: name -> (kernel, half of its support in source pixels when enlarging)
KERNELS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "bicubic": (_cubic, 2.0),
    "bilinear": (_triangle, 1.0),
    "lanczos3": (_lanczos3, 3.0),
}


@lru_cache(maxsize=64)
def taps(length: int, out_length: int, scale: float, kernel: str, antialias: bool) -> tuple[Tensor, Tensor]:
    """Which source samples make each output sample along one axis, and with what weights.

    length, out_length: samples before and after. scale: output samples per source sample.
    Returns (indices, weights), both (P, out_length): int64 in [0, length), float64 that add up to 1 over P.
    Source: MATLAB's `imresize` (`contributions`).
    """
    function, half = KERNELS[kernel]
    stretch = scale if antialias and scale < 1 else 1.0
    half /= stretch
    center = (torch.arange(out_length, dtype=torch.float64) + 0.5) / scale - 0.5
    first = torch.floor(center - half)
    count = math.ceil(2 * half) + 2
    index = first[None] + torch.arange(count, dtype=torch.float64)[:, None]
    weight = function((index - center[None]) * stretch)
    weight = weight / weight.sum(0, keepdim=True)
    used = (weight != 0).any(1)
    return index.long().clamp(0, length - 1)[used].contiguous(), weight[used].contiguous()


def resize_axis(
    image: Tensor,
    axis: int,
    out_length: int,
    *,
    scale: float | None = None,
    kernel: str = "bicubic",
    antialias: bool = True,
) -> Tensor:
    """Resample one axis. image: any shape, float. Returns the same dtype on the same device."""
    length = image.shape[axis]
    indices, weights = taps(length, out_length, scale or out_length / length, kernel, antialias)
    return weighted_sum(image, axis, indices, weights)


def weighted_sum(image: Tensor, axis: int, indices: Tensor, weights: Tensor) -> Tensor:
    """Along one axis, the sums that `taps` (or a range of its columns) tells."""
    if axis in (-1, image.dim() - 1):  # whole rows are picked 20 times faster than single columns
        turned = weighted_sum(image.transpose(-1, -2).contiguous(), -2, indices, weights)
        return turned.transpose(-1, -2).contiguous()
    shape = [1] * image.dim()
    shape[axis] = indices.shape[1]
    indices = indices.to(image.device)
    factors = weights.to(device=image.device, dtype=image.dtype)
    result = image.index_select(axis, indices[0]).mul_(factors[0].view(shape))
    for index, factor in zip(indices[1:], factors[1:], strict=True):  # a tap at a time: memory stays at two pictures
        result.addcmul_(image.index_select(axis, index), factor.view(shape))
    return result


def resize(
    image: Tensor,
    size: tuple[int, int],
    *,
    scale: float | None = None,
    kernel: str = "bicubic",
    antialias: bool = True,
) -> Tensor:
    """Resample a picture to `size`.

    image: (..., H, W) float, any range. size: (rows, columns) of the result, at least 1 each.
    scale: the exact factor where `size` was rounded from it; by default each axis uses size / source.
    Returns (..., *size), same dtype, not clamped (cubic kernels overshoot at edges).
    """
    if not image.is_floating_point():
        raise TypeError(f"resize takes floating point samples, not {image.dtype}.")
    if min(size) < 1:
        raise ValueError(f"a picture of {size[1]} x {size[0]} pixels can't be made.")
    ratios = [size[0] / image.shape[-2], size[1] / image.shape[-1]]
    axes = (-2, -1) if ratios[0] <= ratios[1] else (-1, -2)  # the axis that shrinks most first, as MATLAB does
    for axis in axes:
        image = resize_axis(image, axis, size[axis + 2], scale=scale, kernel=kernel, antialias=antialias)
    return image


def downsample_u8(image: Tensor, factor: int) -> Tensor:
    """A low-resolution picture as the published tables make it: bicubic, antialiased, rounded to 8 bit.

    image: (C, H, W) uint8, H and W multiples of `factor`. Returns (C, H / factor, W / factor) uint8.
    MATLAB rounds after each axis, and so does this.
    """
    if image.dtype != torch.uint8:
        raise TypeError(f"downsample_u8 takes uint8 samples, not {image.dtype}.")
    _, height, width = image.shape
    if height % factor or width % factor:
        raise ValueError(f"{width} x {height} is not a multiple of {factor}.")
    half = resize_axis(image.double(), -2, height // factor).round_().clamp_(0, 255)
    return resize_axis(half, -1, width // factor).round_().clamp_(0, 255).to(torch.uint8)
