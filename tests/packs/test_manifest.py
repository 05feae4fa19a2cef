from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from scumble_backend import packs
from scumble_backend.errors import ManifestWrong, PackTooNew, PackUnsupported
from scumble_backend.packs import manifest as manifests
from scumble_backend.packs.manifest import FORMAT, FileEntry, Manifest, check_id, id_from_title

SCHEMA = json.loads((Path(packs.__file__).parent / f"manifest-{FORMAT}.schema.json").read_text())
GOLDEN = Path(__file__).parent / "golden"


def test_a_manifest_survives_its_round_trip_and_fits_the_schema(factory):
    for kind in (
        factory.manifest(),
        factory.manifest(kind="upscale", base="", factors=(2, 4)),
        factory.manifest(kind="network", base="", stroke_scales=(0.5, 1.0, 2.0)),
        factory.manifest(files={"weights.safetensors": FileEntry("a" * 64, 12)}),
    ):
        jsonschema.validate(kind.to_json(), SCHEMA)
        assert Manifest.from_bytes(kind.to_bytes()) == kind


def test_the_schema_is_itself_sound():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["format"]["const"] == FORMAT
    assert set(SCHEMA["properties"]) == {*Manifest.__dataclass_fields__, "format"}


def test_the_documentation_names_every_field_and_the_version():
    text = (Path(__file__).parents[2] / "docs" / "pack-format.md").read_text()
    for name in (*Manifest.__dataclass_fields__, *manifests.Painting.__dataclass_fields__):
        assert f"`{name}`" in text, name
    for name in manifests.Training.__dataclass_fields__:
        assert f"`{name}`" in text, name
    assert f"format version {FORMAT}" in text


@pytest.mark.parametrize("version", range(1, FORMAT + 1))
def test_manifests_of_every_format_version_stay_readable(version):
    manifest = Manifest.from_bytes((GOLDEN / f"manifest-{version}.json").read_bytes())
    assert (manifest.id, manifest.kind, manifest.authors) == ("great-wave", "affine", ("Ada", "موجة"))


def test_an_older_format_is_lifted_step_by_step(monkeypatch, factory):
    monkeypatch.setattr(manifests, "FORMAT", 3)
    monkeypatch.setattr(
        manifests,
        "_UPGRADES",
        {1: lambda old: {**old, "title": old["title"] + "!"}, 2: lambda old: {**old, "title": old["title"] + "?"}},
    )
    old = {**factory.manifest().to_json(), "format": 1}
    assert Manifest.from_json(old).title == "Great Wave!?"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format": FORMAT + 1}, PackTooNew),
        ({"format": None}, ManifestWrong),
        ({"format": True}, ManifestWrong),
        ({"kind": "texture"}, PackUnsupported),
        ({"id": "Great Wave"}, ManifestWrong),
        ({"title": "  "}, ManifestWrong),
        ({"title": "evil\u202etitle"}, ManifestWrong),
        ({"title": "waker\x07"}, ManifestWrong),
        ({"base": "abc"}, ManifestWrong),
        ({"architecture": "style"}, ManifestWrong),
        ({"architecture": {"width": 3}}, ManifestWrong),
        ({"surprise": 1}, ManifestWrong),
        ({"painting": {"title": "x", "owner": "y"}}, ManifestWrong),
        ({"stroke_scales": [2, 1]}, ManifestWrong),
        ({"stroke_scales": []}, ManifestWrong),
        ({"factors": [2]}, ManifestWrong),
        ({"quality": {"psnr": "high"}}, ManifestWrong),
        ({"files": {"weights.safetensors": {"sha256": "x", "size": 1}}}, ManifestWrong),
        ({"authors": "Ada"}, ManifestWrong),
        ({"training": {"seed": 1.5}}, ManifestWrong),
    ],
)
def test_a_wrong_field_is_told_with_a_remedy(factory, change, error):
    with pytest.raises(error) as told:
        Manifest.from_json({**factory.manifest().to_json(), **change})
    assert told.value.remedy


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"{", b"\xff\xfe", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": 1e999}', b'{"a": "\\ud800"}',
        b'{"a": ' + b"9" * 5000 + b"}", b"[" * 100_000, b" " * ((1 << 20) + 1),
    ],
    ids=["empty", "list", "cut", "utf16", "twice", "nan", "infinite", "surrogate", "huge-number", "deep", "long"],
)  # fmt: skip
def test_what_is_no_plain_json_object_is_refused(raw):
    with pytest.raises(ManifestWrong) as told:
        Manifest.from_bytes(raw)
    assert told.value.remedy


@pytest.mark.parametrize(
    "odd", ["", ".", "..", "a/b", "a\\b", "A", "-a", "a-", "a b", "a" * 65, "nul", "com1", "موجة", "🌊", "a\n", "a\0"]
)
def test_an_id_with_odd_characters_is_refused(odd):
    with pytest.raises(ManifestWrong, match="id"):
        check_id(odd)


@pytest.mark.parametrize(
    "title", ["Great Wave", "Große Welle", "موجة", "🌊🌊", "CON", "!!!", "  a  ", "x" * 300, "神奈川沖浪裏"]
)
def test_every_title_gives_an_id(title):
    assert check_id(id_from_title(title)) == id_from_title(title)


def test_titles_in_scripts_that_ids_do_not_have_keep_apart():
    assert id_from_title("موجة") != id_from_title("صرخة")
    assert id_from_title("Great Wave") == "great-wave"
