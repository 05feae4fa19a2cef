"""The training package, which an installation may lack."""

from __future__ import annotations

import importlib.util

from scumble_backend.errors import TrainingMissing


def require_training() -> None:
    """Raises TrainingMissing where the training package is not installed."""
    if importlib.util.find_spec("scumble_training") is None:
        raise TrainingMissing(
            "The training package is not installed.",
            remedy="Install again: `python3 installer/install.py install`.",
        )


def check_recipe(name: str) -> None:
    """Raises RecipeInvalid for a recipe that isn't there or isn't TOML, where the training package is installed.

    The process that learns would find it too, but only after seconds of loading, when nobody may listen any more.
    name: of one of ours, or a path; empty: the quality's own.
    """
    if name and importlib.util.find_spec("scumble_training") is not None:
        importlib.import_module("scumble_training.recipe_files").read_values(name)
