"""Random damage: whatever comes in, the answer is a pack or an error with a remedy, and the store stays whole.

SCUMBLE_FUZZ_CASES sets how many cases each test tries (benchmarks/packs.py --fuzz uses many).
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packs_factory import Factory

from scumble_backend.errors import PackError
from scumble_backend.packs import exporting, foreign, signing, tensors
from scumble_backend.packs.archive import PackArchive
from scumble_backend.packs.catalog import Catalog
from scumble_backend.packs.manifest import Manifest, check_id, id_from_title
from scumble_backend.packs.store import Folders, PackStore

CASES = int(os.environ.get("SCUMBLE_FUZZ_CASES", "40"))
fuzz = settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=CASES < 100,
)


@cache
def place() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="scumble-fuzz-")
    place.keep = folder  # type: ignore[attr-defined]
    return Path(folder.name)


@pytest.fixture(autouse=True, scope="module")
def clean():
    yield
    if place.cache_info().currsize:
        place()
        place.keep.cleanup()  # type: ignore[attr-defined]
        place.cache_clear()


@cache
def sample(kind: str) -> bytes:
    folder = place() / "made"
    folder.mkdir(exist_ok=True)
    factory = Factory(folder)
    path = getattr(factory, kind)()
    if kind == "affine":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        exporting.sign_pack(path, Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    return path.read_bytes()


damage = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "cut", "insert", "copy", "zero"]),
        st.integers(0, 1 << 30),
        st.integers(0, 255),
        st.integers(1, 64),
    ),
    min_size=1,
    max_size=6,
)


def damaged(raw: bytes, how) -> bytes:
    out = bytearray(raw)
    for what, at, value, length in how:
        at %= len(out) + 1
        if what == "flip" and at < len(out):
            out[at] ^= value or 1
        elif what == "set":
            out[at : at + 4] = struct.pack("<I", value * 0x01010101)
        elif what == "cut":
            del out[at : at + length * length]
        elif what == "insert":
            out[at:at] = bytes([value]) * length
        elif what == "copy":
            out[at:at] = out[max(0, at - length * 8) : at]
        elif what == "zero":
            out[at : at + length] = bytes(len(out[at : at + length]))
    return bytes(out)


def survives(raw: bytes) -> None:
    """Install `raw` over a sound pack: it works, or it is refused with a remedy and the old pack still is there."""
    store = PackStore(Folders(place() / "store"))
    path = place() / "case.scumble"
    path.write_bytes(raw)
    before = store.list()
    try:
        pack = store.install(path, trust_changed_key=True)
    except PackError as error:
        assert error.message
        assert error.remedy
        assert error.code != "pack_error"
        assert store.list() == before
    else:
        assert pack.weights()
    assert store.problems() == {}


@pytest.mark.parametrize("kind", ["affine", "whole", "upscale"])
def test_damaged_pack_files(kind):
    raw = sample(kind)
    survives(raw)

    @fuzz
    @given(damage)
    def run(how):
        survives(damaged(raw, how))

    run()


@pytest.mark.parametrize(
    "name", ["manifest.json", "signature.json", "weights.safetensors", "base.safetensors", "thumbnail.png"]
)
def test_damage_inside_a_sound_zip(name):
    """The zip's own checksums hold, so the damage reaches what reads the entry."""
    path = place() / "sound.scumble"
    path.write_bytes(sample("affine"))
    with zipfile.ZipFile(path) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}

    @fuzz
    @given(damage, st.booleans())
    def run(how, relist):
        changed = {**files, name: damaged(files[name], how)}
        if relist and name in ("weights.safetensors", "thumbnail.png"):
            manifest = json.loads(changed["manifest.json"])
            from hashlib import sha256

            manifest["files"][name] = {"sha256": sha256(changed[name]).hexdigest(), "size": len(changed[name])}
            changed["manifest.json"] = json.dumps(manifest).encode()
            changed.pop("signature.json")
        with zipfile.ZipFile(path, "w") as archive:
            for entry, raw in changed.items():
                archive.writestr(entry, raw)
        survives(path.read_bytes())

    run()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@fuzz
@given(st.data())
def test_manifests_with_random_values(data):
    manifest = json.loads(zip_entry(sample("affine"), "manifest.json"))
    target = manifest
    while True:
        key = data.draw(st.sampled_from(sorted(target)) | st.text(max_size=6))
        inner = target.get(key)
        if isinstance(inner, dict) and inner and data.draw(st.booleans()):
            target = inner
            continue
        target[key] = data.draw(json_values)
        break
    try:
        read = Manifest.from_bytes(json.dumps(manifest).encode())
    except PackError as error:
        assert error.remedy
    else:
        assert Manifest.from_bytes(read.to_bytes()) == read


def zip_entry(raw: bytes, name: str) -> bytes:
    path = place() / "entry.scumble"
    path.write_bytes(raw)
    with PackArchive(path) as archive:
        return archive.read(name)


@fuzz
@given(
    st.dictionaries(st.text(max_size=5) | st.just("__metadata__"), json_values, max_size=4), st.binary(max_size=40)
)
def test_safetensors_with_random_headers(header, body):
    text = json.dumps(header).encode()
    raw = len(text).to_bytes(8, "little") + text + body
    try:
        tensors.read(raw, "x")
    except PackError as error:
        assert error.remedy


@fuzz
@given(
    st.dictionaries(
        st.text(max_size=3),
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from([*tensors.ITEM_SIZES, "F8_E4M3", "F4", ""]),
                "shape": st.lists(st.integers(-1, 1 << 60) | st.integers(0, 4), max_size=4),
                "data_offsets": st.lists(st.integers(-1, 64), min_size=1, max_size=3),
            }
        ),
        max_size=3,
    ),
    st.binary(max_size=64),
)
def test_safetensors_with_random_tensors(header, body):
    text = json.dumps(header).encode()
    try:
        tensors.read(len(text).to_bytes(8, "little") + text + body, "x")
    except PackError as error:
        assert error.remedy


@cache
def pickled(new: bool) -> bytes:
    from test_foreign import Published

    path = place() / "sound.pth"
    torch.save(Published(1, 1).state_dict(), path, _use_new_zipfile_serialization=new)
    return path.read_bytes()


@pytest.mark.parametrize("new", [True, False])
def test_damaged_pytorch_files(new):
    raw, path = pickled(new), place() / "case.pth"

    @fuzz
    @given(damage)
    def run(how):
        path.write_bytes(damaged(raw, how))
        try:
            foreign.make_pack(path, place() / "made.scumble", foreign.Answers("x", "MIT"))
        except PackError as error:
            assert error.message
            assert error.remedy

    run()


@fuzz
@given(st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_random_signatures_and_catalogs(raw):
    for read in (lambda: signing.verify(b"{}", raw, "x"), lambda: Catalog.from_bytes(raw, "x")):
        with pytest.raises(PackError) as told:
            read()
        assert told.value.remedy


@fuzz
@given(st.text())
def test_every_title_has_an_id_and_odd_ids_are_refused(text):
    assert check_id(id_from_title(text))
    try:
        check_id(text)
    except PackError as error:
        assert error.remedy
    else:
        assert text.isascii()
        assert len(text) <= 64
