"""The super-resolution families that Scumble trains and ships, by the name that manifests and recipes use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn

from scumble_backend.nets.compact import Compact
from scumble_backend.nets.johnson_sr import JohnsonSR
from scumble_backend.nets.span import Span


class SuperResolution(Protocol):
    """What every family offers beside being an nn.Module."""

    factor: int
    halo: int

    def __call__(self, image: Tensor, /) -> Tensor: ...


FAMILIES: dict[str, Callable[..., nn.Module]] = {
    "compact": Compact,
    "span": Span,
    "johnson-sr": JohnsonSR,
}
