"""Whether the frames that a job's message speaks of are there and as long as they should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scumble_backend.errors import PixelsDamaged
from scumble_backend.job import JobMessage
from scumble_wire.messages import ImageInfo, Stylize, Train


def check_frames(message: JobMessage, frames: Sequence[Any]) -> None:
    """Raises PixelsDamaged."""
    _check_frame(message.image, frames)
    if isinstance(message, Train) and message.shown is not None:
        _check_frame(message.shown, frames)
    for style in message.styles if isinstance(message, Stylize) else ():
        if style.mask_frame is not None:
            mask = replace(message.image, depth="u8", order="GRAY", transfer="srgb", frame=style.mask_frame)
            _check_frame(mask, frames)
    for frame in (*message.anchor_frames, *message.neighbor_frames) if isinstance(message, Stylize) else ():
        _check_frame(replace(message.image, frame=frame), frames)


def _check_frame(info: ImageInfo, frames: Sequence[Any]) -> None:
    if info.frame >= len(frames):
        raise _damaged(f"frame {info.frame} was not sent.")
    try:
        info.check_payload(memoryview(frames[info.frame]).nbytes)
    except ValueError as error:
        raise _damaged(str(error)) from error


def _damaged(how: str) -> PixelsDamaged:
    return PixelsDamaged(
        f"The pixels do not fit their description: {how}", remedy="Update the plugin; nothing was painted."
    )
