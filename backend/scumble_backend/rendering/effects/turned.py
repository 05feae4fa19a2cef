"""Geometric self-ensemble: a network run on a picture in its eight turns and mirror images, and the mean of them."""

from __future__ import annotations

import torch
from torch import Tensor

from scumble_backend.rendering.effects.upscale import Network

PASSES = 8


class Turned:
    """A network for `effects.upscale` made of another one; eight times its work.

    What a pixel depends on is as far as before, on every side, so parts of a picture fit together as they did.
    Source: Timofte et al. 2016, "Seven ways to improve example-based single image super resolution", section 3.5.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.factor, self.halo, self.cost = network.factor, network.halo, PASSES * network.cost

    def __call__(self, image: Tensor, *, half: bool = False) -> Tensor:
        total: Tensor | None = None
        for mirrored in (image, image.flip(-1)):
            for turns in range(4):
                made = torch.rot90(self._network(torch.rot90(mirrored, turns, (-2, -1)), half=half), -turns, (-2, -1))
                made = made if mirrored is image else made.flip(-1)
                total = made if total is None else total + made
        assert total is not None
        return total / PASSES
