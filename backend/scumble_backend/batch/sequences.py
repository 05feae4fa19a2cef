"""Frames of an animation: which pictures are neighbors, and how they share what keeps a painting steady.

Three things make separately painted frames flicker, and each is shared:

* noise of a camera or renderer, which a style's network makes several times stronger: where a frame and its neighbors
  agree up to such noise, the network is shown their mean (a bilateral filter over time; Tomasi and Manduchi 1998 for
  the idea in space). Where something moves or changes they don't agree, and the frame stays as it is, so nothing
  smears and no motion has to be estimated;
* the statistics of instance normalization, by which every change in a corner changes the whole frame: they are taken
  from anchors, every eighth frame, and pass evenly from one to the next;
* the grain, which is a function of seed and place and so the same in every frame.

A frame's result depends on the pictures of its context alone, not on what was painted before it: so frames can be
painted in any order, by any number of processes, and again after a stop, with the same bytes.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scumble_backend.batch.inputs import Source, natural
from scumble_backend.pictures.loaded import Loaded
from scumble_backend.rendering import steadying
from scumble_wire import sequence

VERSION = 1  # of the method: a result depends on it

_FRAME = re.compile(r"(.*?)(\d+)(\D*)")


@dataclass(frozen=True, slots=True)
class Context:
    """neighbors: sources around a frame. anchors: sources with their weights, which sum to 1."""

    neighbors: tuple[Source, ...]
    anchors: tuple[tuple[Source, float], ...]


def contexts(sources: Iterable[Source]) -> dict[Source, Context]:
    """For every picture that is one of several frames: those it shares with.

    Frames lie in one folder and their names differ in the last number alone; the pages of one file are frames, too.
    """
    found: dict[Source, Context] = {}
    for frames in _sequences(sources):
        for place, frame in enumerate(frames):
            found[frame] = Context(
                tuple(frames[other] for other in sequence.neighbors_of(place, len(frames))),
                tuple((frames[other], weight) for other, weight in sequence.anchors_of(place, len(frames)).items()),
            )
    return found


def _sequences(sources: Iterable[Source]) -> list[list[Source]]:
    groups: dict[tuple[str, ...], list[Source]] = {}
    for source in sources:
        folder, name = os.path.split(source.path)
        match = _FRAME.fullmatch(name)
        if source.page is not None:
            groups.setdefault((source.path,), []).append(source)
        elif match:
            # The lazy first part may not end in a digit: "shot1_007.png" is frame 7 of "shot1_".
            groups.setdefault((folder, match[1], match[3].casefold()), []).append(source)
    ordered = [sorted(group, key=lambda one: (natural(one.path), one.place)) for group in groups.values()]
    return [group for group in ordered if len(group) > 1]


class Frames:
    """Pictures that were read lately: each frame is asked for by several neighbors. Safe for several threads."""

    def __init__(self, read: Callable[[Source], Loaded], keep: int) -> None:
        self._read, self._keep = read, keep
        self._kept: OrderedDict[Source, Loaded] = OrderedDict()
        self._reading: dict[Source, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, source: Source) -> Loaded:
        """Raises as `reading.load`. What is returned must not be changed."""
        with self._lock:
            own = self._reading.setdefault(source, threading.Lock())
        with own:
            with self._lock:
                if source in self._kept:
                    self._kept.move_to_end(source)
                    return self._kept[source]
            loaded = self._read(source)
            with self._lock:
                self._kept[source] = loaded
                while len(self._kept) > self._keep:
                    old, _ = self._kept.popitem(last=False)
                    self._reading.pop(old, None)
            return loaded


def alike(one: Loaded, other: Loaded) -> bool:
    """Whether two pictures have the same size and kind, so that pixels can be compared."""
    return one.info == other.info and one.converted == other.converted


@dataclass(frozen=True)
class Shared:
    """What a frame shares with others. sent: its samples, evened out. anchors: pictures with their weights."""

    sent: NDArray[Any]
    anchors: tuple[tuple[Loaded, float], ...]

    @classmethod
    def of(cls, frame: Loaded, neighbors: Sequence[Loaded], anchors: Sequence[tuple[Loaded, float]]) -> Shared:
        weights = shared_weights(frame, anchors)
        kept = [(one, weight) for (one, _), weight in zip(anchors, weights, strict=True) if weight > 0]
        return cls(steadied(frame, neighbors), tuple(kept))

    @property
    def pixels(self) -> memoryview:
        """The frame for the wire."""
        flat: memoryview = np.ascontiguousarray(self.sent).reshape(-1).view(np.uint8).data
        return flat


def steadied(frame: Loaded, neighbors: Sequence[Loaded]) -> NDArray[Any]:
    """A frame's samples as they are sent, with the noise that it does not share with its neighbors evened out.

    Returns (H, W, channels) of the same type. Alpha stays.
    """
    return steadying.steadied(frame.info, frame.sent, [one.sent for one in neighbors if alike(frame, one)])


def shared_weights(frame: Loaded, anchors: Sequence[tuple[Loaded, float]]) -> list[float]:
    """The weights of a frame's anchors once those of another shot are left out; they sum to 1, or all are 0."""
    compared = [(one.sent if alike(frame, one) else None, weight) for one, weight in anchors]
    return steadying.shared_weights(frame.info, frame.sent, compared)
