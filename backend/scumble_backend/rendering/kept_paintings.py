"""What jobs leave for the next: paintings of previews, and statistics of frames that others are anchored to."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from scumble_backend.packs.store import InstalledPack
from scumble_backend.rendering import pixels
from scumble_backend.rendering.effects import stylize as styles
from scumble_backend.rendering.effects.marks import LARGEST_PREVIEW
from scumble_backend.rendering.effects.painting import Statistics
from scumble_wire.messages import ImageInfo, Stylize

KEPT_ANCHORS = 64  # frames of animations whose statistics are kept: some kilobytes each
KEPT_PREVIEWS = 4  # paintings of previews: strength and colors change without a network, an earlier style is there


class KeptPaintings:
    """The latest of both kinds, found by job and pixels."""

    def __init__(self) -> None:
        self._anchors: OrderedDict[bytes, dict[int, Statistics]] = OrderedDict()  # of frames that came lately
        self._previews: OrderedDict[bytes, styles.Painted] = OrderedDict()  # before strength and colors

    def clear(self) -> None:
        self._anchors.clear()
        self._previews.clear()

    def anchors(
        self,
        message: Stylize,
        frames: Sequence[Any],
        packs: Sequence[InstalledPack],
        half: torch.dtype | None,
        device: torch.device,
    ) -> list[styles.Anchor]:
        """The anchors of a frame; statistics that were measured for its neighbors are there already."""
        wanted = replace(
            message,
            image=replace(message.image, frame=0),
            anchor_frames=[],
            anchor_weights=[],
            neighbor_frames=[],
            strength=1.0,
            title="",
        )
        masks = [choice.mask_frame for choice in message.styles if choice.mask_frame is not None]
        made = _weights_of(packs)
        anchors = []
        for frame, weight in zip(message.anchor_frames, message.anchor_weights, strict=True):
            key = _digest((wanted, made, half), [frames[number] for number in (frame, *masks)])
            measured = self._anchors.setdefault(key, {})
            self._anchors.move_to_end(key)
            info = replace(message.image, frame=frame)

            def image(info: ImageInfo = info) -> torch.Tensor:
                return pixels.to_rgb(pixels.unpack(info, frames[info.frame]).color).to(device)

            anchors.append(styles.Anchor(image, weight, measured))
        while len(self._anchors) > KEPT_ANCHORS:
            self._anchors.popitem(last=False)
        return anchors

    def preview(
        self,
        message: Stylize,
        frames: Sequence[Any],
        packs: Sequence[InstalledPack],
        half: torch.dtype | None,
        make: Callable[[], styles.Painted],
    ) -> styles.Painted:
        """A preview's painting before strength and colors: one that was made lately, or else from `make`."""
        if message.priority != "preview" or message.image.width * message.image.height > LARGEST_PREVIEW:
            return make()
        wanted = replace(message, strength=1.0, colors="style", title="")
        key = _digest((wanted, _weights_of(packs), half), frames)
        if key not in self._previews:
            self._previews[key] = make()
        self._previews.move_to_end(key)
        while len(self._previews) > KEPT_PREVIEWS:
            self._previews.popitem(last=False)
        return self._previews[key]


def _weights_of(packs: Sequence[InstalledPack]) -> list[str]:
    """What names the weights that packs paint with."""
    return [pack.manifest.files["weights.safetensors"].sha256 + pack.manifest.base for pack in packs]


def _digest(wanted: object, frames: Sequence[Any]) -> bytes:
    """A name for a job with its pixels; `wanted` is told apart by its text."""
    key = hashlib.blake2b(repr(wanted).encode())
    for frame in frames:
        key.update(frame)
    return key.digest()
