"""What a run leaves: `network.*` and `styles.NAME.{table,left,right}.*` in one file (`ManyRun.trained_weights`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from scumble_backend.errors import CheckpointUnusable
from scumble_backend.nets.style_skip import SkipStyleNetwork, SkipStyleTable, StyleDelta
from scumble_training.checkpoint import REMEDY
from scumble_training.style.many.recipe import ManyRecipe


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and note (recipe, step, hours) of a run's weights.safetensors. Raises CheckpointUnusable."""
    try:
        with safe_open(path, "pt") as opened:
            note = opened.metadata() or {}
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointUnusable(f"{path.name} can't be read: {error}", remedy=REMEDY) from error
    if not {"recipe", "step", "hours"} <= note.keys():
        raise CheckpointUnusable(f"{path.name} tells no recipe, step and hours.", remedy=REMEDY)
    return weights, note


def styles_in(weights: Mapping[str, Tensor]) -> list[str]:
    """The styles of `trained_weights`, sorted by name."""
    return sorted({name.split(".")[1] for name in weights if name.startswith("styles.")})


def painter_of(
    weights: Mapping[str, Tensor], style: str, recipe: ManyRecipe
) -> tuple[SkipStyleNetwork, SkipStyleTable, StyleDelta | None]:
    """Network, table and delta of one style from `trained_weights`, in float32. Raises KeyError for no such style."""
    network = SkipStyleNetwork(recipe.network.config())
    network.load_state_dict({k[8:]: v.float() for k, v in weights.items() if k.startswith("network.")})
    prefix = f"styles.{style}."
    own = {k[len(prefix) :]: v.float() for k, v in weights.items() if k.startswith(prefix)}
    if not own:
        raise KeyError(style)
    table = SkipStyleTable(**{k[6:]: v for k, v in own.items() if k.startswith("table.")})
    factors = {k[5:]: (v, own[f"right.{k[5:]}"]) for k, v in own.items() if k.startswith("left.")}
    return network.eval().requires_grad_(False), table, StyleDelta(factors) if factors else None
