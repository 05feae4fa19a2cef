"""Each measure on made pages that have the artifact in a known amount, and on ones that have none."""

from __future__ import annotations

import pytest
import torch

from scumble_training.measuring.artifacts import (
    Artifacts,
    banding,
    block_spread,
    border_ratio,
    checkerboard_peak,
    halo_width,
    line_page,
    measure_artifacts,
    ramp,
    steepness,
)


def texture(side: int = 256, amount: float = 0.05) -> torch.Tensor:
    noise = torch.randn(1, side, side, generator=torch.Generator().manual_seed(0)) * amount
    return (0.5 + noise).expand(3, side, side).clamp(0, 1)


def test_a_painter_that_leaves_pages_alone_has_no_artifacts() -> None:
    found = measure_artifacts(lambda page: page)
    assert found.white_to_black == pytest.approx(255)
    assert found.blotches == pytest.approx(0, abs=1e-3) and found.banding == pytest.approx(0, abs=1e-3)
    assert found.halo == 0 and found.checkerboard == 1 and found.border == pytest.approx(1)
    assert found.shortfalls() == []


def test_a_painter_that_forgets_what_the_page_was_misses_the_goal() -> None:
    gray = measure_artifacts(lambda page: torch.full_like(page, 0.5))
    assert gray.white_to_black == pytest.approx(0)
    assert "only 0/255 apart" in gray.shortfalls()[0]


def test_fine_texture_is_no_blotch_and_a_blotch_is() -> None:
    assert 255 * block_spread(texture())[0] < 3
    blotched = texture()
    blotched = blotched.clone()
    blotched[:, 96:160, 96:160] += 20 / 255
    assert 255 * block_spread(blotched)[0] == pytest.approx(20, abs=3)


def test_a_ramp_that_falls_back_shows_the_depth_of_its_bands() -> None:
    assert banding(ramp(256)) == pytest.approx(0, abs=1e-3)
    assert banding(ramp(256).flip(2)) == pytest.approx(0, abs=1e-3)
    columns = torch.arange(256)
    bands = ramp(256) + 0.1 * torch.sin(columns * 2 * torch.pi / 64)
    assert 5 < banding(bands) < 51


def test_a_jump_in_a_ramp_is_steep_and_an_even_one_is_not() -> None:
    assert steepness(ramp(256)) == pytest.approx(1, abs=0.02)
    jump = (ramp(256) > 0.5).float() * 0.6 + 0.2
    assert steepness(jump) > 8


@pytest.mark.parametrize("width", [0, 4, 12, 30])
def test_the_halo_is_measured_in_pixels(width: int) -> None:
    page = line_page(256)
    start, end = (256 - 3) // 2, (256 - 3) // 2 + 3
    page[:, :, start - width : start] = 0.7
    page[:, :, end : end + width] = 0.7
    page = (page + texture() - 0.5).clamp(0, 1)
    assert halo_width(page) == pytest.approx(width, abs=1.5)


def test_a_faint_checkerboard_is_found_under_texture() -> None:
    page = texture()
    assert checkerboard_peak(page) < 2.5
    x = torch.arange(256)
    for board in (
        (x[:, None] + x) % 2,  # diagonal, period 2
        (x % 2).expand(256, 256),  # stripes
        ((x[:, None] // 2 + x // 2) % 2),  # period 4
    ):
        assert checkerboard_peak(page + 0.03 * (board * 2.0 - 1)) > 4


def test_a_dark_border_shows_against_the_inside() -> None:
    page = texture().clone()
    assert border_ratio(page) == pytest.approx(1, abs=0.1)
    page[:, :8] -= 0.2
    assert border_ratio(page) > 1.5


def test_pages_too_small_to_measure_on_are_refused() -> None:
    with pytest.raises(ValueError, match="128 are needed"):
        measure_artifacts(lambda page: page, side=64)


def test_the_figures_are_plain_numbers() -> None:
    figures = Artifacts(100.0, 5.0, 1.0, 0.0, 1.0, 2.0, 1.0, 1.0).to_json()
    assert figures["white_to_black"] == 100.0 and all(isinstance(value, float) for value in figures.values())
