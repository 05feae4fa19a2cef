"""The whole way from a painting to a pack, by each quality, stopped and resumed, and what it tells."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from scumble_backend.errors import LossNetworkMissing, PaintingUnusable, PhotosUnusable
from scumble_backend.packs.making import load_network, load_style
from scumble_backend.packs.store import Folders, PackStore
from scumble_backend.training_runs.events import Done, Preview, Progress
from scumble_backend.training_runs.job import TrainingJob
from scumble_training.style import held_out
from scumble_training.style.learning import learn_style
from scumble_training.watching import Stopped

from .conftest import install_base, write_picture


class Notebook:
    """A watcher that remembers, and wishes to stop at a step where told to."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.fractions: list[float] = []
        self.stages: list[str] = []
        self.remaining: list[float | None] = []
        self.notes: list[str] = []
        self.previews: list[Path] = []
        self._left = stop_after

    def tell(self, event: Progress | Preview) -> None:
        if isinstance(event, Progress):
            self.fractions.append(event.fraction)
            self.stages.append(event.stage)
            self.remaining.append(event.remaining_s)
            assert event.remaining_s is None or event.remaining_s >= 0
            return
        assert 0 < event.step <= event.steps and event.style_loss > 0 and event.content_loss > 0
        self.previews.append(event.path)
        assert event.path.is_file()

    def note(self, text: str) -> None:
        self.notes.append(text)

    def wish(self) -> str:
        self._left -= 1
        return "pause" if self._left < 0 else ""


@pytest.fixture
def job(tmp_path: Path, home: Path, loss_folder: Path, photo_folder: Path, tiny_recipes: Path) -> TrainingJob:
    return TrainingJob(
        painting=write_picture(tmp_path / "painting.png", 90, 80, seed=7),
        name="Test Style",
        photos=photo_folder,
        device="cpu",
        loss_network=loss_folder,
        packs_folder=tmp_path / "packs",
        download=False,
    )


@pytest.fixture
def base(job: TrainingJob, photo_folder: Path, loss_folder: Path) -> str:
    assert job.packs_folder is not None
    return install_base(job.packs_folder, photo_folder, loss_folder)


def learn(job: TrainingJob, watcher: Notebook, run: str = "run") -> Done:
    """In a folder beside the packs."""
    assert job.packs_folder is not None
    return learn_style(job, job.packs_folder.parent / run, watcher)


def install(job: TrainingJob, pack: Path) -> PackStore:
    assert job.packs_folder is not None
    store = PackStore(Folders(job.packs_folder))
    store.install(pack)
    return store


def test_quick_ends_in_an_affine_pack_on_the_installed_base(job: TrainingJob, base: str) -> None:
    notebook = Notebook()
    learned = learn(replace(job, quality="quick"), notebook)
    pack = install(job, learned.pack).get("test-style")
    assert pack.manifest.kind == "affine" and pack.manifest.base == base
    assert pack.manifest.title == "Test Style"
    training = pack.manifest.training
    assert training is not None and training.recipe["name"] == "quick" and training.data == "4 photos"
    assert {"held_out_style", "held_out_content", "quick_to_tuned"} <= set(pack.manifest.quality)
    assert "It begins from the style first." in notebook.notes
    assert notebook.fractions == sorted(notebook.fractions) and notebook.fractions[-1] == 1
    order = ["loading", "choosing", "training", "measuring", "training", "measuring", "writing"]
    assert [
        stage for stage, before in zip(notebook.stages, ["", *notebook.stages], strict=False) if stage != before
    ] == order
    # Only loading and the first picture have no estimate; it ends at 0, and never says less than the report takes.
    known = [rest is not None for rest in notebook.remaining]
    assert known.index(True) == notebook.stages.index("choosing") + 1 and all(known[known.index(True) :])
    assert notebook.remaining[-1] == 0
    assert notebook.remaining[notebook.stages.index("writing")] > 0  # type: ignore[operator]
    assert notebook.previews
    assert load_style(pack).table.scale.shape[0] == 1


def test_full_ends_in_a_pack_with_all_weights(job: TrainingJob, base: str) -> None:
    learned = learn(replace(job, quality="full"), Notebook())
    store = install(job, learned.pack)
    pack = store.get("test-style")
    assert pack.manifest.kind == "network"
    assert not torch.equal(
        load_network(store, pack).out.conv.weight, load_network(store, store.get("first")).out.conv.weight
    )


@pytest.mark.parametrize(("threshold", "kind"), [(0.0, "network"), (1e9, "affine")])
def test_standard_goes_on_to_all_weights_only_where_quick_stays_clearly_above(
    job: TrainingJob, base: str, monkeypatch: pytest.MonkeyPatch, threshold: float, kind: str
) -> None:
    monkeypatch.setattr("scumble_training.style.learning.CLEARLY_ABOVE", threshold)
    notebook = Notebook()
    learned = learn(replace(job, quality="standard"), notebook)
    assert install(job, learned.pack).get("test-style").manifest.kind == kind
    assert any("so these learn too" in note for note in notebook.notes) == (kind == "network")


def test_a_quick_style_that_stays_clearly_above_says_so(
    job: TrainingJob, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scumble_training.style.learning.CLEARLY_ABOVE", 0.0)
    learned = learn(replace(job, quality="quick"), Notebook())
    assert "quality `full` would come clearly closer" in learned.note


def test_without_a_base_network_all_weights_learn(job: TrainingJob) -> None:
    learned = learn(replace(job, quality="quick"), Notebook())
    assert "No base network is installed" in learned.note
    assert install(job, learned.pack).get("test-style").manifest.kind == "network"


def test_it_asks_for_nothing_but_the_painting(job: TrainingJob) -> None:
    learned = learn(replace(job, photos=None, quality="quick"), Notebook())
    pack = install(job, learned.pack).get("test-style")
    assert pack.manifest.training is not None and pack.manifest.training.data == "made-up pictures"
    assert "made-up pictures" in learned.note


def test_without_photos_the_style_is_shown_on_the_photo_that_ships(job: TrainingJob, base: str) -> None:
    report = learn(replace(job, photos=None, quality="quick"), Notebook()).report.read_text()
    first = re.search(r"<table.*?alt='the picture' src='data:image/jpeg;base64,([^']+)'", report, re.DOTALL)
    assert first is not None
    with Image.open(io.BytesIO(base64.b64decode(first[1]))) as shown, Image.open(held_out.SAMPLE) as photo:
        expected = ImageOps.fit(photo.convert("RGB"), shown.size, Image.Resampling.BILINEAR)
        assert np.abs(np.asarray(shown, np.float32) - np.asarray(expected, np.float32)).mean() < 4


@pytest.mark.parametrize("stop_after", [5, 14])  # in the quick stage; in the probe
def test_stopped_and_run_again_it_gives_the_same_pack_as_never_stopped(
    job: TrainingJob, base: str, stop_after: int, tmp_path: Path
) -> None:
    quick = replace(job, quality="quick")
    straight = learn(quick, Notebook(), "straight")
    with pytest.raises(Stopped):
        learn(quick, Notebook(stop_after), "stopped")
    resumed = learn(quick, Notebook(), "stopped")
    tables = [load_style(install(job, pack).get("test-style")).table for pack in (straight.pack, resumed.pack)]
    assert torch.equal(tables[0].scale, tables[1].scale) and torch.equal(tables[0].color, tables[1].color)
    history = [
        [json.loads(line) for line in (tmp_path / name / "quick" / "history.jsonl").read_text().splitlines()]
        for name in ("straight", "stopped")
    ]
    assert [line["step"] for line in history[1]] == sorted({line["step"] for line in history[1]})
    assert history[0][-1]["total"] == pytest.approx(history[1][-1]["total"])


def test_strength_and_stroke_scales_reach_the_recipe(job: TrainingJob, base: str) -> None:
    learned = learn(replace(job, quality="quick", strength=2.0, stroke_scales=(0.5, 1.0, 2.0)), Notebook())
    manifest = install(job, learned.pack).get("test-style").manifest
    assert manifest.stroke_scales == (0.5, 1.0, 2.0)
    assert manifest.training is not None
    assert manifest.training.recipe["weights"]["style"] == 12.0
    assert manifest.training.recipe["stroke_octaves"] == [-1.0, 0.0, 1.0]


def test_a_second_style_of_the_same_name_gets_an_id_of_its_own(job: TrainingJob, base: str) -> None:
    quick = replace(job, quality="quick")
    store = install(job, learn(quick, Notebook()).pack)
    store = install(job, learn(quick, Notebook(), "again").pack)
    assert {pack.id for pack in store.list()} == {"first", "test-style", "test-style-2"}


def test_unreadable_photos_are_told_and_few_photos_too(job: TrainingJob, base: str, photo_folder: Path) -> None:
    (photo_folder / "torn.jpg").write_bytes(b"torn")
    notebook = Notebook()
    learn(replace(job, quality="quick"), notebook)
    assert any("1 files of the photos could not be read" in note for note in notebook.notes)
    assert any("only 4 photos" in note for note in notebook.notes)


def test_what_is_missing_is_told_before_anything_runs(
    job: TrainingJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(PhotosUnusable):
        learn(replace(job, photos=empty), Notebook())
    with pytest.raises(PaintingUnusable):
        learn(replace(job, painting=tmp_path / "none.png"), Notebook())
    monkeypatch.delenv("SCUMBLE_LOSS_NETWORK")
    with pytest.raises(LossNetworkMissing):
        learn(replace(job, loss_network=empty), Notebook())


def test_where_the_recipes_networks_are_missing_its_alternative_is_taken(
    job: TrainingJob, base: str, tiny_recipes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCUMBLE_LOSS_NETWORK")
    for name in ("quick", "full"):
        path = tiny_recipes / f"{name}.toml"
        text = path.read_text().replace('network = "vgg19"', 'network = "vgg19_distilled"')
        path.write_text(
            text + '\n[[alternative]]\nnetwork = "vgg16"\nstyle = { relu1_2 = 1.0 }\ncontent = { relu2_2 = 1.0 }\n'
        )
    learned = learn(replace(job, quality="quick"), Notebook())
    manifest = install(job, learned.pack).get("test-style").manifest
    assert manifest.training is not None
    assert [term["network"] for term in manifest.training.recipe["terms"]] == ["vgg16"]


def test_the_report_stands_alone(job: TrainingJob, base: str) -> None:
    learned = learn(replace(job, quality="quick"), Notebook())
    text = learned.report.read_text()
    assert text.count("data:image/jpeg;base64,") >= 1 + 2 * 4
    assert "polyline" in text and "Test Style" in text and "stroke scale 2" in text
    assert "http://" not in text and "https://" not in text and "<script" not in text
