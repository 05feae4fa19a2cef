"""Tiny loss networks, photos and paintings with made-up weights, so that no test downloads or needs data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from scumble_backend.nets.style import StyleNetworkConfig
from scumble_training.config import DataRecipe, LossTerm, OptimizerRecipe, Recipe

SHARED = Path(__file__).parents[3] / "shared" / "data"
#: torchvision's index of each VGG convolution and its depth in blocks, width 4 in place of 64.
INDICES = {
    "vgg16": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21),
    "vgg19": (0, 2, 5, 7, 10, 12, 14, 16, 19, 21),
}


def random_vgg(name: str = "vgg19", *, width: int = 4, seed: int = 0) -> dict[str, torch.Tensor]:
    """A state dict like VGG's down to conv4_2, some sixteen times narrower."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, torch.Tensor] = {}
    inputs = 3
    for index in INDICES[name]:
        block = sum(index >= first for first in ((0, 5, 10, 17) if name == "vgg16" else (0, 5, 10, 19))) - 1
        outputs = width << min(block, 3)
        deviation = (2 / (9 * inputs)) ** 0.5
        state[f"features.{index}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * deviation
        state[f"features.{index}.bias"] = torch.randn(outputs, generator=generator) * 0.1
        inputs = outputs
    return state


def shared_data(*parts: str) -> Path:
    """A path in the measuring data; skips loudly where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the measuring data are not here: {'/'.join(('shared', 'data', *parts))}")
    return path


@pytest.fixture
def loss_folder(tmp_path: Path) -> Path:
    """A folder with small random loss networks named vgg16 and vgg19."""
    folder = tmp_path / "loss"
    folder.mkdir()
    for name in ("vgg16", "vgg19"):
        save_file(random_vgg(name), folder / f"{name}.safetensors", {"architecture": name})
    return folder


def write_picture(path: Path, width: int, height: int, *, seed: int = 0, mode: str = "RGB") -> Path:
    """A smooth random picture with some edges."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
    picture = small.resize((width, height), Image.Resampling.BICUBIC)
    picture.paste((20, 40, 200), (width // 4, height // 4, width // 2, height // 2))
    picture.convert(mode).save(path)
    return path


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        write_picture(folder / f"{number}.png", 120, 96, seed=number)
    return folder


def tiny_recipe(
    *,
    steps: int = 6,
    batch: int = 2,
    seed: int = 0,
    trains: str = "all",
    color_path: bool = True,
    stroke_octaves: list[float] | None = None,
) -> Recipe:
    """A recipe whose steps take some milliseconds, on the random loss networks of `loss_folder`."""
    return Recipe(
        name="tiny",
        terms=[LossTerm("vgg19", content={"relu2_1": 1.0}, style={"relu1_1": 0.5, "relu2_1": 0.5})],
        trains=trains,  # type: ignore[arg-type]
        color_path=color_path,
        network=StyleNetworkConfig(width=4, residual_blocks=1),
        data=DataRecipe(crop=32, photo_side=96, style_side=48, canvases=0.25),
        optimizer=OptimizerRecipe(steps=steps, batch=batch, warmup=2),
        stroke_octaves=stroke_octaves or [0.0],
        seed=seed,
    )
