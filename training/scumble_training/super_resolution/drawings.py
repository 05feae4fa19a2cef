"""Made-up drawings to learn line art and paint from: ink, flat color with outlines, hatching, lettering, brushwork.

Photo collections hold none of these. All is drawn three times too large and made smaller, so edges are as smooth
as a good drawing program leaves them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from torch import Tensor

OVER = 3  # times too large while being drawn
Color = tuple[int, int, int]
Point = tuple[float, float]


def drawings(count: int, side: int, seed: int) -> Iterator[Tensor]:
    """`count` drawings, (3, side, side) uint8; the same seed gives the same drawings."""
    for number in range(count):
        yield drawing(side, random.Random(seed * 1_000_003 + number))


def drawing(side: int, chance: random.Random) -> Tensor:
    """One drawing of a kind chosen by chance, (3, side, side) uint8."""
    page = Image.new("RGB", (side * OVER, side * OVER), _paper(chance))
    layers = chance.choice(_KINDS)
    for layer in layers:
        layer(page, chance)
    page = page.resize((side, side), Image.Resampling.BOX)
    array = np.array(page)
    if chance.random() < 0.15:  # scans and tablets leave a faint grain
        grain = np.random.default_rng(chance.getrandbits(32)).normal(0, chance.uniform(0.5, 2), array.shape[:2])
        array = np.clip(array + grain[..., None], 0, 255).round().astype(np.uint8)
    return torch.from_numpy(array).permute(2, 0, 1).contiguous()


def _paper(chance: random.Random) -> Color:
    if chance.random() < 0.5:
        return (255, 255, 255)
    if chance.random() < 0.2:
        return (chance.randrange(60), chance.randrange(60), chance.randrange(60))
    light = chance.randrange(225, 256)
    return (light, light - chance.randrange(12), light - chance.randrange(30))


def _any_color(chance: random.Random) -> Color:
    return (chance.randrange(256), chance.randrange(256), chance.randrange(256))


def _ink(page: Image.Image, chance: random.Random) -> Color:
    """A color that shows on the page."""
    light = sum(page.getpixel((0, 0))) > 380  # type: ignore[arg-type]
    if chance.random() < 0.7:
        dark = chance.randrange(40)
        return (dark, dark, dark) if light else (255 - dark, 255 - dark, 255 - dark)
    return tuple(value // 2 if light else 128 + value // 2 for value in _any_color(chance))  # type: ignore[return-value]


def _curve(chance: random.Random, size: int, reach: float) -> list[Point]:
    """A smooth stroke: a cubic Bezier curve, in steps short against its width."""
    x, y = chance.uniform(-0.1, 1.1) * size, chance.uniform(-0.1, 1.1) * size
    angle, points = chance.uniform(0, math.tau), [(x, y)]
    for _ in range(3):
        angle += chance.gauss(0, 0.7)
        length = chance.uniform(0.2, 1) * reach * size / 3
        x, y = x + math.cos(angle) * length, y + math.sin(angle) * length
        points.append((x, y))
    t = np.linspace(0, 1, max(12, int(reach * size / 6)))[:, None]
    a, b, c, d = (np.array(point) for point in points)
    curve = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
    return [(float(px), float(py)) for px, py in curve]


def _strokes(page: Image.Image, chance: random.Random) -> None:
    """Pen lines, some with pressure: thin at their ends."""
    pen = ImageDraw.Draw(page)
    color = _ink(page, chance)
    width = chance.uniform(0.7, 5) * OVER
    for _ in range(chance.randrange(10, 45)):
        curve = _curve(chance, page.width, chance.uniform(0.1, 0.9))
        own = width * chance.uniform(0.5, 1.5)
        if chance.random() < 0.5:
            pen.line(curve, fill=color, width=max(1, round(own)), joint="curve")
            continue
        for i, (x, y) in enumerate(curve):
            r = max(0.5, own / 2 * math.sin(math.pi * (i + 0.5) / len(curve)) ** 0.5)
            pen.ellipse((x - r, y - r, x + r, y + r), fill=color)


def _shapes(page: Image.Image, chance: random.Random) -> None:
    """Flat fields with or without an outline: polygons, blobs, ellipses, boxes."""
    pen = ImageDraw.Draw(page)
    outline = _ink(page, chance) if chance.random() < 0.75 else None
    width = round(chance.uniform(0.8, 4) * OVER)
    for _ in range(chance.randrange(6, 28)):
        color, kind = _any_color(chance), chance.randrange(4)
        x, y = chance.uniform(0, page.width), chance.uniform(0, page.width)
        w, h = (chance.uniform(0.03, 0.35) * page.width for _ in range(2))
        if kind == 0:
            pen.ellipse((x, y, x + w, y + h), fill=color, outline=outline, width=width)
        elif kind == 1:
            pen.rectangle((x, y, x + w, y + h), fill=color, outline=outline, width=width)
        else:
            corners = chance.randrange(3, 9) if kind == 2 else 60
            phase, wobble = chance.uniform(0, math.tau), chance.uniform(0, 0.4)
            points = []
            for i in range(corners):
                angle = math.tau * i / corners
                r = 1 + wobble * math.sin(3 * angle + phase) if kind == 3 else chance.uniform(0.5, 1.2)
                points.append((x + math.cos(angle) * r * w, y + math.sin(angle) * r * h))
            pen.polygon(points, fill=color)
            if outline:
                pen.line([*points, points[0], points[1]], fill=outline, width=width, joint="curve")


def _hatching(page: Image.Image, chance: random.Random) -> None:
    """Parallel or crossed lines in a field, and dots as print has them."""
    pen = ImageDraw.Draw(page)
    for _ in range(chance.randrange(1, 5)):
        color = _ink(page, chance)
        x, y, w = chance.uniform(0, 0.7), chance.uniform(0, 0.7), chance.uniform(0.15, 0.5)
        box = [v * page.width for v in (x, y, x + w, y + w)]
        step, width = chance.uniform(2.2, 10) * OVER, chance.uniform(0.6, 2) * OVER
        if chance.random() < 0.25:
            rows = int((box[3] - box[1]) / step)
            for row in range(rows):
                r = 0.15 * step + 0.45 * step * row / rows
                for column in range(rows):
                    cx, cy = box[0] + (column + row % 2 / 2) * step, box[1] + row * step
                    pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=color)
            continue
        for angle in [chance.uniform(0, math.pi)] + ([chance.uniform(0, math.pi)] if chance.random() < 0.4 else []):
            middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            dx, dy, half = math.cos(angle), math.sin(angle), (box[2] - box[0]) / 2
            for k in range(int(-half / step), int(half / step) + 1):
                shift, length = k * step, math.sqrt(max(0.0, half**2 - (k * step) ** 2))
                cx, cy = middle[0] - dy * shift, middle[1] + dx * shift
                ends = (cx - dx * length, cy - dy * length, cx + dx * length, cy + dy * length)
                pen.line(ends, fill=color, width=max(1, round(width)))


def _lettering(page: Image.Image, chance: random.Random) -> None:
    pen = ImageDraw.Draw(page)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?&"
    for _ in range(chance.randrange(2, 14)):
        text = "".join(
            chance.choice(letters) if chance.random() < 0.85 else " " for _ in range(chance.randrange(3, 16))
        )
        font = ImageFont.load_default(chance.uniform(8, 48) * OVER)
        place = (chance.uniform(-0.1, 0.8) * page.width, chance.uniform(0, 0.95) * page.width)
        pen.text(place, text, fill=_ink(page, chance), font=font)


def _brushwork(page: Image.Image, chance: random.Random) -> None:
    """Overlapping strokes of bristles, each of slightly another color, over a soft ground."""
    ground = Image.new("RGB", (4, 4))
    ground.putdata([_any_color(chance) for _ in range(16)])
    page.paste(ground.resize(page.size, Image.Resampling.BICUBIC))
    pen = ImageDraw.Draw(page, "RGBA")
    for _ in range(chance.randrange(25, 90)):
        color, curve = _any_color(chance), _curve(chance, page.width, chance.uniform(0.1, 0.6))
        breadth, bristles = chance.uniform(3, 22) * OVER, chance.randrange(4, 16)
        for _ in range(bristles):
            off_x, off_y = chance.gauss(0, breadth / 3), chance.gauss(0, breadth / 3)
            own = tuple(max(0, min(255, value + round(chance.gauss(0, 14)))) for value in color)
            width = max(1, round(breadth / bristles * chance.uniform(0.8, 3)))
            line = [(x + off_x, y + off_y) for x, y in curve]
            pen.line(line, fill=(*own, chance.randrange(90, 256)), width=width, joint="curve")


def _soft_shading(page: Image.Image, chance: random.Random) -> None:
    """Airbrush: fields with blurred edges."""
    mask = Image.new("L", page.size, 0)
    pen = ImageDraw.Draw(mask)
    for _ in range(chance.randrange(1, 5)):
        x, y, w = (chance.uniform(0, page.width) for _ in range(3))
        pen.ellipse((x - w / 2, y - w / 3, x + w / 2, y + w / 3), fill=chance.randrange(90, 256))
    small = mask.resize((page.width // 6, page.height // 6)).filter(ImageFilter.GaussianBlur(chance.uniform(2, 12)))
    page.paste(
        Image.new("RGB", page.size, _any_color(chance)), (0, 0), small.resize(page.size, Image.Resampling.BICUBIC)
    )


_KINDS: tuple[tuple[Callable[[Image.Image, random.Random], None], ...], ...] = (
    (_strokes,),
    (_strokes, _hatching),
    (_shapes, _strokes),
    (_shapes, _hatching, _strokes),
    (_soft_shading, _shapes, _strokes),
    (_shapes, _lettering),
    (_strokes, _lettering, _hatching),
    (_brushwork,),
    (_brushwork, _strokes),
    (_soft_shading, _strokes),
)
