"""What a run is to learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Quality = Literal["quick", "standard", "full"]

LOSS_NETWORK = "SCUMBLE_LOSS_NETWORK"  # environment variable: file or folder of the loss network's weights


@dataclass(frozen=True)
class TrainingJob:
    """What is to be learned, and with what: job.json of a run."""

    name: str  # title of the new style
    painting: Path  # a relative path lies in the run's folder
    quality: Quality = "standard"
    strength: float = 1.0  # of the style loss; 1: the recipe's
    stroke_scales: tuple[float, ...] = ()  # empty: the recipe's
    photos: Path | None = None  # folder or zip; None: made-up pictures
    recipe: str = ""  # name or path; empty: by quality
    seed: int | None = None  # None: the recipe's
    device: str = "auto"
    loss_network: Path | None = None  # file or folder; looked at before the environment variable
    packs_folder: Path | None = None  # the user's packs; None: the usual place
    shown: Path | None = None  # a picture that previews show painted; a relative path lies in the run's folder
    download: bool = True  # fetch a loss network with torchvision where none is found


def loss_network_place(chosen: str | Path | None, setting: str, environ: Mapping[str, str]) -> Path | None:
    """Where the loss network lies: as chosen for this job, else by the environment variable, else by the setting."""
    place = chosen or environ.get(LOSS_NETWORK) or setting
    return Path(place).expanduser() if place else None
