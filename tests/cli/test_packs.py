from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scumble_cli import main as cli


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def scumble(capsys):
    def run(*words, expect=0):
        code = cli.main([str(word) for word in words])
        out = capsys.readouterr()
        assert code == expect, out.out + out.err
        return out.out + out.err if expect else out.out

    return run


def own(scumble):
    return [pack for pack in json.loads(scumble("packs", "list", "--json")) if pack["source"] != "starter"]


def test_adding_listing_and_removing(factory, scumble):
    assert own(scumble) == []
    assert "Installed Great Wave" in scumble("packs", "add", factory.affine("my-wave"))
    (pack,) = own(scumble)
    assert (pack["id"], pack["title"], pack["kind"]) == ("my-wave", "Great Wave", "affine")
    assert "Great Wave" in scumble("packs", "list")
    assert "1 base network" in scumble("packs", "remove", "my-wave")
    assert own(scumble) == []


def test_titles_of_strangers_are_not_read_as_markup(factory, scumble):
    scumble("packs", "add", factory.affine("my-wave", title="[red]x[/red] [link=https://evil]y"))
    assert "[red]x[/red]" in scumble("packs", "list")
    assert "[link=https://evil]y" in scumble("packs", "info", "my-wave")


def test_info_of_a_file_before_it_is_installed(factory, scumble):
    path = factory.affine("my-wave")
    told = scumble("packs", "info", path)
    for word in ("Great Wave", "CC-BY-4.0", "public domain", "Hokusai", "nobody"):
        assert word in told
    data = json.loads(scumble("packs", "info", path, "--json"))
    assert (data["id"], data["manifest"]["base"]) == ("my-wave", factory.base_sha)
    assert own(scumble) == []


def test_verify_names_every_deviation_and_fails(factory, scumble, repacked):
    assert "is sound, not signed" in scumble("packs", "verify", factory.affine("my-wave"))
    bad = repacked(
        factory.affine("my-wave"), lambda files: files.update({"thumbnail.png": b"x", "previews/a.png": b"y"})
    )
    told = scumble("packs", "verify", bad, expect=1)
    assert "thumbnail.png does not match" in told
    assert "previews/a.png is there" in told
    data = json.loads(scumble("packs", "verify", bad, "--json", expect=1))
    assert not data["sound"]
    assert {each["code"] for each in data["deviations"]} == {"pack_damaged"}


def test_an_error_is_a_sentence_and_a_remedy(scumble, tmp_path):
    told = scumble("packs", "remove", "nothing", expect=1)
    assert told.splitlines() == [
        "scumble: There is no pack 'nothing'.",
        "`scumble packs list` shows those that are installed.",
    ]
    assert "does not exist" in scumble("packs", "add", tmp_path / "nowhere.scumble", expect=1)
    assert "only https" in scumble("packs", "add", "http://example.org/x.scumble", expect=1)


def test_signing_makes_a_key_once_and_a_changed_key_needs_consent(factory, scumble, tmp_path):
    path = factory.affine("my-wave")
    first = scumble("packs", "sign", path)
    assert "Made your key" in first
    scumble("packs", "add", path)
    assert own(scumble)[0]["signed_by"] in first
    assert "Made" not in scumble("packs", "sign", factory.affine("my-wave", name="again"))
    from scumble_backend.packs.signing import create_key

    create_key(tmp_path / "other.pem")
    other = factory.affine("my-wave", version="2.0.0")
    scumble("packs", "sign", other, "--key", tmp_path / "other.pem")
    assert "WARNING" in scumble("packs", "add", other, expect=1)
    assert "WARNING" in scumble("packs", "verify", other, expect=1)
    scumble("packs", "add", other, "--trust-changed-key")
    assert own(scumble)[0]["version"] == "2.0.0"


def test_export_as_pack_and_as_onnx(factory, scumble, tmp_path):
    scumble("packs", "add", factory.affine("my-wave"))
    scumble("packs", "export", "my-wave", tmp_path / "a.scumble")
    scumble("packs", "export", "my-wave", tmp_path / "b.scumble", "--no-base")
    assert (tmp_path / "b.scumble").stat().st_size < (tmp_path / "a.scumble").stat().st_size
    assert "onnxruntime paints the same" in scumble("packs", "export", "my-wave", tmp_path / "a.onnx")


def test_a_foreign_network_is_imported(scumble, tmp_path):
    from test_foreign import Published

    torch.save(Published(2, 1).state_dict(), tmp_path / "mosaic.pth")
    assert "title and license" in scumble("packs", "add", tmp_path / "mosaic.pth", "--yes", expect=1)
    words = (
        "--title",
        "Mosaïque 🎨",
        "--license",
        "MIT",
        "--painting",
        "Mosaic",
        "--painting-license",
        "public domain",
    )
    scumble("packs", "add", tmp_path / "mosaic.pth", *words)
    (pack,) = own(scumble)
    assert (pack["title"], pack["license"], pack["painting_license"]) == ("Mosaïque 🎨", "MIT", "public domain")


def test_gallery_and_search(factory, scumble):
    factory.affine("my-wave")
    factory.whole()
    assert "2 packs" in scumble("packs", "gallery", factory.folder)
    told = scumble("packs", "search", "wave", "--catalog", factory.folder / "catalog.json")
    address = told.split("'")[1]
    assert address.startswith("file://")
    assert len(json.loads(scumble("packs", "search", "--json"))) == 2  # the list is remembered
    assert "Installed" in scumble("packs", "add", address)


def test_search_without_a_list_says_how_to_give_one(scumble):
    assert "--catalog" in scumble("packs", "search", "wave", expect=2)


def test_repair(factory, scumble, home):
    scumble("packs", "add", factory.affine("my-wave"))
    (home / "data" / "packs" / "index.json").unlink(missing_ok=True)
    assert "1 packs" in scumble("packs", "repair")


def test_listing_does_not_load_torch(factory, scumble):
    scumble("packs", "add", factory.affine("my-wave"))
    code = (
        "import sys; from scumble_backend.packs.store import PackStore; packs = PackStore().list(); "
        "print([p.info().title for p in packs if not p.starter], 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**__import__("os").environ, "PYTHONPATH": str(Path(__file__).parents[2] / "backend")},
    )
    assert done.stdout.strip() == "['Great Wave'] False"
