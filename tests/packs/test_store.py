from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
import torch

from scumble_backend import files
from scumble_backend.errors import (
    DiskFull,
    FileTrouble,
    KeyChanged,
    ManifestWrong,
    PackBaseMissing,
    PackDamaged,
    PackNotRemovable,
    PackUnknown,
    PackWrongKind,
    StoreBusy,
)
from scumble_backend.packs import adding, index, making
from scumble_backend.packs.manifest import id_from_title
from scumble_backend.packs.store import Folders, PackStore


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_installed_pack_paints_as_before(factory, store, random_table):
    pack = store.install(factory.affine(seed=3))
    style, network = making.load_style(pack), making.load_network(store, pack)
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = factory.network(image, random_table(factory.network, 3))
        assert torch.equal(network(image, style.table), expected)
    assert not network.training


def test_a_network_pack_holds_all_it_needs(factory, store):
    pack = store.install(factory.whole())
    network, style = making.load_network(store, pack), making.load_style(pack)
    assert network(torch.rand(1, 3, 8, 8), style.table).shape == (1, 3, 8, 8)
    assert style.network == making.network_name(pack) != factory.base_sha


def test_an_upscale_pack_loads_and_enlarges(factory, store):
    pack = store.install(factory.upscale())
    with torch.no_grad():
        assert making.load_upscaler(pack)(torch.rand(1, 3, 8, 9)).shape == (1, 3, 16, 18)
    with pytest.raises(PackWrongKind):
        making.load_style(pack)


def test_packs_on_one_base_share_its_file(factory, store):
    one, two = store.install(factory.affine("one")), store.install(factory.affine("two", with_base=False))
    assert making.load_style(one).network == making.load_style(two).network
    assert [p.name for p in (store.folders.user / "bases").iterdir()] == [f"{factory.base_sha}.safetensors"]
    assert one.path.stat().st_size < len(factory.base)


def test_the_list_tells_what_a_chooser_needs(factory, store):
    store.install(factory.affine(), source="https://example.org/x.scumble")
    store.install(factory.upscale())
    info = {pack.id: pack.info() for pack in store.list()}["great-wave"]
    assert (info.title, info.kind, info.license) == ("Great Wave", "affine", "CC-BY-4.0")
    assert info.painting == "The Great Wave off Kanagawa, Hokusai, 1831"
    assert (info.painting_license, info.source) == ("public domain", "https://example.org/x.scumble")
    assert info.removable
    assert [pack.id for pack in store.list("style")] == ["great-wave"]
    assert [pack.id for pack in store.list("upscale")] == ["crisp"]


def test_a_thumbnail_lies_as_a_file(factory, store, png):
    pack = store.install(factory.affine())
    assert pack.thumbnail().read_bytes() == pack.thumbnail_bytes() == png()
    assert store.install(factory.whole()).thumbnail() is None


@pytest.mark.parametrize("title", ["موجة كاناغاوا", "神奈川沖浪裏", "Wave 🌊🌊", "a\u0301", "<b>bold</b> [red]"])
def test_titles_and_authors_of_any_script_survive(factory, store, title):
    store.install(factory.affine(title=title, authors=(title,)))
    again = PackStore(store.folders).get("great-wave")
    assert again.info().title == title
    assert again.info().authors == [title]


def test_an_update_replaces_in_one_step_and_keeps_one_file(factory, store):
    store.install(factory.affine(version="1.0.0"))
    before = store.state()
    pack = store.install(factory.affine(version="1.1.0", seed=8))
    assert [p.manifest.version for p in store.list()] == ["1.1.0"] == [pack.manifest.version]
    assert store.state() != before


def test_a_failed_update_leaves_the_old(factory, store, repacked):
    store.install(factory.affine(version="1.0.0"))
    before = snapshot(store.folders.user)
    bad = repacked(factory.affine(version="2.0.0"), lambda f: f.update({"weights.safetensors": b"broken"}))
    with pytest.raises(PackDamaged):
        store.install(bad)
    assert snapshot(store.folders.user) == before
    assert making.load_style(store.get("great-wave"))


def test_another_program_sees_a_change_at_once(factory, store):
    other = PackStore(store.folders)
    assert other.list() == []
    state = other.state()
    store.install(factory.affine())
    assert other.state() != state
    assert other.get("great-wave").id == "great-wave"
    store.remove("great-wave")
    assert other.list() == []
    assert other.state() == state


# --- removing, starters --------------------------------------------------------------------------------------


def test_removing_frees_the_base_when_nothing_needs_it(factory, store):
    store.install(factory.affine("one"))
    store.install(factory.affine("two"))
    thumbnail = store.get("one").thumbnail()
    assert thumbnail.exists()
    assert store.remove("one") == () and not thumbnail.exists()
    assert store.base(factory.base_sha) and store.remove_unused_bases() == ()
    assert store.remove("two") == (factory.base_sha,)
    with pytest.raises(PackBaseMissing):
        store.base(factory.base_sha)


def ships(factory, store, *packs):
    """Let packs be among those that ship."""
    store.folders.starters[0].mkdir()
    for path in packs:
        shutil.copy(path, store.folders.starters[0])
    bases = store.folders.starters[0] / "bases"
    bases.mkdir()
    (bases / f"{factory.base_sha}.safetensors").write_bytes(factory.base)


def test_a_pack_asks_before_it_takes_the_place_of_one_that_ships(factory, store):
    shipped = factory.affine("great-wave", with_base=False)
    ships(factory, store, shipped)
    forged = factory.affine("great-wave", seed=9, title="Great Wave, better")
    look = adding.look(store, forged)
    assert "ships with Scumble" in look.warning and "Great Wave, better" in look.warning
    with pytest.raises(KeyChanged, match="take the place of Great Wave"):
        store.install(forged)
    assert store.get("great-wave").starter, "nothing was installed"
    assert not store.install(forged, trust_changed_key=True).starter
    assert not store.install(factory.affine("great-wave", seed=10)).starter, "it isn't asked twice"


def test_the_pack_that_ships_may_be_installed_again(factory, store):
    shipped = factory.affine("great-wave")
    ships(factory, store, shipped)
    assert adding.look(store, shipped).warning == ""
    assert store.install(shipped).id == "great-wave"


def test_a_pack_asks_before_it_serves_a_model_that_ships_in_another_size(factory, store, tmp_path):
    ships(factory, store, factory.upscale("fast", title="Fast"), factory.affine("wave", with_base=False))
    with pytest.raises(KeyChanged, match="instead of Fast"):
        store.install(factory.upscale("fast-x2"))
    assert store.install(factory.upscale("other-x2"))
    assert store.install(factory.affine("wave-x2")), "a style has no sizes"


@pytest.mark.parametrize("title", ["Bicubic", "BICUBIC"])
def test_no_pack_can_be_named_as_the_model_without_a_pack(factory, title):
    assert id_from_title(title) != "bicubic"
    with pytest.raises(ManifestWrong):
        factory.affine("bicubic")


def test_a_pack_that_can_not_be_read_keeps_its_base(factory, store):
    store.install(factory.affine("one")).path.write_bytes(b"broken")
    assert store.remove_unused_bases() == ()


@pytest.mark.parametrize("odd", ["nothing", "../made/great-wave", "", "a/b", "موجة", "\0"])
def test_a_pack_that_is_not_there_is_unknown(factory, store, odd):
    factory.affine()
    for ask in (store.get, store.remove):
        with pytest.raises(PackUnknown) as told:
            ask(odd)
        assert told.value.remedy


@pytest.mark.parametrize("odd", ["", "../" * 8, "x" * 64, "0" * 64])
def test_a_base_that_is_not_there_is_missing(store, odd):
    with pytest.raises(PackBaseMissing):
        store.base(odd)


def starters(factory, store):
    folder = store.folders.starters[0]
    (folder / "bases").mkdir(parents=True)
    (folder / "bases" / f"{factory.base_sha}.safetensors").write_bytes(factory.base)
    factory.affine(with_base=False).rename(folder / "great-wave.scumble")
    return folder


def test_a_shipped_pack_is_hidden_by_an_update_and_comes_back(factory, store):
    starters(factory, store)
    shipped = store.get("great-wave")
    assert (shipped.info().source, shipped.info().removable) == ("starter", False)
    assert making.load_network(store, shipped)
    with pytest.raises(PackNotRemovable):
        store.remove("great-wave")
    store.install(factory.affine(version="2.0.0"), trust_changed_key=True)
    assert [(p.manifest.version, p.starter) for p in store.list()] == [("2.0.0", False)]
    assert not (store.folders.user / "bases").exists()  # the shipped base is used
    store.remove("great-wave")
    assert [(p.manifest.version, p.starter) for p in store.list()] == [("1.0.0", True)]


def test_listing_shipped_packs_writes_nothing(factory, store):
    folder = starters(factory, store)
    before = snapshot(folder)
    assert len(store.list()) == 1
    assert snapshot(folder) == before
    assert not store.folders.user.exists()


# --- index ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage", [None, b"", b"{", b"[]", b'{"packs": {"great-wave.scumble": {"stamp": 3}}}', b"\xff"]
)
def test_the_index_is_rebuilt_from_the_packs(factory, store, damage):
    store.install(factory.affine())
    index = store.folders.user / "index.json"
    good = index.read_bytes()
    if damage is None:
        index.unlink()
    else:
        index.write_bytes(damage)
    again = PackStore(store.folders)
    assert [pack.info() for pack in again.list()] == [pack.info() for pack in store.list()]
    assert again.rebuild_index() == 1
    assert index.read_bytes() == good


def test_a_list_from_the_index_opens_no_pack(factory, store, monkeypatch):
    store.install(factory.affine())

    def fail(path):
        raise AssertionError(f"opened {path}")

    monkeypatch.setattr(index, "PackArchive", fail)
    assert [pack.id for pack in PackStore(store.folders).list()] == ["great-wave"]


def test_a_pack_put_there_by_hand_is_seen(factory, store):
    store.install(factory.affine())
    factory.whole().rename(store.folders.user / "scream.scumble")
    assert {pack.id for pack in PackStore(store.folders).list()} == {"great-wave", "scream"}


def test_a_damaged_pack_is_named_and_does_not_hide_the_others(factory, store):
    store.install(factory.affine("one"))
    store.install(factory.affine("two")).path.write_bytes(b"broken")
    again = PackStore(store.folders)
    assert [pack.id for pack in again.list()] == ["one"]
    assert [path.name for path in again.problems()] == ["two.scumble"]
    with pytest.raises(PackDamaged):
        again.get("two")


def test_weights_that_rot_on_the_disk_are_noticed(factory, store):
    pack = store.install(factory.affine())
    raw = bytearray(pack.path.read_bytes())
    at = raw.index(b"table.scale")
    raw[at + 6] ^= 1
    pack.path.write_bytes(raw)
    with pytest.raises(PackDamaged):
        store.get("great-wave").weights()


def test_a_base_that_rots_is_noticed_and_healed_by_installing(factory, store):
    pack = store.install(factory.affine())
    base = store.base(factory.base_sha)
    base.write_bytes(base.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(PackDamaged, match="checksum"):
        making.load_network(store, pack)
    store.install(factory.affine())
    assert making.load_network(store, pack)


# --- disks and locks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_reported_at_fsync_leaves_the_old_pack(factory, store, monkeypatch, code):
    store.install(factory.affine(version="1.0.0"))
    before = snapshot(store.folders.user)

    def full(handle):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(DiskFull) as told:
        store.install(factory.affine(version="2.0.0"))
    assert told.value.remedy
    assert snapshot(store.folders.user) == before


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_an_unwritable_folder_simulated_at_the_system_call_leaves_the_old_pack(factory, store, monkeypatch, code):
    store.install(factory.affine(version="1.0.0"))
    before = snapshot(store.folders.user)

    opened = Path.open

    def refuse(path, mode="r", **how):
        if mode == "xb":
            raise OSError(code, os.strerror(code))
        return opened(path, mode, **how)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileTrouble) as told:
        store.install(factory.affine(version="2.0.0"))
    assert told.value.remedy
    assert snapshot(store.folders.user) == before


def test_a_store_below_a_file_is_told(factory, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileTrouble):
        PackStore(Folders(tmp_path / "file" / "packs")).install(factory.affine())


def test_a_lock_that_stays_held_is_told(tmp_path):
    held, leave = threading.Event(), threading.Event()

    def hold():
        with files.locked(tmp_path / "lock"):
            held.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        with pytest.raises(StoreBusy) as told, files.locked(tmp_path / "lock", timeout_s=0.1):
            pass
        assert told.value.remedy
    finally:
        leave.set()
        thread.join()
    with files.locked(tmp_path / "lock", timeout_s=1):
        pass


def test_installs_at_the_same_time_in_one_process_all_arrive(factory, store):
    paths = [factory.affine(f"pack-{n}", seed=n) for n in range(6)]
    failed = []

    def install(path):
        try:
            PackStore(store.folders).install(path)
        except Exception as error:  # noqa: BLE001 - handed to the test
            failed.append(error)

    threads = [threading.Thread(target=install, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert {pack.id for pack in PackStore(store.folders).list()} == {path.stem for path in paths}
    index = json.loads((store.folders.user / "index.json").read_bytes())
    assert len(index["packs"]) == 6


def test_a_reader_never_meets_half_a_pack(factory, store):
    """While one thread replaces a pack again and again, every load by another gives one of the versions."""
    paths = [factory.affine(seed=n, name=f"v{n}", version=f"{n}.0") for n in (1, 2)]
    store.install(paths[0])
    allowed = {
        sum(t.sum().item() for t in making.load_style(store.install(p)).table.tensors().values()) for p in paths
    }
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for path in paths:
                store.install(path)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        reader, until = PackStore(store.folders), time.monotonic() + 0.5
        while time.monotonic() < until:
            table = making.load_style(reader.get("great-wave")).table
            assert sum(t.sum().item() for t in table.tensors().values()) in allowed
    finally:
        stop.set()
        thread.join()


# --- adding --------------------------------------------------------------------------------------------------


def test_a_folder_of_packs_is_added(factory, store):
    factory.affine("one")
    factory.whole("two")
    assert {pack.id for pack in adding.add(store, factory.folder)} == {"one", "two"}


def test_an_unpacked_pack_is_added_and_strange_files_are_left_out(factory, store, tmp_path):
    import zipfile

    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(factory.affine()) as archive:
        archive.extractall(folder)
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "evil.py").write_text("x")
    assert [pack.id for pack in adding.add(store, folder)] == ["great-wave"]


def test_an_empty_folder_is_told(store, tmp_path):
    with pytest.raises(FileTrouble, match="no packs"):
        adding.add(store, tmp_path)


def test_a_look_shows_a_pack_without_installing_it(factory, store, png):
    seen = adding.look(store, factory.affine())
    assert (seen.info.title, seen.replaces, seen.warning, seen.needs) == ("Great Wave", "", "", "")
    assert seen.thumbnail == png()
    assert store.list() == []
    store.install(factory.affine(version="0.9"))
    assert adding.look(store, factory.affine(version="1.0")).replaces == "0.9"


def test_a_base_network_in_a_folder_beside_the_pack_is_taken(factory, store):
    path = factory.affine(with_base=False)
    beside = path.parent / "bases" / f"{factory.base_sha}.safetensors"
    beside.parent.mkdir()
    beside.write_bytes(factory.base[:-1])
    with pytest.raises(PackDamaged, match="not what its name says"):
        store.install(path)
    beside.write_bytes(factory.base)
    assert making.load_network(store, store.install(path))
    assert store.base(factory.base_sha) != beside
