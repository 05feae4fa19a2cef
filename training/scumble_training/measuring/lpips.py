"""LPIPS: how different two pictures look, by a network that was fitted to people's judgments.

Source: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", with AlexNet.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from scumble_backend.errors import LpipsMissing
from scumble_backend.extras import how_to_install

Distance = Callable[[Tensor, Tensor], float]


def perceptual_distance(*, download: bool = False) -> Distance:
    """The distance of two (3, H, W) uint8 pictures of the same size, at least 32 pixels wide and high; 0: alike.

    torchmetrics brings the fitted layers, torchvision AlexNet's weights, from its cache. download: fetch these where
    they are not there. Raises LpipsMissing where one of the two is not at hand.
    """
    try:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity as Lpips  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise LpipsMissing(
            "torchmetrics, which computes LPIPS, is not installed.",
            remedy=how_to_install("torchmetrics"),
        ) from error
    weights = alexnet_file()
    if not weights.is_file() and not download:
        raise LpipsMissing(
            f"AlexNet's weights are not on this computer ({weights}).",
            remedy="Allow their download (233 MB) with --download, or put torchvision's file there.",
        )
    try:
        metric = Lpips(net_type="alex", normalize=True)
    except (OSError, RuntimeError) as error:  # no network (URLError is an OSError); a damaged file
        raise LpipsMissing(
            f"AlexNet's weights can't be loaded: {error}.",
            remedy=f"Check the network connection, or remove {weights} and try again.",
        ) from error

    @torch.no_grad()
    def distance(result: Tensor, wanted: Tensor) -> float:
        made, original = (image[None].float() / 255 for image in (result, wanted))
        return float(metric(made, original))

    return distance


def alexnet_file() -> Path:
    """Where torchvision keeps AlexNet's weights."""
    from torchvision.models import AlexNet_Weights  # type: ignore[import-untyped,unused-ignore]

    name: str = AlexNet_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[1]
    return Path(torch.hub.get_dir()) / "checkpoints" / name
