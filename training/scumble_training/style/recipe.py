"""Recipes of styles: everything that decides a training, typed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from scumble_backend.nets.style import StyleNetworkConfig
from scumble_training import recipe_files


@dataclass(frozen=True)
class LossTerm:
    """One loss network looking at the picture at one size."""

    network: str  # "vgg16", "vgg19", "vgg19_distilled" or a file
    scale: float = 1.0  # of the picture: 1, 0.5, 0.25 form an image pyramid
    content: dict[str, float] = field(default_factory=dict)  # layer -> weight
    style: dict[str, float] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.content, *self.style]))


@dataclass(frozen=True)
class LossWeights:
    content: float = 1.0
    style: float = 6.0
    variation: float = 0.1
    luminance: float = 2.0
    evenness: float = 5.0
    lattice: float = 0.0
    #: What a loss is divided by: "target", the mean square of its target; "supremum", for style, the largest value
    #: it can take (Cheng et al. 2021); "none" leaves the losses of the papers as they are.
    normalization: Literal["target", "supremum", "none"] = "target"
    variation_power: Literal[1, 2] = 1  # 1: mean absolute difference, 2: mean square


@dataclass(frozen=True)
class DataRecipe:
    crop: int = 192  # pixels; side of the training pictures
    photo_side: int = 300  # pixels; short side to which photos are brought before cropping
    style_side: int = 384  # pixels; short side of the painting
    canvases: float = 0.15  # share of synthetic canvases
    canvas_style: float = 0.3  # their style loss counts this much
    canvas_luminance: float = 1.0  # their luminance loss this much
    canvas_evenness: float = 1.0  # and their evenness loss this much
    jitter: int = 0  # pixels; the losses look at the pictures from a place that moves by up to so much


@dataclass(frozen=True)
class OptimizerRecipe:
    steps: int = 2000
    batch: int = 4
    rate: float = 2e-3  # Adam's
    table_rate: float = 4e-3  # of the styles' scales, shifts and colors
    schedule: Literal["cosine", "constant"] = "cosine"  # after the warm-up: falling to 0, or as it is
    warmup: int = 50  # steps over which the rate rises
    clip: float = 1.0  # largest norm of the gradient; 0: any
    average: float = 0.998  # decay of the averaged weights; 0: the last weights are taken


@dataclass(frozen=True)
class Recipe:
    """A whole run. `trains` says what learns: "all" weights, or only the "table" of a style on a base network."""

    name: str
    terms: list[LossTerm]
    trains: Literal["all", "table"] = "all"
    #: In place of `terms` where their networks are not on this computer: networks that torchvision can download.
    alternative: list[LossTerm] = field(default_factory=list)
    start: Literal["scratch", "base"] = "scratch"  # "base": from an installed base network and its nearest style
    color_path: bool = True  # False: all color goes through the normalizations, as in the paper
    network: StyleNetworkConfig = field(default_factory=StyleNetworkConfig)
    weights: LossWeights = field(default_factory=LossWeights)
    data: DataRecipe = field(default_factory=DataRecipe)
    optimizer: OptimizerRecipe = field(default_factory=OptimizerRecipe)
    stroke_octaves: list[float] = field(default_factory=lambda: [0.0])  # sizes of the painting, as powers of two
    seed: int = 0

    def learns(self, entry: str) -> bool:
        """Whether an entry of the styles' tables ("scale", "color", ...) is trained."""
        return self.color_path or not entry.startswith("color")

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def changed(
        self, *, strength: float = 1.0, stroke_scales: Sequence[float] = (), seed: int | None = None
    ) -> Recipe:
        """With what a person chose: strength multiplies the style loss, stroke scales are sizes of the painting."""
        recipe = dataclasses.replace(
            self, weights=dataclasses.replace(self.weights, style=self.weights.style * strength)
        )
        if stroke_scales:
            octaves = sorted({round(math.log2(scale), 4) for scale in stroke_scales})
            recipe = dataclasses.replace(recipe, stroke_octaves=octaves)
        return recipe if seed is None else dataclasses.replace(recipe, seed=seed)


def load_recipe(name_or_path: str | Path) -> Recipe:
    """A recipe of ours by name, or a TOML file. Raises RecipeInvalid that names the key."""
    return recipe_files.read_file(Recipe, name_or_path)


def recipe_from_json(values: dict[str, Any]) -> Recipe:
    """Raises RecipeInvalid that names the key."""
    return recipe_files.from_plain(Recipe, values)
