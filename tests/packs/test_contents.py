"""Manifests, weights and pictures that don't hold together, each named."""

from __future__ import annotations

import json

import pytest
import torch

from scumble_backend.errors import (
    ManifestWrong,
    PackBaseMissing,
    PackDamaged,
    PackTooNew,
    PackUnsafe,
    PackUnsupported,
    WeightsWrong,
)
from scumble_backend.packs import making, tensors
from scumble_backend.packs.archive import write_pack


def edited(repacked, path, **changes):
    def change(files):
        files["manifest.json"] = json.dumps({**json.loads(files["manifest.json"]), **changes}).encode()

    return repacked(path, change)


def with_weights(factory, change, kind="affine"):
    """A pack whose tensors went through `change` and whose manifest fits the result."""
    manifest = factory.manifest()
    table = {f"table.{name}": t.clone() for name, t in factory.network.plain_table().tensors().items()}
    state = change(table) or table
    path = factory.folder / "odd.scumble"
    write_pack(path, manifest, {"weights.safetensors": tensors.write(state, {}), "base.safetensors": factory.base})
    return path


@pytest.mark.parametrize(
    ("changes", "error", "word"),
    [
        ({"kind": "texture"}, PackUnsupported, "texture"),
        ({"format": 99}, PackTooNew, "99"),
        ({"id": "../x"}, ManifestWrong, "id"),
        ({"architecture": {"name": "unheard-of"}}, PackDamaged, "architecture"),
        ({"files": {}}, PackDamaged, "not list"),
        ({"base": "0" * 64}, PackDamaged, "base"),
    ],
)
def test_a_wrong_manifest_is_told(factory, store, repacked, changes, error, word):
    with pytest.raises(error, match=word) as told:
        store.install(edited(repacked, factory.affine(), **changes))
    assert told.value.remedy


def test_an_unknown_architecture_is_told(factory, store, repacked):
    with pytest.raises(PackUnsupported, match="unheard-of") as told:
        store.install(edited(repacked, factory.whole(), architecture={"name": "unheard-of"}))
    assert "Update" in told.value.remedy


@pytest.mark.parametrize(
    "config",
    [{"width": 0}, {"width": 10**9}, {"residual_blocks": 10**9}, {"width": "2"}, {"odd": 1}, {"color_cells": 2},
     {"width": True}, {"grain": [1]}, {"output": "tanh"}],
)  # fmt: skip
def test_an_architecture_out_of_range_is_told(factory, store, repacked, config):
    architecture = {"name": "style", "width": 2, "residual_blocks": 1, **config}
    with pytest.raises(ManifestWrong, match="architecture"):
        store.install(edited(repacked, factory.whole(), architecture=architecture))


def test_a_manifest_of_a_megabyte_is_refused(factory, store, repacked):
    path = edited(repacked, factory.affine(), description="x" * (1 << 20))
    with pytest.raises(PackUnsafe, match="manifest"):
        store.install(path)


def test_a_missing_base_is_told_with_the_way_to_get_it(factory, store):
    with pytest.raises(PackBaseMissing) as told:
        store.install(factory.affine(with_base=False))
    assert "--with-base" in told.value.remedy or "base" in told.value.remedy


def test_a_carried_base_that_is_another_is_refused(factory, store, repacked, tiny_network):
    other = making.base_file(tiny_network(9))
    with pytest.raises(PackDamaged, match="base"):
        store.install(repacked(factory.affine(), lambda files: files.update({"base.safetensors": other})))
    assert not (store.folders.user / "bases").exists()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda t: t.update({"table.scale": torch.ones(1, 5)}), "shape"),
        (lambda t: t.update({"table.scale": t["table.scale"].double()}), "F64"),
        (lambda t: t.update({"table.scale": t["table.scale"].to(torch.int32)}), "I32"),
        (lambda t: t.update({"table.extra": torch.ones(1)}), "does not belong"),
        (lambda t: t.pop("table.shift") is None, "missing"),
        (lambda t: t.update({"table.scale_slope": t["table.scale"].clone()}), "shift_slope is missing"),
        (lambda t: t["table.color"].view(-1)[3:4].fill_(float("nan")).any() and None, "no numbers"),
        (lambda t: t["table.color"].view(-1)[3:4].fill_(float("inf")).any() and None, "no numbers"),
    ],
    ids=["shape", "double", "integer", "extra", "missing", "half-a-slope", "nan", "infinity"],
)
def test_tensors_that_do_not_fit_are_named(factory, store, change, word):
    def changed(table):
        change(table)

    with pytest.raises(WeightsWrong, match=word) as told:
        store.install(with_weights(factory, changed))
    assert told.value.remedy


def test_half_precision_weights_are_welcome(factory, store):
    path = with_weights(factory, lambda table: {name: tensor.half() for name, tensor in table.items()})
    pack = store.install(path)
    assert making.load_style(pack).table.scale.dtype == torch.float32


def test_pickled_weights_under_a_safetensors_name_do_not_run(factory, store, tmp_path):
    flag = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (flag.write_text, ("x",))

    import pickle

    path = factory.folder / "evil.scumble"
    write_pack(
        path, factory.manifest(), {"weights.safetensors": pickle.dumps(Evil()), "base.safetensors": factory.base}
    )
    with pytest.raises(PackDamaged, match="safetensors"):
        store.install(path)
    assert not flag.exists()


@pytest.mark.parametrize("name", ["weights.safetensors", "thumbnail.png"])
def test_a_file_that_was_changed_is_named(factory, store, repacked, name):
    def change(files):
        raw = bytearray(files[name])
        raw[-1] ^= 1
        files[name] = bytes(raw)

    with pytest.raises(PackDamaged, match=f"{name} does not match its checksum"):
        store.install(repacked(factory.affine(), change))


def test_a_thumbnail_that_is_no_picture_is_refused(factory, store):
    with pytest.raises(PackDamaged, match="intact picture"):
        store.install(factory.affine(files={"thumbnail.png": b"GIF89a" + b"\0" * 50}))


def test_a_picture_bomb_is_refused(factory, store, png):
    raw = bytearray(png(1))
    raw[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    raw[29:33] = zlib.crc32(raw[12:29]).to_bytes(4, "big")
    with pytest.raises(PackDamaged, match="picture") as told:
        store.install(factory.affine(files={"previews/a.png": bytes(raw)}))
    assert told.value.remedy


def test_every_deviation_is_named_not_only_the_first(factory, store, repacked):
    def change(files):
        files["weights.safetensors"] = files["weights.safetensors"][:-4]
        files["thumbnail.png"] = b"nothing"
        files["previews/extra.png"] = b"x"
        files["signature.json"] = b"{}"

    found = store.examine(repacked(factory.affine(), change)).findings
    told = " ".join(each.message for each in found)
    for word in ("previews/extra.png", "weights.safetensors does not", "thumbnail.png does not", "picture", "signed"):
        assert word in told, told
    assert all(each.remedy for each in found)


@pytest.mark.parametrize("factors", [(3,), (2, 4)])
def test_an_upscaler_that_does_not_enlarge_as_it_says_is_refused(factory, store, factors):
    with pytest.raises(WeightsWrong, match="enlarges by 2"):
        store.install(factory.upscale(factors=factors))


def test_the_same_weights_give_the_same_bytes_and_the_library_reads_them():
    import safetensors.torch

    state = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor([1, 2]), "empty": torch.zeros(0, 3).half()}
    metadata = {"z": "1", "a": "موجة"}
    raw = tensors.write(state, metadata)
    assert raw == tensors.write(dict(reversed(state.items())), dict(reversed(metadata.items())))
    read = safetensors.torch.load(raw)
    assert read.keys() == state.keys()
    assert all(torch.equal(read[name], state[name]) for name in state)
    assert tensors.read_header(raw, "x").metadata == metadata


def test_weights_carry_modelspec_metadata(factory):
    raw = making.affine_weights(factory.manifest(), factory.network.plain_table())
    metadata = tensors.read_header(raw, "x").metadata
    assert metadata["modelspec.sai_model_spec"] == "1.0.1"
    assert metadata["modelspec.title"] == "Great Wave"
    assert metadata["modelspec.author"] == "Ada"
    assert json.loads(metadata["scumble.architecture"])["width"] == 2
