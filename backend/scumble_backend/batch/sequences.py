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
from scumble_backend.pictures.color_spaces import encoded
from scumble_backend.pictures.loaded import Loaded, full_of

VERSION = 1  # of the method: a result depends on it
WINDOW = 3  # frames on either side whose noise is shared
ANCHORS = 8  # every so many frames statistics are taken

#: Root mean square of the difference over a patch of so many pixels' side, white being 1: up to AGREE two frames
#: show the same with other noise; from DIFFER on they don't. Noise of 2/255 in both of them makes 2.8/255.
AGREE, DIFFER = 5 / 255, 10 / 255
PATCH = 9
#: Mean difference of two frames' sorted samples from which their statistics are no longer shared.
OTHER_SHOT = 0.12
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
        last = len(frames) - 1
        for place, frame in enumerate(frames):
            around = range(max(0, place - WINDOW), min(last, place + WINDOW) + 1)
            before = place // ANCHORS * ANCHORS
            after = min(last, before + ANCHORS)
            share = (place - before) / (after - before) if after > before else 0.0
            weights = {before: 1.0 - share, after: share} if share else {before: 1.0}
            found[frame] = Context(
                tuple(frames[other] for other in around if other != place),
                tuple((frames[anchor], weight) for anchor, weight in weights.items() if weight > 0),
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
    neighbors = [one for one in neighbors if alike(frame, one)]
    if not neighbors:
        return frame.sent
    colors = slice(0, frame.info.channels - frame.info.has_alpha)
    own = _seen(frame)
    total = own[..., colors].copy()
    weights = np.ones((*own.shape[:2], 1), np.float32)
    for neighbor in neighbors:
        other = _seen(neighbor)
        distance = _local_rms(own - other)[..., None]
        weight = np.clip((DIFFER - distance) / (DIFFER - AGREE), 0.0, 1.0)
        total += weight * other[..., colors]
        weights += weight
    change = total / weights - own[..., colors]
    return _changed_by(frame, change, colors)


def shared_weights(frame: Loaded, anchors: Sequence[tuple[Loaded, float]]) -> list[float]:
    """The weights of a frame's anchors once those of another shot are left out; they sum to 1, or all are 0."""
    sample = _palette(frame)
    kept = [
        weight * max(0.0, 1.0 - float(np.abs(sample - _palette(one)).mean()) / OTHER_SHOT)
        if alike(frame, one)
        else 0.0
        for one, weight in anchors
    ]
    total = sum(kept)
    return [weight / total if total > 0 else 0.0 for weight in kept]


def _seen(loaded: Loaded) -> NDArray[np.float32]:
    """(H, W, channels) float32, sRGB-encoded, white 1."""
    sent = loaded.sent
    values = sent.astype(np.float32) / np.float32(full_of(sent))
    if loaded.info.transfer == "linear":
        colors = slice(0, loaded.info.channels - loaded.info.has_alpha)
        values[..., colors] = encoded(values[..., colors])
    finite: NDArray[np.float32] = np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0)
    return finite


def _changed_by(frame: Loaded, change: NDArray[np.float32], colors: slice) -> NDArray[Any]:
    """The samples plus a change of the encoded ones; where that is nothing, they stay to the last bit."""
    out = frame.sent.copy()
    full = full_of(out)
    if frame.info.transfer == "linear":
        light = out[..., colors].astype(np.float32)
        slope = _light_per_encoded(light)
        out[..., colors] = (light + slope * change).astype(out.dtype)
    elif full == 1.0:
        out[..., colors] = (out[..., colors].astype(np.float32) + change).astype(out.dtype)
    else:
        moved = out[..., colors].astype(np.float32) + change * full
        out[..., colors] = np.clip(moved + 0.5, 0, full).astype(out.dtype)
    whole: NDArray[Any] = out
    return whole


def _light_per_encoded(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """The slope of sRGB's curve at linear light: small changes of noise are far below its bend."""
    step = np.float32(1e-3)
    low, high = np.maximum(light - step, 0), np.maximum(light + step, 2 * step)
    slope: NDArray[np.float32] = (high - low) / np.maximum(encoded(high) - encoded(low), 1e-6)
    return slope


def _local_rms(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root mean square over channels and a patch around every pixel, (H, W)."""
    squares = np.square(difference).mean(axis=-1, dtype=np.float32)
    for axis in (0, 1):
        squares = _box(squares, axis)
    root: NDArray[np.float32] = np.sqrt(squares)
    return root


def _box(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """The mean over `PATCH` values along an axis; beyond the border the last one counts again."""
    radius = PATCH // 2
    padding = [(radius, radius) if one == axis else (0, 0) for one in range(2)]
    padded = np.pad(values, padding, mode="edge")
    length = values.shape[axis]
    total = np.zeros_like(values)
    for offset in range(PATCH):  # sums of the same numbers in the same order: no drift of a running sum
        total += padded[offset : offset + length] if axis == 0 else padded[:, offset : offset + length]
    mean: NDArray[np.float32] = total / np.float32(PATCH)
    return mean


def _palette(loaded: Loaded) -> NDArray[np.float32]:
    """A picture's colors without their places: 64 sorted samples of every channel, from a coarse grid of means."""
    values = _seen(loaded)
    height, width = values.shape[:2]
    rows, columns = min(height, 64), min(width, 64)
    grid = values[:: max(1, height // rows), :: max(1, width // columns)].reshape(-1, values.shape[-1])
    wanted = np.linspace(0, len(grid) - 1, 64).round().astype(int)
    sorted_samples: NDArray[np.float32] = np.sort(grid, axis=0)[wanted]
    return sorted_samples
