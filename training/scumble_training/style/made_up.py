"""Pictures for training without photos: dead leaves, 1/f noise, and shapes over gradients.

Their statistics stand in for those of photos: scale-free sizes, occlusion, a 1/f spectrum (Lee, Mumford and Huang
2001; Baradad et al. 2021, "Learning to see by looking at noise"). Every function takes a side in pixels and a numpy
generator and returns (side, side, 3) float32 in [0, 1].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scumble_training.style import canvases
from scumble_training.style.canvases import Array


def power_noise(side: int, rng: Generator, *, exponent: float | None = None, channels: int = 3) -> Array:
    """Noise with an amplitude spectrum of 1/f^exponent, scaled to mean 0.5, deviation 0.2. (side, side, channels)."""
    exponent = rng.uniform(0.8, 1.6) if exponent is None else exponent
    stretch = rng.uniform(1, 3)
    fy = np.fft.fftfreq(side).astype(np.float32)[:, None] * (stretch if rng.random() < 0.5 else 1)
    fx = np.fft.rfftfreq(side).astype(np.float32)[None, :] * (stretch if rng.random() < 0.5 else 1)
    frequency = np.sqrt(fy * fy + fx * fx)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((channels, side, side), np.float32)) * frequency**-exponent
    waves = np.fft.irfft2(spectrum, (side, side)).transpose(1, 2, 0)
    waves /= waves.std() + 1e-8
    if channels == 3:  # photos vary mostly in lightness
        gray = waves.mean(-1, keepdims=True)
        waves = gray * 1.4 + (waves - gray) * rng.uniform(0.1, 0.5)
    made: Array = np.clip(0.5 + 0.2 * waves, 0, 1).astype(np.float32)
    return made


def clouds(side: int, rng: Generator) -> Array:
    """1/f noise about a color of its own."""
    shift = (canvases.color(rng) - 0.5) * 0.6
    return np.clip(power_noise(side, rng) + shift, 0, 1)


def dead_leaves(side: int, rng: Generator) -> Array:
    """Opaque shapes with sizes by a power law, laid over each other until nothing shows through, each slightly
    shaded; a texture of 1/f noise over all. Source: Lee, Mumford and Huang 2001."""
    size = 2 * side
    palette = _palette(rng)
    sheet = Image.new("RGB", (size, size), _rgb(palette[0]))
    pen = ImageDraw.Draw(sheet)
    count = int(rng.integers(80, 240))
    smallest, largest = rng.uniform(0.02, 0.05) * size, rng.uniform(0.3, 0.6) * size
    # Radii of density r^-3 would leave a page of crumbs at this size; r^-2 shows objects at every scale. A dozen of
    # the largest are laid first, so that the ground is covered; the rest as they come.
    u = rng.random(count)
    radii = np.concatenate((rng.uniform(0.5, 1, 12) * largest, 1 / (u / largest + (1 - u) / smallest)))
    for radius in radii:
        _leaf(pen, size, float(radius), _rgb(palette[int(rng.integers(len(palette)))] + rng.normal(0, 0.06, 3)), rng)
    page = np.asarray(sheet.reduce(2), np.float32) / 255
    texture = (power_noise(side, rng, channels=1) - 0.5) * rng.uniform(0.0, 0.4)
    light = canvases.gradient(side, rng).mean(-1, keepdims=True) - 0.5
    made: Array = np.clip(page + texture + light * rng.uniform(0, 0.5), 0, 1).astype(np.float32)
    return made


def _leaf(pen: ImageDraw.ImageDraw, size: int, radius: float, fill: tuple[int, int, int], rng: Generator) -> None:
    x, y = rng.uniform(0, size, 2)
    kind = rng.random()
    if kind < 0.35:
        stretch = rng.uniform(0.5, 1)
        pen.ellipse((x - radius, y - radius * stretch, x + radius, y + radius * stretch), fill=fill)
        return
    corners = 4 if kind < 0.6 else int(rng.integers(3, 12))
    angles = (
        np.sort(rng.uniform(0, 2 * np.pi, corners)) if corners != 4 else rng.uniform(0, 6.3) + np.arange(4) * 1.571
    )
    reach = radius * (rng.uniform(0.5, 1.2, corners) if corners != 4 else np.tile(rng.uniform(0.6, 1.2, 2), 2))
    points = np.stack((x + reach * np.cos(angles), y + reach * np.sin(angles)), -1)
    pen.polygon([(float(a), float(b)) for a, b in points], fill=fill)


def _palette(rng: Generator) -> list[Array]:
    """Some six colors of one scene: a shared hue, spread mostly in lightness."""
    base = 0.5 + (rng.uniform(0.2, 0.8, 3) - 0.5) * rng.uniform(0.2, 1)
    spread = rng.uniform(0.03, 0.2)
    return [
        np.clip(base + rng.normal(0, 0.25) + rng.normal(0, spread, 3), 0, 1).astype(np.float32)
        for _ in range(int(rng.integers(4, 9)))
    ]


def _rgb(values: NDArray[np.floating[Any]]) -> tuple[int, int, int]:
    r, g, b = (int(v) for v in np.clip(np.asarray(values) * 255, 0, 255))
    return r, g, b


def scene(side: int, rng: Generator) -> Array:
    """Large smooth shapes over a gradient, softened: skies, walls, out-of-focus grounds."""
    page = canvases.gradient(side, rng)
    front = dead_leaves(side, rng)
    cover = power_noise(side, rng, exponent=1.8, channels=1)
    cover = np.clip((cover - rng.uniform(0.35, 0.65)) * rng.uniform(4, 40) + 0.5, 0, 1)
    made: Array = (page + (front - page) * cover).astype(np.float32)
    return made


def made_up(side: int, rng: Generator) -> Array:
    """One made-up picture: half dead leaves, a quarter clouds, a quarter scenes."""
    maker = (dead_leaves, dead_leaves, clouds, scene)[int(rng.integers(4))]
    return maker(side, rng)
