"""Settings, atomic files, the cache of networks, leases, devices."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from scumble_backend import config
from scumble_backend.config import Settings
from scumble_backend.errors import (
    BackendError,
    ConfigDamaged,
    DeviceUnavailable,
    DiskFull,
    FileTrouble,
    OutOfMemory,
    from_os_error,
)
from scumble_backend.files import replacing, write_text
from scumble_backend.rendering import device
from scumble_backend.rendering.network_cache import NetworkCache
from scumble_backend.serving.leases import Leases
from scumble_wire.messages import Configure


def test_settings_are_kept_and_unknown_ones_of_a_newer_version_ignored(tmp_path: Path) -> None:
    path = tmp_path / "config" / "settings.json"
    assert config.load(path) == Settings()
    changed = Settings().changed(Configure(device="cuda:1", idle_release_s=0.0))
    config.save(path, changed)
    assert config.load(path) == changed == Settings(device="cuda:1", idle_release_s=0.0)
    path.write_text('{"device": "cpu", "from_the_future": [1]}')
    assert config.load(path) == Settings(device="cpu")


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"device": "toaster"}', '{"memory_budget_mb": -1}', '{"idle_release_s": true}']
)
def test_damaged_settings_are_told_with_the_files_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(ConfigDamaged) as damaged:
        config.load(path)
    assert str(path) in damaged.value.message and damaged.value.remedy


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(DiskFull), replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    write_text(path, "new")
    assert path.read_text() == "new"


def test_a_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.txt").write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "there" / "a.txt")
    write_text(link, "new")
    assert link.is_symlink() and (tmp_path / "there" / "a.txt").read_text() == "new"
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["a.txt"]


def test_the_longest_name_that_a_file_can_have_leaves_room_for_the_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / ("\N{WATER WAVE}" * 62 + ".png")  # 252 of 255 bytes
    write_text(path, "new")
    assert path.read_text() == "new"


def test_each_error_has_a_code_of_its_own() -> None:
    codes: dict[str, type] = {}

    def look(kind: type[BackendError]) -> None:
        assert kind.__doc__ and codes.setdefault(kind.code, kind) is kind
        for below in kind.__subclasses__():
            look(below)

    look(BackendError)
    assert len(codes) > 40


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, DiskFull), (errno.EACCES, FileTrouble), (errno.ENOENT, FileTrouble)]
)
def test_errors_of_the_system_become_ours_with_a_remedy(number: int, kind: type) -> None:
    translated = from_os_error(OSError(number, "x"), "place")
    assert isinstance(translated, kind) and translated.remedy and "place" in translated.message


def test_the_least_recently_used_network_goes_first() -> None:
    cache: NetworkCache[str] = NetworkCache(100)
    made: list[str] = []

    def get(name: str, size: int) -> str:
        def make() -> tuple[str, int]:
            made.append(name)
            return name, size

        return cache.get(name, name, make)

    for name in ("a", "b", "a", "c"):
        assert get(name, 40) == name
    assert cache.titles == ["a", "c"] and made == ["a", "b", "c"]
    get("huge", 500)
    assert cache.titles == ["huge"] and cache.nbytes == 500
    cache.budget = 0
    get("a", 40)
    assert cache.titles == ["huge", "a"], "a budget of 0 is no limit"
    assert cache.clear() == 2 and cache.nbytes == 0


def test_a_lease_runs_out_is_renewed_and_taken_up_again() -> None:
    leases = Leases(10.0)
    assert not leases.renew(b"stranger", 0.0)
    leases.greet(b"a", 0.0)
    leases.greet(b"b", 0.0)
    for now in (4.0, 8.0):
        assert leases.renew(b"a", now) and leases.tick(now) == []
    assert leases.tick(11.0) == [b"b"] and leases.clients == [b"a"]
    assert leases.renew(b"b", 12.0) and leases.clients == [b"a", b"b"]
    leases.drop(b"b")
    assert not leases.renew(b"b", 13.0)


def test_a_machine_that_slept_costs_nobody_the_lease() -> None:
    leases = Leases(10.0)
    leases.greet(b"a", 0.0)
    leases.tick(1.0)
    assert leases.tick(3600.0) == []
    assert leases.tick(3604.0) == []
    assert [leases.tick(3604.0 + step) for step in (4.0, 8.0)] == [[], [b"a"]]


def test_the_cpu_is_always_there_and_described() -> None:
    assert device.choose("cpu") == torch.device("cpu")
    assert device.available()[-1] == "cpu"
    assert device.describe(torch.device("cpu")).startswith("cpu (") and "thread" in device.describe(
        torch.device("cpu")
    )
    assert device.memory_in_use_mb(torch.device("cpu")) == 0.0
    device.warm_up(device.choose("auto"))


@pytest.mark.parametrize("fault", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory.")])
def test_a_device_without_room_to_start_in_is_told_as_such(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def full(*_: object) -> None:
        raise fault

    monkeypatch.setattr(device, "synchronize", full)
    with pytest.raises(OutOfMemory) as told:
        device.warm_up(torch.device("cpu"))
    assert "driver" not in told.value.remedy


@pytest.mark.parametrize("setting", ["", "gpu", "cuda:", "cuda:-1", "cpu:0", "CUDA"])
def test_a_device_name_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(DeviceUnavailable) as refused:
        device.choose(setting)
    assert "cuda" in refused.value.remedy


@pytest.mark.parametrize("setting", ["cuda:99", "xpu:99"])
def test_a_device_that_is_not_there_is_told_with_those_that_are(setting: str) -> None:
    with pytest.raises(DeviceUnavailable) as refused:
        device.choose(setting)
    assert "cpu" in refused.value.remedy


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    ],
)
def test_every_way_of_having_no_memory_becomes_one_error(error: Exception) -> None:
    with pytest.raises(OutOfMemory) as translated, device.memory_errors("painting"):
        raise error
    assert translated.value.code == "out_of_memory" and "smaller" in translated.value.remedy


def test_a_real_allocation_that_is_too_large_becomes_out_of_memory() -> None:
    with pytest.raises(OutOfMemory), device.memory_errors("painting"):
        torch.empty(1 << 50)


def test_other_errors_pass_through() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"), device.memory_errors("painting"):
        raise RuntimeError("shapes differ")
