"""Which frames of an animation share with which: noise with those around it, statistics with every eighth."""

from __future__ import annotations

WINDOW = 3  # frames on either side whose noise is shared
ANCHORS = 8  # every so many frames statistics are taken


def neighbors_of(place: int, count: int) -> list[int]:
    """The places of the frames around one of `count` frames, without its own."""
    around = range(max(0, place - WINDOW), min(count - 1, place + WINDOW) + 1)
    return [other for other in around if other != place]


def anchors_of(place: int, count: int) -> dict[int, float]:
    """The frames whose statistics count for one of `count` frames, with weights over 0 that sum to 1."""
    before = place // ANCHORS * ANCHORS
    after = min(count - 1, before + ANCHORS)
    share = (place - before) / (after - before) if after > before else 0.0
    weights = {before: 1.0 - share, after: share} if share else {before: 1.0}
    return {anchor: weight for anchor, weight in weights.items() if weight > 0}
