"""Where a style's slider from faithful to bold begins.

One weight for all styles keeps much of a photo under some paintings and little under others: those of hard contrasts
ask for more. Such a style begins on the faithful side, so that all keep about as much of what they are given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
import torch
from torch import Tensor

from scumble_backend.nets.style_skip import SkipStyleNetwork, SkipStyleTable, StyleDelta
from scumble_training.style.many.objective import ManyObjective
from scumble_training.style.many.recipe import ManyRecipe
from scumble_training.style.many.weights import painter_of

TRIED = (-1.0, -0.5, 0.0)  # boldness, rising
ALLOWANCE = 1.1  # a style may lose so many times what the median style loses


def beginnings(
    weights: Mapping[str, Tensor],
    styles: Sequence[str],
    recipe: ManyRecipe,
    objective: ManyObjective,
    photos: Sequence[Tensor],
) -> dict[str, float]:
    """Style -> boldness in [-1, 0] to begin at, by the recipe's content loss on `photos`, (3, H, W) in [0, 1]."""
    goals = [objective.content(photo[None]) for photo in photos]
    lost = {
        style: [content_lost(painter_of(weights, style, recipe), objective, photos, goals, b) for b in TRIED]
        for style in styles
    }
    allowed = ALLOWANCE * median(of_style[-1] for of_style in lost.values())
    return {style: beginning(of_style, allowed) for style, of_style in lost.items()}


def beginning(lost: Sequence[float], allowed: float) -> float:
    """The boldest place in [-1, 0] where at most `allowed` is lost; -1 if there is none. lost: at each of TRIED."""
    rising = np.maximum.accumulate(lost)
    if rising[-1] <= allowed:
        return 0.0
    return round(float(np.interp(allowed, rising, TRIED)), 2)


@torch.inference_mode()
def content_lost(
    painter: tuple[SkipStyleNetwork, SkipStyleTable, StyleDelta | None],
    objective: ManyObjective,
    photos: Sequence[Tensor],
    goals: Sequence[Sequence[Tensor]],
    boldness: float,
) -> float:
    """The content loss of one style, mean over the photos: 0 is the photo, about 1 is unrelated.

    goals: the photos' content features (`ManyObjective.content`).
    """
    network, table, delta = painter
    total = 0.0
    for photo, wanted in zip(photos, goals, strict=True):
        painted = network(photo[None], table.at(1.0, boldness), delta)
        seen = objective.looked_at(painted, content_only=True)[0]
        for (weight, features), goal in zip(seen, wanted, strict=True):
            total += weight * float((features - goal).square().mean() / goal.square().mean()) / len(photos)
    return total
