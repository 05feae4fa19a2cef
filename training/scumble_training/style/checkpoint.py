"""Checkpoints: written in one step, read without running code, checked before anything is changed."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scumble_backend.errors import CheckpointUnusable
from scumble_backend.files import write_bytes
from scumble_backend.nets.style import StyleNetwork, StyleTable
from scumble_training.style.recipe import Recipe, recipe_from_json

REMEDY = "Start the training anew (without --resume, or in another folder)."


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """A kill or a full disk in the middle leaves the old file. Raises DiskFull, FileTrouble."""
    raw = io.BytesIO()
    torch.save(state, raw)
    write_bytes(path, raw.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Raises CheckpointUnusable where the file is missing, torn or holds code."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointUnusable(f"{path.name} can't be read: {error}", remedy=REMEDY) from error
    if not isinstance(state, dict) or not {"recipe", "step", "network", "bank"} <= state.keys():
        raise CheckpointUnusable(f"{path.name} is no checkpoint of a training run.", remedy=REMEDY)
    return state


def averaged(checkpoint: Path) -> tuple[Recipe, StyleNetwork, StyleTable, int]:
    """Recipe, network and tables (N styles) of a run, averaged as far as they were trained, and its step."""
    saved = read_checkpoint(checkpoint)
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
