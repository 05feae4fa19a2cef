"""Checkpoints: written in one step, read without running code, checked before anything is changed."""

from __future__ import annotations

import io
import pickle
import struct
from pathlib import Path
from typing import Any

import torch

from scumble_backend.errors import CheckpointUnusable
from scumble_backend.files import write_bytes

FILE = "checkpoint.pt"  # in the folder of a training
REMEDY = "Start a new training (without --resume, or in another folder)."
# torch.load promises no class of its own for what is not a checkpoint; these are what it stumbles with.
_UNREADABLE = (
    OSError, RuntimeError, KeyError, EOFError, ValueError, TypeError, pickle.UnpicklingError, struct.error,
)  # fmt: skip


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """A kill or a full disk in the middle leaves the old file. Raises DiskFull, FileTrouble."""
    raw = io.BytesIO()
    torch.save(state, raw)
    write_bytes(path, raw.getvalue())


def read_checkpoint(path: Path, entries: frozenset[str]) -> dict[str, Any]:
    """The state in a file, or in the checkpoint of a folder.

    entries: what it must hold. Raises CheckpointUnusable where the file is missing, torn, holds code or other things.
    """
    if path.is_dir():
        path = path / FILE
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise CheckpointUnusable(f"{path.name} can't be read: {error}", remedy=REMEDY) from error
    if not isinstance(state, dict) or not entries <= state.keys():
        raise CheckpointUnusable(f"{path.name} is not a checkpoint of such a training.", remedy=REMEDY)
    return state
