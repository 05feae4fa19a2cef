"""The objective against plain sums of its parts, by each normalization, for several styles at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scumble_training.loss_network import load_loss_network
from scumble_training.style.losses import feature_loss, gram, gram_loss, tone_loss, total_variation
from scumble_training.style.objective import Emphasis, Objective, evenness_loss, lattice_loss
from scumble_training.style.recipe import LossWeights

from .conftest import tiny_recipe


def picture(seed: int, count: int = 2, side: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def make(loss_folder: Path, weights: LossWeights) -> Objective:
    recipe = tiny_recipe()
    networks = [load_loss_network(term.network, term.layers, folder=loss_folder) for term in recipe.terms]
    objective = Objective(recipe.terms, networks, weights)
    for style in range(2):
        objective.add_style(style, 0.0, picture(10 + style, 1, 48))
    return objective


@pytest.mark.parametrize("normalization", ["target", "supremum", "none"])
def test_it_is_the_weighted_sum_of_its_parts(loss_folder: Path, normalization: str) -> None:
    weights = replace(LossWeights(), normalization=normalization)  # type: ignore[arg-type]
    objective = make(loss_folder, weights)
    painted, content = picture(1), picture(2)
    losses = objective(painted, content, [(0, 0.0), (1, 0.0)])
    network = objective.networks[0]
    found, wanted = network(painted), network(content)
    style = torch.zeros(2)
    for place in range(2):
        target = network(picture(10 + place, 1, 48))
        for layer, weight in tiny_recipe().terms[0].style.items():
            grams, goal = gram(found[layer][place : place + 1]), gram(target[layer])[0]
            part = gram_loss(grams, goal, normalization=normalization)  # type: ignore[arg-type]
            # "none" is the mean square difference, as in the authors' code, not the paper's squared norm
            style[place] += weight * part / (goal.numel() if normalization == "none" else 1)
    torch.testing.assert_close(losses.style, style.mean())
    expected_content = torch.stack(
        [feature_loss(found["relu2_1"][n], wanted["relu2_1"][n], relative=normalization != "none") for n in range(2)]
    ).mean()
    torch.testing.assert_close(losses.content, expected_content)
    total = (
        weights.content * losses.content
        + weights.style * losses.style
        + weights.variation * total_variation(painted)
        + weights.luminance * tone_loss(painted, content).mean()
        + weights.evenness * evenness_loss(painted, content).mean()
        + weights.lattice * lattice_loss(painted)
    )
    torch.testing.assert_close(losses.total, total)


def test_a_picture_of_the_painting_itself_has_no_style_loss(loss_folder: Path) -> None:
    objective = make(loss_folder, LossWeights())
    painting = picture(10, 1, 48)
    assert objective(painting, painting, [(0, 0.0)]).style.item() == pytest.approx(0, abs=1e-6)
    assert objective(painting, painting, [(0, 0.0)]).content.item() == pytest.approx(0, abs=1e-6)
    assert objective(painting, painting, [(1, 0.0)]).style.item() > 1e-3


@pytest.mark.parametrize("part", ["style", "luminance", "evenness"])
def test_a_part_counts_as_much_as_it_is_asked_to_for_each_picture(loss_folder: Path, part: str) -> None:
    objective = make(loss_folder, LossWeights())
    painted, content = picture(1, 2, 96), picture(2, 2, 96) * 0.01  # alike enough for the evenness loss
    styles = [(0, 0.0), (1, 0.0)]
    as_they_are = {name: torch.ones(2) for name in ("style", "luminance", "evenness")}
    both = objective(painted, content, styles)
    first, second = (objective(painted[n : n + 1], content[n : n + 1], styles[n : n + 1]) for n in range(2))
    changed = objective(painted, content, styles, Emphasis(**{**as_they_are, part: torch.tensor([0.3, 6.0])}))
    expected = (0.3 * getattr(first, part) + 6.0 * getattr(second, part)) / 2
    assert expected > 0
    torch.testing.assert_close(getattr(changed, part), expected)
    for other in {"content", "style", "luminance", "evenness"} - {part}:
        torch.testing.assert_close(getattr(changed, other), getattr(both, other))


def test_parts_without_weight_are_not_computed(loss_folder: Path) -> None:
    objective = make(loss_folder, replace(LossWeights(), luminance=0.0, evenness=0.0))
    losses = objective(picture(1), picture(2), [(0, 0.0), (1, 0.0)])
    assert losses.luminance == 0 and losses.evenness == 0


def test_evenness_is_the_plain_mean_over_pairs_of_alike_blocks() -> None:
    painted, content = picture(3, 1, 64), torch.full((1, 3, 64, 64), 0.5)
    content[..., 32:] = 0.9  # two fields
    a = painted.unfold(2, 16, 16).unfold(3, 16, 16).mean(dim=(4, 5))[0].flatten(1).T
    field = torch.tensor([0, 0, 1, 1]).repeat(4)
    pairs = [(a[i] - a[j]).square().sum() for i in range(16) for j in range(16) if i != j and field[i] == field[j]]
    found = evenness_loss(painted, content, side=16)
    torch.testing.assert_close(found, torch.stack(pairs).mean()[None], rtol=1e-4, atol=1e-7)


def test_gradients_reach_the_picture_through_every_part(loss_folder: Path) -> None:
    objective = make(loss_folder, LossWeights())
    painted = picture(1).requires_grad_()
    objective(painted, picture(2), [(0, 0.0), (1, 0.0)]).total.backward()
    assert painted.grad is not None and (painted.grad.abs().sum(dim=(1, 2, 3)) > 0).all()


def test_lattice_is_the_plain_spread_of_the_places_of_a_period() -> None:
    painted = picture(5, 1, 100)  # two blocks of 48 on each side, the rest is not looked at
    spread = []
    for channel in range(3):
        for top in (0, 48):
            for left in (0, 48):
                block = painted[0, channel, top : top + 48, left : left + 48]
                means = torch.stack([block[row::4, column::4].mean() for row in range(4) for column in range(4)])
                spread.append((means - block.mean()).square().mean())
    torch.testing.assert_close(lattice_loss(painted), torch.stack(spread).mean(), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("period", [2, 4])
def test_a_weave_counts_and_a_soft_gradient_hardly_does(period: int) -> None:
    ramp = torch.linspace(0.4, 0.6, 96).expand(1, 3, 96, 96)
    weave = 0.02 * torch.cos(2 * torch.pi * torch.arange(96) / period)
    woven = lattice_loss(0.5 + weave.expand(1, 3, 96, 96))
    torch.testing.assert_close(woven, weave.square().mean(), rtol=1e-3, atol=0)
    assert lattice_loss(ramp) < 0.05 * woven
