"""A training job as data: what is to be learned, who is told, how long it took. No torch."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from scumble_backend.files import write_bytes


@dataclass(frozen=True)
class StyleJob:
    """What is to be learned, and where. The fields are those of job.json."""

    painting: Path
    name: str
    folder: Path
    quality: Literal["quick", "standard", "full"] = "standard"
    strength: float = 1.0
    stroke_scales: tuple[float, ...] = ()  # empty: the recipe's
    photos: Path | None = None  # folder or zip; None: made-up pictures
    recipe: str = ""  # name or path; empty: by quality
    seed: int | None = None
    device: str = "auto"
    loss_network: Path | None = None  # file or folder
    packs_folder: Path | None = None  # the user's packs; None: the usual place
    download: bool = True  # fetch a loss network with torchvision where none is found
    tensorboard: Path | None = None


@dataclass(frozen=True)
class Learned:
    pack: Path  # the .scumble file
    report: Path
    title: str
    seconds: float  # of all sittings
    note: str  # in words; empty: nothing to tell


class Stopped(Exception):
    """A person asked to stop; the checkpoint is written. `wish`: "pause" or "cancel"."""

    def __init__(self, wish: str) -> None:
        super().__init__(wish)
        self.wish = wish


class Watcher(Protocol):
    """Who is told how it goes, and asked whether to go on. Called from the training's own thread."""

    def progress(self, fraction: float, remaining_s: float | None, stage: str) -> None: ...
    def preview(self, path: Path, step: int, steps: int, style_loss: float, content_loss: float) -> None: ...
    def note(self, text: str) -> None: ...
    def wish(self) -> str:
        """ "", "pause" or "cancel"."""
        ...


@dataclass
class Clock:
    """Fraction and remaining time over all stages, and the seconds of earlier sittings."""

    path: Path
    before: float = 0.0
    began: float = field(default_factory=time.monotonic)
    per_step: float = 0.0

    @classmethod
    def of(cls, path: Path) -> Clock:
        try:
            return cls(path, float(json.loads(path.read_text(encoding="utf-8"))["seconds"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    def save(self) -> None:
        write_bytes(self.path, json.dumps({"seconds": round(self.seconds, 1)}).encode())


class Silent:
    """For the processes of torchrun's that don't lead."""

    def progress(self, fraction: float, remaining_s: float | None, stage: str) -> None: ...
    def preview(self, path: Path, step: int, steps: int, style_loss: float, content_loss: float) -> None: ...
    def note(self, text: str) -> None: ...
    def wish(self) -> str:
        return ""
