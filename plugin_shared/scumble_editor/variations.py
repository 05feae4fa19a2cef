"""Mixes that nobody asked for: "surprise me". Plain arithmetic on a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from scumble_wire.messages import PackInfo
from scumble_wire.mix import Part, written

from .choices import StyleChoices

COUNT = 6


def surprise(styles: Sequence[PackInfo], seed: int, base: StyleChoices | None = None) -> list[StyleChoices]:
    """Six mixes, no two of the same styles if there are enough; the same for the same styles and seed.

    base: whose strength and way of measuring strokes stay. Styles of one mix stand on one network.
    """
    if not styles:
        return []
    dice = random.Random(seed)
    base = base or StyleChoices()
    made: list[StyleChoices] = []
    mixed: set[frozenset[str]] = set()
    for attempt in range(20 * COUNT):
        first = dice.choice(styles)
        near = [pack for pack in styles if pack.network == first.network and pack.id != first.id]
        others = dice.sample(near, min(len(near), dice.choice((0, 1, 1, 2))))
        packs = [first, *others]
        weights = [round(dice.uniform(0.25, 1.0), 2) for _ in packs]
        places = ["everywhere"] * len(packs)
        if len(packs) == 2 and dice.random() < 0.4:
            places = [dice.choice(("light", "dark")), "rest"]
        chosen = frozenset(pack.id for pack in packs)
        bold = any(pack.boldness for pack in packs)
        choices = replace(
            base,
            style=written([Part(p.id, w, place) for p, w, place in zip(packs, weights, places, strict=True)]),
            stroke_scale=dice.choice((0.6, 0.8, 1.0, 1.0, 1.4, 2.0)),
            boldness=round(dice.uniform(-0.6, 0.8), 2) if bold else 0.0,
            colors=dice.choice(("style", "style", "style", "picture", "matched")),
            seed=dice.randrange(1 << 16),
        )
        if chosen in mixed and attempt < 15 * COUNT:
            continue
        mixed.add(chosen)
        made.append(choices)
        if len(made) == COUNT:
            break
    return made
