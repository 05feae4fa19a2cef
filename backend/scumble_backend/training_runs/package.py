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
