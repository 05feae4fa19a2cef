"""What frames of an animation share with their neighbors, so that a painting of them is steady.

Noise of a camera or renderer is made several times stronger by a style's network: where a frame and its neighbors
agree up to such noise, the network is shown their mean (a bilateral filter over time; Tomasi and Manduchi 1998 for
the idea in space). Where something moves or changes they don't agree, and the frame stays as it is, so nothing smears
and no motion has to be estimated.

Samples are (H, W, channels) arrays as the wire carries them, described by their ImageInfo; alpha comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scumble_backend.pictures.color_spaces import encoded
from scumble_backend.pictures.loaded import NUMPY, full_of
from scumble_wire.messages import ImageInfo

#: Root mean square of the difference over a patch of so many pixels' side, white being 1: up to AGREE two frames
#: show the same with other noise; from DIFFER on they don't. Noise of 2/255 in both of them makes 2.8/255.
AGREE, DIFFER = 5 / 255, 10 / 255
PATCH = 9
#: Mean difference of two frames' sorted samples from which their statistics are no longer shared.
OTHER_SHOT = 0.12


def samples_of(info: ImageInfo, frame: Any) -> NDArray[Any]:
    """A frame of the wire as (H, W, channels), without a copy."""
    return np.frombuffer(frame, NUMPY[info.depth]).reshape(info.height, info.width, info.channels)


def steadied(info: ImageInfo, frame: NDArray[Any], neighbors: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """A frame with the noise that it does not share with its neighbors evened out.

    Returns the same shape and type; `frame` itself without neighbors. Alpha stays.
    """
    if not neighbors:
        return frame
    colors = slice(0, info.channels - info.has_alpha)
    own = _seen(info, frame)
    total = own[..., colors].copy()
    weights = np.ones((*own.shape[:2], 1), np.float32)
    for neighbor in neighbors:
        other = _seen(info, neighbor)
        distance = _local_rms(own - other)[..., None]
        weight = np.clip((DIFFER - distance) / (DIFFER - AGREE), 0.0, 1.0)
        total += weight * other[..., colors]
        weights += weight
    change = total / weights - own[..., colors]
    return _changed_by(info, frame, change, colors)


def shared_weights(
    info: ImageInfo, frame: NDArray[Any], anchors: Sequence[tuple[NDArray[Any] | None, float]]
) -> list[float]:
    """The weights of a frame's anchors once those of another shot are left out; they sum to 1, or all are 0.

    anchors: samples and weights; None for one that can't be compared.
    """
    sample = _palette(info, frame)
    kept = [0.0 if one is None else weight * _likeness(sample, _palette(info, one)) for one, weight in anchors]
    total = sum(kept)
    return [weight / total if total > 0 else 0.0 for weight in kept]


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return max(0.0, 1.0 - float(np.abs(one - other).mean()) / OTHER_SHOT)


def _seen(info: ImageInfo, samples: NDArray[Any]) -> NDArray[np.float32]:
    """(H, W, channels) float32, sRGB-encoded, white 1."""
    values = samples.astype(np.float32) / np.float32(full_of(samples))
    if info.transfer == "linear":
        colors = slice(0, info.channels - info.has_alpha)
        values[..., colors] = encoded(values[..., colors])
    finite: NDArray[np.float32] = np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0)
    return finite


def _changed_by(info: ImageInfo, frame: NDArray[Any], change: NDArray[np.float32], colors: slice) -> NDArray[Any]:
    """The samples plus a change of the encoded ones; where that is nothing, they stay to the last bit."""
    out = frame.copy()
    full = full_of(out)
    if info.transfer == "linear":
        light = out[..., colors].astype(np.float32)
        slope = _light_per_encoded(light)
        out[..., colors] = (light + slope * change).astype(out.dtype)
    elif full == 1.0:
        out[..., colors] = (out[..., colors].astype(np.float32) + change).astype(out.dtype)
    else:
        moved = out[..., colors].astype(np.float32) + change * full
        out[..., colors] = np.clip(moved + 0.5, 0, full).astype(out.dtype)
    whole: NDArray[Any] = out
    return whole


def _light_per_encoded(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """The slope of sRGB's curve at linear light: small changes of noise are far below its bend."""
    step = np.float32(1e-3)
    low, high = np.maximum(light - step, 0), np.maximum(light + step, 2 * step)
    slope: NDArray[np.float32] = (high - low) / np.maximum(encoded(high) - encoded(low), 1e-6)
    return slope


def _local_rms(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root mean square over channels and a patch around every pixel, (H, W)."""
    squares = np.square(difference).mean(axis=-1, dtype=np.float32)
    for axis in (0, 1):
        squares = _box(squares, axis)
    root: NDArray[np.float32] = np.sqrt(squares)
    return root


def _box(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """The mean over `PATCH` values along an axis; beyond the border the last one counts again."""
    radius = PATCH // 2
    padding = [(radius, radius) if one == axis else (0, 0) for one in range(2)]
    padded = np.pad(values, padding, mode="edge")
    length = values.shape[axis]
    total = np.zeros_like(values)
    for offset in range(PATCH):  # sums of the same numbers in the same order: no drift of a running sum
        total += padded[offset : offset + length] if axis == 0 else padded[:, offset : offset + length]
    mean: NDArray[np.float32] = total / np.float32(PATCH)
    return mean


def _palette(info: ImageInfo, frame: NDArray[Any]) -> NDArray[np.float32]:
    """A frame's colors without their places: 64 sorted samples of every channel, from a coarse grid of means."""
    values = _seen(info, frame)
    height, width = values.shape[:2]
    rows, columns = min(height, 64), min(width, 64)
    grid = values[:: max(1, height // rows), :: max(1, width // columns)].reshape(-1, values.shape[-1])
    wanted = np.linspace(0, len(grid) - 1, 64).round().astype(int)
    sorted_samples: NDArray[np.float32] = np.sort(grid, axis=0)[wanted]
    return sorted_samples
