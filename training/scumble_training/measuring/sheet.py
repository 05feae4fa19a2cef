"""Contact sheets: what styles make of pictures, side by side, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from scumble_training.style.painting import from_image, to_image


def read_picture(path: Path, side: int) -> Tensor:
    """(3, h, w) float32 in [0, 1], the longer side brought to `side` pixels."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return from_image(picture)


def test_pages(side: int = 256) -> list[Tensor]:
    """White, mid-gray and black pages, a gradient, and a line drawing: (3, side, side) each."""
    pages = [torch.full((3, side, side), value) for value in (1.0, 0.5, 0.0)]
    ramp = torch.linspace(0.05, 0.95, side).expand(side, side)
    pages.append(torch.stack([ramp, 0.5 + 0.3 * ramp.T, 1 - ramp]))
    yy, xx = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    ring = ((yy - side / 2) ** 2 + (xx - side / 2) ** 2).sqrt() - side / 3
    ink = torch.minimum(ring.abs(), (xx - yy).abs() / 1.414).clamp(0, 2) / 2
    pages.append(ink.expand(3, side, side))
    return pages


def write_sheet(rows: Sequence[Sequence[Tensor]], path: Path, *, cell: int = 256, quality: int = 88) -> None:
    """Rows of (3, h, w) pictures in [0, 1], each fitted into a square of `cell` pixels."""
    columns = max(len(row) for row in rows)
    sheet = Image.new("RGB", (columns * cell, len(rows) * cell), (40, 40, 40))
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            image = to_image(picture)
            image.thumbnail((cell, cell), Image.Resampling.LANCZOS)
            place = (x * cell + (cell - image.width) // 2, y * cell + (cell - image.height) // 2)
            sheet.paste(image, place)
    sheet.save(path, quality=quality)
