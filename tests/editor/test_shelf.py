"""Presets, last results, favorites and surprises: what both editors' shelves show."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from editor.test_backend import NIGHT, SHARP, WAVE, Recorded, come

from scumble_backend.packs.store import Folders, PackStore
from scumble_editor.backend import Backend
from scumble_editor.choices import StyleChoices
from scumble_editor.kept import RESULTS_KEPT, Kept, KeptFile, preset_pack
from scumble_editor.made import Made
from scumble_editor.shelf import Sample, Shelf, StyleMissing, settings_of
from scumble_editor.small_pictures import png, thumbnail
from scumble_editor.variations import COUNT, surprise
from scumble_editor.words import took_text
from scumble_wire.messages import Accepted, ImageInfo, ImageResult, PackInfo, Packs, Stylize

RGB = ImageInfo(6, 4, "u8", "RGB")
SETTINGS = StyleChoices("wave:0.6@light + night:0.4@rest", strength=0.7, colors="picture", seed=5)


@pytest.fixture
def road() -> Recorded:
    return Recorded()


@pytest.fixture
def backend(road: Recorded) -> Backend:
    made = Backend(road)
    come(made, road, 0, Packs([WAVE, NIGHT, SHARP], 1))
    return made


@pytest.fixture
def shelf(backend: Backend, tmp_path: Path) -> Shelf:
    return Shelf(backend, KeptFile(tmp_path / "deep" / "kept.json"), lambda pack: pack.title)


def test_what_made_a_layer_goes_through_its_text() -> None:
    made = Made(SETTINGS, "{uuid}", "Great Wave")
    assert Made.from_text(made.to_text()) == made
    for strange in ("", "{", "[]", '{"scumble": 2}', '{"scumble": 1, "choices": {"style": "a:0"}}'):
        assert Made.from_text(strange) is None


def test_presets_and_results_are_kept_with_their_pictures_for_both_editors(tmp_path: Path) -> None:
    file, other = KeptFile(tmp_path / "kept.json"), KeptFile(tmp_path / "kept.json")
    file.put_preset(" Storm ", SETTINGS, (RGB, bytes(range(72))))
    other.set_favorite("night", True)
    other.add_result(Kept("Wave", SETTINGS, None))
    assert file.presets() == [Kept("Storm", SETTINGS, (RGB, bytes(range(72))))]
    assert file.favorites() == ["night"] and file.used() == ["wave", "night"]
    assert file.results()[0].choices == SETTINGS
    file.remove_preset("Storm")
    other.set_favorite("night", False)
    assert (file.presets(), file.favorites()) == ([], [])
    with pytest.raises(ValueError, match="needs a name"):
        file.put_preset("  ", SETTINGS, None)


def test_the_last_results_are_few_and_the_same_one_is_kept_once(tmp_path: Path) -> None:
    file = KeptFile(tmp_path / "kept.json")
    for number in range(RESULTS_KEPT + 3):
        file.add_result(Kept(f"Result {number}", StyleChoices("wave", seed=number)))
    file.add_result(Kept("Again", StyleChoices("wave", seed=RESULTS_KEPT)))
    titles = [each.title for each in file.results()]
    assert len(titles) == RESULTS_KEPT and titles[:2] == ["Again", f"Result {RESULTS_KEPT + 2}"]


def test_how_long_a_training_took_is_measured_not_guessed(tmp_path: Path) -> None:
    file = KeptFile(tmp_path / "kept.json")
    assert file.training_seconds() == {}
    file.add_training("quick", 200.04)
    file.add_training("quick", 190)
    file.add_training("full", 9000)
    assert file.training_seconds() == {"quick": 190.0, "full": 9000.0}
    assert [took_text(seconds) for seconds in (45, 190, 9000)] == [
        "took 45 s here",
        "took 3 min here",
        "took 2.5 h here",
    ]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"presets": 3, "results": [{}], "favorites": [1, "a"]}'])
def test_a_damaged_file_counts_as_empty(tmp_path: Path, text: str) -> None:
    file = KeptFile(tmp_path / "kept.json")
    file.path.write_text(text)
    assert (file.presets(), file.results()) == ([], [])
    file.put_preset("Storm", SETTINGS, None)
    assert [each.title for each in file.presets()] == ["Storm"]


def test_a_preset_becomes_a_pack_that_installs_and_says_what_it_chooses(tmp_path: Path) -> None:
    name, raw = preset_pack(Kept("Große Welle & Sturm", SETTINGS, (RGB, bytes(72))))
    assert name == "preset-grosse-welle-sturm.scumble"
    (tmp_path / name).write_bytes(raw)
    store = PackStore(Folders(user=tmp_path / "packs"))
    pack = store.install(tmp_path / name)
    assert pack.info().kind == "mix" and settings_of(pack.info()) == SETTINGS
    assert [each.id for each in store.list()] == [pack.id] and store.list("style") == []
    assert pack.thumbnail_bytes() == png(RGB, bytes(72))
    store.remove(pack.id)
    assert store.list() == []


def test_a_preset_that_names_a_style_which_is_gone_is_refused_in_words(shelf: Shelf) -> None:
    shelf.keep_preset("Storm", StyleChoices("wave + scream"), None)
    shelf.show("presets", StyleChoices("wave"))
    with pytest.raises(StyleMissing, match="“Storm” needs styles that aren't installed: scream"):
        shelf.chosen("Storm")
    shelf.keep_preset("Calm", SETTINGS, (ImageInfo(300, 200), bytes(240_000)))
    assert shelf.chosen("Calm") == SETTINGS
    [calm, _storm] = shelf.tiles()
    assert calm.picture is not None and (calm.picture[0].width, calm.picture[0].height) == (128, 85)
    assert [tile.key for tile in shelf.tiles("storm")] == ["Storm"]


def test_installed_presets_stand_with_ones_own(shelf: Shelf, backend: Backend, road: Recorded) -> None:
    mix = PackInfo("preset-x", "X", "mix", settings='{"style": "wave", "strength": 0.5}')
    come(backend, road, 0, Packs([WAVE, NIGHT, mix], 2))
    shelf.show("presets", StyleChoices("wave"))
    assert shelf.chosen("pack:preset-x") == StyleChoices("wave", strength=0.5)
    assert [pack.id for pack in backend.styles()] == ["wave", "night"]


def test_styles_are_painted_on_the_own_picture_one_after_another(
    shelf: Shelf, backend: Backend, road: Recorded
) -> None:
    told: list[Any] = []
    shelf.subscribe(lambda: told.append(True))
    shelf.show("here", StyleChoices("night", strength=0.5))
    shelf.paint(Sample(RGB, bytes(72), 4000, 0.1))
    assert len(road.messages(Stylize)) == 1 and road.messages(Stylize)[0].priority == "batch"
    come(
        backend,
        road,
        road.ticket(Stylize),
        Accepted("j1", 0),
        ImageResult("j1", RGB, "cpu", 1, 1),
        frames=[b"\7" * 72],
    )
    assert [tile.picture is not None for tile in shelf.tiles()] == [True, False] and told
    assert [message.styles[0].pack for message in road.messages(Stylize)] == ["wave", "night"]
    assert road.messages(Stylize)[1].strength == 0.5 and backend.jobs == []
    shelf.show("styles", StyleChoices("night"))
    assert road.posted[-1][1].__class__.__name__ in ("Cancel", "GetThumbnail", "Stylize")


def test_favorites_and_used_styles_keep_their_order(shelf: Shelf) -> None:
    shelf.set_favorite("night", True)
    shelf.set_favorite("wave", True)
    shelf.show("favorites", StyleChoices())
    assert [tile.key for tile in shelf.tiles()] == ["night", "wave"]
    assert [tile.key for tile in shelf.tiles("hokusai")] == ["wave"]
    shelf.remember(StyleChoices("wave"), "Great Wave", RGB, bytes(72))
    shelf.show("used", StyleChoices())
    assert [tile.key for tile in shelf.tiles()] == ["wave"]


def test_surprises_are_six_mixes_of_styles_that_fit_together() -> None:
    packs = [PackInfo(f"p{n}", f"P{n}", "affine", network="ab"[n % 2], boldness=n < 3) for n in range(6)]
    made = surprise(packs, 4)
    assert len(made) == COUNT and made == surprise(packs, 4) and made != surprise(packs, 5)
    network = {pack.id: pack.network for pack in packs}
    assert all(len({network[name] for name in choices.packs}) == 1 for choices in made)
    assert len({frozenset(choices.packs) for choices in made}) == COUNT
    assert len(surprise(packs[:1], 1)) == COUNT and surprise([], 1) == []


@pytest.mark.parametrize("depth", ["u8", "u16", "f16", "f32"])
def test_small_pictures_of_every_depth_and_order(depth: Any) -> None:
    full = {"u8": ("B", 255), "u16": ("H", 65535), "f16": ("e", 1.0), "f32": ("f", 1.0)}[depth]
    pixel = struct.pack(f"<4{full[0]}", 0, 0, full[1], full[1])  # red in BGRA
    info, rgb = thumbnail(ImageInfo(20, 10, depth, "BGRA"), pixel * 200, 8)
    assert (info.width, info.height, info.order) == (8, 4, "RGB") and rgb == bytes([255, 0, 0]) * 32
    gray = struct.pack(f"<{full[0]}", full[1])
    assert thumbnail(ImageInfo(2, 2, depth, "GRAY", "linear"), gray * 4, 8)[1] == bytes([255] * 12)
