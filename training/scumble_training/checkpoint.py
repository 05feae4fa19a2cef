"""Checkpoints: written in one step, read without running code, checked before anything is changed."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from scumble_backend.packs.files import write_bytes
from scumble_training.errors import CheckpointUnusable

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
