"""Training pictures: photos kept in memory, canvases and made-up pictures, as a pure function of a sample number.

Sample number n under seed s is always the same picture, whatever was drawn before, on whichever process: resuming
and several GPUs need no state of a random generator.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from scumble_backend.errors import PhotosUnusable
from scumble_training.style import canvases
from scumble_training.style.made_up import made_up

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"))
MAX_PHOTO_PIXELS = 200_000_000


@dataclass(slots=True)
class PhotoSet:
    """Photos as (H, W, 3) uint8 arrays in memory. skipped: files that could not be read, as "name: why"."""

    photos: list[NDArray[np.uint8]]
    source: str = ""
    skipped: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: str | Path, *, short_side: int = 320, limit: int | None = None) -> PhotoSet:
        """Read all pictures under a folder or in a zip, sorted by name, made smaller to `short_side` pixels.

        limit: read no more than this many. A photo whose short side is under 64 pixels is skipped too.
        Raises PhotosUnusable where the place is missing or no photo can be read.
        """
        path = Path(path).expanduser()
        photos: list[NDArray[np.uint8]] = []
        skipped: list[str] = []
        for name, content in _files(path):
            if limit is not None and len(photos) >= limit:
                break
            try:
                photos.append(_read_photo(content, short_side))
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, MemoryError) as error:
                # UnidentifiedImageError is an OSError; Pillow's PNG reader raises SyntaxError on damaged files.
                skipped.append(f"{name}: {error}")
        if not photos:
            raise PhotosUnusable(
                f"no photo in {path} could be read ({len(skipped)} files tried).",
                remedy="Choose a folder or zip with JPEG, PNG, WebP or TIFF photos, or leave --photos out.",
            )
        return cls(photos, str(path), skipped)

    def __len__(self) -> int:
        return len(self.photos)

    def crop(self, index: int, side: int, rng: Generator, *, largest: float = 1.6) -> Tensor:
        """A random square of photo `index`, resized with antialiasing to `side`, flipped half of the time.

        The square measures 1 to `largest` times `side` where the photo allows it, else the photo's short side.
        Returns (3, side, side) float32 in [0, 1].
        """
        photo = self.photos[index]
        h, w = photo.shape[:2]
        short = min(h, w)
        size = round(rng.uniform(min(side, short), min(short, side * largest)))
        top, left = int(rng.integers(h - size + 1)), int(rng.integers(w - size + 1))
        square = torch.from_numpy(photo[top : top + size, left : left + size])
        if rng.random() < 0.5:
            square = square.flip(1)
        square = square.permute(2, 0, 1).unsqueeze(0)
        if size != side:
            square = F.interpolate(square, (side, side), mode="bilinear", antialias=True, align_corners=False)
        return square[0].float().div_(255)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The stream of training pictures.

    photos: None for made-up pictures in their place. side: pixels. canvas_share: part of the pictures that are
    synthetic canvases, spread evenly. A quarter of the cut-outs hold a photo.
    """

    photos: PhotoSet | None
    side: int
    canvas_share: float = 0.15
    seed: int = 0

    def sample(self, number: int) -> Tensor:
        """Picture `number`: (3, side, side) float32 in [0, 1]."""
        rng = np.random.default_rng((self.seed, number))
        if self.is_canvas(number):
            if rng.random() < 0.05:
                inside = self._content(number, rng).permute(1, 2, 0).numpy()
                return _tensor(canvases.alpha_edge(self.side, rng, inside))
            return _tensor(canvases.canvas(self.side, rng))
        return self._content(number, rng)

    def is_canvas(self, number: int) -> bool:
        """True where the running share passes a whole number: exactly `canvas_share` of every stretch."""
        return int((number + 1) * self.canvas_share) > int(number * self.canvas_share)

    def batch(self, number: int, count: int) -> Tensor:
        """Samples number .. number + count - 1: (count, 3, side, side)."""
        return torch.stack([self.sample(n) for n in range(number, number + count)])

    def _content(self, number: int, rng: Generator) -> Tensor:
        if self.photos is None:
            return _tensor(made_up(self.side, rng))
        epoch, place = divmod(number, len(self.photos))
        order = np.random.default_rng((self.seed, 1 << 40, epoch)).permutation(len(self.photos))
        return self.photos.crop(int(order[place]), self.side, rng)


def _tensor(picture: canvases.Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


def _files(path: Path) -> Iterator[tuple[str, io.BytesIO]]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in SUFFIXES and file.is_file():
                try:
                    yield file.name, io.BytesIO(file.read_bytes())
                except OSError:
                    yield file.name, io.BytesIO()  # unreadable: counted as skipped by the reader
    elif path.is_file():
        try:
            with zipfile.ZipFile(path) as opened:
                for entry in sorted(opened.infolist(), key=lambda item: item.filename):
                    if Path(entry.filename).suffix.lower() in SUFFIXES and not entry.is_dir():
                        try:
                            yield entry.filename, io.BytesIO(opened.read(entry))
                        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError):
                            yield entry.filename, io.BytesIO()  # damaged or encrypted entry
        except zipfile.BadZipFile as error:
            raise PhotosUnusable(
                f"{path} is not a zip file.", remedy="Choose a folder or a zip of photos."
            ) from error
    else:
        raise PhotosUnusable(f"there is no folder or zip {path}.", remedy="Check the path of the photos.")


def _read_photo(content: io.BytesIO, short_side: int) -> NDArray[np.uint8]:
    with Image.open(content) as opened:
        if opened.width * opened.height > MAX_PHOTO_PIXELS:
            raise ValueError(f"{opened.width} x {opened.height} pixels are too many")
        if opened.format == "JPEG":
            opened.draft("RGB", (short_side, short_side))  # decodes large JPEGs at a fraction of their size
        picture = ImageOps.exif_transpose(opened)
        picture = picture.convert("RGB")
    short = min(picture.size)
    if short < 64:
        raise ValueError(f"{picture.width} x {picture.height} pixels are too few")
    if short > short_side:
        scale = short_side / short
        picture = picture.resize(
            (max(short_side, round(picture.width * scale)), max(short_side, round(picture.height * scale))),
            Image.Resampling.LANCZOS,
        )
    return np.array(picture, np.uint8)
