"""Recipes of super-resolution networks: everything that decides a training, typed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from scumble_backend.errors import RecipeInvalid
from scumble_training import recipe_files


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each term counts. Pixel terms are means over samples in [0, 1]."""

    l1: float = 1.0  # mean absolute difference
    l2: float = 0.0  # mean squared difference
    luma: float = 0.0  # l1 of the luma alone: what the published tables measure
    features: float = 0.0  # mean squared difference of the loss network's features, summed over `layers`
    texture: float = 0.0  # mean absolute difference of the features' products in windows, summed over `layers`
    network: str = "vgg16"  # loss network, see `loss_network.load_loss_network`
    layers: tuple[str, ...] = ("relu2_2",)
    pyramid: int = 1  # how many sizes of the picture the loss network sees, each half the one before
    sharpness: float = 0.0  # l1 of differences between neighboring samples
    grid: float = 0.0  # size of the mean error at each of the 4 x 4 places of a grid, over windows: against grids

    @property
    def looks_at_features(self) -> bool:
        return self.features > 0 or self.texture > 0


@dataclass(frozen=True, slots=True)
class SrRecipe:
    """One training run. Steps and minutes are both limits; the schedule follows whichever is nearer its end."""

    name: str
    family: str  # "span", "compact" or "johnson-sr": an architecture name of `scumble_backend.nets`
    factor: int
    arguments: dict[str, Any] = field(default_factory=dict)  # further arguments of the network
    pack: str = ""  # id of the pack that is made from it
    title: str = ""
    description: str = ""
    pictures: Literal["photos", "drawings", "both"] = "photos"
    drawings: int = 300  # how many are made up, where drawings are asked for
    degradation: Literal["bicubic", "johnson", "photo", "drawing"] = "bicubic"  # see `degrade.DEGRADATIONS`
    batch: int = 16
    patch: int = 48  # side of a low-resolution patch, pixels
    steps: int = 200_000
    minutes: float = 0.0  # 0: no limit
    learning_rate: float = 5e-4
    warmup: int = 200  # steps
    ema: float = 0.999  # how much of the averaged weights stays at each step
    clip: float = 0.5  # largest norm of the gradient; 0: any
    precision: Literal["bf16", "f32"] = "bf16"  # of the convolutions, where the device gains by it; all else: float32
    seed: int = 0
    loss: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        for name in ("batch", "patch", "steps"):
            if getattr(self, name) < 1:
                raise RecipeInvalid(
                    f"{name} must be at least 1, not {getattr(self, name)}.", remedy="Edit the recipe."
                )

    @property
    def architecture(self) -> dict[str, Any]:
        """What `scumble_backend.nets.build` and a pack's manifest take."""
        return {"name": self.family, "factor": self.factor, **self.arguments}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SrRecipe:
        """Raises RecipeInvalid that names the key."""
        return recipe_files.from_plain(cls, values)


def read(name: str | Path, **changes: Any) -> SrRecipe:
    """A shipped recipe by its name, or a recipe file; `changes` replace single values. Raises RecipeInvalid."""
    return recipe_files.read_file(SrRecipe, name, recipe_files.SUPER_RESOLUTION, **changes)
