"""The per-image baseline: it lowers the loss, counts steps rightly, and is a fair rival."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scumble_backend.nets.style import StyleNetwork, StyleNetworkConfig
from scumble_training.loss_network import load_loss_network
from scumble_training.measuring.lbfgs import Course, baseline_weights, equivalence, optimize
from scumble_training.style.objective import Objective
from scumble_training.style.recipe import LossWeights

from .conftest import tiny_recipe


@pytest.fixture
def objective(loss_folder: Path) -> Objective:
    recipe = tiny_recipe()
    networks = [load_loss_network(term.network, term.layers, folder=loss_folder) for term in recipe.terms]
    found = Objective(recipe.terms, networks, baseline_weights(recipe.weights))
    found.add_style(0, 0.0, torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(1)))
    return found


def content() -> torch.Tensor:
    ramp = torch.linspace(0.2, 0.8, 32).expand(1, 3, 32, 32).clone()
    ramp[..., 8:20, 8:20] = 0.1
    return ramp


def test_the_loss_falls_step_by_step_and_pixels_stay_in_range(objective: Objective) -> None:
    course = optimize(content(), objective, steps=15)
    assert len(course.losses) == 16
    assert course.losses[-1] < 0.5 * course.losses[0]
    assert all(b <= a * 1.001 for a, b in zip(course.losses, course.losses[1:], strict=False))
    assert course.image.min() >= 0 and course.image.max() <= 1
    found = float(objective(course.image, content(), [(0, 0.0)]).total)
    assert found == pytest.approx(course.losses[-1], rel=1e-4)


def test_luminance_and_evenness_do_not_count() -> None:
    weights = LossWeights()
    assert baseline_weights(weights) == replace(weights, luminance=0.0, evenness=0.0, lattice=0.0)


def test_steps_to_a_loss_are_counted_between_steps() -> None:
    course = Course([10.0, 6.0, 5.0], torch.zeros(1, 3, 1, 1))
    assert course.steps_to(12) == 0
    assert course.steps_to(8) == pytest.approx(0.5)
    assert course.steps_to(5) == pytest.approx(2)
    assert course.steps_to(4) == float("inf")


def test_it_stops_once_the_networks_loss_is_reached(objective: Objective) -> None:
    first = optimize(content(), objective, steps=3)
    early = optimize(content(), objective, steps=50, stop_at=first.losses[2])
    assert len(early.losses) == 3


def test_a_network_that_paints_nothing_is_worth_few_steps(objective: Objective) -> None:
    """An untrained network's gray picture has a high loss: the first steps of L-BFGS pass it."""
    network = StyleNetwork(StyleNetworkConfig(width=4, residual_blocks=1)).eval()
    found = equivalence(network, network.plain_table(), objective, [content()[0]], steps=10)[0]
    assert found.steps < 5
    assert found.total > 0 and found.tried <= 10


def test_the_rival_begins_from_noise_as_in_the_paper_or_from_the_photo(objective: Objective) -> None:
    good = optimize(content(), objective, steps=4).image

    class Painted(StyleNetwork):
        def forward(self, image: torch.Tensor, table: object, grain: object = None) -> torch.Tensor:
            return good

    network = Painted(StyleNetworkConfig(width=2, residual_blocks=0)).eval()
    easy, hard = (
        equivalence(network, network.plain_table(), objective, [content()[0]], steps=60, start=start)[0]
        for start in ("photo", "noise")
    )
    assert easy.total == hard.total
    assert easy.steps == pytest.approx(4, abs=0.5)
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    course = optimize(content(), objective, steps=60, start=noise, stop_at=hard.total)
    assert hard.steps == pytest.approx(course.steps_to(hard.total)) != pytest.approx(easy.steps)
