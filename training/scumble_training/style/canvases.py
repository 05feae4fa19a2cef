"""Synthetic artists' layers, made on the fly: what photo sets lack, and what layers in an editor are full of.

Every function takes a side in pixels and a numpy generator and returns (side, side, 3) float32 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Array = NDArray[np.float32]

WHITES = (0.93, 1.0)  # range of paper


def color(rng: Generator) -> Array:
    """A color an artist might fill with: often near gray or pastel, sometimes pure."""
    kind = rng.random()
    if kind < 0.15:
        return np.full(3, rng.choice((0.0, 1.0)), np.float32)
    if kind < 0.3:
        return np.full(3, rng.random(), np.float32)
    pick = rng.random(3)
    if kind < 0.6:
        pick = pick.mean() + (pick - pick.mean()) * 0.4
    elif kind < 0.7:
        pick = np.round(pick)
    return pick.astype(np.float32)


def flat(side: int, rng: Generator) -> Array:
    page: Array = np.broadcast_to(color(rng), (side, side, 3)).copy()
    return page


def paper(side: int, rng: Generator) -> Array:
    """White paper: pure white, or a little tinted and with a slight grain."""
    page = np.ones((side, side, 3), np.float32)
    if rng.random() < 0.5:
        return page
    page *= rng.uniform(*WHITES) * (1 - rng.random(3).astype(np.float32) * 0.05)
    return np.clip(page + rng.normal(0, rng.uniform(0, 0.015), (side, side, 1)), 0, 1).astype(np.float32)


def black(side: int, rng: Generator) -> Array:
    level = 0.0 if rng.random() < 0.5 else rng.uniform(0, 0.08)
    return np.full((side, side, 3), level, np.float32)


def _grid(side: int) -> tuple[Array, Array]:
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    return axis[:, None], axis[None, :]


def gradient(side: int, rng: Generator) -> Array:
    """Linear or radial between two or three colors."""
    y, x = _grid(side)
    if rng.random() < 0.7:
        angle = rng.uniform(0, 2 * np.pi)
        place = (np.cos(angle) * x + np.sin(angle) * y) / 2.83 + 0.5
    else:
        cy, cx = rng.uniform(-1, 1, 2)
        place = np.sqrt((x - cx) ** 2 + (y - cy) ** 2) / rng.uniform(1, 2.8)
    place = np.clip(place, 0, 1)
    stops = [color(rng) for _ in range(2 if rng.random() < 0.7 else 3)]
    if len(stops) == 2 and rng.random() < 0.3:  # gray ramps show banding best
        stops = [np.full(3, v, np.float32) for v in rng.random(2)]
    at = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(place, at, [s[c] for s in stops]) for c in range(3)], -1).astype(np.float32)


def _drawing(side: int, rng: Generator, draw: Callable[[ImageDraw.ImageDraw, int], None]) -> Array:
    """Coverage (side, side, 1) in [0, 1] of what `draw` draws in white, twice as large, then halved."""
    del rng
    sheet = Image.new("L", (2 * side, 2 * side), 0)
    draw(ImageDraw.Draw(sheet), 2 * side)
    coverage: Array = np.asarray(sheet.reduce(2), np.float32)[..., None] / np.float32(255)
    return coverage


def _wandering_line(size: int, rng: Generator) -> list[tuple[float, float]]:
    """A smooth curve of some 24 points."""
    steps = 24
    angle = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, steps) + rng.normal(0, 0.08))
    length = size * rng.uniform(0.2, 1.3) / steps
    xy = rng.uniform(0, size, 2)[:, None] + np.cumsum(np.stack((np.cos(angle), np.sin(angle))) * length, 1)
    return [(float(a), float(b)) for a, b in xy.T]


def line_art(side: int, rng: Generator) -> Array:
    """Curves, boxes and ellipses in ink on paper or a flat field, some shapes filled."""
    page = paper(side, rng) if rng.random() < 0.7 else flat(side, rng)
    ink = np.zeros(3, np.float32) if rng.random() < 0.7 else color(rng)

    if rng.random() < 0.4:
        filled = _drawing(side, rng, lambda pen, size: _shapes(pen, size, rng, filled=True))
        page = page + (color(rng) - page) * filled

    def lines(pen: ImageDraw.ImageDraw, size: int) -> None:
        width = int(rng.integers(2, 9))
        for _ in range(int(rng.integers(3, 14))):
            pen.line(
                _wandering_line(size, rng), fill=255, width=max(1, width + int(rng.integers(-1, 2))), joint="curve"
            )
        if rng.random() < 0.5:
            _shapes(pen, size, rng, filled=False, width=width)

    return (page + (ink - page) * _drawing(side, rng, lines)).astype(np.float32)


def _shapes(pen: ImageDraw.ImageDraw, size: int, rng: Generator, *, filled: bool, width: int = 3) -> None:
    for _ in range(int(rng.integers(1, 6))):
        x, y = rng.uniform(-0.1, 0.9, 2) * size
        w, h = rng.uniform(0.08, 0.6, 2) * size
        box = (float(x), float(y), float(x + w), float(y + h))
        draw = pen.rectangle if rng.random() < 0.5 else pen.ellipse
        draw(box, fill=255 if filled else None, outline=255, width=width)


def hatching(side: int, rng: Generator) -> Array:
    """Parallel strokes in one to three directions, as shading in ink."""
    page = paper(side, rng)
    ink = np.zeros(3, np.float32) if rng.random() < 0.8 else color(rng)

    def strokes(pen: ImageDraw.ImageDraw, size: int) -> None:
        for _ in range(int(rng.integers(1, 4))):
            angle, gap, width = rng.uniform(0, np.pi), rng.uniform(8, 30), int(rng.integers(1, 5))
            dx, dy = np.cos(angle), np.sin(angle)
            cx, cy = rng.uniform(0.2, 0.8, 2) * size
            reach = size * rng.uniform(0.2, 1.0)
            for offset in np.arange(-reach, reach, gap):
                a, b = reach * rng.uniform(0.6, 1, 2)
                x, y = cx - dy * offset + rng.normal(0, 1), cy + dx * offset + rng.normal(0, 1)
                pen.line((x - dx * a, y - dy * a, x + dx * b, y + dy * b), fill=255, width=width)

    return (page + (ink - page) * _drawing(side, rng, strokes)).astype(np.float32)


def soft_dabs(side: int, rng: Generator) -> Array:
    """Soft round brush dabs, alone and along strokes, on a flat field or paper."""
    page = paper(side, rng) if rng.random() < 0.5 else flat(side, rng)
    y, x = _grid(side)
    for _ in range(int(rng.integers(2, 9))):
        paint, radius, opacity = color(rng), rng.uniform(0.06, 0.5), rng.uniform(0.4, 1)
        cx, cy, tilt = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0, np.pi)
        stretch = rng.uniform(1, 4) if rng.random() < 0.5 else 1.0
        u = ((x - cx) * np.cos(tilt) + (y - cy) * np.sin(tilt)) / stretch
        v = (y - cy) * np.cos(tilt) - (x - cx) * np.sin(tilt)
        cover = opacity * np.exp(-(((u * u + v * v) / radius**2) ** rng.uniform(0.8, 3)))
        page += (paint - page) * cover[..., None]
    return np.clip(page, 0, 1).astype(np.float32)


def noise(side: int, rng: Generator) -> Array:
    """A flat field or gradient under noise: sensor-like, gray or colored, fine or coarse."""
    page = flat(side, rng) if rng.random() < 0.6 else gradient(side, rng)
    coarse = int(rng.choice((1, 1, 2, 4)))
    small = -(-side // coarse)
    grain = rng.normal(0, rng.uniform(0.01, 0.2), (small, small, 1 if rng.random() < 0.5 else 3))
    grain = grain.repeat(coarse, 0).repeat(coarse, 1)[:side, :side]
    return np.clip(page + grain, 0, 1).astype(np.float32)


def alpha_edge(side: int, rng: Generator, inside: Array | None = None) -> Array:
    """A cut-out lying on white, black or gray, hard or soft at the edge: what a layer with transparency looks like
    once it is laid on its ground. inside: what is cut out, a picture of this side; None: another canvas."""
    ground = np.broadcast_to(rng.choice(np.array((1.0, 1.0, 0.0, 0.5), np.float32)), (side, side, 3))
    if inside is None:
        inside = canvas(side, rng, kinds=_PLAIN)
    y, x = _grid(side)
    angle = np.arctan2(y - rng.uniform(-0.4, 0.4), x - rng.uniform(-0.4, 0.4))
    radius = np.full_like(angle, rng.uniform(0.3, 0.9))
    for waves in range(2, 7):
        radius += rng.normal(0, 0.25 / waves) * np.cos(waves * angle + rng.uniform(0, 2 * np.pi))
    distance = (radius - np.sqrt(x * x + y * y)) * side / 2  # pixels inside the edge
    cover = np.clip(distance / rng.choice((1.0, 1.0, 4.0, 16.0)) + 0.5, 0, 1)[..., None]
    cut: Array = (ground + (inside - ground) * cover).astype(np.float32)
    return cut


#: kind -> (maker, share among canvases)
KINDS: dict[str, tuple[Callable[[int, Generator], Array], float]] = {
    "flat": (flat, 0.16),
    "paper": (paper, 0.08),
    "black": (black, 0.04),
    "gradient": (gradient, 0.18),
    "line art": (line_art, 0.2),
    "hatching": (hatching, 0.08),
    "soft dabs": (soft_dabs, 0.12),
    "noise": (noise, 0.04),
    "alpha edge": (alpha_edge, 0.1),
}
_PLAIN = ("flat", "gradient", "soft dabs", "line art")


def canvas(side: int, rng: Generator, *, kinds: tuple[str, ...] = tuple(KINDS)) -> Array:
    """One canvas of a kind drawn by its share."""
    shares = np.array([KINDS[kind][1] for kind in kinds])
    kind = kinds[int(rng.choice(len(kinds), p=shares / shares.sum()))]
    return KINDS[kind][0](side, rng)
