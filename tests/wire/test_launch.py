"""Starting a backend: which command, in what environment, once, and what is said when it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scumble_wire import endpoint, folders, launch
from scumble_wire.client import Client
from scumble_wire.errors import BackendNotStarted, ConnectionFailed
from scumble_wire.launch import LaunchCommand, clean_environment, find_command, host_command
from scumble_wire.messages import Shutdown

SMALL_BACKEND = str(Path(__file__).with_name("small_backend.py"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Scumble of its own; a backend that a test leaves running is stopped."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    monkeypatch.delenv("SCUMBLE_ENDPOINT", raising=False)
    monkeypatch.delenv("SCUMBLE_BACKEND", raising=False)
    yield tmp_path
    try:
        with Client.connect(name="test", version="1") as client:
            client.request(Shutdown())
    except ConnectionFailed:
        return
    for process in launch._started:
        process.wait(10)


def small(*options: str) -> LaunchCommand:
    return LaunchCommand((sys.executable, SMALL_BACKEND, *options, "serve"))


def starts(home: Path) -> list[str]:
    return (home / "runtime" / "starts.txt").read_text().splitlines()


# --- launching ---------------------------------------------------------------------------------------------------


def test_a_client_starts_the_backend_and_the_next_one_finds_it(home: Path) -> None:
    with (
        Client.connect(name="a", version="1", launch=small()) as first,
        Client.connect(name="b", version="1", launch=small()) as second,
    ):
        assert first.welcome.pid == second.welcome.pid != os.getpid()
    assert len(starts(home)) == 1


@pytest.mark.skipif(os.name != "posix", reason="sessions are POSIX's")
def test_the_backend_has_a_session_of_its_own_and_outlives_its_starter(home: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(launch.__file__).parents[1])!r})\n"
        "from scumble_wire.client import Client; from scumble_wire.launch import LaunchCommand\n"
        f"client = Client.connect(name='a', version='1', launch=LaunchCommand({small().argv!r}))\n"
        "print(client.welcome.pid)"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30)
    pid = int(output.stdout)
    assert os.getsid(pid) == pid
    with Client.connect(name="b", version="1") as client:
        assert client.welcome.pid == pid


def test_clients_that_start_at_once_share_one_backend(home: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(launch.__file__).parents[1])!r})\n"
        "from scumble_wire.client import Client; from scumble_wire.launch import LaunchCommand\n"
        f"command = LaunchCommand({small('--delay', '0.3').argv!r})\n"
        "with Client.connect(name='a', version='1', launch=command) as client: print(client.welcome.pid)"
    )
    editors = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    spoken = [editor.communicate(timeout=30) for editor in editors]
    assert [errors for _, errors in spoken] == ["", "", ""]
    assert len({pid for pid, _ in spoken}) == 1
    assert len(starts(home)) == 1


def test_a_stale_endpoint_file_is_replaced(home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    old = endpoint.new_endpoint(("tcp://127.0.0.1:1",), "0.0.1")
    gone = endpoint.Endpoint(old.addresses, old.secret, process.pid, 0, "0.0.1", old.host)
    endpoint.write(gone, home / "runtime" / "endpoint.json")
    with Client.connect(name="a", version="1", launch=small()) as client:
        assert client.welcome.backend_version == "0.1.0"


def test_a_given_endpoint_file_is_told_to_the_backend(home: Path) -> None:
    place = home / "elsewhere" / "endpoint.json"
    with Client.connect(name="a", version="1", launch=small(), endpoint_file=place) as client:
        assert endpoint.read(place).pid == client.welcome.pid
        client.request(Shutdown())


def test_the_backend_inherits_nothing_of_the_editors_python(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/the/editors/own")
    monkeypatch.setenv("PYTHONPATH", "/the/editors/own")
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    with Client.connect(name="a", version="1", launch=small()) as client:
        assert "PYTHONHOME" not in starts(home)[0]
        assert "PYTHONPATH" not in starts(home)[0]
        os.close(writer)
        assert os.read(reader, 1) == b""  # nobody else holds the other end
        client.request(Shutdown())
    os.close(reader)


def test_an_early_death_is_told_with_the_last_lines_of_its_output(home: Path) -> None:
    started = time.monotonic()
    with pytest.raises(BackendNotStarted, match="ended with status 1") as caught:
        Client.connect(name="a", version="1", launch=small("--fail", "No module named 'torch'"))
    assert "No module named 'torch'" in caught.value.message
    assert "launch.log" in caught.value.remedy
    assert time.monotonic() - started < 10


def test_a_backend_that_never_answers_is_given_up_in_time(home: Path) -> None:
    with pytest.raises(BackendNotStarted, match="doesn't answer"):
        Client.connect(name="a", version="1", launch=small("--fail", "late", "--delay", "3"), timeout_s=0.5)


def test_a_command_that_does_not_exist_is_told_so(home: Path) -> None:
    with pytest.raises(BackendNotStarted, match="can't be started"):
        Client.connect(name="a", version="1", launch=LaunchCommand((str(home / "nothing"), "serve")))


def test_a_backend_that_lost_the_race_leaves_and_the_other_one_answers(home: Path) -> None:
    """A second backend ends by itself; the client that started it must not take that for a failure."""
    probes = iter([ConnectionFailed("not yet"), ConnectionFailed("not yet"), "connected"])

    def probe() -> str:
        time.sleep(0.3)
        if isinstance(answer := next(probes), ConnectionFailed):
            raise answer
        return answer

    # Its end is seen only after a probe, which is then tried once more.
    command = LaunchCommand((sys.executable, "-c", "import time; time.sleep(0.4)"))
    assert launch.launch_backend(command, home / "runtime", probe, time.monotonic() + 10) == "connected"


def test_a_launch_by_another_program_is_waited_for_but_not_forever(home: Path) -> None:
    endpoint.make_private_folder(home / "runtime")
    with launch._locked(home / "runtime" / launch.LOCK_NAME, time.monotonic() + 1) as held:
        assert held
        with pytest.raises(BackendNotStarted, match="Another program"):
            Client.connect(name="a", version="1", launch=small(), timeout_s=0.3)
    assert not (home / "runtime" / "starts.txt").exists()


# --- which command -----------------------------------------------------------------------------------------------


def record(home: Path, content: object) -> None:
    (home / "config").mkdir()
    (home / "config" / "install.json").write_text(json.dumps(content))


def test_the_installers_record_names_the_backend(home: Path) -> None:
    record(home, {"command": ["/opt/s/bin/python", "-m", "scumble_backend"], "version": "0.1.0"})
    assert find_command().argv == ("/opt/s/bin/python", "-m", "scumble_backend", "serve")


def test_the_environment_overrides_the_record(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCUMBLE_BACKEND", "'/with space/python' -m scumble_backend")
    record(home, {"command": ["/opt/s/bin/python"]})
    assert find_command().argv == ("/with space/python", "-m", "scumble_backend", "serve")


def test_windows_paths_keep_their_backslashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    line = r'"C:\Program Files\s\python.exe" -m scumble_backend'
    expected = (r"C:\Program Files\s\python.exe", "-m", "scumble_backend", "serve")
    assert find_command({"SCUMBLE_BACKEND": line}).argv == expected


def test_a_malformed_variable_is_told_with_its_name() -> None:
    with pytest.raises(BackendNotStarted, match="SCUMBLE_BACKEND is not a command line") as caught:
        find_command({"SCUMBLE_BACKEND": "'/with space/python -m scumble_backend"})
    assert "remove SCUMBLE_BACKEND" in caught.value.remedy


def test_a_command_that_no_system_can_run_is_told_so(home: Path) -> None:
    with pytest.raises(BackendNotStarted, match="can't be run") as caught:
        Client.connect(name="a", version="1", launch=LaunchCommand(("python\0", "serve")))
    assert "installer/install.py" in caught.value.remedy


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_folder_with_a_wrong_mode_is_not_told_to_be_installed_again(home: Path) -> None:
    (home / "runtime").mkdir(mode=0o700)
    (home / "runtime").chmod(0o777)
    with pytest.raises(BackendNotStarted, match="can be written by others") as caught:
        Client.connect(name="a", version="1", launch=small())
    assert f"chmod 700 {home / 'runtime'}" in caught.value.remedy
    assert "install" not in caught.value.remedy
    (home / "runtime").chmod(0o700)


def test_something_in_the_way_of_the_folder_is_not_told_to_be_installed_again(home: Path) -> None:
    (home / "runtime").write_text("in the way")
    with pytest.raises(BackendNotStarted, match="can't be used") as caught:
        Client.connect(name="a", version="1", launch=small())
    assert "in the way" in caught.value.remedy and "install" not in caught.value.remedy
    (home / "runtime").unlink()


def test_nothing_installed_is_told_with_the_installers_command(home: Path) -> None:
    with pytest.raises(BackendNotStarted, match="No Scumble backend is installed") as caught:
        find_command()
    assert "installer/install.py" in caught.value.remedy


@pytest.mark.parametrize("content", [[], {}, {"command": "python"}, {"command": []}, {"command": [1]}], ids=str)
def test_a_damaged_record_is_told_so(home: Path, content: object) -> None:
    record(home, content)
    with pytest.raises(BackendNotStarted, match=r"install.json can't be read"):
        find_command()


# --- in what environment -----------------------------------------------------------------------------------------


def test_an_appimages_own_folders_are_taken_out_and_the_users_stay() -> None:
    image = "/tmp/.mount_kritaX"
    cleaned = clean_environment(
        {
            "APPDIR": image,
            "APPIMAGE": "/home/ada/krita.appimage",
            "LD_LIBRARY_PATH": f"{image}/usr/lib:/opt/cuda/lib64:{image}",
            "QT_PLUGIN_PATH": f"{image}/usr/plugins",
            "PATH": f"{image}/usr/bin:/usr/bin:/tmp/.mount_kritaX2/bin",
            "LANG": "de_DE.UTF-8",
            "PYTHONHOME": f"{image}/usr",
        }
    )
    assert cleaned == {
        "LD_LIBRARY_PATH": "/opt/cuda/lib64",
        "PATH": "/usr/bin:/tmp/.mount_kritaX2/bin",
        "LANG": "de_DE.UTF-8",
    }


def test_outside_of_an_appimage_the_loaders_path_is_the_users() -> None:
    environ = {"LD_LIBRARY_PATH": "/opt/rocm/lib", "PATH": "/usr/bin"}
    assert clean_environment(environ) == environ


def test_in_a_flatpak_the_host_runs_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada"))
    argv = host_command(["/opt/python", "serve"], {"SCUMBLE_HOME": "/h", "PATH": "/app/bin"})
    assert argv == [
        "flatpak-spawn",
        "--host",
        "--directory=/home/ada",
        "--env=SCUMBLE_HOME=/h",
        "/opt/python",
        "serve",
    ]


def test_a_flatpak_without_permission_is_told_which_one_to_give(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What flatpak-spawn does when the session's bus refuses: it says so and ends with 1."""
    programs = tmp_path_factory.mktemp("programs")
    spawn = programs / "flatpak-spawn"
    spawn.write_text("#!/bin/sh\necho 'Portal call failed: org.freedesktop.DBus.Error.ServiceUnknown'\nexit 1\n")
    spawn.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FLATPAK_ID", "org.kde.krita")
    monkeypatch.setattr(folders, "in_flatpak", lambda: True)
    with pytest.raises(BackendNotStarted, match="ServiceUnknown") as caught:
        Client.connect(name="a", version="1", launch=small())
    assert "flatpak override --user --talk-name=org.freedesktop.Flatpak org.kde.krita" in caught.value.remedy
