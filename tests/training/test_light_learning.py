"""The whole way from a painting to a pack on the light network: each quality, stopped and resumed, what it tells."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scumble_backend.packs.archive import PackArchive
from scumble_backend.packs.making import load_network, load_style
from scumble_backend.training_runs.job import TrainingJob
from scumble_training.style.many import learning
from scumble_training.style.many.recipe import CONTENT_BY_STRENGTH, is_light, load_many
from scumble_training.watching import Stopped

from .conftest import install_base, install_light_base
from .test_learning import Notebook, install, job, learn

__all__ = ["job"]  # the fixture


@pytest.fixture
def base(job: TrainingJob, photo_folder: Path, loss_folder: Path, tiny_light_recipes: Path) -> str:
    assert job.packs_folder is not None
    return install_light_base(job.packs_folder, photo_folder, loss_folder, tiny_light_recipes / "quick-light.toml")


@pytest.mark.parametrize("quality", ["quick", "standard"])
def test_a_table_and_a_delta_are_learned_on_the_installed_base(job: TrainingJob, base: str, quality: str) -> None:
    notebook = Notebook()
    learned = learn(replace(job, quality=quality), notebook)  # type: ignore[arg-type]
    store = install(job, learned.pack)
    pack = store.get("test-style")
    assert pack.manifest.kind == "affine" and pack.manifest.base == base and pack.manifest.boldness
    training = pack.manifest.training
    assert training is not None and training.recipe["name"] == f"{quality}-light" and training.data == "4 photos"
    assert {"held_out_style", "held_out_content"} <= set(pack.manifest.quality)
    begun = next(note for note in notebook.notes if note.startswith("It begins from the style "))
    nearest = begun.removeprefix("It begins from the style ").rstrip(".")
    ours, theirs = load_style(pack), load_style(store.get(nearest))
    assert not torch.equal(ours.table.scale, theirs.table.scale)
    assert ours.delta is not None and ours.delta.factors.keys() == theirs.delta.factors.keys()  # type: ignore[union-attr]
    order = ["loading", "choosing", "training", "measuring", "writing"]
    stages = [one for one, before in zip(notebook.stages, ["", *notebook.stages], strict=False) if one != before]
    assert stages == order
    assert notebook.fractions == sorted(notebook.fractions) and notebook.fractions[-1] == 1
    assert notebook.remaining[-1] == 0 and notebook.previews
    report = learned.report.read_text()
    assert report.count("data:image/jpeg;base64,") >= 1 + 2 * 4 and "polyline" in report and "palette" in report


def test_a_new_style_aims_at_what_the_installed_ones_leave_of_pictures(job: TrainingJob, base: str) -> None:
    def goal(strength: float) -> float:
        learned = learn(replace(job, quality="quick", strength=strength), Notebook(), f"run {strength}")
        with PackArchive(learned.pack) as archive:
            training = archive.manifest().training
        assert training is not None
        return float(training.recipe["optimizer"]["content_goal"])

    assert 0.01 < goal(1.0) < 10
    assert goal(2.0) == pytest.approx(goal(1.0) * 2**CONTENT_BY_STRENGTH, rel=0.05)


def test_full_ends_in_a_pack_with_a_base_of_its_own(job: TrainingJob, base: str) -> None:
    store = install(job, learn(replace(job, quality="full"), Notebook()).pack)
    pack = store.get("test-style")
    assert pack.manifest.kind == "affine" and pack.manifest.base != base
    ours, theirs = (load_network(store, one).state_dict() for one in (pack, store.get("one")))
    assert not torch.equal(ours["stages.up4.conv.weight"], theirs["stages.up4.conv.weight"])


def test_the_nearest_style_is_the_one_whose_pictures_have_the_smaller_loss(
    job: TrainingJob, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[float] = []
    measure = learning.LightLearning._measure

    def noted(self: learning.LightLearning, *given: object) -> object:
        held = measure(self, *given)  # type: ignore[arg-type]
        if given[-1] == "choosing":
            found.append(held.style)
        return held

    monkeypatch.setattr(learning.LightLearning, "_measure", noted)
    notebook = Notebook()
    learn(replace(job, quality="quick"), notebook)
    assert len(found) == 2 and found[0] != found[1]
    assert f"It begins from the style {'one' if found[0] < found[1] else 'two'}." in notebook.notes


def test_stopped_and_run_again_it_gives_the_same_pack_as_never_stopped(
    job: TrainingJob, base: str, tmp_path: Path
) -> None:
    quick = replace(job, quality="quick")
    straight = learn(quick, Notebook(), "straight")
    with pytest.raises(Stopped):
        learn(quick, Notebook(5), "stopped")
    resumed = learn(quick, Notebook(), "stopped")
    tables = [load_style(install(job, pack).get("test-style")).table for pack in (straight.pack, resumed.pack)]
    assert torch.equal(tables[0].scale, tables[1].scale) and torch.equal(tables[0].color, tables[1].color)
    lines = (tmp_path / "stopped" / "quick-light" / "history.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines]
    assert steps == sorted(set(steps)) and steps[-1] == 12


def test_strength_reaches_the_recipe_and_stroke_scales_are_answered(job: TrainingJob, base: str) -> None:
    notebook = Notebook()
    learned = learn(replace(job, quality="quick", strength=2.0, stroke_scales=(0.5, 1.0)), notebook)
    training = install(job, learned.pack).get("test-style").manifest.training
    assert training is not None and training.recipe["weights"]["style"] == 40.0
    assert any("chosen when painting" in note for note in notebook.notes)


def test_without_a_base_a_light_recipe_learns_all_weights(job: TrainingJob, tiny_light_recipes: Path) -> None:
    learned = learn(replace(job, recipe="quick-light"), Notebook())
    assert "No base network is installed" in learned.note
    store = install(job, learned.pack)
    assert load_network(store, store.get("test-style")).config.widths == (4, 6, 8, 8)  # type: ignore[union-attr]


def test_a_recipe_of_the_reference_network_is_heeded_where_a_light_base_is_installed(
    job: TrainingJob, base: str, photo_folder: Path, loss_folder: Path
) -> None:
    assert job.packs_folder is not None
    reference = install_base(job.packs_folder, photo_folder, loss_folder)
    learned = learn(replace(job, recipe="quick"), Notebook())
    assert install(job, learned.pack).get("test-style").manifest.base == reference


@pytest.mark.parametrize("name", ["base", "quick", "standard", "full"])
def test_the_shipped_recipes_are_whole(name: str) -> None:
    recipe = load_many(f"{name}-light")
    assert is_light(f"{name}-light") and recipe.name == f"{name}-light"
    assert recipe.trains == ("all" if name in ("base", "full") else "styles")
    base = load_many("base-light")
    assert recipe.terms == base.terms
    assert replace(recipe.weights, style=base.weights.style) == base.weights
    assert recipe.weights.style == (18.0 if name == "quick" else base.weights.style)  # few steps have to pull harder
    assert bool(recipe.alternative) == (name != "base")
