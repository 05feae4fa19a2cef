"""What the checkpoint of a style run holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from scumble_backend.nets.style import StyleNetwork, StyleTable
from scumble_training.checkpoint import read_checkpoint
from scumble_training.style.recipe import Recipe, recipe_from_json

ENTRIES = frozenset(("recipe", "step", "network", "bank", "averages", "optimizer"))


def averaged(checkpoint: Path) -> tuple[Recipe, StyleNetwork, StyleTable, int]:
    """Recipe, network and tables (N styles) of a run, averaged as far as they were trained, and its step."""
    saved = read_checkpoint(checkpoint, ENTRIES)
    recipe = recipe_from_json(json.loads(saved["recipe"]))
    network = StyleNetwork(recipe.network)
    network.load_state_dict(saved["network"])
    parameters = dict(network.named_parameters())
    trained = [name for name in saved["bank"] if recipe.learns(name)]
    if recipe.trains == "all":
        trained += parameters
    averages: Mapping[str, Tensor] = dict(zip(trained, saved["averages"], strict=True))
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(averages.get(name, parameter))
    table = StyleTable(**{name: averages.get(name, value) for name, value in saved["bank"].items()})
    return recipe, network.eval().requires_grad_(False), table, int(saved["step"])
