"""Training of the light network: learning, exact resuming, styles on a fixed base, what a run leaves behind."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from scumble_backend.errors import CheckpointUnusable, LossNotFinite, RecipeInvalid
from scumble_backend.packs.making import load_network, load_style
from scumble_backend.packs.store import Folders, PackStore
from scumble_training.recipe_files import RECIPES
from scumble_training.releasing.light import write_light_packs
from scumble_training.style import painting
from scumble_training.style.data import PhotoSet
from scumble_training.style.many import __main__ as command
from scumble_training.style.many.crops import CropPool
from scumble_training.style.many.loop import STRENGTHS, ManyRun, fit
from scumble_training.style.many.objective import ManyObjective
from scumble_training.style.many.recipe import ManyRecipe, load_many, many_from_json
from scumble_training.style.many.weights import painter_of, read_weights

from .conftest import run_in_two_processes, write_picture

TINY = {
    "name": "tiny",
    "rank": 2,
    "network": {"widths": [4, 6, 8, 8], "residual_blocks": 1},
    "data": {"crops": [[64, 0.5], [72, 1.0]], "pool": 6, "photo_side": 96, "style_side": 64, "canvases": 0.34},
    "optimizer": {"steps": 8, "warmup": 1},
    "terms": [
        {"network": "vgg19", "content": {"relu3_1": 1.0}, "style": {"relu1_2": 0.5, "relu2_2": 0.5}},
        {"network": "vgg16", "scale": 0.5, "style": {"relu1_2": 0.5}},
    ],
}
PHOTOS_ALONE = {"crops": [[64, 1.0]], "pool": 6, "photo_side": 96, "style_side": 64, "canvases": 0.0}
Maker = Callable[..., ManyRun]


def tiny(**changes: object) -> ManyRecipe:
    return many_from_json({**TINY, **changes})


def paintings(*names: str) -> dict[str, torch.Tensor]:
    return {name: torch.rand(3, 64, 72, generator=torch.Generator().manual_seed(n)) for n, name in enumerate(names)}


@pytest.fixture
def make(loss_folder: Path, photo_folder: Path) -> Maker:
    photos = PhotoSet.load(photo_folder)

    def build(recipe: ManyRecipe | None = None, names: tuple[str, ...] = ("a", "b")) -> ManyRun:
        return ManyRun(recipe or tiny(), paintings(*names), photos, loss_folder=loss_folder)

    return build


def test_the_shipped_recipe_is_whole_and_names_layers_that_exist() -> None:
    recipe = load_many("base-light", steps=7)
    assert recipe.optimizer.steps == 7 and recipe.network.config().widths == (16, 32, 64, 96)
    assert recipe.side_at(0.5) == 128


def test_crops_grow_on_the_way() -> None:
    recipe = tiny(data={"crops": [[128, 0.75], [176, 1.0]]})
    assert [recipe.side_at(done) for done in (0, 0.74, 0.76, 1)] == [128, 128, 176, 176]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"data": {"crops": [[65, 1.0]]}}, "crops"),
        ({"data": {"crops": []}}, "crops"),
        ({"optimizer": {"steps": 0}}, "at least 1"),
        ({"network": {"widths": [1, 2]}}, "widths"),
        ({"strengths": {"a": 0.0}}, "strengths"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_wrong_recipe_names_its_key(wrong: dict[str, object], word: str) -> None:
    with pytest.raises(RecipeInvalid, match=word):
        tiny(**wrong)


def test_the_loss_falls_on_pictures_that_it_sees_again_and_again(make: Maker) -> None:
    run = make(tiny(optimizer={"steps": 400, "warmup": 1, "rate": 5e-3}), ("a",))
    before, losses = {name: value.clone() for name, value in run._state().items()}, []
    for _ in range(25):
        run.step = 0  # pictures, grain and boldness are drawn by the number of the step
        losses.append(run.train_step().total.item())
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5]), losses
    for name in (
        "network.stages.stem.conv.weight",
        "styles.a.table.scale",
        "styles.a.table.color",
        "styles.a.left.up2",
    ):
        assert not torch.equal(run._state()[name], before[name]), f"{name} was not learned"


def test_resuming_equals_never_stopping(make: Maker, tmp_path: Path) -> None:
    straight, first, second = make(), make(), make()
    whole = [straight.train_step().total.item() for _ in range(8)]
    parts = [first.train_step().total.item() for _ in range(3)]
    first.save(tmp_path / "checkpoint.pt")
    second.load(tmp_path / "checkpoint.pt")
    parts += [second.train_step().total.item() for _ in range(5)]
    assert parts == pytest.approx(whole, rel=1e-4)
    for name, value in straight.trained_weights().items():
        torch.testing.assert_close(second.trained_weights()[name], value, atol=2e-3, rtol=2e-3)


def test_styles_alone_learn_on_a_base_that_stays(make: Maker) -> None:
    run = make(tiny(trains="styles"))
    before = {name: value.clone() for name, value in run._state().items()}
    for _ in range(4):
        run.train_step()
    changed = {name for name, value in run._state().items() if not torch.equal(value, before[name])}
    assert not any(name.startswith("network.") for name in changed)
    assert {"styles.a.table.scale", "styles.b.table.color", "styles.a.left.up4"} <= changed


def test_a_step_moves_only_the_style_that_has_its_turn(make: Maker) -> None:
    run = make()
    run.train_step()
    before = {name: value.clone() for name, value in run.styles.state_dict().items()}
    turn = run.style_at(run.step)
    run.train_step()
    changed = {name.split(".")[0] for name, value in run.styles.state_dict().items()
               if not torch.equal(value, before[name])}  # fmt: skip
    assert changed == {turn}


def test_every_style_has_as_many_turns(make: Maker) -> None:
    run = make(names=("a", "b", "c"))
    assert sorted(run.style_at(step) for step in range(9)) == sorted("abc" * 3)


def test_a_run_begins_with_the_styles_of_another(make: Maker) -> None:
    first = make()
    for _ in range(3):
        first.train_step()
    weights = first.trained_weights()
    second = make(tiny(trains="styles"), ("b", "new", "twin"))
    second.start_from(weights, like={"twin": "a"})
    state = second.trained_weights()
    torch.testing.assert_close(state["styles.b.table.scale"], weights["styles.b.table.scale"])
    torch.testing.assert_close(state["styles.twin.left.up2"], weights["styles.a.left.up2"])
    torch.testing.assert_close(state["network.stages.stem.conv.weight"], weights["network.stages.stem.conv.weight"])
    mean = (weights["styles.a.table.scale"].float() + weights["styles.b.table.scale"].float()) / 2
    torch.testing.assert_close(state["styles.new.table.scale"].float(), mean, atol=1e-3, rtol=1e-3)
    assert not state["styles.new.left.up2"].any()
    other = make(tiny(network={"widths": [4, 6, 8, 10]}))
    with pytest.raises(CheckpointUnusable, match="do not fit"):
        other.start_from(weights)


def test_trained_weights_paint_as_the_run_does(make: Maker) -> None:
    run = make()
    for _ in range(2):
        run.train_step()
    network, table, delta = painter_of(run.trained_weights(), "b", run.recipe)
    style = run.styles["b"]
    weights = {name: value.float() for name, value in run.trained_weights().items()}
    run._take(weights)
    picture = torch.rand(1, 3, 40, 48)
    with torch.no_grad():
        wanted = run.network.eval()(picture, style.whole_table().at(1.0, 0.5), style.delta())  # type: ignore[operator]
    torch.testing.assert_close(network(picture, table.at(1.0, 0.5), delta), wanted, atol=1e-4, rtol=1e-4)
    with pytest.raises(KeyError):
        painter_of(weights, "z", run.recipe)


def test_statistics_beyond_half_precision_survive(make: Maker) -> None:
    run = make()
    run.averages["network.stages.up4.average_variance"].fill_(1e5)
    weights = run.trained_weights()
    assert float(weights["network.stages.up4.average_variance"].max()) == 1e5
    assert weights["network.stages.up4.conv.weight"].dtype == torch.float16


def test_boldness_shifts_the_balance(make: Maker) -> None:
    run = make()
    crops = run.crops().at(0, 2)
    painted = torch.rand_like(crops.pictures)

    def total(weights: object, boldness: float) -> float:
        objective = ManyObjective(run.recipe.terms, list(run.objective.networks), weights, run.recipe.data)  # type: ignore[arg-type]
        parts = objective(painted, crops.pictures, crops.content, run.goals["a"], crops.is_canvas, boldness)
        return float(parts.total)

    w = run.recipe.weights
    twice = replace(w, style=w.style * 2.0**w.boldness)
    assert total(w, 1.0) == pytest.approx(total(twice, 0.0), rel=1e-5)
    assert total(w, 1.0) != pytest.approx(total(w, -1.0), rel=1e-2)


def test_a_style_may_count_more_or_less_than_the_others(make: Maker) -> None:
    plain = tiny()
    twice = make(replace(plain, weights=replace(plain.weights, style=2 * plain.weights.style)), ("a",))
    by_name = make(tiny(strengths={"a": 2.0, "b": 5.0}), ("a",))
    assert by_name.train_step().total.item() == pytest.approx(twice.train_step().total.item(), rel=1e-5)


def test_a_style_is_steered_to_the_content_that_the_recipe_wants(make: Maker, tmp_path: Path) -> None:
    def strength_after(steps: int, **optimizer: float) -> float:
        run = make(tiny(optimizer={"steps": 400, **optimizer}, strengths={"a": 0.5}, data=PHOTOS_ALONE), ("a",))
        for _ in range(steps):
            run.train_step()
        run.save(tmp_path / "checkpoint.pt")
        again = make(run.recipe, ("a",))
        again.load(tmp_path / "checkpoint.pt")
        assert again.strengths == run.strengths
        return run.strengths["a"]

    assert strength_after(2) == 0.5
    assert 0.5 * STRENGTHS[0] < strength_after(2, content_goal=0.001) < 0.5 < strength_after(1, content_goal=5.0)
    assert strength_after(12, content_goal=100.0) == 0.5 * STRENGTHS[1]


def test_who_wants_more_style_is_not_steered_back() -> None:
    plain = tiny(optimizer={"content_goal": 1.0, "content_share": 1.1})
    bold = plain.changed(strength=2.0)
    assert bold.weights.style == 2 * plain.weights.style
    assert bold.optimizer.content_goal > plain.optimizer.content_goal
    assert bold.optimizer.content_share > plain.optimizer.content_share
    assert plain.changed(seed=5).optimizer == plain.optimizer


def what_it_adds(
    run: ManyRun, term: str, painting: torch.Tensor, painted: torch.Tensor, canvases: list[bool]
) -> float:
    """How much larger the loss of painted pictures is with the weight of a term at 1."""
    crops, goals, totals = run.crops().at(0, 2), run.objective.goals(painting), []
    for weight in (0.0, 1.0):
        weights = replace(run.recipe.weights, **{"style": 0.0, "colorfulness": 0.0, "palette": 0.0, term: weight})
        objective = ManyObjective(run.recipe.terms, list(run.objective.networks), weights, run.recipe.data)  # type: ignore[arg-type]
        parts = objective(painted, crops.pictures, crops.content, goals, torch.tensor(canvases), 0.0)
        totals.append(float(parts.total))
    return totals[1] - totals[0]


def test_an_engraving_asks_for_pictures_of_its_own_one_color(make: Maker) -> None:
    run = make(names=("a",))
    gray = torch.rand(1, 1, 64, 64).expand(1, 3, -1, -1)
    tinted = gray * 0.5 + torch.tensor([0.2, 0.1, 0.0]).view(1, 3, 1, 1)
    colored = torch.rand(2, 3, 64, 64)

    def asked(painting: torch.Tensor, painted: torch.Tensor) -> float:
        return what_it_adds(run, "colorfulness", painting, painted, [False, False])

    assert asked(gray, gray.expand(2, -1, -1, -1)) == pytest.approx(0.0, abs=1e-5)
    assert asked(tinted, tinted.expand(2, -1, -1, -1)) == pytest.approx(0.0, abs=1e-5)
    assert asked(tinted, gray.expand(2, -1, -1, -1)) > 0.001  # the paper's tint belongs to it
    assert asked(gray, colored) > 0.01
    assert asked(colored[:1], colored) == pytest.approx(0.0, abs=1e-5)


def test_photos_together_shall_have_the_colors_of_the_painting(make: Maker) -> None:
    run = make(names=("a",))
    light, dark = 0.5 + 0.5 * torch.rand(1, 3, 64, 64), 0.5 * torch.rand(1, 3, 64, 64)
    both = torch.cat([light, dark])

    def asked(painting: torch.Tensor, painted: torch.Tensor, canvases: list[bool]) -> float:
        return what_it_adds(run, "palette", painting, painted, canvases)

    near = 0.02
    assert asked(light, light.expand(2, -1, -1, -1), [False, False]) < near
    assert asked(light, both, [False, False]) > 3 * near
    assert asked(torch.cat([light, dark], 3), both, [False, False]) < near  # one may be light, and the other dark
    assert asked(light, both, [False, True]) < near  # a canvas may be of any color
    assert asked(light, both, [True, True]) == 0.0


def test_marks_are_kept_apart_from_those_of_the_other_styles(make: Maker) -> None:
    def learned(weight: float) -> float:
        """The last likeness of two styles on pictures seen again and again."""
        run = make(tiny(trains="styles", weights={"likeness": weight}, optimizer={"steps": 400, "warmup": 1}))
        with torch.no_grad():  # as two styles that begin alike
            run.styles["b"].load_state_dict(run.styles["a"].state_dict())
        told = []
        for _ in range(30):
            run.step = 0  # style, pictures and grain are drawn by the number of the step
            told.append(run.train_step().likeness)
        return told[-1] if weight else told[0]

    assert learned(0.0) == 0.0  # neither measured nor paid for
    assert learned(30.0) < 0.5 * learned(1e-9)


def test_a_style_alone_has_none_to_differ_from(make: Maker) -> None:
    run = make(tiny(weights={"likeness": 1.0}), ("a",))
    assert run.train_step().likeness == 0.0


def test_another_style_leaves_the_average_statistics_alone(make: Maker) -> None:
    run, plain = make(tiny(weights={"likeness": 1e-9})), make(tiny())
    for _ in range(3):
        run.train_step(), plain.train_step()
    for name, value in plain.network.state_dict().items():
        torch.testing.assert_close(run.network.state_dict()[name], value, atol=1e-3, rtol=1e-3)


def test_margins_are_cut_from_paintings() -> None:
    picture = torch.arange(100.0).expand(3, 50, 100)
    cut = command.without_margins(picture, (0.1, 0.2, 0.05, 0.0))
    assert cut.shape == (3, 40, 85) and float(cut[0, 0, 0]) == 10 and float(cut[0, 0, -1]) == 94
    known = json.loads((RECIPES / "margins.json").read_text())
    assert set(known) - {"about"} <= set(json.loads((RECIPES / "starters.json").read_text()))


def test_packs_paint_as_the_weights_do(make: Maker, tmp_path: Path) -> None:
    run = make(names=("great-wave", "scream"))
    for _ in range(3):
        run.train_step()
    weights, sample = run.trained_weights(), torch.rand(3, 40, 48)
    note = {"recipe": json.dumps(run.recipe.to_json()), "step": "3", "hours": "0.5"}
    for name in ("great-wave", "scream"):
        painting.to_image(torch.rand(3, 64, 64)).save(tmp_path / f"{name}.jpg")
    written = write_light_packs(
        tmp_path / "packs",
        weights,
        note,
        sample,
        data="photos",
        date="2026-01-01",
        paintings=tmp_path,
    )
    assert [path.stem for path in written] == ["great-wave", "scream"]
    store = PackStore(Folders(tmp_path / "user", (tmp_path / "packs",)))
    network, table, delta = painter_of(weights, "scream", run.recipe)
    pack = store.get("scream")
    style = load_style(pack)
    loaded = load_network(store, pack)
    for boldness in (-0.5, 0.0, 0.25):
        painted = loaded(sample[None], style.table.at(1.0, boldness), style.delta)
        expected = network(sample[None], table.at(1.0, boldness), delta)
        torch.testing.assert_close(painted, expected, atol=2e-3, rtol=2e-3)
    with Image.open(io.BytesIO(pack.painting_bytes() or b"")) as small:
        assert max(small.size) <= 160
    assert len(pack.painting_bytes() or b"") <= 12 << 10
    assert len(pack.manifest.palette) == 9 and pack.manifest.palette[0] == pytest.approx(0.57, abs=0.1)
    assert pack.manifest.training is not None and pack.manifest.training.seconds == 1800


def test_content_of_a_crop_is_computed_once() -> None:
    asked = []

    def content_of(pictures: torch.Tensor) -> list[torch.Tensor]:
        asked.append(pictures)
        return [pictures[:, :, ::4, ::4]]

    pool = CropPool(None, 64, 5, content_of, canvases=0.4, seed=1, turns=2)
    seen = [pool.at(place, 2) for place in range(0, 20, 2)]
    assert len(asked) == 10  # two passes over five crops, then two over five others
    assert sum(int(crops.is_canvas.sum()) for crops in seen) == 8  # two of five, four times
    for crops in seen:
        torch.testing.assert_close(crops.content[0], crops.pictures[:, :, ::4, ::4], atol=1e-3, rtol=1e-3)
    again = CropPool(None, 64, 5, content_of, canvases=0.4, seed=1, turns=2).at(4, 2)
    assert torch.equal(again.pictures, seen[2].pictures)


@pytest.mark.slow
@pytest.mark.timeout(300)  # two processes that load torch: slow on a busy machine
def test_two_processes_share_what_they_learn_and_go_on_together(
    tmp_path: Path, loss_folder: Path, photo_folder: Path
) -> None:
    run_in_two_processes("two_processes_of_many.py", loss_folder, photo_folder, tmp_path)
    ours, theirs = (torch.load(tmp_path / f"weights-{rank}.pt") for rank in range(2))
    for run in ("straight", "parts"):
        for name, value in ours[run].items():
            torch.testing.assert_close(theirs[run][name], value, rtol=0, atol=0)
            torch.testing.assert_close(ours["straight"][name], value, atol=2e-3, rtol=2e-3)
    for name in ("network.out.weight", *(f"styles.{style}.table.scale" for style in "abc")):
        assert not torch.equal(ours["straight"][name], ours["start"][name]), name


def test_a_loss_that_is_no_number_leaves_the_last_good_checkpoint(make: Maker, tmp_path: Path) -> None:
    run = make()
    fit(run, tmp_path, each=lambda moment: None)
    good = (tmp_path / "checkpoint.pt").read_bytes()
    with torch.no_grad():
        run.network.out.weight.fill_(float("nan"))
    run.step = 3
    with pytest.raises(LossNotFinite, match="step 3"):
        fit(run, tmp_path, each=lambda moment: None)
    assert (tmp_path / "checkpoint.pt").read_bytes() == good
    with pytest.raises(CheckpointUnusable):
        make().load(tmp_path / "missing.pt")


def test_the_command_leaves_weights_with_recipe_and_hours(
    tmp_path: Path, loss_folder: Path, photo_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(
        "rank = 2\n[network]\nwidths = [4, 6, 8, 8]\nresidual_blocks = 1\n[data]\ncrops = [[64, 1.0]]\npool = 4\n"
        'style_side = 64\n[optimizer]\nsteps = 3\n[[terms]]\nnetwork = "vgg19"\ncontent = { relu2_2 = 1.0 }\n'
        "style = { relu1_2 = 1.0 }\n"
    )
    painting = write_picture(tmp_path / "cat.png", 90, 80)
    given = [str(recipe), str(painting), "--photos", str(photo_folder), "-o", str(tmp_path / "run")]
    given += ["--device", "cpu", "--loss-network", str(loss_folder), "--report-every", "1"]
    assert command.main(given) == 0
    assert capsys.readouterr().out.count("step") == 3
    weights, note = read_weights(tmp_path / "run" / "weights.safetensors")
    assert note["step"] == "3" and float(note["hours"]) >= 0 and json.loads(note["recipe"])["rank"] == 2
    assert "styles.cat.table.scale" in weights
    assert command.main([*given, "--steps", "5"]) == 0  # goes on
    assert capsys.readouterr().out.count("step") == 2
    begun = [*given[:5], str(tmp_path / "second"), *given[6:], "--weights", str(tmp_path / "run/weights.safetensors")]
    assert command.main(begun) == 0
    capsys.readouterr()
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    with pytest.raises(CheckpointUnusable, match="can't be read"):
        read_weights(broken)
    assert command.main(["nothing", str(painting), "-o", str(tmp_path / "x")]) == 1
    assert "no recipe" in capsys.readouterr().err
