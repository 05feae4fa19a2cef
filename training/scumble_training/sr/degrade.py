"""How a low-resolution picture is made from a high-resolution one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from scumble_backend.effects.resample import downsample_u8


@dataclass(frozen=True, slots=True)
class Degradation:
    """Either `whole` (a picture at a time, before training) or `patches` (a batch at a time, at random) is used.

    whole: (3, H, W) uint8 and the factor, to (3, H / factor, W / factor) uint8.
    patches: (N, 3, H, W) float in [0, 1], the factor, a generator, to (N, 3, H / factor, W / factor) float in [0, 1].
    """

    whole: Callable[[Tensor, int], Tensor] | None
    patches: Callable[[Tensor, int, torch.Generator], Tensor]


def _not_by_patch(large: Tensor, factor: int, generator: torch.Generator) -> Tensor:
    raise RuntimeError("this degradation works on whole pictures")


DEGRADATIONS: dict[str, Degradation] = {
    "bicubic": Degradation(downsample_u8, _not_by_patch),
}
