"""How good an installed style is: its losses on unseen pictures, and how many L-BFGS steps they are worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from scumble_backend.errors import PaintingUnusable, PhotosUnusable, RecipeInvalid
from scumble_backend.nets.style_skip import SkipStyleNetwork
from scumble_backend.packs.making import AnyStyleNetwork, AnyStyleTable, load_network, load_style
from scumble_backend.packs.store import InstalledPack, PackStore
from scumble_training.loss_network import load_loss_network
from scumble_training.measuring.artifacts import Artifacts, measure_artifacts
from scumble_training.measuring.lbfgs import Start, baseline_weights, equivalence
from scumble_training.style.data import SUFFIXES
from scumble_training.style.many.recipe import ManyRecipe, many_from_json
from scumble_training.style.objective import Objective
from scumble_training.style.painting import from_image, read_painting, with_short_side
from scumble_training.style.recipe import DataRecipe, LossWeights, Recipe, load_recipe, recipe_from_json

Progress = Callable[[float], None]


@dataclass(frozen=True)
class StyleScore:
    """One pack at one size: means over the pictures; steps are medians, since single ones may be unbounded."""

    pack: str
    size: int  # pixels, side of the square pictures
    style: float
    content: float
    total: float  # content + style + variation, weighted as in the recipe
    steps: float  # of L-BFGS that reach the same total
    tried: int  # steps after which L-BFGS was given up
    pictures: int

    def to_json(self) -> dict[str, Any]:
        told = {key: round(value, 5) if isinstance(value, float) else value for key, value in asdict(self).items()}
        if math.isinf(self.steps):
            told["steps"] = None  # more than `tried`
        return told


def recipe_of(pack: InstalledPack, painting: Tensor, other: str = "") -> Recipe:
    """The recipe the pack was trained by, from its manifest, or `other` by name. Raises RecipeInvalid.

    painting: (3, H, W), which a recipe for the light network sizes by what it shows.
    """
    if other:
        return load_recipe(other)
    training = pack.manifest.training
    if training is None or not training.recipe:
        raise RecipeInvalid(f"{pack.id} does not tell its recipe.", remedy="Name one with --recipe.")
    light = "rank" in training.recipe
    known = {field.name for field in fields(ManyRecipe if light else Recipe)}  # a run notes its styles and steps, too
    told = {key: value for key, value in training.recipe.items() if key in known}
    return _losses_of(many_from_json(told), painting) if light else recipe_from_json(told)


def _losses_of(light: ManyRecipe, painting: Tensor) -> Recipe:
    """A recipe with the content and style losses that one for the light network has of a painting."""
    side = min(light.as_learned(painting).shape[2:])
    weights = LossWeights(light.weights.content, light.weights.style, light.weights.variation)
    return Recipe(light.name, light.terms, weights=weights, data=DataRecipe(style_side=side))


def painting_of(style: str, folder: Path) -> Path:
    """A style's painting in a folder: the picture that is called as its pack's id. Raises PaintingUnusable."""
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.stem == style and file.suffix.lower() in SUFFIXES:
            return file
    raise PaintingUnusable(
        f"There is no painting {style} in {folder}.",
        remedy="Name the folder with the packs' paintings by their ids.",
    )


def squares(folder: Path, side: int, count: int) -> list[Tensor]:
    """Middle squares of the first `count` pictures of a folder, by name, brought to `side`. Raises PhotosUnusable."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    found = []
    for file in files[:count]:
        with Image.open(file) as opened:
            found.append(from_image(ImageOps.fit(opened.convert("RGB"), (side, side), Image.Resampling.LANCZOS)))
    if not found:
        raise PhotosUnusable(f"There are no pictures in {folder}.", remedy="Name a folder of photos with --photos.")
    return found


class Evaluation:
    """Measures packs of a store; loss networks and base networks are loaded once."""

    def __init__(
        self, store: PackStore, *, device: torch.device, loss_folder: Path | None = None, download: bool = False
    ) -> None:
        self._store, self._device = store, device
        self._loss_folder, self._download = loss_folder, download
        self._bases: dict[str, AnyStyleNetwork] = {}

    def load(self, pack: InstalledPack) -> tuple[AnyStyleNetwork, AnyStyleTable]:
        """Network (with the style's own change of its kernels) and table on the device, in evaluation mode."""
        key = pack.manifest.base or pack.id
        if key not in self._bases:
            self._bases[key] = load_network(self._store, pack).to(self._device).eval()
        network, style = self._bases[key], load_style(pack)
        if isinstance(network, SkipStyleNetwork):
            network = network.merged(style.delta and style.delta.to(self._device))
        return network, style.table.at(1.0).to(self._device)

    def objective(self, pack: InstalledPack, painting: Path, other: str = "") -> Objective:
        """Content, style and variation against one painting, by the pack's own recipe or `other`, by name.

        Raises RecipeInvalid, PaintingUnusable.
        """
        pixels = read_painting(painting).pixels
        recipe = recipe_of(pack, pixels, other)
        networks = [
            load_loss_network(term.network, term.layers, folder=self._loss_folder, download=self._download)
            for term in recipe.terms
        ]
        objective = Objective(recipe.terms, networks, baseline_weights(recipe.weights)).to(self._device)
        objective.add_style(0, 0.0, with_short_side(pixels, recipe.data.style_side).to(self._device))
        return objective

    def style(
        self,
        pack: InstalledPack,
        painting: Path,
        pictures: Sequence[Tensor],
        *,
        recipe: str = "",
        steps: int = 200,
        start: Start = "noise",
        progress: Progress = lambda fraction: None,
    ) -> StyleScore:
        """Losses and L-BFGS equivalence on pictures (3, S, S), all of one size. start: see `lbfgs.equivalence`."""
        network, table = self.load(pack)
        objective = self.objective(pack, painting, recipe)
        found = []
        for number, picture in enumerate(pictures):

            def tell(step: int, loss: float, number: int = number) -> None:
                del loss
                progress((number + step / max(1, steps)) / len(pictures))

            content = [picture.to(self._device)]
            found += equivalence(network, table, objective, content, steps=steps, start=start, progress=tell)
        progress(1.0)
        return StyleScore(
            pack.id,
            pictures[0].shape[-1],
            float(np.mean([one.style for one in found])),
            float(np.mean([one.content for one in found])),
            float(np.mean([one.total for one in found])),
            median(one.steps for one in found),
            steps,
            len(found),
        )

    def artifacts(self, pack: InstalledPack, side: int = 256) -> Artifacts:
        """The artifact suite on pages of `side` pixels."""
        network, table = self.load(pack)

        def paint(page: Tensor) -> Tensor:
            painted: Tensor = network(page[None], table)[0]
            return painted

        return measure_artifacts(paint, side=side, device=self._device)
