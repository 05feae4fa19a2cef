"""Training pictures, kept in memory as 8 bit, and aligned patches cut from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from scumble_backend.errors import PhotosUnusable
from scumble_training.super_resolution.degrade import DEGRADATIONS
from scumble_training.super_resolution.drawings import drawings
from scumble_training.super_resolution.recipe import SrRecipe

DRAWING_SIDE = 512  # pixels
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


def read_picture(path: Path) -> Tensor:
    """An RGB picture, (3, H, W) uint8. Gray becomes RGB; alpha is dropped. Raises PhotosUnusable."""
    try:
        with Image.open(path) as opened:
            return torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1).contiguous()
    except (UnidentifiedImageError, OSError) as error:
        raise PhotosUnusable(f"{path.name} can't be read: {error}.", remedy="Take it out of the folder.") from error


def picture_files(folder: Path) -> list[Path]:
    """Picture files below a folder, sorted. Raises PhotosUnusable if there is none."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not files:
        raise PhotosUnusable(f"There are no pictures in {folder}.", remedy="Name a folder with JPEG or PNG photos.")
    return files


class PatchSource:
    """Random pairs of patches.

    pictures: (3, H, W) uint8 each, sides multiples of `factor` after cropping here. patch: side of the smallest
    low-resolution patch that will be asked for; smaller pictures are left out. small: makes the low-resolution
    version of a whole picture, once; None where the degradation works on patches (`degrade`).
    """

    def __init__(
        self, pictures: Iterable[Tensor], factor: int, patch: int, small: Callable[[Tensor, int], Tensor] | None
    ) -> None:
        self.factor = factor
        self.large: list[Tensor] = []
        self.small: list[Tensor] = []
        for picture in pictures:
            height, width = (side - side % factor for side in picture.shape[1:])
            if min(height, width) < patch * factor:
                continue
            self.large.append(picture[:, :height, :width].contiguous())
            if small is not None:
                self.small.append(small(self.large[-1], factor))
        if not self.large:
            raise PhotosUnusable(
                f"No picture has {patch * factor} pixels on its shorter side.", remedy="Use larger photos."
            )
        self.largest = max(min(p.shape[1:]) for p in self.large) // factor  # side of the largest patch there can be

    def batch(self, count: int, patch: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """(count, 3, P x factor, P x factor) and, unless degraded later, (count, 3, P, P); uint8, turned at will.

        P is `patch`, or the largest that a picture allows. A picture's chance is its area.
        """
        p, f = min(patch, self.largest), self.factor
        areas = [one[0].numel() if min(one.shape[1:]) >= p * f else 0 for one in self.large]
        chances = torch.tensor(areas, dtype=torch.float64)
        which = torch.multinomial(chances, count, replacement=True, generator=generator).tolist()
        draws = torch.rand(count, 2, generator=generator).tolist()
        turns = torch.randint(8, (count,), generator=generator).tolist()
        large, small = [], []
        for picture, (row, column), turn in zip(which, draws, turns, strict=True):
            full = self.large[picture]
            y = int(row * (full.shape[1] // f - p + 1))
            x = int(column * (full.shape[2] // f - p + 1))
            large.append(_turned(full[:, y * f : (y + p) * f, x * f : (x + p) * f], turn))
            if self.small:
                small.append(_turned(self.small[picture][:, y : y + p, x : x + p], turn))
        return torch.stack(large), torch.stack(small) if small else None


def source_of(recipe: SrRecipe, photos: Path | None) -> PatchSource:
    """The pictures a recipe asks for. Raises PhotosUnusable."""
    pictures: Iterable[Tensor] = ()
    if recipe.pictures != "drawings":
        if photos is None:
            raise PhotosUnusable("This recipe trains on photos.", remedy="Name a folder of them with --photos.")
        pictures = map(read_picture, picture_files(photos))
    if recipe.pictures != "photos":
        pictures = chain(pictures, drawings(recipe.drawings, DRAWING_SIDE, recipe.seed))
    return PatchSource(pictures, recipe.factor, min(recipe.patches), DEGRADATIONS[recipe.degradation].whole)


def _turned(patch: Tensor, turn: int) -> Tensor:
    """One of the eight symmetries of the square."""
    if turn & 1:
        patch = patch.flip(-1)
    if turn & 2:
        patch = patch.flip(-2)
    return patch.transpose(-1, -2) if turn & 4 else patch
