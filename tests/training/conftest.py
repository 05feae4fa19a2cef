"""Tiny loss networks, photos and paintings with made-up weights, so that no test downloads or needs data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from scumble_backend.nets.style import StyleNetworkConfig
from scumble_training.style.recipe import DataRecipe, LossTerm, OptimizerRecipe, Recipe

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


@pytest.fixture(autouse=True)
def no_loss_network_of_the_persons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would go before the folders that the tests name."""
    monkeypatch.delenv("SCUMBLE_LOSS_NETWORK", raising=False)


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


TINY_TOML = """
trains = "{trains}"
start = "base"
seed = 1

[network]
width = 4
residual_blocks = 1

[data]
crop = 32
photo_side = 96
style_side = 48
canvases = 0.25

[optimizer]
steps = {steps}
batch = 2
warmup = 2

[[terms]]
network = "vgg19"
content = {{ relu2_1 = 1.0 }}
style = {{ relu1_1 = 0.5, relu2_1 = 0.5 }}
"""


@pytest.fixture
def tiny_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small recipes in place of the package's quick and full."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "quick.toml").write_text(TINY_TOML.format(trains="table", steps=12))
    (folder / "full.toml").write_text(TINY_TOML.format(trains="all", steps=16))
    monkeypatch.setattr("scumble_training.recipe_files.RECIPES", folder)
    monkeypatch.setattr("scumble_training.style.learning.PROBE_STEPS", 6)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss_folder: Path) -> Path:
    """All of the user's folders in a temporary one, no starter packs, the loss network set."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SCUMBLE_HOME", str(folder))
    monkeypatch.setenv("SCUMBLE_LOSS_NETWORK", str(loss_folder))
    monkeypatch.setattr("scumble_backend.config.starter_packs", lambda: folder / "no-starters")
    return folder


def install_base(packs: Path, photo_folder: Path, loss_folder: Path) -> str:
    """Put a tiny base network with one style into a store; returns the base's sha256."""
    from scumble_backend.packs.store import Folders, PackStore
    from scumble_training.style.data import PhotoSet
    from scumble_training.style.export import Story, write_style_pack
    from scumble_training.style.loop import Run

    painting = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(9))
    run = Run(tiny_recipe(), [painting], PhotoSet.load(photo_folder), loss_folder=loss_folder)
    for _ in range(3):
        run.train_step()
    network, bank = run.averaged()
    path = packs.parent / "first.scumble"
    packs.parent.mkdir(parents=True, exist_ok=True)
    manifest = write_style_pack(
        path, title="First", network=network, table=bank(torch.zeros(1, dtype=torch.int64)), base_sha256="0" * 64,
        story=Story(run.recipe, "tests", 1.0, torch.device("cpu")), thumbnail=Image.new("RGB", (64, 64)),
        with_base=True,
    )  # fmt: skip
    PackStore(Folders(packs)).install(path)
    return manifest.base


TINY_LIGHT_TOML = """
trains = "{trains}"
rank = 2
seed = 1

[network]
widths = [4, 6, 8, 8]
residual_blocks = 1

[data]
crops = [[64, 1.0]]
pool = 6
photo_side = 96
style_side = 64

[optimizer]
steps = {steps}
content_share = 1.1
warmup = 1

[[terms]]
network = "vgg19"
content = {{ relu2_1 = 1.0 }}
style = {{ relu1_1 = 0.5, relu2_1 = 0.5 }}
"""


@pytest.fixture
def tiny_light_recipes(tiny_recipes: Path) -> Path:
    """Small recipes for the light network, too."""
    for quality, trains, steps in (("quick", "styles", 12), ("standard", "styles", 14), ("full", "all", 10)):
        text = TINY_LIGHT_TOML.format(trains=trains, steps=steps)
        (tiny_recipes / f"{quality}-light.toml").write_text(text)
    return tiny_recipes


def install_light_base(packs: Path, photo_folder: Path, loss_folder: Path, recipe_file: Path) -> str:
    """Put a tiny light base network with two styles into a store; returns the base's sha256."""
    from scumble_backend.packs.store import Folders, PackStore
    from scumble_training.style.data import PhotoSet
    from scumble_training.style.export import Story, write_style_pack
    from scumble_training.style.many.loop import ManyRun
    from scumble_training.style.many.recipe import load_many
    from scumble_training.style.many.weights import painter_of

    recipe = load_many(recipe_file)
    names = ("one", "two")
    paintings = {name: torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(len(name))) for name in names}
    run = ManyRun(recipe, paintings, PhotoSet.load(photo_folder), loss_folder=loss_folder)
    for _ in range(4):
        run.train_step()
    packs.parent.mkdir(parents=True, exist_ok=True)
    base = ""
    for name in names:
        network, table, delta = painter_of(run.trained_weights(), name, recipe)
        path = packs.parent / f"{name}.scumble"
        manifest = write_style_pack(
            path, title=name, network=network, table=table, delta=delta, base_sha256="0" * 64, with_base=True,
            story=Story(recipe, "tests", 1.0, torch.device("cpu")), thumbnail=Image.new("RGB", (64, 64)),
        )  # fmt: skip
        PackStore(Folders(packs)).install(path)
        base = manifest.base
    return base


def run_in_two_processes(script: str, *arguments: Path) -> None:
    """A script of this folder, started twice by torchrun; fails with what it said."""
    root = Path(__file__).parents[2]
    paths = [str(root / "backend"), str(root / "training"), str(root / "tests")]
    # Both processes are on this machine: nothing here may hang on how its name resolves or which cards it has. One
    # restart, as torchrun offers: a busy machine may fail to bring two processes together; wrong sums fail each time.
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1",
         "--nproc-per-node=2", "--max-restarts=1", str(Path(__file__).with_name(script)), *map(str, arguments)],
        timeout=200, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
