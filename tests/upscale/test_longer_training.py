"""What longer trainings of enlargers use: wide branches, stages, blended pairs, decibels by the minute."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from scumble_backend import nets
from scumble_backend.errors import CheckpointUnusable
from scumble_backend.rendering.effects.resample import downsample_u8
from scumble_training.super_resolution.__main__ import main
from scumble_training.super_resolution.checkpoint import averaged_network
from scumble_training.super_resolution.loop import SrRun, Step, train
from scumble_training.super_resolution.objective import SrObjective
from scumble_training.super_resolution.pictures import PatchSource
from scumble_training.super_resolution.recipe import LossWeights, SrRecipe, Stage
from scumble_training.super_resolution.widening import plain_state, widen

from .test_training_sr import TINY, photo, small_vgg, source

WIDE = dataclasses.replace(TINY, widen=2.0)


@pytest.mark.parametrize("family", ["compact", "span"])
def test_a_widened_network_is_at_first_what_it_was_and_learns_in_every_branch(family: str) -> None:
    torch.manual_seed(0)
    network = nets.build({"name": family, "features": 8, "factor": 2})
    image = torch.rand(1, 3, 12, 12)
    before, names = network(image), set(network.state_dict())
    widen(network, 2.0)
    assert torch.allclose(network(image), before, atol=1e-6)
    assert set(plain_state(network)) == names
    branches = [name for name, _ in network.named_parameters() if ".parametrizations." in name]
    assert len([name for name in branches if name.endswith("expand")]) == (6 if family == "compact" else 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        network(image).square().mean().backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for n, p in network.named_parameters() if n in branches)


def test_what_was_learned_in_branches_is_kept_as_plain_kernels(tmp_path: Path) -> None:
    losses: list[float] = []
    made = train(WIDE, source(), tmp_path, report=lambda step: losses.append(step.loss), report_every=10)
    assert losses[-1] < 0.85 * losses[0]
    kept, _, _ = averaged_network(tmp_path)
    image = torch.rand(1, 3, 12, 12)
    assert torch.allclose(kept(image), made(image), atol=1e-6)
    assert not any("parametrizations" in name for name in kept.state_dict())
    assert set(kept.state_dict()) == set(nets.build(WIDE.architecture).state_dict())


def test_the_average_follows_the_sum_of_the_branches(tmp_path: Path) -> None:
    run = SrRun(dataclasses.replace(WIDE, ema=0.0, steps=5), source())
    for _ in range(3):
        run.train_step()
    image = torch.rand(1, 3, 12, 12)
    assert torch.allclose(run.averaged_network()(image), run.network.eval()(image), atol=1e-6)


def test_a_widened_training_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    first = SrRun(WIDE, source())
    for _ in range(3):
        first.train_step()
    first.save(tmp_path / "checkpoint.pt")
    second = SrRun(WIDE, source())
    second.load(tmp_path / "checkpoint.pt")
    first.generator.manual_seed(7)
    second.generator.manual_seed(7)
    assert first.train_step() == second.train_step()
    for name, value in first.averaged_state().items():
        assert torch.equal(value, second.averaged_state()[name])
    with pytest.raises(CheckpointUnusable, match="another network"):
        SrRun(TINY, source()).load(tmp_path / "checkpoint.pt")


def test_stages_say_patches_batches_and_losses(tmp_path: Path) -> None:
    late = LossWeights(l1=0.0, l2=1.0)
    recipe = dataclasses.replace(
        TINY, steps=10, stages=[Stage(0.4), Stage(0.8, patch=16, batch=2), Stage(1.0, patch=20, loss=late)]
    )
    assert SrRecipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert recipe.patches == {12, 16, 20}
    seen: list[tuple[int, int, float]] = []

    class Watched(SrObjective):
        def forward(self, output, target):
            seen.append((len(output), target.shape[-1], self.weights.l2))
            return super().forward(output, target)

    train(recipe, source(recipe), tmp_path, objective=Watched(recipe.loss))
    assert seen == [(4, 24, 0.0)] * 4 + [(2, 32, 0.0)] * 4 + [(4, 40, 1.0)] * 2


def test_a_stage_that_compares_features_needs_the_recipe_s_network() -> None:
    recipe = dataclasses.replace(TINY, stages=[Stage(0.5), Stage(1.0, loss=LossWeights(features=1.0))])
    assert recipe.looks_at_features and not recipe.loss.looks_at_features
    run = SrRun(recipe, source())
    run.step = recipe.steps - 1
    with pytest.raises(ValueError, match="loss network"):
        run.train_step()
    layers = dataclasses.replace(recipe.loss, layers=("relu1_2",))
    run = SrRun(dataclasses.replace(recipe, loss=layers), source(), objective=SrObjective(recipe.loss, small_vgg()))
    run.step = recipe.steps - 1
    assert run.train_step() > 0 and run.objective.weights.layers == ("relu1_2",)


def test_larger_patches_come_from_the_pictures_that_hold_them() -> None:
    pictures = PatchSource([photo(0, 48), photo(1, 96)], 2, 12, downsample_u8)
    large, small = pictures.batch(8, 40, torch.Generator().manual_seed(0))
    assert large.shape[-1] == 80 and small is not None and small.shape[-1] == 40
    large, _ = pictures.batch(8, 4000, torch.Generator().manual_seed(0))
    assert large.shape[-1] == 96  # as large as there is


def test_blended_pairs_show_the_same_blend(tmp_path: Path) -> None:
    run = SrRun(dataclasses.replace(TINY, mixup=1.0), source())
    plain = SrRun(TINY, source())
    small, large = run.draw(16, 12)
    averaged = torch.nn.functional.avg_pool2d(large, 2)
    assert (averaged - small).abs().mean() < 0.025
    assert large.std() < 0.95 * plain.draw(16, 12)[1].std()  # blends have less contrast


def test_decibels_on_held_out_pictures_are_kept_with_the_minutes(tmp_path: Path) -> None:
    for folder, seed in (("photos", 0), ("held-out", 5)):
        (tmp_path / folder).mkdir()
        Image.fromarray(photo(seed).permute(1, 2, 0).numpy()).save(tmp_path / folder / "one.png")
    (tmp_path / "recipe.toml").write_text(
        'family = "compact"\nfactor = 2\narguments = { features = 8, layers = 1 }\nbatch = 4\npatch = 12\n'
        'steps = 30\nlearning_rate = 5e-3\nwarmup = 5\nprecision = "f32"\nema = 0.9\n'
    )
    options = ["--photos", str(tmp_path / "photos"), "--held-out", str(tmp_path / "held-out"), "--device", "cpu"]
    recipe, out = str(tmp_path / "recipe.toml"), str(tmp_path / "run")
    assert main([recipe, *options, "-o", out, "--steps", "1"]) == 0
    assert main([recipe, *options, "-o", out]) == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "held-out.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 30]
    assert lines[1]["psnr"] > lines[0]["psnr"] > 5 and lines[1]["minutes"] >= lines[0]["minutes"]


def test_a_training_that_is_stopped_measures_nothing_more(tmp_path: Path) -> None:
    measured: list[int] = []

    def stop(step: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TINY, source(), tmp_path, report=stop, report_every=5, saved=lambda run: measured.append(run.step))
    assert measured == []
