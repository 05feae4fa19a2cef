"""Batches cut into pieces where the memory doesn't suffice for the whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from scumble_backend.errors import OutOfMemory
from scumble_backend.rendering import device as devices

T = TypeVar("T")


class BatchParts:
    """Into how many pieces batches are cut: 1 at first, twice as many each time the memory runs out.

    fixed: never cut, as where several processes must keep step.
    """

    def __init__(self, device: torch.device, *, fixed: bool = False) -> None:
        self.count = 1
        self._device = device
        self._fixed = fixed

    def compute(self, size: int, work: Callable[[Sequence[slice]], T], forget: Callable[[], None]) -> T:
        """What `work` makes of a batch of `size`, given its pieces; in smaller ones where memory runs out.

        forget: drops what a failed attempt has left (gradients). Raises OutOfMemory where single samples don't fit.
        """
        while True:
            length = math.ceil(size / self.count)
            try:
                with devices.memory_errors("training"):
                    return work([slice(at, at + length) for at in range(0, size, length)])
            except OutOfMemory as error:
                if self._fixed or self.count >= size:
                    raise OutOfMemory(
                        f"The memory of {self._device} does not suffice for training.",
                        remedy="Close other programs that use it, or set a smaller crop, patch or batch in the "
                        "recipe, or choose another --device. The last checkpoint is kept.",
                    ) from error
            # Outside of `except`: the traceback holds on to the tensors of the failed attempt.
            forget()
            devices.free_memory(self._device)
            self.count *= 2
