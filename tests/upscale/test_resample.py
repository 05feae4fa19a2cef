"""Resampling by the convention of the published tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scumble_backend.rendering.effects.resample import KERNELS, downsample_u8, resize, resize_axis

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sr"


def read(path: Path) -> torch.Tensor:
    with Image.open(path) as opened:
        return torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1)


@pytest.mark.shared_data
@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("folder", ["set5", "set14"])
def test_small_pictures_are_those_of_the_tables(folder: str, factor: int) -> None:
    files = sorted((DATA / folder / f"x{factor}").glob("*_HR.png"))[:5]
    if not files:
        pytest.skip("the measuring data is not beside the checkout")
    for file in files:
        made = downsample_u8(read(file), factor).int()
        published = read(file.with_name(file.name.replace("_HR", "_LR"))).int()
        difference = (made - published).abs()
        # One step where a sum lies on the border between two values; the LR files hold very few larger ones.
        assert (difference > 1).float().mean() < 1e-4 and (difference > 0).float().mean() < 0.01


def test_a_made_up_row_has_the_values_of_imresize() -> None:
    # By hand from Keys' kernel: at half size the first sample's taps lie 0.25, 0.75, 1.25 and 1.75 away on each side,
    # with weights 111, 29, -9 and -3 of 256; of these only -9 and -3 fall on the eights.
    step = torch.tensor([[0, 0, 0, 8, 8, 8]], dtype=torch.float64)
    half = resize_axis(step, -1, 3)
    assert torch.allclose(half, torch.tensor([[8 * -12 / 256, 4.0, 8 + 8 * 12 / 256]], dtype=torch.float64))
    double = resize_axis(torch.tensor([[0.0, 4, 8]], dtype=torch.float64), -1, 6)
    assert torch.allclose(double.flip(-1) + double, torch.full((1, 6), 8.0, dtype=torch.float64))
    # Keys' weights at a distance of 1/4: (-9, 111, 29, -3) / 128.
    assert double[0, 3].item() == pytest.approx((4 * 111 + 8 * 29 - 8 * 3 - 9 * 0) / 128)


@pytest.mark.parametrize("kernel", sorted(KERNELS))
@pytest.mark.parametrize("size", [(3, 50), (40, 7), (23, 29), (1, 1)])
def test_a_flat_field_stays_flat(kernel: str, size: tuple[int, int]) -> None:
    made = resize(torch.full((2, 17, 19), 0.3), size, kernel=kernel)
    assert made.shape == (2, *size) and torch.allclose(made, torch.tensor(0.3))


def test_antialiasing_keeps_the_mean_of_a_fine_pattern() -> None:
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2
    made = resize(board.float()[None], (16, 16))
    assert (made - 0.5).abs().max() < 0.05
    assert (resize(board.float()[None], (16, 16), antialias=False) - 0.5).abs().max() > 0.05 or made.std() < 0.02


def test_enlarging_does_not_shift_the_picture() -> None:
    spot = torch.zeros(1, 9, 9)
    spot[0, 4, 4] = 1
    made = resize(spot, (36, 36))
    assert torch.allclose(made, made.flip(-1)) and torch.allclose(made, made.flip(-2))


def test_integers_and_sizes_without_pixels_are_refused() -> None:
    with pytest.raises(TypeError, match="uint8"):
        resize(torch.zeros(3, 4, 4, dtype=torch.uint8), (2, 2))
    with pytest.raises(ValueError, match="0 x 2"):
        resize(torch.zeros(3, 4, 4), (2, 0))
    with pytest.raises(ValueError, match="multiple of 3"):
        downsample_u8(torch.zeros(3, 4, 4, dtype=torch.uint8), 3)
    with pytest.raises(TypeError, match="float32"):
        downsample_u8(torch.zeros(3, 4, 4), 2)
