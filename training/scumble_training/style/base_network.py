"""The base network that a new style starts from, found among the installed packs, and its nearest style."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from scumble_backend.errors import PackError
from scumble_backend.nets.style import StyleNetwork, StyleTable
from scumble_backend.nets.style_skip import SkipStyleNetwork, SkipStyleTable, StyleDelta
from scumble_backend.packs.making import Style, load_network, load_style
from scumble_backend.packs.store import PackStore
from scumble_training.style.held_out import measure
from scumble_training.style.objective import Objective

N = TypeVar("N", StyleNetwork, SkipStyleNetwork)


@dataclass(frozen=True)
class Base:
    """sha256 of the base network's file, the network, and the tables of the styles that stand on it, by pack id."""

    sha256: str
    network: StyleNetwork
    tables: dict[str, StyleTable]


@dataclass(frozen=True)
class LightBase:
    """As `Base`, of the light network; its styles are tables with deltas."""

    sha256: str
    network: SkipStyleNetwork
    styles: dict[str, tuple[SkipStyleTable, StyleDelta | None]]


def find_base(store: PackStore) -> Base | None:
    """The reference network that most installed affine packs stand on; packs that ship count more. None: no such."""
    found = _styles_on(store, StyleNetwork)
    if found is None:
        return None
    sha, network, styles = found
    return Base(
        sha, network, {name: style.table for name, style in styles.items() if isinstance(style.table, StyleTable)}
    )


def find_light_base(store: PackStore) -> LightBase | None:
    """The light network that most installed affine packs stand on; packs that ship count more. None: no such."""
    found = _styles_on(store, SkipStyleNetwork)
    if found is None:
        return None
    sha, network, styles = found
    return LightBase(sha, network, {
        name: (style.table, style.delta)
        for name, style in styles.items() if isinstance(style.table, SkipStyleTable)
    })  # fmt: skip


def _styles_on(store: PackStore, family: type[N]) -> tuple[str, N, dict[str, Style]] | None:
    """sha256 of the most used base network of a family, the network, and the styles on it."""
    packs = list(store.list("affine"))
    votes = Counter({pack.manifest.base: 0 for pack in packs})
    for pack in packs:
        votes[pack.manifest.base] += 100 if pack.starter else 1
    for sha, _ in votes.most_common():
        own = [pack for pack in packs if pack.manifest.base == sha]
        try:
            network = load_network(store, own[0])
            if isinstance(network, family):
                return sha, network, {pack.id: load_style(pack) for pack in own}
        except PackError:  # damaged or its base is missing: `scumble packs verify` tells; try the next one
            continue
    return None


def nearest_style(
    base: Base, objective: Objective, contents: Sequence[Tensor], each: Callable[[], None] = lambda: None
) -> tuple[str, StyleTable]:
    """The installed style whose pictures come closest to the new painting's style loss: the best table to start from.

    objective: with the new painting as style 0. contents: a few held-out pictures; two are enough. each: called after
    every picture that was painted.
    """
    losses = {
        name: measure(base.network, table, objective, contents, device=_device_of(objective), each=each).style
        for name, table in base.tables.items()
    }
    best = min(losses, key=losses.__getitem__)
    return best, base.tables[best].at(1.0)


def _device_of(objective: Objective) -> torch.device:
    return next(objective.parameters()).device
