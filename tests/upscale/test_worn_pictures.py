"""Pictures as life leaves them: each fault does what it says, and sets of spoiled pictures can be measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scumble_training.measuring.evaluate_sr import bicubic, evaluate, pairs
from scumble_training.measuring.spoiled_pictures import KINDS, main, spoil
from scumble_training.super_resolution.faults import jpeg, low_pass, sharpen
from scumble_training.super_resolution.worn import DRAWING, PHOTO

from .test_training_sr import photo


def edge(side: int = 48) -> torch.Tensor:
    """Dark left, light right."""
    picture = torch.full((3, side, side), 0.25)
    picture[..., side // 2 :] = 0.75
    return picture


def test_sharpening_leaves_halos_on_both_sides_of_an_edge() -> None:
    made = sharpen(edge(), 1.0, 1.5)
    assert made.min() < 0.2 and made.max() > 0.8
    assert torch.allclose(made[..., :12], edge()[..., :12], atol=1e-4)


def test_a_hard_cut_in_frequency_rings_and_a_flat_field_stays() -> None:
    row = low_pass(edge(), 0.5)[0, 24]
    assert row.min() < 0.24 and row.max() > 0.76
    assert ((row[:20] - 0.25).sign().diff() != 0).sum() >= 2  # it swings around the level
    flat = torch.full((3, 32, 32), 0.4)
    assert torch.allclose(low_pass(flat, 0.6), flat, atol=1e-5)


def test_color_at_half_the_resolution_loses_color_and_keeps_light() -> None:
    picture = torch.full((3, 32, 32), 0.5)
    picture[0, :, ::2], picture[2, :, ::2] = 0.7, 0.3
    full, half = jpeg(picture, 95, subsampled=False), jpeg(picture, 95, subsampled=True)
    assert (half[0].std() < 0.3 * full[0].std()) and abs(half.mean() - picture.mean()) < 0.02


@pytest.mark.parametrize("worn", [PHOTO, DRAWING])
def test_the_same_seed_wears_a_picture_the_same_way(worn) -> None:
    picture = photo(3, 64).float() / 255
    first, again, other = (worn.wear(picture, 4, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == (3, 16, 16) and torch.equal((first * 255).round() / 255, first)


def test_worn_twice_is_worse_than_made_smaller_and_still_the_same_picture() -> None:
    picture = photo(4, 96).float() / 255
    clean = torch.nn.functional.avg_pool2d(picture, 4)
    made = PHOTO(picture.expand(40, -1, -1, -1), 4, torch.Generator().manual_seed(0))
    errors = (made - clean).abs().mean(dim=(1, 2, 3))
    assert errors.median() > 0.015 and errors.max() < 0.25
    assert (errors < 0.01).sum() >= 2  # some are only made smaller


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_test_picture_is_spoiled_and_can_be_recognized(kind: str) -> None:
    large, small = spoil(photo(2, 130), 4, kind, "one")
    assert large.shape == (3, 128, 128) and small.shape == (3, 32, 32) and small.dtype == torch.uint8
    clean = torch.nn.functional.avg_pool2d(large.float(), 4)
    assert (small.float() - clean).abs().mean() > 0.3
    light = torch.stack([small.float().mean(0).flatten(), clean.mean(0).flatten()])
    assert torch.corrcoef(light)[0, 1] > 0.75
    assert torch.equal(spoil(photo(2, 130), 4, kind, "one")[1], small)
    assert kind == "screenshot" or not torch.equal(spoil(photo(2, 130), 4, kind, "one", seed=1)[1], small)


def test_a_set_can_be_measured_and_is_the_same_each_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(len(KINDS) + 1):
        Image.fromarray(photo(number, 98).permute(1, 2, 0).numpy()).save(tmp_path / "photos" / f"p{number}.png")
    for name in ("first", "second"):
        assert main([str(tmp_path / "photos"), "-o", str(tmp_path / name), "--factor", "2"]) == 0
    assert "6 pairs" in capsys.readouterr().out
    found = list(pairs(tmp_path / "first", 2))
    assert [name for name, _, _ in found] == [f"p{number}" for number in range(6)]
    for _, high, low in found:
        for path in (high, low):
            assert path.read_bytes() == (tmp_path / "second" / path.relative_to(tmp_path / "first")).read_bytes()
    kinds = (tmp_path / "first" / "kinds.txt").read_text().split()[1::2]
    assert kinds == [*KINDS, next(iter(KINDS))]
    report = evaluate(tmp_path / "first", 2, "bicubic", bicubic(2))
    assert all(10 < score.psnr < 45 for score in report.pictures)


def test_an_empty_folder_is_no_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "-o", str(tmp_path / "out")]) == 1
    assert "There are no pictures" in capsys.readouterr().err
