"""The endpoint file and the folders around it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scumble_wire import endpoint, folders
from scumble_wire.endpoint import Endpoint
from scumble_wire.errors import ConnectionFailed, WrongProtocol

posix = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")


@pytest.fixture
def here() -> Endpoint:
    return endpoint.new_endpoint(("ipc:///tmp/b.sock", "tcp://127.0.0.1:4000"), "0.1.0")


def test_what_is_written_is_read(tmp_path: Path, here: Endpoint) -> None:
    path = tmp_path / "new" / "endpoint.json"
    endpoint.write(here, path)
    assert endpoint.read(path) == here
    assert not here.stale
    assert [item.name for item in path.parent.iterdir()] == ["endpoint.json"]


@posix
def test_only_the_user_can_read_it_whatever_the_umask(tmp_path: Path, here: Endpoint) -> None:
    path = tmp_path / "new" / "endpoint.json"
    before = os.umask(0)
    try:
        endpoint.write(here, path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_secrets_are_new_each_time_and_fit_the_handshake() -> None:
    first, second = (endpoint.new_endpoint(("tcp://x:1",), "1").secret for _ in range(2))
    assert first != second
    assert 40 <= len(first) <= 255
    assert first not in repr(endpoint.new_endpoint(("tcp://x:1",), "1"))


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, here: Endpoint, mode: int) -> None:
    path = tmp_path / "endpoint.json"
    endpoint.write(here, path)
    path.chmod(mode)
    with pytest.raises(ConnectionFailed, match="can be read by others") as caught:
        endpoint.read(path)
    assert "scumble stop" in caught.value.remedy


@posix
def test_a_link_or_a_folder_in_its_place_is_refused(tmp_path: Path, here: Endpoint) -> None:
    endpoint.write(here, tmp_path / "real.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    (tmp_path / "folder.json").mkdir()
    for name in ("link.json", "folder.json"):
        with pytest.raises(ConnectionFailed):
            endpoint.read(tmp_path / name)


@posix
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path, here: Endpoint) -> None:
    path = tmp_path / "endpoint.json"
    endpoint.write(here, path)
    os.chown(path, 12345, 12345)
    with pytest.raises(ConnectionFailed, match="another user"):
        endpoint.read(path)


@posix
def test_a_folder_that_others_can_write_is_refused_and_left_as_it_is(tmp_path: Path, here: Endpoint) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="by others"):
        endpoint.write(here, folder / "endpoint.json")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777


@pytest.mark.parametrize(
    "change",
    [
        {"addresses": []},
        {"addresses": "tcp://x:1"},
        {"addresses": [1]},
        {"pid": "12"},
        {"pid": 0},
        {"pid": True},
        {"pid": 1 << 40},
        {"secret": "x" * 256},
        {"secret": "\ud800"},
        {"addresses": ["ipc:///a\0b"]},
        {"protocol": None},
        {"secret": 5},
        {"host": None},
    ],
    ids=str,
)
def test_a_damaged_file_is_told_so(tmp_path: Path, here: Endpoint, change: dict[str, object]) -> None:
    path = tmp_path / "endpoint.json"
    endpoint.write(here, path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ConnectionFailed, match="damaged"):
        endpoint.read(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 30000])
def test_what_is_no_endpoint_file_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "endpoint.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConnectionFailed, match="damaged"):
        endpoint.read(path)


def test_removing_leaves_the_file_of_another_backend_alone(tmp_path: Path, here: Endpoint) -> None:
    path = tmp_path / "endpoint.json"
    other = endpoint.new_endpoint(here.addresses, "0.1.0")
    endpoint.write(other, path)
    endpoint.remove(path, here)
    assert endpoint.read(path) == other
    endpoint.remove(path, other)
    assert not path.exists()
    endpoint.remove(path, other)


def test_readers_see_the_old_file_or_the_new_one(tmp_path: Path, here: Endpoint) -> None:
    path = tmp_path / "endpoint.json"
    endpoint.write(here, path)
    code = (
        f"import sys; sys.path.insert(0, {str(Path(endpoint.__file__).parents[1])!r})\n"
        "from pathlib import Path; from scumble_wire import endpoint\n"
        f"for _ in range(300): endpoint.write(endpoint.new_endpoint(('tcp://x:1',), '1'), Path({str(path)!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as writer:
        while writer.poll() is None:
            endpoint.read(path)
    assert writer.returncode == 0


def test_a_process_that_ended_makes_it_stale(here: Endpoint) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    gone = Endpoint(here.addresses, here.secret, process.pid, 1, "1", here.host)
    assert gone.stale
    # A process number says nothing about another machine, as behind an SSH tunnel.
    assert not Endpoint(here.addresses, here.secret, process.pid, 1, "1", "elsewhere").stale


def test_process_numbers_mean_nothing_in_a_sandbox(here: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "sandboxed", lambda: True)
    assert not Endpoint(here.addresses, here.secret, 2**22 - 1, 1, "1", here.host).stale


@pytest.mark.parametrize(("theirs", "older"), [(99, "the editor's plugin"), (0, "the backend")])
def test_the_remedy_for_another_version_names_the_older_side(theirs: int, older: str) -> None:
    with pytest.raises(WrongProtocol) as caught:
        endpoint.check_protocol(theirs, "0.9")
    assert older in caught.value.remedy


def test_the_environment_says_where_it_lies() -> None:
    assert endpoint.paths({"SCUMBLE_ENDPOINT": "/a/b.json", "SCUMBLE_HOME": "/h"}) == [Path("/a/b.json")]
    assert endpoint.paths({"SCUMBLE_HOME": "/h"}) == [Path("/h/runtime/endpoint.json")]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the freedesktop folders")
def test_the_runtime_folder_comes_first_and_one_that_sandboxes_see_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert endpoint.paths({"XDG_RUNTIME_DIR": "/run/user/7", "XDG_CACHE_HOME": "/elsewhere"}) == [
        Path("/run/user/7/scumble/endpoint.json"),
        Path("/home/ada/.cache/scumble/runtime/endpoint.json"),
    ]
    assert endpoint.paths({}) == [Path("/home/ada/.cache/scumble/runtime/endpoint.json")]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the freedesktop folders")
def test_folders_follow_xdg_except_in_a_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    xdg = {"XDG_CONFIG_HOME": "/x/config", "XDG_DATA_HOME": "relative"}
    assert folders.config_folder(xdg) == Path("/x/config/scumble")
    assert folders.data_folder(xdg) == Path("/home/ada/.local/share/scumble")  # the standard: ignore relative ones
    snap = {**xdg, "SNAP": "/snap/krita/1", "SNAP_REAL_HOME": "/home/bob"}
    assert folders.config_folder(snap) == Path("/home/bob/.config/scumble")
    monkeypatch.setattr(folders, "in_flatpak", lambda: True)
    assert folders.config_folder({"XDG_CONFIG_HOME": "/home/ada/.var/app/org.kde.krita/config"}) == Path(
        "/home/ada/.config/scumble"
    )


@pytest.mark.parametrize(
    ("platform", "environ", "config", "data", "runtime"),
    [
        ("win32", {"LOCALAPPDATA": "/L"}, "/L/scumble", "/L/scumble/Data", "/L/scumble/Cache/runtime"),
        (
            "darwin",
            {},
            "/h/Library/Application Support/scumble",
            "/h/Library/Application Support/scumble",
            "/h/Library/Caches/scumble/runtime",
        ),
    ],
)
def test_other_systems_have_their_own_folders(
    monkeypatch: pytest.MonkeyPatch, platform: str, environ: dict[str, str], config: str, data: str, runtime: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/h"))
    assert folders.config_folder(environ) == Path(config)
    assert folders.data_folder(environ) == Path(data)
    assert folders.runtime_folders(environ) == [Path(runtime)]


def test_one_variable_moves_everything(tmp_path: Path) -> None:
    environ = {"SCUMBLE_HOME": str(tmp_path), "XDG_CONFIG_HOME": "/x", "XDG_RUNTIME_DIR": "/r"}
    places = [
        folders.config_folder(environ),
        folders.cache_folder(environ),
        folders.data_folder(environ),
        folders.log_folder(environ),
        *folders.runtime_folders(environ),
    ]
    assert {place.parent for place in places} == {tmp_path}
    assert len(set(places)) == 5
