"""`scumble evaluate`: tables and JSON of styles and enlargements, and what is missing."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from training.conftest import install_base, install_light_base, write_picture

from scumble_backend import config
from scumble_cli.main import main
from scumble_training.measuring.lpips import alexnet_file


@pytest.fixture
def folders(tmp_path: Path, home: Path, photo_folder: Path, loss_folder: Path) -> tuple[Path, Path]:
    """(photos, paintings), with one style installed."""
    install_base(config.Places.of_user().packs, photo_folder, loss_folder)
    paintings = tmp_path / "paintings"
    paintings.mkdir()
    write_picture(paintings / "first.png", 90, 80)
    return photo_folder, paintings


def test_a_style_is_measured_against_l_bfgs(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    photos, paintings = map(str, folders)
    options = ["--photos", photos, "--paintings", paintings, "--size", "64", "--pictures", "2", "--steps", "4"]
    assert main(["evaluate", "style", *options, "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)
    assert score["pack"] == "first" and score["size"] == 64 and score["pictures"] == 2 and score["tried"] == 4
    assert score["style"] > 0 and score["total"] > score["content"] > 0
    assert score["steps"] is None or 0 <= score["steps"] <= 4
    assert main(["evaluate", "style", "first", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["style", "pixels", "style", "loss", "content", "loss", "L-BFGS", "steps"]
    assert lines[1].startswith("first")


def test_a_style_of_the_light_network_is_measured_by_its_own_losses(
    tmp_path: Path, home: Path, photo_folder: Path, loss_folder: Path, tiny_light_recipes: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    recipe = tiny_light_recipes / "quick-light.toml"
    install_light_base(config.Places.of_user().packs, photo_folder, loss_folder, recipe)
    write_picture(tmp_path / "one.png", 90, 80)
    options = ["--photos", str(photo_folder), "--paintings", str(tmp_path), "--size", "64", "--pictures", "1"]
    assert main(["evaluate", "style", "one", *options, "--steps", "3", "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)
    assert score["pack"] == "one" and score["style"] > 0 and score["total"] > 20 * score["style"]


def test_the_artifact_suite_tells_goals_that_are_missed(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "artifacts", "--side", "128", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["first"]
    assert {"white_to_black", "blotches", "banding", "halo", "checkerboard", "border", "shortfalls"} <= set(told)
    assert main(["evaluate", "artifacts", "first", "--side", "128"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].startswith("first")
    assert bool(captured.err.count("goal")) == bool(told["shortfalls"])


def test_enlargements_are_measured(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (48, 48, 3), np.uint8)).resize((96, 96)).save(tmp_path / "a.png")
    assert main(["evaluate", "sr", str(tmp_path), "--model", "bicubic", "-f", "2", "--downsample", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == "bicubic" and told["mean"]["psnr"] > 20


class OnlyMeanDifference(torch.nn.Module):
    """In place of torchmetrics' LPIPS, whose weights are not at hand: takes the same pictures, measures less."""

    def __init__(self, net_type: str, normalize: bool) -> None:
        super().__init__()
        assert net_type == "alex" and normalize  # normalize: pictures come in [0, 1]

    def forward(self, made: torch.Tensor, original: torch.Tensor) -> torch.Tensor:
        assert made.shape == original.shape and made.ndim == 4 and made.min() >= 0 and 0.5 < made.max() <= 1
        return (made - original).abs().mean()


def test_lpips_is_measured_where_it_is_at_hand_and_told_where_not(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (48, 48, 3), np.uint8)).resize((96, 96)).save(tmp_path / "a.png")
    command = ["evaluate", "sr", str(tmp_path), "--model", "bicubic", "-f", "2", "--downsample", "--lpips"]
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setitem(sys.modules, "torchmetrics.image.lpip", None)
    assert main(command) == 1
    assert "pip install torchmetrics" in capsys.readouterr().err
    module = types.ModuleType("torchmetrics.image.lpip")
    module.LearnedPerceptualImagePatchSimilarity = OnlyMeanDifference  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchmetrics.image.lpip", module)
    assert main(command) == 1
    assert "--download" in capsys.readouterr().err
    file = alexnet_file()
    file.parent.mkdir(parents=True)
    file.touch()
    assert main([*command, "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["pictures"]
    assert 0 < one["lpips"] < 0.2
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[-1] == "LPIPS" and lines[1].split()[-1] == f"{one['lpips']:.4f}"


def test_missing_paintings_photos_and_packs_say_what_to_do(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, paintings = map(str, folders)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["evaluate", "style", "--photos", photos, "--paintings", str(empty)]) == 1
    assert "There is no painting first" in capsys.readouterr().err
    assert main(["evaluate", "style", "--photos", str(empty), "--paintings", paintings]) == 1
    assert "There are no pictures in" in capsys.readouterr().err
    assert main(["evaluate", "artifacts", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err
