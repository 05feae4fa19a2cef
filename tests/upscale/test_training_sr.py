"""Training super-resolution: recipes, patches, degradations, losses, the loop, export."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import spandrel
import torch
from PIL import Image

from scumble_backend import nets
from scumble_backend.errors import CheckpointUnusable, LossNotFinite, PhotosUnusable, RecipeInvalid
from scumble_backend.packs import adding, making
from scumble_backend.packs.foreign import Answers
from scumble_backend.packs.store import Folders, PackStore
from scumble_training.loss_network import LossNetwork
from scumble_training.recipe_files import SUPER_RESOLUTION, shipped
from scumble_training.releasing.super_resolution import export
from scumble_training.super_resolution import recipe as recipes
from scumble_training.super_resolution.checkpoint import averaged_network, read_checkpoint
from scumble_training.super_resolution.degrade import DEGRADATIONS, blur, johnson, jpeg
from scumble_training.super_resolution.drawings import drawings
from scumble_training.super_resolution.loop import learning_rate, train
from scumble_training.super_resolution.objective import SrObjective, gram
from scumble_training.super_resolution.pictures import PatchSource, source_of
from scumble_training.super_resolution.recipe import LossWeights, SrRecipe

TINY = SrRecipe(
    "tiny", "compact", 2, {"features": 8, "layers": 1}, batch=4, patch=12, steps=60, learning_rate=5e-3, warmup=5,
    precision="f32", ema=0.9,
)  # fmt: skip


def photo(seed: int = 0, side: int = 96) -> torch.Tensor:
    small = np.random.default_rng(seed).integers(0, 256, (side // 6, side // 6, 3), dtype=np.uint8)
    return torch.from_numpy(np.array(Image.fromarray(small).resize((side, side), 3))).permute(2, 0, 1).contiguous()


def source(recipe: SrRecipe = TINY) -> PatchSource:
    pictures = [photo(0), photo(1)]
    return PatchSource(pictures, recipe.factor, recipe.patch, DEGRADATIONS[recipe.degradation].whole)


# --- recipes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped(SUPER_RESOLUTION))
def test_a_shipped_recipe_builds_its_network(name: str) -> None:
    recipe = recipes.read(name)
    with torch.device("meta"):
        network = nets.build(recipe.architecture)
    assert network.factor == recipe.factor and recipe.degradation in DEGRADATIONS


def test_the_paper_s_recipe_says_what_the_paper_says() -> None:
    recipe = recipes.read("johnson2016-sr")
    assert (recipe.factor, recipe.batch, recipe.steps, recipe.learning_rate) == (4, 4, 200_000, 1e-3)
    assert recipe.patch * recipe.factor == 288 and recipes.read("johnson2016-x8-sr").patch == 36
    assert recipe.loss.layers == ("relu2_2",) and recipe.loss.l1 == 0 and recipe.degradation == "johnson"
    weights = sum(p.numel() for p in nets.build(recipe.architecture).parameters())
    assert 370_000 < weights < 410_000  # 64 channels: 2 of 9x9, 8 + 2 of 3x3, norms


def test_a_recipe_survives_being_stored() -> None:
    recipe = recipes.read("vivid-sr", steps=7)
    assert SrRecipe.from_dict(recipe.to_dict()) == recipe and recipe.steps == 7


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('family = "span"\nfactor = 2\ncolour = 1', "no key 'colour'"),
        ('family = "span"\nfactor = 2\n[loss]\nl3 = 1', r"recipe\.loss has no key 'l3'"),
        ('family = "span"', "lacks 'factor'"),
        ("family = ", "no valid TOML"),
        ('family = "span"\nfactor = 2\nbatch = 0', "batch must be"),
        ('family = "span"\nfactor = 2\nprecision = "f8"', "precision"),
        ('family = "span"\nfactor = 2\npictures = "films"', "pictures"),
        ('family = "span"\nfactor = 2\ndegradation = "fire"', "degradation"),
        ('family = "span"\nfactor = 2\ncycles = 0', "cycles must be"),
        ('family = "span"\nfactor = 2\nstages = [{ until = 0.5 }]', r"stages end at \[0\.5\]"),
        ('family = "span"\nfactor = 2\nstages = [{ until = 0.9 }, { until = 0.5 }, { until = 1 }]', "stages end at"),
        ('family = "span"\nfactor = 2\nstages = [{ until = 1, patch = 0 }]', "of a stage"),
        ('family = "span"\nfactor = 2\nstages = [{ until = 1, speed = 2 }]', "no key 'speed'"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_fault(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(RecipeInvalid, match=sentence):
        recipes.read(file)


def test_a_recipe_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(RecipeInvalid, match="no recipe 'nope'") as raised:
        recipes.read("nope")
    assert "faithful-sr" in raised.value.remedy


# --- pictures --------------------------------------------------------------------------------------------


def test_patches_of_a_pair_show_the_same_place() -> None:
    large, small = source().batch(16, 12, torch.Generator().manual_seed(0))
    assert large.shape == (16, 3, 24, 24) and small is not None and small.shape == (16, 3, 12, 12)
    averaged = torch.nn.functional.avg_pool2d(large.float(), 2)
    assert (averaged - small.float()).abs().mean() < 6
    assert (averaged.flip(-1) - small.float()).abs().mean() > 20


def test_pictures_too_small_for_a_patch_are_left_out() -> None:
    with pytest.raises(PhotosUnusable, match="24 pixels"):
        PatchSource([photo(side=18)], 2, 12, None)


def test_a_recipe_on_photos_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(PhotosUnusable, match="trains on photos"):
        source_of(TINY, None)
    with pytest.raises(PhotosUnusable, match="no pictures"):
        source_of(TINY, tmp_path)


def test_drawings_are_made_up_alike_each_time_and_differ_among_themselves() -> None:
    first, again = list(drawings(6, 96, seed=1)), list(drawings(6, 96, seed=1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(d.shape == (3, 96, 96) and d.dtype == torch.uint8 and d.float().std() > 3 for d in first)
    assert len({d.numpy().tobytes() for d in first}) == 6


# --- degradations ----------------------------------------------------------------------------------------


def test_the_paper_s_degradation_is_softer_than_bicubic_alone() -> None:
    picture = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    sharp, soft = DEGRADATIONS["bicubic"].whole(picture, 2).float(), johnson(picture, 2).float()
    assert soft.diff(dim=-1).abs().mean() < 0.7 * sharp.diff(dim=-1).abs().mean()


@pytest.mark.parametrize("name", ["photo", "drawing", "worn-photo", "worn-drawing"])
def test_worn_patches_differ_from_clean_ones_within_bounds(name: str) -> None:
    large = photo(side=64)[None].repeat(24, 1, 1, 1).float() / 255
    made = DEGRADATIONS[name].patches(large, 4, torch.Generator().manual_seed(0))
    assert made.shape == (24, 3, 16, 16) and made.min() >= 0 and made.max() <= 1
    assert len({m.numpy().tobytes() for m in made}) > 8  # not all alike, though all came from the same
    clean = DEGRADATIONS["bicubic"].whole(photo(side=64), 4).float() / 255
    distance = (made - clean).abs().mean(dim=(1, 2, 3))
    assert (distance < 0.004).sum() >= 4 and distance.max() < 0.25


def test_a_blur_spreads_a_point_along_its_long_axis() -> None:
    point = torch.zeros(1, 3, 31, 31)
    point[..., 15, 15] = 1
    made = blur(point, torch.tensor([[3.0, 0.8, 0.0]]))[0, 0]
    assert made.sum().item() == pytest.approx(1, abs=1e-3) and made[15, 19] > 5 * made[19, 15]


def test_jpeg_loses_more_at_lower_quality() -> None:
    picture = photo(side=32).float() / 255
    worse, better = ((jpeg(picture, q) - picture).abs().mean() for q in (20, 95))
    assert worse > 2 * better > 0


# --- losses ----------------------------------------------------------------------------------------------


def small_vgg() -> LossNetwork:
    generator = torch.Generator().manual_seed(0)
    shapes = {0: (4, 3), 2: (4, 4), 5: (6, 4), 7: (6, 6)}
    state = {}
    for index, (outputs, inputs) in shapes.items():
        state[f"features.{index}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * 0.3
        state[f"features.{index}.bias"] = torch.zeros(outputs)
    return LossNetwork(state, ["relu1_2", "relu2_2"], architecture="vgg16")


TERMS = ("l1", "l2", "luma", "sharpness", "frequency", "grid", "features", "texture")


@pytest.mark.parametrize("term", TERMS)
def test_every_term_is_zero_for_the_target_and_pulls_toward_it(term: str) -> None:
    none = dict.fromkeys(TERMS, 0.0)
    weights = LossWeights(**{**none, term: 1.0}, layers=("relu1_2", "relu2_2"), pyramid=2)
    objective = SrObjective(weights, small_vgg())
    target = photo(side=48)[None].float() / 255
    output = (target + torch.randn(target.shape, generator=torch.Generator().manual_seed(0)) * 0.1).requires_grad_()
    assert objective(target, target).item() == 0
    torch.manual_seed(0)  # of the shift between the two grids
    loss = objective(output, target)
    (gradient,) = torch.autograd.grad(loss, output)
    step = 0.005 * gradient / gradient.abs().max()
    torch.manual_seed(0)
    assert objective((output - step).detach(), target) < loss


def test_a_grid_is_punished_more_than_grain_of_the_same_size() -> None:
    objective = SrObjective(LossWeights(l1=0.0, grid=1.0))
    target = torch.full((1, 3, 64, 64), 0.5)
    grid = torch.zeros(1, 3, 64, 64)
    grid[..., ::4] = 0.1
    grain = grid.flatten()[torch.randperm(grid.numel(), generator=torch.Generator().manual_seed(0))].view(grid.shape)
    bias = grain.mean()
    assert objective(target + grid - bias, target) > 3 * objective(target + grain - bias, target)


def test_comparing_features_without_a_loss_network_is_refused() -> None:
    with pytest.raises(ValueError, match="loss network"):
        SrObjective(LossWeights(features=1.0))


def test_texture_does_not_care_where_in_a_window_a_detail_lies() -> None:
    features = torch.rand(1, 3, 8, 8)
    moved = features.roll((2, 3), (2, 3))
    assert torch.allclose(gram(features, 8), gram(moved, 8), atol=1e-6)
    assert not torch.allclose(gram(features, 4), gram(moved, 4), atol=1e-3)


# --- the loop --------------------------------------------------------------------------------------------


def test_training_beats_where_it_began(tmp_path: Path) -> None:
    losses: list[float] = []
    train(TINY, source(), tmp_path, report=lambda step: losses.append(step.loss), report_every=10)
    assert len(losses) == 6 and losses[-1] < 0.85 * losses[0]
    network, recipe, step = averaged_network(tmp_path)
    assert (recipe, step) == (TINY, 60) and not network.training


def test_the_paper_s_recipe_learns_from_features_alone(tmp_path: Path) -> None:
    small = {"arguments": {"features": 8, "blocks": 1}, "patch": 12, "steps": 60, "learning_rate": 5e-3}
    recipe = recipes.read("johnson2016-sr", **small)
    losses: list[float] = []
    objective = SrObjective(recipe.loss, small_vgg())
    train(
        recipe, source(recipe), tmp_path, objective=objective,
        report=lambda step: losses.append(step.loss), report_every=10,
    )  # fmt: skip
    assert losses[-1] < 0.7 * losses[0]
    network, _, _ = averaged_network(tmp_path)
    assert network(torch.rand(1, 3, 12, 12)).shape == (1, 3, 48, 48)


def test_an_interrupted_training_goes_on(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(step) -> None:
        if step.step == 20:
            raise Stop

    with pytest.raises(Stop):
        train(TINY, source(), tmp_path, report=stop, report_every=10)
    assert read_checkpoint(tmp_path)["step"] == 20
    seen: list[int] = []
    train(TINY, source(), tmp_path, report=lambda step: seen.append(step.step), report_every=10)
    assert seen == [30, 40, 50, 60]


def test_a_schedule_by_the_clock_ends_in_time(tmp_path: Path) -> None:
    recipe = dataclasses.replace(TINY, steps=10**9, minutes=0.02)
    train(recipe, source(), tmp_path, report_every=5)
    state = read_checkpoint(tmp_path)
    assert 0 < state["step"] < 10**6 and 1 < state["elapsed_s"] < 10


def test_a_loss_that_is_no_number_stops_and_keeps_what_was(tmp_path: Path) -> None:
    train(dataclasses.replace(TINY, steps=10), source(), tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    class Broken(SrObjective):
        def forward(self, output, target):
            return super().forward(output, target) * float("nan")

    with pytest.raises(LossNotFinite, match="step 11"):
        train(TINY, source(), tmp_path, objective=Broken(TINY.loss), report_every=10)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_running_out_of_memory_cuts_the_batch_and_learns_the_same(tmp_path: Path) -> None:
    recipe = dataclasses.replace(TINY, steps=3)
    whole = train(recipe, source(), tmp_path / "whole")
    sizes: list[int] = []

    class Tight(SrObjective):
        def forward(self, output, target):
            sizes.append(len(output))
            if len(output) > 2:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes")
            return super().forward(output, target)

    cut = train(recipe, source(), tmp_path / "cut", objective=Tight(TINY.loss))
    assert sizes == [4, 2, 2, 2, 2, 2, 2]
    for a, b in zip(whole.parameters(), cut.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_a_larger_factor_starts_from_a_smaller_one(tmp_path: Path) -> None:
    train(dataclasses.replace(TINY, steps=5), source(), tmp_path / "x2")
    recipe = dataclasses.replace(TINY, factor=4, steps=1, learning_rate=0.0)
    train(recipe, source(recipe), tmp_path / "x4", start=tmp_path / "x2")
    small, large = averaged_network(tmp_path / "x2")[0], averaged_network(tmp_path / "x4")[0]
    assert torch.equal(small.body[2].weight, large.body[2].weight)
    export(tmp_path / "x2", tmp_path / "tiny.scumble", license="MIT")  # a pack serves as well as its checkpoint
    train(recipe, source(recipe), tmp_path / "again", start=tmp_path / "tiny.scumble")
    again = averaged_network(tmp_path / "again")[0].state_dict()
    assert all(torch.equal(value, again[name]) for name, value in large.state_dict().items())
    other = dataclasses.replace(recipe, arguments={"features": 4, "layers": 1})
    with pytest.raises(CheckpointUnusable, match="another network"):
        train(other, source(other), tmp_path / "other", start=tmp_path / "x2")


def test_a_pack_of_a_foreign_network_is_no_start(tmp_path: Path) -> None:
    torch.save(
        {"params": nets.build({"name": "compact", "features": 8, "layers": 1, "factor": 2}).state_dict()},
        tmp_path / "x.pth",
    )
    (pack,) = adding.add(PackStore(Folders(tmp_path / "store")), tmp_path / "x.pth", answers=Answers("Crisp", "MIT"))
    with pytest.raises(CheckpointUnusable, match="another network"):
        train(TINY, source(), tmp_path / "run", start=pack.path)


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 half a zip"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(CheckpointUnusable, match="can't be read"):
        read_checkpoint(tmp_path)


def test_a_checkpoint_with_code_in_it_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "it-ran",))

    torch.save({"recipe": Evil()}, tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointUnusable):
        read_checkpoint(tmp_path)
    assert not (tmp_path / "it-ran").exists()


def test_the_schedule_rises_and_falls() -> None:
    recipe = dataclasses.replace(TINY, warmup=10, learning_rate=1.0)
    assert learning_rate(recipe, 0, 0.0) == pytest.approx(0.1) and learning_rate(recipe, 10, 0.0) == pytest.approx(1)
    assert learning_rate(recipe, 99, 0.5) == pytest.approx(0.505)
    assert learning_rate(recipe, 99, 1.0) == pytest.approx(0.01)


def test_the_rate_starts_again_from_a_lower_peak_in_each_cycle() -> None:
    recipe = dataclasses.replace(TINY, warmup=0, learning_rate=1.0, cycles=2, cycle_peak=0.5)
    rates = [learning_rate(recipe, 99, fraction) for fraction in (0.0, 0.25, 0.4999, 0.5, 0.75, 1.0)]
    assert rates == pytest.approx([1.0, 0.505, 0.01, 0.5, 0.2525, 0.005], abs=1e-3)


# --- export ----------------------------------------------------------------------------------------------


def test_an_exported_pack_installs_and_enlarges_as_spandrel_would(tmp_path: Path) -> None:
    recipe = dataclasses.replace(
        TINY, family="span", arguments={"features": 8}, title="Tiny", pack="tiny-sr", steps=3
    )
    train(recipe, source(recipe), tmp_path)
    Image.fromarray(photo(side=300).permute(1, 2, 0).numpy()).save(tmp_path / "photo.png")
    export(tmp_path, tmp_path / "tiny.scumble", authors=("We",), license="MIT", thumbnail_of=tmp_path / "photo.png")
    store = PackStore(Folders(tmp_path / "store"))
    pack = store.install(tmp_path / "tiny.scumble")
    assert (pack.id, pack.manifest.factors, pack.manifest.kind) == ("tiny-sr", (2,), "upscale")
    assert pack.manifest.training is not None and pack.manifest.training.recipe["steps_done"] == 3
    assert pack.thumbnail() is not None
    image = torch.rand(1, 3, 16, 16)
    ours = making.load_upscaler(pack)(image)
    theirs = spandrel.ModelLoader().load_from_state_dict(pack.weights()).model.eval()(image)
    assert torch.allclose(ours, theirs, atol=1e-5)
