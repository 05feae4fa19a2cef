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
    frequency: float = 0.0  # mean absolute difference of the Fourier transforms (Cho et al. 2021), in units of `l1`
    grid: float = 0.0  # size of the mean error at each of the 4 x 4 places of a grid, over windows: against grids

    @property
    def looks_at_features(self) -> bool:
        return self.features > 0 or self.texture > 0


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of a training. What it does not say is as the recipe says."""

    until: float  # where it ends, as a part of the whole schedule; the last one ends at 1
    batch: int | None = None
    patch: int | None = None  # side of a low-resolution patch, pixels
    loss: LossWeights | None = None  # with the recipe's loss network and its layers


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
    degradation: Literal["bicubic", "johnson", "photo", "drawing", "worn-photo", "worn-drawing"] = "bicubic"
    batch: int = 16
    patch: int = 48  # side of a low-resolution patch, pixels
    steps: int = 200_000
    minutes: float = 0.0  # 0: no limit
    stages: list[Stage] = field(default_factory=list)  # growing patches, another loss toward the end; none: all alike
    mixup: float = 0.0  # share of the batches in which pictures are blended in pairs (Yoo et al. 2020)
    widen: float = 0.0  # width of the branches that 3 x 3 convolutions have while learning, see `widening`; 0: none
    learning_rate: float = 5e-4
    warmup: int = 200  # steps
    cycles: int = 1  # how often the learning rate falls from its peak (Loshchilov and Hutter 2017)
    cycle_peak: float = 1.0  # the peak of a cycle against the one before
    ema: float = 0.999  # how much of the averaged weights stays at each step
    clip: float = 0.5  # largest norm of the gradient; 0: any
    precision: Literal["bf16", "f32"] = "bf16"  # of the convolutions, where the device gains by it; all else: float32
    seed: int = 0
    loss: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        for name in ("batch", "patch", "steps", "cycles"):
            if getattr(self, name) < 1:
                raise RecipeInvalid(
                    f"{name} must be at least 1, not {getattr(self, name)}.", remedy="Edit the recipe."
                )
        ends = [stage.until for stage in self.stages]
        if ends and (ends != sorted(set(ends)) or ends[0] <= 0 or ends[-1] != 1.0):
            raise RecipeInvalid(
                f"The stages end at {ends}.", remedy="Let `until` rise from above 0 to 1.0 from stage to stage."
            )
        if any(size is not None and size < 1 for stage in self.stages for size in (stage.batch, stage.patch)):
            raise RecipeInvalid("batch and patch of a stage must be at least 1.", remedy="Edit the recipe.")

    def stage_at(self, fraction: float) -> Stage:
        """Batch, patch and loss at a part of the schedule, none of them left open."""
        for stage in self.stages:
            if fraction < stage.until:
                break
        else:
            stage = self.stages[-1] if self.stages else Stage(1.0)
        own, ours = stage.loss or self.loss, self.loss
        loss = dataclasses.replace(own, network=ours.network, layers=ours.layers, pyramid=ours.pyramid)
        return Stage(stage.until, stage.batch or self.batch, stage.patch or self.patch, loss)

    @property
    def looks_at_features(self) -> bool:
        """Whether some stage needs the loss network."""
        return any(loss.looks_at_features for loss in (self.loss, *(s.loss for s in self.stages if s.loss)))

    @property
    def patches(self) -> set[int]:
        """Sides of the low-resolution patches of all stages, pixels."""
        return {stage.patch or self.patch for stage in self.stages} or {self.patch}

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
