"""What a run learns of one style: its table, its slopes from faithful to bold, and its delta, as parameters."""

from __future__ import annotations

import math

import torch
from torch import nn

from scumble_backend.nets.style_skip import SkipStyleNetwork, SkipStyleTable, StyleDelta
from scumble_training.style.many.recipe import ManyRecipe

COLOR_AT_START = 0.4  # of the picture's own color: with all of it, the loss is slow to leave the photo behind


class Style(nn.Module):
    """One style's table and delta as parameters."""

    def __init__(self, network: SkipStyleNetwork, recipe: ManyRecipe, generator: torch.Generator) -> None:
        super().__init__()
        plain = network.plain_table()
        plain.color[:, :, :3] = COLOR_AT_START * torch.eye(3)
        self.table = nn.ParameterDict(plain.tensors())
        for name in ("scale", "shift", "color"):
            self.table[f"{name}_bold"] = nn.Parameter(torch.zeros_like(self.table[name]))
        self.left, self.right = nn.ParameterDict(), nn.ParameterDict()
        for name, stage in network.named_stages().items():
            if recipe.rank and name.startswith(tuple(recipe.delta_stages)):
                outputs, inputs = stage.conv.weight.shape[:2]
                right = torch.empty(recipe.rank, inputs, 3, 3).normal_(generator=generator) / math.sqrt(9 * inputs)
                self.left[name] = nn.Parameter(torch.zeros(outputs, recipe.rank))
                self.right[name] = nn.Parameter(right)

    def whole_table(self) -> SkipStyleTable:
        """The table with its slopes, N = 1."""
        return SkipStyleTable(**dict(self.table.items()))

    def delta(self) -> StyleDelta | None:
        if not len(self.left):
            return None
        return StyleDelta({name: (self.left[name], self.right[name]) for name in self.left})
