"""How good a network is on pictures that it does not learn from, while it learns: decibels against minutes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from scumble_backend.errors import from_os_error
from scumble_backend.rendering.effects.resample import downsample_u8
from scumble_training.super_resolution.loop import SrRun
from scumble_training.super_resolution.luma import luma, psnr
from scumble_training.super_resolution.pictures import picture_files, read_picture

MOST = 1024  # pixels; of larger pictures the middle is looked at


class HeldOut:
    """Pictures and what bicubic leaves of them; `measure` is for `loop.train`'s `saved`.

    file: one JSON object a line, {"step", "minutes", "psnr"}; see `mean_psnr`.
    """

    def __init__(self, folder: Path, factor: int, file: Path) -> None:
        """Raises PhotosUnusable where the folder holds no picture."""
        self._file, self._factor = file, factor
        self._pairs = [_pair(read_picture(path), factor) for path in picture_files(folder)]

    def measure(self, run: SrRun) -> None:
        """Raises DiskFull, FileTrouble."""
        line = {
            "step": run.step,
            "minutes": round(run.elapsed_s / 60, 2),
            "psnr": round(mean_psnr(run.averaged_network(), self._pairs, self._factor), 3),
        }
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise from_os_error(error, self._file) from error


@torch.no_grad()
def mean_psnr(network: nn.Module, pairs: Sequence[tuple[Tensor, Tensor]], crop: int) -> float:
    """Mean dB of the luma, `crop` pixels left out all around.

    pairs: (3, H, W) and (3, H / factor, W / factor), uint8.
    """
    device = next(network.parameters()).device
    inner = slice(crop, -crop)
    found = []
    for large, small in pairs:
        made = network(small[None].to(device).float() / 255)[0]
        result = (made * 255).round().clamp(0, 255).to("cpu", torch.uint8)
        found.append(psnr(luma(result)[inner, inner], luma(large)[inner, inner]))
    return sum(found) / len(found)


def _pair(picture: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    height, width = (min(side, MOST) // factor * factor for side in picture.shape[1:])
    top, left = ((side - kept) // 2 for side, kept in zip(picture.shape[1:], (height, width), strict=True))
    large = picture[:, top : top + height, left : left + width].contiguous()
    return large, downsample_u8(large, factor)
