"""What one step of training looks at, and drawing it ahead of time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    pictures: Tensor  # (N, 3, S, S), [0, 1]
    grain: Tensor  # (N, 1, S, S), [-1, 1)
    styles: Tensor  # (N,) int64
    octaves: Tensor  # (N,) float
    is_canvas: Tensor  # (N,) bool

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))

    def part(self, place: slice) -> Batch:
        return Batch(*(getattr(self, field.name)[place] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.pictures)


class Ahead:
    """Batches of the coming steps, drawn while the device computes; drawn at once with no threads."""

    def __init__(self, draw: Callable[[int], Batch], threads: int) -> None:
        self._draw = draw
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pictures") if threads else None
        self._depth = 2 * threads
        self._waiting: dict[int, Future[Batch]] = {}

    def get(self, step: int) -> Batch:
        if self._pool is None:
            return self._draw(step)
        for coming in range(step, step + self._depth):
            if coming not in self._waiting:
                self._waiting[coming] = self._pool.submit(self._draw, coming)
        self._waiting = {coming: future for coming, future in self._waiting.items() if coming >= step}
        return self._waiting.pop(step).result()
