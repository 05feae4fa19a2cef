"""`scumble evaluate`: tables and JSON of styles and enlargements, and what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scumble_backend import config
from scumble_backend.cli import main

from .conftest import install_base, write_picture


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
