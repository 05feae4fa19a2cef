"""Losses to TensorBoard, where its extra is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from scumble_backend.errors import TensorboardMissing
from scumble_backend.extras import how_to_install


class Board(Protocol):
    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...


def open_board(folder: Path | None) -> Board | None:
    """TensorBoard's writer. Raises TensorboardMissing where the extra is not installed."""
    if folder is None:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TensorboardMissing("TensorBoard is not installed.", remedy=how_to_install("tensorboard")) from error
    writer: Board = SummaryWriter(str(folder))
    return writer
