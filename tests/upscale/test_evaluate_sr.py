"""Measuring enlargements by the rules of the published tables."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scumble_backend.errors import PhotosUnusable
from scumble_training.measuring.evaluate_sr import bicubic, evaluate, luma, model_named, pairs, psnr, score, ssim
from scumble_training.measuring.histogram import match

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sr"


def save(path: Path, height: int, width: int, mode: str = "RGB", seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).convert(mode).save(path)


@pytest.mark.shared_data
@pytest.mark.parametrize(("folder", "wanted"), [("set5", (28.42, 0.8104)), ("set14", (26.00, 0.7027))])
def test_bicubic_reproduces_the_published_row(folder: str, wanted: tuple[float, float]) -> None:
    if not (DATA / folder).is_dir():
        pytest.skip("the measuring data is not beside the checkout")
    mean = evaluate(DATA / folder / "x4", 4, "bicubic").mean
    assert mean.psnr == pytest.approx(wanted[0], abs=0.02) and mean.ssim == pytest.approx(wanted[1], abs=0.001)


def test_psnr_of_a_known_error() -> None:
    a = torch.zeros(16, 16, dtype=torch.float64)
    assert psnr(a, a + 1) == pytest.approx(20 * math.log10(255)) and psnr(a, a) == math.inf


def test_ssim_is_one_for_equal_and_small_for_unrelated_pictures() -> None:
    a, b = (torch.rand(32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(i)) * 255 for i in (1, 2))
    assert ssim(a, a) == pytest.approx(1) and ssim(a, b) < 0.1


def test_ssim_of_two_flat_fields_is_the_luminance_term() -> None:
    a, b = torch.full((20, 20), 100.0, dtype=torch.float64), torch.full((20, 20), 120.0, dtype=torch.float64)
    c = (0.01 * 255) ** 2
    assert ssim(a, b) == pytest.approx((2 * 100 * 120 + c) / (100**2 + 120**2 + c))


def test_luma_of_black_and_white_is_in_the_studio_range() -> None:
    ends = torch.tensor([0, 255], dtype=torch.uint8).expand(3, 1, 2)
    assert luma(ends)[0].tolist() == pytest.approx([16, 235], abs=0.01)
    assert luma(ends, full_range=True)[0].tolist() == pytest.approx([0, 255])


def test_edges_are_left_out() -> None:
    high = torch.randint(0, 256, (3, 40, 40), dtype=torch.uint8)
    spoiled = high.clone()
    spoiled[:, :4], spoiled[..., -4:] = 0, 255
    assert score("x", spoiled, high, 4).psnr == math.inf
    assert score("x", spoiled, high, 3).psnr < 60


def test_both_ways_to_name_pairs_are_understood(tmp_path: Path) -> None:
    for name, size in (("a_SRF_2_HR", 32), ("a_SRF_2_LR", 16), ("b_SRF_4_HR", 32), ("b_SRF_4_LR", 8)):
        save(tmp_path / "marked" / f"{name}.png", size, size)
    assert [name for name, _, _ in pairs(tmp_path / "marked", 2)] == ["a"]
    save(tmp_path / "folders" / "HR" / "one.png", 32, 32)
    save(tmp_path / "folders" / "LR_bicubic" / "X2" / "onex2.png", 16, 16)
    assert [low.name for _, _, low in pairs(tmp_path / "folders", 2)] == ["onex2.png"]


def test_a_folder_without_pairs_says_how_to_name_them(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 16, 16)
    with pytest.raises(PhotosUnusable, match="no pairs for x3") as raised:
        list(pairs(tmp_path, 3))
    assert "NAME_SRF_3_HR.png" in raised.value.remedy


def test_a_pair_of_wrong_sizes_is_named(tmp_path: Path) -> None:
    save(tmp_path / "a_SRF_2_HR.png", 32, 32)
    save(tmp_path / "a_SRF_2_LR.png", 16, 17)
    with pytest.raises(PhotosUnusable, match=r"a_SRF_2_LR\.png is not 1/2"):
        evaluate(tmp_path, 2, "bicubic")


def test_own_downsampling_serves_factors_without_files(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 70, 83)
    told: list[float] = []
    report = evaluate(tmp_path, 8, "bicubic", downsample=True, progress=told.append)
    assert report.mean.psnr > 15 and [s.name for s in report.pictures] == ["a"] and told == [0, 1]
    assert report.to_dict()["mean"]["psnr"] == report.mean.psnr


def test_a_perfect_model_has_no_error(tmp_path: Path) -> None:
    save(tmp_path / "a_SRF_2_HR.png", 32, 32)
    save(tmp_path / "a_SRF_2_LR.png", 16, 16)
    with Image.open(tmp_path / "a_SRF_2_HR.png") as opened:
        original = torch.from_numpy(np.array(opened)).permute(2, 0, 1)
    assert evaluate(tmp_path, 2, "perfect", lambda small: original).mean.psnr == math.inf


def test_a_gray_file_is_measured_by_its_own_samples(tmp_path: Path) -> None:
    for folder, mode in (("gray", "L"), ("color", "RGB")):
        save(tmp_path / folder / "a_SRF_2_HR.png", 32, 32, "L")
        save(tmp_path / folder / "a_SRF_2_LR.png", 16, 16, "L", seed=0)
        with Image.open(tmp_path / folder / "a_SRF_2_HR.png") as opened:
            opened.convert(mode).save(tmp_path / folder / "a_SRF_2_HR.png")
    gray, color = (evaluate(tmp_path / folder, 2, "bicubic").mean.psnr for folder in ("gray", "color"))
    assert color - gray == pytest.approx(20 * math.log10(255 / 219), abs=0.01)


def test_a_model_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scumble_backend.errors import PackUnknown

    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    with pytest.raises(PackUnknown, match="nope"):
        model_named("nope", 4)


def test_matching_gives_the_histogram_of_the_reference() -> None:
    generator = torch.Generator().manual_seed(0)
    image, reference = (
        torch.rand(3, 40, 40, generator=generator),
        torch.rand(3, 20, 20, generator=generator) ** 3 + 0.1,
    )
    matched = match(image, reference)
    for a, b, source in zip(matched, reference, image, strict=True):
        quantiles = torch.linspace(0.05, 0.95, 10)
        assert torch.allclose(a.flatten().quantile(quantiles), b.flatten().quantile(quantiles), atol=0.02)
        assert a.flatten()[source.flatten().argsort()].diff().min() >= 0  # dark stays darker than bright
    assert torch.allclose(match(reference, reference), reference, atol=0.02)


def test_bicubic_rounds_as_the_tables_do() -> None:
    small = torch.randint(0, 256, (3, 9, 9), dtype=torch.uint8)
    assert bicubic(3)(small).shape == (3, 27, 27) and bicubic(3)(small).dtype == torch.uint8
