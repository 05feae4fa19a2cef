"""What a style loss wants, before any network is trained for it: the pixels of a picture, optimized directly.

    python benchmarks/pixel_optimization.py PICTURE PAINTING --loss-network FOLDER --out tries
        [--tries recipe,wasserstein] [--steps 150] [--side 384] [--judge judge.py squeezenet1_1.safetensors]

Every try changes the recipe in one way (`TRIES`) and takes a minute or two on one core. Written are one picture a
try, a sheet of all of them (OUT.jpg) and, with `--judge`, that judge's figures, which no try has seen. Adam (Kingma
and Ba 2015) on the pixels' logits, from the picture itself (Gatys et al. 2016, section 2, in place of L-BFGS).
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from shared_options import options_of, parser_for
from torch import Tensor

from scumble_training.loss_network import load_loss_network
from scumble_training.measuring.sheet import read_picture
from scumble_training.style.many.objective import ManyObjective
from scumble_training.style.many.recipe import ManyRecipe, load_many
from scumble_training.style.painting import read_painting, to_image
from scumble_training.style.recipe import LossTerm

PROJECTIONS = 64  # random directions a layer; fewer leave colored noise


def weights(**changed: float) -> Callable[[ManyRecipe], ManyRecipe]:
    return lambda recipe: dataclasses.replace(recipe, weights=dataclasses.replace(recipe.weights, **changed))


def terms(change: Callable[[LossTerm], LossTerm | None]) -> Callable[[ManyRecipe], ManyRecipe]:
    """Every term as `change` returns it; None leaves it out."""
    return lambda recipe: dataclasses.replace(
        recipe, terms=[term for term in map(change, recipe.terms) if term is not None]
    )


def painting_at(side: int) -> Callable[[ManyRecipe], ManyRecipe]:
    return lambda recipe: dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, style_side=side))


def shallow(term: LossTerm) -> LossTerm:
    """Without the layers whose marks are the largest."""
    kept = {layer: weight for layer, weight in term.style.items() if layer < "relu4"}
    return dataclasses.replace(term, style=kept)


#: Name of a try -> what it makes of the recipe. "wasserstein" changes how styles are compared, not the recipe.
TRIES: dict[str, Callable[[ManyRecipe], ManyRecipe]] = {
    "recipe": lambda recipe: recipe,
    "three times the style": lambda recipe: recipe.changed(strength=3.0),
    "nothing held": weights(luminance=0.0, evenness=0.0, lattice=0.0),
    "no palette": weights(palette=0.0),
    "no deep style": terms(shallow),
    "full size only": terms(lambda term: term if term.scale == 1.0 or term.content else None),
    "painting at 384": painting_at(384),
    "painting at 900": painting_at(900),
    "wasserstein": lambda recipe: recipe,
}


class Wasserstein:
    """Sliced Wasserstein distance of features to a painting's, in place of Gram matrices (Heitz et al. 2021, eq. 4).

    As a squared distance over the mean square of the painting's projections, so that layers weigh alike.
    """

    def __init__(self, objective: ManyObjective, painting: Tensor, seed: int = 0) -> None:
        self.objective = objective
        generator = torch.Generator().manual_seed(seed)
        self.directions: list[Tensor] = []
        self.sorted: list[Tensor] = []
        with torch.no_grad():
            for _, features in objective.looked_at(painting)[1]:
                rows = torch.randn(PROJECTIONS, features.shape[1], generator=generator)
                self.directions.append(rows / rows.norm(dim=1, keepdim=True))
                self.sorted.append(self._slices(features, self.directions[-1]))

    @staticmethod
    def _slices(features: Tensor, directions: Tensor) -> Tensor:
        """(PROJECTIONS, places), sorted along places."""
        return (directions @ features[0].flatten(1)).sort(dim=1).values

    def __call__(self, painted: Tensor) -> Tensor:
        total = painted.new_zeros(())
        seen = self.objective.looked_at(painted)[1]
        for (weight, features), directions, goal in zip(seen, self.directions, self.sorted, strict=True):
            slices = self._slices(features, directions)
            if goal.shape != slices.shape:  # as many quantiles as the picture has places
                goal = torch.nn.functional.interpolate(goal[None], slices.shape[1], mode="linear")[0]
            total = total + weight * (slices - goal).square().mean() / goal.square().mean()
        return total


def optimized(
    picture: Tensor, painting: Tensor, recipe: ManyRecipe, loss_folder: Path, *, steps: int, wasserstein: bool
) -> tuple[Tensor, str]:
    """The pixels (3, H, W) and what their loss became."""
    networks = [
        load_loss_network(term.network, term.layers, folder=loss_folder, padding="reflect") for term in recipe.terms
    ]
    if wasserstein:  # the objective's own style part has nothing to say
        recipe = weights(style=0.0)(recipe)
    objective = ManyObjective(recipe.terms, networks, recipe.weights, recipe.data)
    goal_picture = recipe.as_learned(painting)
    goals, content = objective.goals(goal_picture), objective.content(picture[None])
    slices = Wasserstein(objective, goal_picture) if wasserstein else None
    logits = picture[None].clamp(0.02, 0.98).logit().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.08)
    told = ""
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.08 * min(1.0, (step + 1) / 10) * (1 - step / steps) ** 0.5
        optimizer.zero_grad()
        painted = logits.sigmoid()
        parts = objective(painted, picture[None], content, goals, torch.tensor([False]), 0.0)
        loss, told = parts.total, f"content {parts.content:.2f}, style {parts.style:.4f}"
        if slices is not None:
            loss = loss + load_many("base-light").weights.style * slices(painted)
        loss.backward()
        optimizer.step()
    return logits.detach().sigmoid()[0], told


def judged(judge: Sequence[Path], painting: Path, picture: Path, made: Path) -> str:
    """The line of JSON that the judge prints for one picture."""
    command = [sys.executable, *map(str, judge), str(painting), str(picture), str(made)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = parser_for(__doc__, threads=True)
    parser.add_argument("picture", type=Path)
    parser.add_argument("painting", type=Path)
    parser.add_argument("--loss-network", type=Path, required=True, help="folder of the loss networks' weights")
    parser.add_argument("--recipe", default="base-light")
    parser.add_argument("--tries", default=",".join(TRIES), help="names by commas: " + ", ".join(TRIES))
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--side", type=int, default=384, help="longer side in pixels")
    parser.add_argument("--judge", type=Path, nargs=2, help="judge.py and its network")
    parser.add_argument("--out", type=Path, required=True, help="how the files' names begin")
    options = options_of(parser)
    picture = read_picture(options.picture, options.side)
    painting = read_painting(options.painting).pixels
    original = options.out.with_name(f"{options.out.name}-picture.png")
    to_image(picture).save(original)
    made: list[tuple[str, Image.Image]] = [("the picture", to_image(picture))]
    for name in options.tries.split(","):
        started = time.perf_counter()
        recipe = TRIES[name](load_many(options.recipe))
        pixels, told = optimized(
            picture, painting, recipe, options.loss_network, steps=options.steps, wasserstein=name == "wasserstein"
        )
        path = options.out.with_name(f"{options.out.name}-{name.replace(' ', '-')}.png")
        to_image(pixels).save(path)
        made.append((name, to_image(pixels)))
        verdict = judged(options.judge, options.painting, original, path) if options.judge else ""
        print(f"{name}: {told}, {time.perf_counter() - started:.0f} s {verdict}", flush=True)
    columns, (width, height) = 3, made[0][1].size
    sheet = Image.new("RGB", (columns * width, -(-len(made) // columns) * (height + 18)), "white")
    for place, (name, image) in enumerate(made):
        x, y = place % columns * width, place // columns * (height + 18)
        ImageDraw.Draw(sheet).text((x + 4, y + 3), name, fill="black")
        sheet.paste(image, (x, y + 18))
    sheet.save(options.out.with_suffix(".jpg"), quality=86, optimize=True)


if __name__ == "__main__":
    main()
