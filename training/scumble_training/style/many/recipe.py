"""The recipe of a run of many styles, typed, read from TOML; see `scumble_training/recipes/base-light.toml`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from scumble_backend.errors import RecipeInvalid
from scumble_backend.nets.style_skip import SkipStyleConfig
from scumble_training.recipe_files import LIGHT, from_plain, read_values
from scumble_training.style import painting
from scumble_training.style.recipe import LossTerm

CONTENT_BY_STRENGTH = 0.25  # the content loss of trained styles grew with about the fourth root of their weight


@dataclass(frozen=True)
class NetworkRecipe:
    """`SkipStyleConfig` as a recipe writes it."""

    widths: list[int] = field(default_factory=lambda: [16, 32, 64, 96])
    residual_blocks: int = 5
    quarter_blocks: int = 1
    grain: float = 0.04
    statistics_pull: float = 0.25

    def config(self) -> SkipStyleConfig:
        try:
            return SkipStyleConfig.from_json(dataclasses.asdict(self))
        except ValueError as error:
            raise RecipeInvalid(f"network: {error}.", remedy="Correct the recipe.") from error


@dataclass(frozen=True)
class ManyWeights:
    """What the parts of the loss count; each part is divided by its own target's size first."""

    content: float = 1.0
    style: float = 20.0
    boldness: float = 1.0  # octaves of the style's weight between default and bold, and between faithful and default
    variation: float = 0.1
    chroma_variation: float = 0.3
    colorfulness: float = 0.0  # colors far from the painting's mean chroma, where its own are near
    palette: float = 0.0  # how far the photos of a step together are from the painting's colors
    likeness: float = 0.0  # marks where another of the run's styles lays them
    luminance: float = 2.0
    evenness: float = 300.0
    lattice: float = 300.0


@dataclass(frozen=True)
class ManyData:
    #: Side of the training pictures in pixels, a multiple of 8, and the part of the steps until which it holds.
    crops: list[list[float]] = field(default_factory=lambda: [[128.0, 0.75], [160.0, 1.0]])
    pool: int = 400  # so many crops of each side, whose content features are computed once
    pool_turns: int = 8  # how often each crop is used before another takes its place
    photo_side: int = 420  # pixels; short side to which photos are brought before cropping
    style_side: int = 640  # pixels; short side of the paintings
    canvases: float = 0.18  # share of synthetic canvases
    canvas_content: float = 0.2  # their content loss counts this much
    canvas_style: float = 0.15  # their style loss this much
    canvas_luminance: float = 21.0
    canvas_evenness: float = 1.2
    photo_evenness: float = 0.05


@dataclass(frozen=True)
class ManyOptimizer:
    """Adam (Kingma and Ba 2015) with rates that rise, hold and fall to 0."""

    steps: int = 3000
    pictures: int = 2  # of one style in each step
    rate: float = 2e-3  # of convolutions and the right factors of deltas
    delta_rate: float = 8e-3  # of the left factors, which begin at 0 (faster than the right ones: Hayou et al. 2024)
    table_rate: float = 4e-3  # of scales and shifts
    color_rate: float = 2e-2  # of the color path
    warmup: int = 50  # steps
    fall: float = 0.35  # the last part of the steps, over which the rates fall
    clip: float = 1.0  # largest norm of the gradient
    content_goal: float = 0.0  # of photos; styles' weights are steered to it from `strengths` (0: they stay)
    content_share: float = 0.0  # a new style's goal, in the median of what the base's other styles lose (0: no goal)
    average: float = 0.995  # decay of the averaged weights
    average_every: int = 16  # steps; after so many, processes that train together take the mean of their weights


@dataclass(frozen=True)
class ManyRecipe:
    """A run. `trains`: "all" weights, or "styles" (tables and deltas) on a base that stays as it is."""

    name: str
    terms: list[LossTerm]
    trains: Literal["all", "styles"] = "all"
    #: In place of `terms` where their networks are not on this computer: networks that torchvision can download.
    alternative: list[LossTerm] = field(default_factory=list)
    #: What multiplies the style's weight, by style: one that tears pictures apart learns with less.
    strengths: dict[str, float] = field(default_factory=dict)
    rank: int = 8  # of the styles' deltas; 0: tables alone
    delta_stages: list[str] = field(
        default_factory=lambda: ["stem", "down", "block", "up", "quarter"]
    )  # how their names begin
    network: NetworkRecipe = field(default_factory=NetworkRecipe)
    weights: ManyWeights = field(default_factory=ManyWeights)
    data: ManyData = field(default_factory=ManyData)
    optimizer: ManyOptimizer = field(default_factory=ManyOptimizer)
    seed: int = 1

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def changed(self, *, strength: float = 1.0, seed: int | None = None) -> ManyRecipe:
        """With what a person chose: strength multiplies the style loss, which costs some of the content."""
        weights = dataclasses.replace(self.weights, style=self.weights.style * strength)
        optimizer, more = self.optimizer, strength**CONTENT_BY_STRENGTH
        optimizer = dataclasses.replace(
            optimizer, content_goal=more * optimizer.content_goal, content_share=more * optimizer.content_share
        )
        seed = self.seed if seed is None else seed
        return dataclasses.replace(self, weights=weights, optimizer=optimizer, seed=seed)

    def as_learned(self, pixels: Tensor) -> Tensor:
        """A painting (3, H, W) at the size its marks are learned at, (1, 3, h, w)."""
        return painting.as_learned(pixels, self.data.style_side, self.side_at(0.0))

    def side_at(self, done: float) -> int:
        """Side of the training pictures after a part `done`, 0 to 1, of the steps."""
        sides = [(int(side), until) for side, until in self.data.crops]
        return next((side for side, until in sides if done < until), sides[-1][0])


def load_many(name_or_path: str | Path, *, steps: int | None = None, trains: str | None = None) -> ManyRecipe:
    """A recipe of ours by name, or a TOML file, with what a person chose. Raises RecipeInvalid that names the key."""
    return many_from_json(read_values(name_or_path, LIGHT), steps=steps, trains=trains)


def is_light(name_or_path: str | Path) -> bool:
    """Whether a recipe is one for the light network: only these have a rank. Raises RecipeInvalid."""
    return "rank" in read_values(name_or_path, LIGHT)


def many_from_json(data: dict[str, Any], *, steps: int | None = None, trains: str | None = None) -> ManyRecipe:
    """Raises RecipeInvalid."""
    changed = dict(data)
    if steps is not None:
        changed["optimizer"] = {**changed.get("optimizer", {}), "steps": steps}
    if trains is not None:
        changed["trains"] = trains
    recipe = from_plain(ManyRecipe, changed)
    if not recipe.data.crops or any(len(pair) != 2 or pair[0] % 8 or pair[0] < 64 for pair in recipe.data.crops):
        raise RecipeInvalid(
            "data.crops must hold pairs of a side (a multiple of 8, at least 64) and a part of the steps.",
            remedy="Write for instance [[128, 0.7], [176, 1.0]].",
        )
    counts = (
        recipe.optimizer.steps,
        recipe.optimizer.pictures,
        recipe.optimizer.average_every,
        recipe.data.pool_turns,
    )
    if min(counts) < 1 or recipe.data.pool < recipe.optimizer.pictures:
        raise RecipeInvalid(
            "steps, pictures, average_every, pool_turns and pool must be at least 1, the pool as large as a step.",
            remedy="Correct the recipe.",
        )
    if any(strength <= 0 for strength in recipe.strengths.values()):
        raise RecipeInvalid("strengths must be above 0.", remedy="Leave a style out that should not be learned.")
    recipe.network.config()
    return recipe
