"""The measures of painted pictures, on pictures whose figures are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from scumble_training.measuring.marks import (
    border_line,
    fringe,
    oklab,
    pair_correlations,
    palette_distance,
    stroke_correlation,
    strokes,
)


def noise(seed: int, side: int = 160) -> torch.Tensor:
    return 0.3 + 0.4 * torch.rand(3, side, side, generator=torch.Generator().manual_seed(seed))


def gray_noise(seed: int, side: int = 160) -> torch.Tensor:
    return noise(seed, side)[:1].expand(3, side, side).contiguous()


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_line_along_any_border_is_found(turn: int) -> None:
    page = noise(0)
    assert border_line(page) < 2.5
    page[:, -1] += 0.1
    assert border_line(torch.rot90(page, turn, (1, 2))) > 3


def test_a_line_inside_is_no_border_line_and_small_pictures_are_refused() -> None:
    page = torch.full((3, 160, 160), 0.5)
    page[:, 80] += 0.2
    assert border_line(page) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="128 pixels"):
        border_line(page[:, :128])


def test_fringe_sees_color_alone() -> None:
    painting = noise(1)
    assert fringe(painting, painting) == pytest.approx(1.0)
    assert fringe(gray_noise(2), painting) == pytest.approx(0.0, abs=1e-6)
    twice = (painting - 0.5) * 2 + 0.5
    assert fringe(twice, painting) == pytest.approx(4.0, rel=1e-3)


def test_strokes_leave_the_form_out() -> None:
    ramp = torch.linspace(0, 1, 160).expand(3, 160, 160)
    assert strokes(ramp)[:, 16:-16].abs().max() < 1e-5


def test_correlation_tells_own_strokes_from_shared_ones() -> None:
    form = torch.linspace(0, 0.3, 160).expand(3, 160, 160)
    one, other = gray_noise(3) + form, gray_noise(4) - form
    assert abs(stroke_correlation(one, other)) < 0.05
    assert stroke_correlation(one, 0.5 * one + 0.1) == pytest.approx(1.0)
    assert stroke_correlation(one, 1 - one) == pytest.approx(-1.0)
    assert stroke_correlation(one, torch.full_like(one, 0.5)) == 0.0
    pairs = pair_correlations({"a": one, "b": other, "c": one})
    assert set(pairs) == {("a", "b"), ("a", "c"), ("b", "c")}
    assert pairs["a", "c"] == pytest.approx(1.0)


def test_oklab_of_known_colors() -> None:
    # White, black, and red as given by its author (0.62796, 0.22486, 0.12585).
    lab = oklab(np.array([[1.0, 1, 1], [0, 0, 0], [1, 0, 0]]))
    np.testing.assert_allclose(lab[0], (1, 0, 0), atol=1e-4)
    np.testing.assert_allclose(lab[1], (0, 0, 0), atol=1e-9)
    np.testing.assert_allclose(lab[2], (0.62796, 0.22486, 0.12585), atol=1e-4)


def test_the_palette_distance_of_white_and_black_is_the_mean_of_a_cosine() -> None:
    white, black = torch.ones(3, 40, 50), torch.zeros(3, 30, 30)
    assert palette_distance(white, white) == 0.0
    # |cos| of a random direction in space with one axis averages 1/2.
    assert palette_distance(white, black, directions=2000) == pytest.approx(0.5, abs=0.02)
    assert not math.isnan(palette_distance(noise(5), black))
    scattered = noise(6)
    mixed = scattered.flatten(1)[:, torch.randperm(160 * 160, generator=torch.Generator().manual_seed(7))]
    assert palette_distance(scattered, mixed.reshape(3, 160, 160)) < 0.02  # places don't count
