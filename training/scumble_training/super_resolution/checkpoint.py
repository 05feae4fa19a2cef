"""What the checkpoint of a super-resolution training holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scumble_backend import nets
from scumble_backend.errors import CheckpointUnusable
from scumble_training import checkpoint
from scumble_training.super_resolution.recipe import SrRecipe

ENTRIES = frozenset(("recipe", "network", "averaged", "optimizer", "step", "elapsed_s"))


def build(recipe: SrRecipe) -> nn.Module:
    """The recipe's network with fresh weights."""
    torch.manual_seed(recipe.seed)
    network = nets.build(recipe.architecture)
    start = getattr(network, "start_as_bilinear", None)
    if start is not None:
        start()
    return network


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's contents, with its recipe as an SrRecipe. Raises CheckpointUnusable, RecipeInvalid."""
    state = checkpoint.read_checkpoint(path, ENTRIES)
    try:
        state["recipe"] = SrRecipe.from_dict(json.loads(state["recipe"]))
    except (ValueError, TypeError) as error:
        raise CheckpointUnusable(
            f"The recipe in {path.name} can't be read: {error}", remedy="Name another file."
        ) from error
    return state


def averaged_network(path: Path) -> tuple[nn.Module, SrRecipe, int]:
    """The averaged network of a checkpoint, ready to run; its recipe; the step it has reached."""
    state = read_checkpoint(path)
    recipe: SrRecipe = state["recipe"]
    network = build(recipe)
    network.load_state_dict(state["averaged"])
    network.train()
    return network.eval(), recipe, int(state["step"])
