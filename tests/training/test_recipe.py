"""Recipes: those that ship say what they ought to, and anything misspelt or out of place is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from scumble_backend.errors import RecipeInvalid
from scumble_training.recipe_files import shipped
from scumble_training.style.recipe import Recipe, load_recipe, recipe_from_json

NAMES = ("full", "johnson2016", "quick")


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_survives_json(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe_from_json(recipe.to_json()) == recipe


def test_johnson2016_is_as_published() -> None:
    recipe = load_recipe("johnson2016")
    (term,) = recipe.terms
    assert term.network == "vgg16"
    assert list(term.content) == ["relu2_2"]
    assert list(term.style) == ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]
    optimizer = recipe.optimizer
    assert (optimizer.batch, optimizer.steps, optimizer.rate) == (4, 40_000, 1e-3)
    assert (optimizer.schedule, optimizer.warmup, optimizer.clip, optimizer.average) == ("constant", 0, 0, 0)
    assert recipe.data.crop == 256 and recipe.data.canvases == 0
    assert recipe.weights.normalization == "none" and recipe.weights.variation_power == 2
    assert recipe.weights.luminance == recipe.weights.evenness == 0
    # 1e-6 on the sum of squares over a batch of 4 x 3 x 256 x 256 values in 0..255
    assert recipe.weights.variation == pytest.approx(1e-6 * 4 * 3 * 256 * 256 * 255**2, rel=1e-4)
    assert recipe.network.grain == 0 and recipe.network.statistics_pull == 0 and not recipe.color_path


def test_quick_and_full_ask_for_the_same_losses() -> None:
    """Else `full` would tune a quick style away from what it was learned for."""
    quick, full = map(load_recipe, ("quick", "full"))
    assert (quick.terms, quick.weights, quick.data) == (full.terms, full.weights, full.data)
    assert (quick.trains, full.trains) == ("table", "all")
    assert {term.network for term in quick.alternative} <= {"vgg16", "vgg19"}  # what torchvision can download


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("speed = 3", "recipe has no key 'speed'"),
        ("[optimizer]\nstep = 3", "recipe.optimizer has no key 'step'"),
        ('[optimizer]\nsteps = "many"', "recipe.optimizer.steps must be of type int"),
        ("[optimizer]\nsteps = true", "recipe.optimizer.steps must be of type int"),
        ('trains = "some"', "recipe.trains can't be 'some'"),
        ("[weights]\nvariation_power = 3", "recipe.weights.variation_power can't be 3"),
        ("terms = 3", "recipe.terms must be a list"),
        ("[[terms]]\nscale = 1.0", r"recipe.terms\[0\] lacks 'network'"),
        ("", "recipe lacks 'terms'"),
        ("terms = [", "is no valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(RecipeInvalid, match=sentence) as caught:
        load_recipe(path)
    assert caught.value.remedy


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(RecipeInvalid) as caught:
        load_recipe("nothing")
    assert "johnson2016" in caught.value.remedy


def test_choices_of_a_person_change_a_recipe() -> None:
    recipe: Recipe = load_recipe("quick")
    changed = recipe.changed(strength=2, stroke_scales=(2, 0.5, 1), seed=7)
    assert changed.weights.style == 2 * recipe.weights.style
    assert changed.stroke_octaves == [-1, 0, 1]
    assert changed.seed == 7
    assert recipe.changed() == recipe


def test_every_recipe_that_ships_is_looked_at() -> None:
    assert set(shipped()) == set(NAMES)
