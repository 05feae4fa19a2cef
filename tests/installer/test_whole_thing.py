"""The whole installer for real, in a clean home: install, update, a broken update, planted faults, uninstall.

The tests of this file build on one another, in their order, as the steps of one installation's life do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from installing import Home, copy_of_the_checkout, shared_environments

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.skipif(os.name == "nt", reason="POSIX homes")]

#: Like a GIMP 3.2 that takes over the settings of 3.0 at its first start.
GIMP_UPDATED = """
case "$*" in
  *--quit*) cp -r "$HOME/.config/GIMP/3.0" "$HOME/.config/GIMP/3.2"; rm -r "$HOME/.config/GIMP/3.2/plug-ins" ;;
  *) echo "GNU Image Manipulation Program version 3.2.6" ;;
esac"""
KRITARC = "[General]\nlanguage=de\n\n[python]\nenable_tenbrushes=true\n"


class Life(Home):
    """One installation from before it is there until after it has gone."""

    source: Path
    before: Mapping[str, object]

    @property
    def record(self) -> dict[str, object]:
        return json.loads((self.folder / ".config/scumble/install.json").read_text("utf-8"))  # type: ignore[no-any-return]

    @property
    def version(self) -> Path:
        return self.folder / ".local/share/scumble/versions" / str(self.record["version"])

    def faults(self, *words: str) -> list[str]:
        done = self.installer(self.source, "doctor", "--json", *words)
        assert done.stdout and "Traceback" not in done.stderr, done.stderr
        codes = [fault["code"] for fault in json.loads(done.stdout)["faults"]]
        assert done.returncode == bool(codes)
        return codes


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    environments = shared_environments()
    folder = tmp_path_factory.mktemp("life")
    life = Life(folder, environments)
    life.source = copy_of_the_checkout(folder / "source")
    life.program("krita", "exit 0")
    life.program("gimp", "echo GNU Image Manipulation Program version 3.0.4")
    (life.folder / ".run").mkdir(mode=0o700)
    (life.folder / ".config").mkdir()
    (life.folder / ".config/kritarc").write_text(KRITARC, "utf-8")
    (life.folder / ".config/kritarc").chmod(0o600)
    (life.folder / "drawing.kra").write_bytes(b"mine")
    life.before = life.snapshot()
    return life


def test_an_installation_killed_in_the_middle_starts_again_and_ends_well(life: Life) -> None:
    process = subprocess.Popen(
        life.command(life.source, "--yes"),
        env=life.environ,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as lines:
        for line in lines:
            if line.startswith("> The backend, the packs"):
                break
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (life.folder / ".config/scumble/install.json").exists()

    done = life.installer(life.source, "--yes")
    assert done.returncode == 0, done.stderr
    assert "Settings > Dockers > Scumble" in done.stderr
    assert re.search(r"Self-test: .*\n +done in .*, cpu", done.stderr), done.stderr
    assert (life.folder / ".local/share/krita/pykrita/scumble_krita/__init__.py").exists()
    assert os.access(life.folder / ".config/GIMP/3.0/plug-ins/scumble_gimp/scumble_gimp.py", os.X_OK)
    assert "enable_scumble_krita=true" in (life.folder / ".config/kritarc").read_text("utf-8")
    assert list((life.folder / ".local/share/scumble/versions").iterdir()) == [life.version]


def test_the_scumble_command_and_what_the_plugins_start_are_the_installed_ones(life: Life) -> None:
    listed = subprocess.run(
        [str(life.folder / ".local/bin/scumble"), "packs", "list", "--json"],
        env=life.environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [pack["id"] for pack in json.loads(listed.stdout)] == ["great-wave"]
    command = life.record["command"]
    assert isinstance(command, list)
    assert Path(command[0]).is_relative_to(life.version)
    where = "import scumble_wire, scumble_training; print(scumble_wire.__file__)"
    answer = subprocess.run([command[0], "-c", where], capture_output=True, text=True, check=True, env=life.environ)
    assert Path(answer.stdout.strip()).is_relative_to(life.version)


def test_a_second_run_changes_nothing_and_takes_seconds(life: Life) -> None:
    before = life.snapshot()
    begun = time.monotonic()
    assert life.installer(life.source, "--yes").returncode == 0
    assert time.monotonic() - begun < 10
    assert life.snapshot() == before


def test_an_update_replaces_the_version_and_the_plugins(life: Life, tmp_path: Path) -> None:
    old = life.version
    newer = shutil.copytree(life.source, life.folder.parent / "newer")
    with (newer / "backend/scumble_wire/errors.py").open("a") as file:
        file.write("\n# newer\n")
    done = life.installer(newer, "update", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["to"] == life.version.name != old.name
    assert not old.exists()
    for plugin in (".local/share/krita/pykrita/scumble_krita", ".config/GIMP/3.0/plug-ins/scumble_gimp"):
        assert "# newer" in (life.folder / plugin / "scumble_wire/errors.py").read_text("utf-8")
    life.source = newer


def test_a_broken_update_leaves_everything_as_it_was(life: Life) -> None:
    before = life.snapshot()
    broken = shutil.copytree(life.source, life.folder.parent / "broken")
    with (broken / "backend/scumble_backend/rendering/pixels.py").open("a") as file:
        file.write("\nraise RuntimeError('broken')\n")
    done = life.installer(broken, "update", "--yes")
    assert done.returncode == 1
    assert "going back to the version before" in done.stderr
    assert life.snapshot() == before


def test_a_service_is_installed_on_request(life: Life) -> None:
    life.program("systemctl", f'echo "$@" >>{life.programs}/systemctl.log')
    assert life.installer(life.source, "--yes", "--service").returncode == 0
    unit = (life.folder / ".config/systemd/user/scumble.service").read_text("utf-8")
    assert f'ExecStart="{life.version}/bin/python" "-m" "scumble_backend" serve' in unit
    calls = (life.programs / "systemctl.log").read_text("utf-8").splitlines()
    assert calls == ["--user daemon-reload", "--user enable scumble.service", "--user restart scumble.service"]


def test_the_doctor_finds_planted_faults_and_mends_them(life: Life) -> None:
    home = life.folder
    life.program("gimp", GIMP_UPDATED)
    with (home / ".local/share/krita/pykrita/scumble_krita/__init__.py").open("a") as file:
        file.write("# changed\n")
    kritarc = home / ".config/kritarc"
    kritarc.write_text(kritarc.read_text("utf-8").replace("scumble_krita=true", "scumble_krita=false"), "utf-8")
    (home / ".local/bin/scumble").unlink()
    runtime = home / ".run/scumble"
    runtime.mkdir(exist_ok=True)
    runtime.chmod(0o777)
    (runtime / "endpoint.json").write_text(json.dumps({"pid": 4194301}), "utf-8")
    (home / ".local/share/scumble/versions/0.0.9-half/lib").mkdir(parents=True)
    unit = home / ".config/systemd/user/scumble.service"
    unit.write_text(unit.read_text("utf-8").replace(life.version.name, "0.0.9-old"), "utf-8")
    for pack in life.version.rglob("great-wave.scumble"):
        pack.write_bytes(b"damaged")
    assert life.faults() == [
        "packs_damaged", "command_missing", "service_outdated", "plugin_differs", "plugin_disabled", "editor_updated",
        "socket_blocked", "stale_endpoint", "leftovers",
    ]  # fmt: skip
    assert life.faults("--repair", "--yes") == []
    assert (home / ".config/GIMP/3.2/plug-ins/scumble_gimp/scumble_gimp.py").exists()
    assert str(life.version) in unit.read_text("utf-8")


def make_unexecutable(life: Life) -> None:
    (life.folder / ".config/GIMP/3.2/plug-ins/scumble_gimp/scumble_gimp.py").chmod(0o644)


def break_the_environment(life: Life) -> None:
    make_unexecutable(life)
    next(life.version.rglob("scumble_wire/__init__.py")).write_text("raise OSError", "utf-8")


@pytest.mark.parametrize(
    ("codes", "plant"),
    [
        (["environment_broken", "plugin_not_executable"], break_the_environment),
        (["not_installed"], lambda life: (life.folder / ".config/scumble/install.json").write_text("{", "utf-8")),
        (["backend_missing"], lambda life: shutil.rmtree(life.version)),
    ],
    ids=["environment", "install.json", "version"],
)
def test_the_doctor_finds_and_mends_what_hides_other_faults(
    life: Life, codes: list[str], plant: Callable[[Life], object]
) -> None:
    plant(life)
    done = life.installer(life.source, "doctor", "--repair", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"faults": [], "mended": codes, "notes": []}


def test_the_doctor_sees_a_gpu_that_came_later(life: Life) -> None:
    life.program("nvidia-smi", 'echo "NVIDIA GeForce RTX 5090, 32607, 581.57, 12.0"')
    assert life.faults() == ["wrong_torch"]
    (life.programs / "nvidia-smi").unlink()


def test_uninstalling_leaves_a_home_identical_to_before(life: Life) -> None:
    done = life.installer(life.source, "uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert {".config/GIMP", ".config/GIMP/3.2"} == {*life.snapshot()} - {*life.before}  # made by GIMP itself
    shutil.rmtree(life.folder / ".config/GIMP")
    assert life.snapshot() == life.before
    assert "--user disable --now scumble.service" in (life.programs / "systemctl.log").read_text("utf-8")


def test_uninstalling_can_leave_the_packs(life: Life) -> None:
    (life.folder / ".config/scumble").mkdir()
    (life.folder / ".config/scumble/install.json").write_text("{}", "utf-8")
    (life.folder / ".local/share/scumble/versions/0.1.0-x").mkdir(parents=True)
    pack = life.folder / ".local/share/scumble/packs/mine/manifest.json"
    pack.parent.mkdir(parents=True)
    pack.write_text("{}", "utf-8")
    assert life.installer(life.source, "uninstall", "--yes", "--keep-packs").returncode == 0
    left = [path for path in life.snapshot() if path not in life.before]
    assert left[-1] == ".local/share/scumble/packs/mine/manifest.json"
    assert all(".local/share/scumble/packs/mine/manifest.json".startswith(path) for path in left)
