"""Packs of the light style network: table, axis from faithful to bold, changed convolutions."""

from __future__ import annotations

import pytest
import torch
from packs.packs_factory import random_skip_style, tiny_skip_network

from scumble_backend.errors import ExportFailed, ManifestWrong, PackUnsupported, WeightsWrong
from scumble_backend.nets.style_skip import SkipStyleNetwork
from scumble_backend.packs import exporting, making, tensors
from scumble_backend.packs.archive import write_pack
from scumble_backend.packs.store import Folders, PackStore


@pytest.fixture
def image():
    return torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0))


def test_an_installed_pack_paints_as_before(factory, store, image):
    pack = store.install(factory.skip(seed=3))
    style, network = making.load_style(pack), making.load_network(store, pack)
    assert isinstance(network, SkipStyleNetwork)
    table, delta = random_skip_style(network, 3)
    for boldness in (-1.0, 0.0, 0.5):
        expected = tiny_skip_network()(image, table.at(1.0, boldness), delta)
        assert torch.equal(network(image, style.table.at(1.0, boldness), style.delta), expected)
    assert not torch.allclose(network(image, style.table.at(), style.delta), network(image, style.table.at()))


def test_a_network_pack_holds_all_it_needs(factory, store, image):
    network = tiny_skip_network(4)
    table = random_skip_style(network)[0].at()
    manifest = factory.manifest("own", kind="network", base="", architecture=making.style_architecture(network))
    path = factory.folder / "own.scumble"
    write_pack(path, manifest, {"weights.safetensors": making.network_weights(manifest, network, table)})
    pack = store.install(path)
    style = making.load_style(pack)
    assert style.delta is None
    assert torch.equal(making.load_network(store, pack)(image, style.table), network(image, table))


def test_the_list_tells_which_styles_have_the_axis(factory, store):
    store.install(factory.skip())
    store.install(factory.affine())
    assert {pack.id: pack.info().boldness for pack in store.list()} == {"spray": True, "great-wave": False}


def test_a_pack_with_its_base_travels(factory, store, tmp_path):
    pack = store.install(factory.skip())
    exporting.export_pack(store, pack, tmp_path / "out.scumble")
    moved = PackStore(Folders(tmp_path / "elsewhere")).install(tmp_path / "out.scumble")
    assert moved.manifest == pack.manifest


def test_onnx_is_refused_in_words(factory, store, tmp_path):
    with pytest.raises(ExportFailed, match="style-skip") as told:
        exporting.export_onnx(store, store.install(factory.skip()), tmp_path / "x.onnx")
    assert told.value.remedy
    assert not (tmp_path / "x.onnx").exists()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda t: t.update({"delta.up1.left": torch.ones(2, 3)}), "delta.up1.right has the shape"),
        (lambda t: t.update({"delta.up1.left": torch.ones(9)}), "delta.up1.left has the shape"),
        (lambda t: t.update({"delta.up1.left": torch.ones(2, 0)}), "rank 0"),
        (lambda t: t.update({"delta.up1.left": torch.ones(2, 65)}), "rank 65"),
        (lambda t: t.pop("delta.up1.right") is None, "delta.up1.right is missing"),
        (lambda t: t.pop("delta.up1.left") is None, "delta.up1.left is missing"),
        (lambda t: t.update({"delta.up9.left": torch.ones(2, 2)}), "delta.up9.left' does not belong"),
        (lambda t: t.pop("table.shift_bold") is None, "table.shift_bold is missing"),
        (lambda t: t["delta.up1.left"].view(-1)[:1].fill_(float("nan")) is None, "no numbers"),
    ],
    ids=["other-rank", "flat", "rank-0", "rank-65", "no-right", "no-left", "unknown-stage", "half-an-axis", "nan"],
)
def test_tensors_that_do_not_fit_are_named(factory, store, repacked, change, word):
    manifest = _manifest(factory)
    state = _state(factory)
    change(state)
    path = factory.folder / "odd.scumble"
    base = making.base_file(tiny_skip_network())
    write_pack(path, manifest, {"weights.safetensors": tensors.write(state, {}), "base.safetensors": base})
    with pytest.raises(WeightsWrong, match=word) as told:
        store.install(path)
    assert told.value.remedy


def _manifest(factory):
    from scumble_backend.packs.archive import PackArchive

    with PackArchive(factory.skip()) as archive:
        return archive.manifest()


def _state(factory):
    from scumble_backend.packs.archive import WEIGHTS, PackArchive

    with PackArchive(factory.skip()) as archive:
        return tensors.read(archive.read(WEIGHTS), WEIGHTS)


def test_a_manifest_that_hides_the_axis_does_not_fit_its_tensors(factory, store):
    with pytest.raises(WeightsWrong, match="_bold' does not belong"):
        store.install(factory.skip(boldness=False))


def test_the_older_family_has_no_axis(factory, store):
    with pytest.raises(PackUnsupported, match="faithful"):
        store.install(factory.affine(boldness=True))


def test_a_network_that_enlarges_has_no_axis(factory):
    with pytest.raises(ManifestWrong, match="boldness"):
        factory.upscale(boldness=True)
