"""A pool of training crops whose content features are computed once, in half precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scumble_training.style.data import PhotoSet, Pictures


@dataclass(frozen=True)
class Crops:
    """Pictures (N, 3, S, S) in [0, 1], which of them are canvases (N,), and their content features."""

    pictures: Tensor
    is_canvas: Tensor
    content: list[Tensor]


class CropPool:
    """`count` crops of one side; each is drawn, and looked at by `content_of`, when it is first asked for.

    What is kept: 3 bytes a pixel and the features, about half a megabyte per crop of 128 pixels. The same crop meets
    many styles, so that its features serve many steps; after `turns` passes the pool is filled with others.
    """

    def __init__(
        self,
        photos: PhotoSet | None,
        side: int,
        count: int,
        content_of: Callable[[Tensor], list[Tensor]],
        *,
        canvases: float,
        seed: int,
        turns: int,
    ) -> None:
        self.side, self.count, self.turns = side, count, turns
        self._pictures = Pictures(photos, side, canvases, seed)
        self._content_of, self._seed = content_of, seed
        self._kept: dict[int, tuple[Tensor, list[Tensor]]] = {}

    def at(self, place: int, count: int) -> Crops:
        """Crops number place, ..., place + count - 1 of an endless stream: every pass in an order of its own."""
        numbers = [self._number(n) for n in range(place, place + count)]
        kept = [self._one(number) for number in numbers]
        return Crops(
            torch.stack([picture for picture, _ in kept]).float() / 255,
            torch.tensor([self._pictures.is_canvas(number) for number in numbers]),
            [torch.stack(layer).float() for layer in zip(*(content for _, content in kept), strict=True)],
        )

    def _number(self, n: int) -> int:
        turn, place = divmod(n, self.count)
        first = turn // self.turns * self.count
        return first + int(np.random.default_rng((self._seed, 5, turn)).permutation(self.count)[place])

    def _one(self, number: int) -> tuple[Tensor, list[Tensor]]:
        if number not in self._kept:
            generation = number // self.count
            if any(one // self.count < generation - 1 for one in self._kept):  # a step may reach into the next one
                self._kept = {k: v for k, v in self._kept.items() if k // self.count >= generation - 1}
            picture = (self._pictures.sample(number) * 255).round().byte()
            content = self._content_of(picture[None].float() / 255)
            self._kept[number] = (picture, [features[0].half() for features in content])
        return self._kept[number]
